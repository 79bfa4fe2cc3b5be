/** Pictures made small for lists and grids. */
import type { Sharp } from "sharp";
import type { RasterImage } from "../../binding/raster.js";
import { ImageProcessingError, messageOf } from "../../errors.js";
import { decodeImage, DEFAULT_MAX_PIXELS, DEFAULT_TIMEOUT_SECONDS, imageFormatOf } from "./decode/decode-image.js";
import { isPsd, readFlattened } from "./layers/psd-flattened.js";
import { memoryError } from "./memory-error.js";
import { sharp } from "./sharp.js";

const QUALITY = 80;

/**
 * A picture made small: WebP, upright, on white. Of a Photoshop document that `psd.ts` wrote, the flattened picture.
 * @param bytes the picture's file
 * @param name what messages call it
 * @param sidePixels the longer side at most; a smaller picture keeps its size
 * @throws ImageProcessingError as `decodeImage`
 */
export async function makeThumbnail(bytes: Uint8Array, name: string, sidePixels: number): Promise<Uint8Array> {
  if (isPsd(bytes)) return encodeDecoded(readFlattened(bytes, name), name, sidePixels);
  const { format } = imageFormatOf(bytes, name);
  // libjpeg decodes at a fraction of the size, so that a large page costs little.
  const small =
    format === "jpeg"
      ? await encodeSmall(
          sharp(bytes, { failOn: "none", autoOrient: true, limitInputPixels: DEFAULT_MAX_PIXELS }),
          sidePixels,
        ).catch(() => undefined)
      : undefined;
  if (small !== undefined) return small;
  const { image } = await decodeImage(bytes, name, { keepGray: true });
  return encodeDecoded(image, name, sidePixels);
}

async function encodeDecoded(image: RasterImage, name: string, side: number): Promise<Uint8Array> {
  const { width, height, channels, data } = image;
  try {
    return await encodeSmall(sharp(data, { raw: { width, height, channels }, limitInputPixels: false }), side);
  } catch (cause) {
    const what = `${name} cannot be made small`;
    throw (
      memoryError(cause, what, "encoder") ??
      new ImageProcessingError("ERR_IMAGE_ENCODE", `${what}: ${messageOf(cause)}`, { imagePath: name, cause })
    );
  }
}

async function encodeSmall(picture: Sharp, side: number): Promise<Uint8Array> {
  const file = await picture
    .timeout({ seconds: DEFAULT_TIMEOUT_SECONDS })
    .resize(side, side, { fit: "inside", withoutEnlargement: true })
    .toColourspace("srgb")
    .webp({ quality: QUALITY, effort: 2 })
    .toBuffer();
  return new Uint8Array(file);
}
