/**
 * Decodes a file for the classifier, colour mode by colour mode as PIL sees it: no colour profile, no EXIF rotation,
 * palettes and CMYK kept distinct. The page decoder in src/io makes plain RGB instead, which gives other figures for
 * palette, alpha, CMYK, 16-bit gray and profiled pictures.
 */
import type { OutputInfo, Sharp } from "sharp";
import { ImageProcessingError, messageOf } from "../errors.js";
import { decodeImage, imageFormatOf } from "../io/image/decode/decode-image.js";
import { mended } from "../io/image/decode/mended.js";
import { decodePlainPng } from "../io/image/decode/plain-png.js";
import { firstGifFrame } from "../io/image/headers/gif-frame.js";
import {
  hasUnspecifiedChannel,
  isDeepTiff,
  unreadForm,
  unsupportedForm,
} from "../io/image/headers/unsupported-form.js";
import { isPlainPng } from "./header.js";
import type { ClassifierImage, ImageMode } from "./metrics.js";
import { memoryError } from "../io/image/memory-error.js";
import { sharp } from "../io/image/sharp.js";

/** sharp's own limit: 16 383 squared. */
const SHARP_PIXELS = 268_402_689;

/** Limits of the decoder. */
interface ClassificationDecodeOptions {
  /** Refuse larger pictures, in pixels. Default 268 402 689 (16 383 squared). */
  limitPixels?: number;
  /** Refuse pictures that take longer. Default: none. */
  timeoutSeconds?: number;
  /** How damaged a picture may be: "truncated" lets warnings pass. Default "truncated". */
  failOn?: "truncated" | "warning";
}

/**
 * Decodes one picture (the first page or frame).
 *
 * Against PIL: JPEG, PNG and WebP give the same bytes for all golden files. 16-bit gray is clipped to 255 as PIL's
 * `convert("L")` does (PIL would shrink such pictures above 256 pixels before clipping); 16-bit colour keeps the upper
 * byte. A PNG whose RGB has one transparent colour (tRNS) counts as RGBA here and as RGB in PIL.
 * @param bytes the encoded file
 * @param name path or entry name, for errors
 * @throws ImageProcessingError `ERR_IMAGE_DECODE` when it is not a picture, damaged or cut short;
 * `ERR_IMAGE_UNSUPPORTED` as `decodeImage`
 */
export async function decodeForClassification(
  bytes: Uint8Array,
  name: string,
  options: ClassificationDecodeOptions = {},
): Promise<ClassifierImage> {
  const limit = options.limitPixels === undefined ? {} : { limitInputPixels: options.limitPixels };
  const { format, description } = imageFormatOf(bytes, name);
  const form = unreadForm(bytes, format);
  if (form !== undefined) throw unsupportedForm(name, description, form);
  const isPartial = format === "gif" && firstGifFrame(bytes)?.isPartial === true;
  if (isPartial || isDeepTiff(bytes, format) || hasUnspecifiedChannel(bytes, format))
    return pageImage(bytes, name, options);
  const plain = await decodePlainPng(bytes, options.limitPixels ?? SHARP_PIXELS);
  if (plain !== undefined) return plain;
  const picture = sharp(mended(bytes, format).file, {
    ignoreIcc: true,
    failOn: options.failOn ?? "truncated",
    ...limit,
  });
  if (options.timeoutSeconds !== undefined) picture.timeout({ seconds: options.timeoutSeconds });
  try {
    if (isPlainPng(bytes)) return interleaved(await rawOf(picture.raw()));
    const { space, isPalette, bitsPerSample } = await picture.metadata();
    if (space === "grey16") return clipped(await rawOf(picture.toColourspace("grey16").raw({ depth: "ushort" })));
    if (space === "cmyk")
      return interleaved(await rawOf(picture.pipelineColourspace("cmyk").toColourspace("cmyk").raw()), "cmyk");
    if (isPalette) return interleaved(await rawOf(picture.toColourspace("srgb").removeAlpha().raw()), "palette");
    if (space === "b-w")
      return interleaved(
        await rawOf(picture.toColourspace("b-w").removeAlpha().raw()),
        bitsPerSample === 1 ? "bilevel" : "gray",
      );
    return interleaved(await rawOf(picture.toColourspace("srgb").raw()));
  } catch (error) {
    if (format === "tiff") return pageImage(bytes, name, options); // a fault in a tag alone is no fault of the picture
    const what = `${name} cannot be decoded`;
    throw (
      memoryError(error, what) ??
      new ImageProcessingError("ERR_IMAGE_DECODE", `${what}: ${messageOf(error).trim()}`, {
        imagePath: name,
        cause: error,
        remedy: "replace the file or leave it out",
      })
    );
  }
}

/** What libvips alone misreads or refuses, as the page decoder reads it. */
async function pageImage(
  bytes: Uint8Array,
  name: string,
  { limitPixels, timeoutSeconds }: ClassificationDecodeOptions,
): Promise<ClassifierImage> {
  const { image } = await decodeImage(bytes, name, {
    keepGray: true,
    ...(limitPixels === undefined ? {} : { maxPixels: limitPixels }),
    ...(timeoutSeconds === undefined ? {} : { timeoutSeconds }),
  });
  return image;
}

interface Raw {
  data: Buffer;
  info: OutputInfo;
}

function rawOf(picture: Sharp): Promise<Raw> {
  return picture.toBuffer({ resolveWithObject: true });
}

function interleaved({ data, info }: Raw, mode?: ImageMode): ClassifierImage {
  const image = { width: info.width, height: info.height, channels: info.channels as 1 | 2 | 3 | 4, data };
  return mode === undefined ? image : { ...image, mode };
}

/** 16-bit gray to 8 bits by clipping. */
function clipped({ data, info }: Raw): ClassifierImage {
  const count = info.width * info.height;
  const wide = new Uint16Array(data.buffer, data.byteOffset, data.byteLength / 2);
  const step = wide.length / count;
  const bytes = new Uint8Array(count);
  for (let i = 0; i < count; i++) bytes[i] = Math.min(wide[i * step]!, 255);
  return { width: info.width, height: info.height, channels: 1, data: bytes, mode: "gray" };
}
