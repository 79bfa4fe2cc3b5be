/**
 * A page's layers as PNG files that painting programs stack: the original, the colour, and the ink as black of varying
 * opacity.
 */
import type { Sharp } from "sharp";
import type { RasterImage } from "../../../binding/raster.js";
import { ImageProcessingError, messageOf } from "../../../errors.js";
import { UNSTATED_DENSITY } from "../image-codec.js";
import { memoryError } from "../memory-error.js";
import { sharp } from "../sharp.js";

/** Of one page, all of its size; see `composeInkLayers`. */
export interface PageLayers {
  readonly page: RasterImage;
  readonly color: RasterImage;
  readonly ink: RasterImage;
}

export interface LayerOptions {
  /** zlib level 0 to 9. */
  readonly compressionLevel: number | undefined;
  /** Pixels per inch to note in the files. */
  readonly density: number | undefined;
  /** An sRGB profile is embedded. */
  readonly tagged: boolean;
}

/**
 * The files of `LAYER_NAMES`, in that order. Laid over one another as they are they give the coloured page.
 * @param name what messages call the page
 * @throws ImageProcessingError `ERR_IMAGE_ENCODE`
 */
export async function encodeLayers(
  { page, color, ink }: PageLayers,
  options: LayerOptions,
  name = "picture",
): Promise<Uint8Array<ArrayBuffer>[]> {
  const files: Uint8Array<ArrayBuffer>[] = [];
  try {
    for (const layer of [() => raw(page), () => raw(color), () => raw(inkOnNothing(ink))])
      files.push(await encode(layer(), options));
  } catch (error) {
    const what = `${name} (${page.width}x${page.height}) cannot be written as layers`;
    throw (
      memoryError(error, what, "encoder") ??
      new ImageProcessingError("ERR_IMAGE_ENCODE", `${what}: ${messageOf(error).split("\n", 1)[0]}`, {
        imagePath: name,
        cause: error,
      })
    );
  }
  return files;
}

/**
 * The ink without its paper: over white it looks as it is, and where it is gray it is black of an opacity that gives
 * over any colour what multiplying would. Gray ink has two channels, coloured ink four.
 */
export function inkOnNothing({ width, height, channels, data }: RasterImage): {
  width: number;
  height: number;
  channels: 2 | 4;
  data: Uint8Array;
} {
  const count = width * height;
  const isGray = channels === 1 || data.every((value, i) => i % 3 === 0 || value === data[i - 1]);
  const out = new Uint8Array(count * (isGray ? 2 : 4));
  for (let i = 0, from = 0, to = 0; i < count; i++, from += channels) {
    const least = channels === 1 ? data[from]! : Math.min(data[from]!, data[from + 1]!, data[from + 2]!);
    const alpha = 255 - least;
    if (!isGray && alpha > 0)
      for (let c = 0; c < 3; c++) out[to + c] = Math.round(((data[from + c]! - least) * 255) / alpha);
    to += isGray ? 2 : 4;
    out[to - 1] = alpha;
  }
  return { width, height, channels: isGray ? 2 : 4, data: out };
}

function raw({
  width,
  height,
  channels,
  data,
}: {
  width: number;
  height: number;
  channels: 1 | 2 | 3 | 4;
  data: Uint8Array;
}): Sharp {
  const picture = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
  return channels < 3 ? picture.toColourspace("b-w") : picture;
}

async function encode(
  picture: Sharp,
  { compressionLevel = 6, density, tagged }: LayerOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  picture.withDensity(density ?? UNSTATED_DENSITY);
  return new Uint8Array(
    await (tagged ? picture.toColourspace("srgb").withIccProfile("srgb") : picture)
      .png({ compressionLevel })
      .toBuffer(),
  );
}
