/** Pictures of colour hints: strokes on transparency, with their alpha kept. */
import type { PixelImage } from "../../../binding/pixels/pixels.js";
import { ImageProcessingError, messageOf } from "../../../errors.js";
import type { Fault } from "../../../errors/fault.js";
import { DEFAULT_MAX_PIXELS } from "../image-codec.js";
import { sniffFormat } from "../headers/image-format.js";
import { isDeepTiff, unreadForm } from "../headers/unsupported-form.js";
import { memoryError } from "../memory-error.js";
import { sharp } from "../sharp.js";

const REMEDY = "save the layer with the strokes alone as PNG";

/**
 * What is wrong with a picture of hints by its header: no picture, or no transparency. Undefined if nothing is.
 */
export async function hintPictureHeadFault(bytes: Uint8Array): Promise<Fault | undefined> {
  const { format, description } = sniffFormat(bytes);
  if (format === undefined || format === "zip")
    return { message: `is not a picture that can be read, but ${description}`, remedy: REMEDY };
  const form = unreadForm(bytes, format) ?? (isDeepTiff(bytes, format) ? "samples of 32 bits" : undefined);
  if (form !== undefined) return { message: `has ${form}, which is not read`, remedy: REMEDY };
  try {
    const { hasAlpha, autoOrient } = await sharp(bytes, { limitInputPixels: false }).metadata();
    if (autoOrient.width * autoOrient.height > DEFAULT_MAX_PIXELS)
      return {
        message: `has ${autoOrient.width} x ${autoOrient.height} pixels, more than the limit of ${DEFAULT_MAX_PIXELS}`,
        remedy: `${REMEDY} in the page's size`,
      };
    return hasAlpha
      ? undefined
      : { message: "has no transparency, so strokes cannot be told from the rest", remedy: REMEDY };
  } catch (error) {
    const noMemory = memoryError(error, "a picture of hints cannot be read");
    if (noMemory !== undefined) throw noMemory;
    return damaged(error);
  }
}

function damaged(error: unknown): Fault {
  return { message: `is a damaged picture (${messageOf(error).split("\n", 1)[0]})`, remedy: `${REMEDY} again` };
}

/**
 * Decodes a picture of hints to RGBA of 8 bits, straight alpha, upright. `name` is what messages call it.
 * @throws ImageProcessingError `ERR_HINTS` for one that cannot be read, has no transparency, or has no stroke or
 * nothing but one
 */
export async function decodeHintPicture(bytes: Uint8Array, name: string): Promise<PixelImage<4>> {
  const refuse = ({ message, remedy }: Fault, cause?: unknown): ImageProcessingError =>
    new ImageProcessingError("ERR_HINTS", `the picture of hints ${name} ${message}`, {
      imagePath: name,
      remedy,
      ...(cause === undefined ? {} : { cause }),
    });
  const fault = await hintPictureHeadFault(bytes);
  if (fault !== undefined) throw refuse(fault);
  let data: Uint8Array, width: number, height: number;
  try {
    const raw = await sharp(bytes, {
      failOn: "warning",
      limitInputPixels: DEFAULT_MAX_PIXELS,
      autoOrient: true,
      pages: 1,
    })
      .toColourspace("srgb")
      .ensureAlpha()
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    ({ width, height } = raw.info);
    data = raw.info.channels === 4 ? new Uint8Array(raw.data) : grayAlphaToRgba(raw.data);
  } catch (error) {
    throw memoryError(error, `the picture of hints ${name} cannot be decoded`) ?? refuse(damaged(error), error);
  }
  let strokes = 0;
  for (let i = 3; i < data.length; i += 4) if (data[i]! >= 128) strokes++;
  if (strokes === 0)
    throw refuse({
      message: "has no stroke: no pixel is more than half opaque",
      remedy: "paint one, or leave colorHints out",
    });
  if (strokes === width * height)
    throw refuse({
      message: "is opaque everywhere, so that all of it is a stroke",
      remedy: `${REMEDY}, without the page below it`,
    });
  return { width, height, channels: 4, data };
}

function grayAlphaToRgba(data: Uint8Array): Uint8Array {
  const rgba = new Uint8Array(data.length * 2);
  for (let from = 0, to = 0; from < data.length; from += 2, to += 4)
    rgba.set([data[from]!, data[from]!, data[from]!, data[from + 1]!], to);
  return rgba;
}
