/** Decodes a picture's file to pixels as a viewer shows them: upright, 8-bit sRGB, on white paper. */
import { types } from "node:util";
import { shown } from "../../../errors/arguments.js";
import type { OutputInfo } from "sharp";
import { firstChannel, isGray, toRgb, type PixelImage } from "../../../binding/pixels/pixels.js";
import type { RasterImage } from "../../../binding/raster.js";
import { ImageProcessingError, messageOf, ValidationError, type ErrorCode } from "../../../errors.js";
import { memoryError } from "../memory-error.js";
import { lostContent } from "./blank-check.js";
import { isSrgb } from "../headers/color-profile.js";
import { checkData } from "./data-check.js";
import { decodeDeepTiff, DEEP_TIFF_PIXELS, SampleRangeError } from "./deep-tiff.js";
import { whitenGifMargin } from "./gif-margin.js";
import { mended, withoutTagFaults, type MendedFile } from "./mended.js";
import { applyPngGamma } from "./png-gamma.js";
import { decodeStatedRange } from "./stated-samples.js";
import { sniffFormat, type ImageFormat, unreadableFile } from "../headers/image-format.js";
import { toInfo, type ImageInfo } from "../headers/image-info.js";
import { withRowTooMany } from "../headers/jpeg-last-row.js";
import { pngSize } from "../headers/png-chunks.js";
import {
  hasUnspecifiedChannel,
  isDeepTiff,
  ownLines,
  refusedForm,
  unreadForm,
  unsupportedForm,
} from "../headers/unsupported-form.js";
import { sharp } from "../sharp.js";

/** A decoded picture and what its file says of itself. */
export interface DecodedImage {
  /** RGB (or gray, where `keepGray` allows it), 8 bits a sample, in an ArrayBuffer of its own. */
  readonly image: RasterImage;
  readonly info: ImageInfo;
}

/** Limits and form of a decoded picture. */
export interface DecodeOptions {
  /** Pictures with more pixels are refused with `ERR_IMAGE_LIMIT`. Default 120,000,000. */
  readonly maxPixels?: number;
  /** A picture that takes longer is refused with `ERR_IMAGE_DECODE`. Default 60. */
  readonly timeoutSeconds?: number;
  /** A picture without colour stays gray: one channel, a third of the memory. Default false: always RGB. */
  readonly keepGray?: boolean;
  /** Memory for the pixels, shared with other threads; they are at its beginning. Used where they fit. */
  readonly into?: Uint8Array | undefined;
  /** One channel also for a picture whose three are equal. Default false. */
  readonly reduceGray?: boolean;
}

/** Far above any comic page (a 600 dpi double spread has 70 MP), far below what exhausts a machine. */
export const DEFAULT_MAX_PIXELS = 120_000_000;
/** Far more than any page takes. */
export const DEFAULT_TIMEOUT_SECONDS = 60;
const WHITE = { r: 255, g: 255, b: 255 };

/**
 * Decodes a picture. Gray, palette, 1- to 32-bit, CMYK and alpha all become RGB of 8 bits: profiles converted to sRGB,
 * CMYK without one as printed on a common press (libvips' own profile), transparency over white, orientation applied,
 * the first page or frame of many. What is amiss with a picture that is read all the same stands in `info.warnings`.
 * @param name what messages call it
 * @throws ImageProcessingError `ERR_IMAGE_DECODE` (no picture, damaged or cut off), `ERR_IMAGE_UNSUPPORTED` (valid, but
 * of a form that is not read, or that would come out blank), `ERR_IMAGE_LIMIT` (too many pixels)
 * @throws ResourceError `ERR_OUT_OF_MEMORY` where the system gives no further memory or thread
 * @throws ValidationError `ERR_ARGUMENT` for arguments of a wrong type
 */
export async function decodeImage(
  bytes: Uint8Array,
  name = "picture",
  options: DecodeOptions = {},
): Promise<DecodedImage> {
  checkArguments(bytes, name, options);
  const { maxPixels = DEFAULT_MAX_PIXELS, timeoutSeconds = DEFAULT_TIMEOUT_SECONDS, keepGray = false } = options;
  const { format, description } = imageFormatOf(bytes, name);
  const form = unreadForm(bytes, format);
  if (form !== undefined) throw unsupportedForm(name, description, form);
  const limits = { ...options, maxPixels, timeoutSeconds, keepGray };
  try {
    return await decodeFile(mended(bytes, format), name, format, limits);
  } catch (error) {
    const fault = decodeError(error, bytes, name, format, description);
    const plain = isCode(fault, "ERR_IMAGE_DECODE") ? withoutTagFaults(bytes, format) : undefined;
    if (plain === undefined) throw fault;
    return decodeFile(plain, name, format, limits).catch((reason: unknown) => {
      throw decodeError(reason, plain.file, name, format, description); // the tags were not all that is wrong
    });
  }
}

const isCode = (error: Error, code: ErrorCode): boolean => (error as { code?: string }).code === code;

/** Rejects with what sharp rejects with, or with an error of its own about the picture. */
async function decodeFile(
  { file, warnings, pages }: MendedFile,
  name: string,
  format: ImageFormat,
  options: DecodeOptions & Required<Pick<DecodeOptions, "maxPixels" | "timeoutSeconds" | "keepGray">>,
): Promise<DecodedImage> {
  const { maxPixels, timeoutSeconds, keepGray } = options;
  const source = sharp(file, { failOn: "warning", limitInputPixels: false, autoOrient: true, pages: 1 });
  const metadata = await source.metadata();
  const stated = toInfo(pages === undefined ? metadata : { ...metadata, pages }, format, file, warnings);
  checkSize(name, stated, isDeepTiff(file, format) ? Math.min(maxPixels, DEEP_TIFF_PIXELS) : maxPixels);
  const data = await checkData(file, format, timeoutSeconds);
  if (data.damage !== undefined) throw new Error(data.damage);
  const info = { ...stated, warnings: [...stated.warnings, ...(data.warnings ?? [])] };
  if (isDeepTiff(file, format)) return { image: await decodeDeepTiff(file, keepGray, timeoutSeconds), info };
  if (format === "jpeg") await decodeLastRow(file, timeoutSeconds);
  const scaled = await decodeStatedRange(file, info, keepGray, timeoutSeconds);
  const image = scaled ?? (await decodePixels(file, info, options));
  if (format === "gif") whitenGifMargin(image, file);
  if (format === "png") applyPngGamma(image, file);
  if (scaled !== undefined) return { image, info };
  const { fault, warning } = await lostContent(image, info, file);
  if (fault !== undefined)
    throw new ImageProcessingError("ERR_IMAGE_UNSUPPORTED", `${name} cannot be used: it ${fault.message}`, {
      imagePath: name,
      remedy: fault.remedy,
    });
  return { image, info: warning === undefined ? info : { ...info, warnings: [...info.warnings, warning] } };
}

function checkArguments(bytes: unknown, name: unknown, options: unknown): void {
  const fault = !types.isUint8Array(bytes)
    ? `the bytes of a picture must be a Uint8Array, got ${describe(bytes)}`
    : typeof name !== "string"
      ? `a picture's name must be text, got ${describe(name)}`
      : optionsFault(options);
  if (fault !== undefined) throw new ValidationError("ERR_ARGUMENT", fault);
}

function optionsFault(options: unknown): string | undefined {
  if (typeof options !== "object" || options === null) return `the options must be an object, got ${describe(options)}`;
  const { maxPixels, timeoutSeconds } = options as DecodeOptions;
  for (const [key, value] of Object.entries({ maxPixels, timeoutSeconds }))
    if (value !== undefined && !(typeof value === "number" && value > 0))
      return `${key} must be a number above 0, got ${describe(value)}`;
  return undefined;
}

/** A value for messages: what it is, and its text where that is short. */
export function describe(value: unknown): string {
  if (value === null || value === undefined) return String(value);
  if (typeof value === "object") return Array.isArray(value) ? "an array" : "an object";
  return typeof value === "function" ? "a function" : shown(value);
}

/**
 * What picture format bytes are in.
 * @throws ImageProcessingError saying what they are instead: `ERR_IMAGE_UNSUPPORTED` for a picture of a format that is
 * not read, `ERR_IMAGE_DECODE` for what is no picture
 */
export function imageFormatOf(bytes: Uint8Array, name: string): { format: ImageFormat; description: string } {
  const sniffed = sniffFormat(bytes, { sizeBytes: bytes.byteLength, name });
  const { format, description } = sniffed;
  if (format !== undefined && format !== "zip") return { format, description };
  throw unreadableFile(name, sniffed);
}

/** Rejects for a JPEG whose last row of blocks is not whole, which libvips says of the rows above alone. */
async function decodeLastRow(file: Uint8Array, seconds: number): Promise<void> {
  const taller = withRowTooMany(file);
  if (taller === undefined) return;
  const lowest = { left: 0, top: taller.rows - 1, width: 1, height: 1 };
  await sharp(taller.file, { failOn: "warning", limitInputPixels: false })
    .timeout({ seconds })
    .extract(lowest)
    .raw()
    .toBuffer();
}

function checkSize(name: string, { width, height }: ImageInfo, maxPixels: number): void {
  const pixels = width * height;
  if (pixels <= maxPixels) return;
  throw new ImageProcessingError(
    "ERR_IMAGE_LIMIT",
    `${name} has ${width}x${height} = ${pixels} pixels, more than the limit maxPixels ${maxPixels}`,
    { imagePath: name },
  );
}

/** What sharp says where the decoder's own words are lost. */
const SAYS_NOTHING = /^Warning treated as error due to failOn setting|^Input buffer has corrupt header:?$/u;

function decodeError(error: unknown, bytes: Uint8Array, name: string, format: ImageFormat, description: string): Error {
  if (error instanceof ImageProcessingError) return error;
  const noMemory = memoryError(error, `${name} cannot be decoded`);
  if (noMemory !== undefined) return noMemory;
  const message = messageOf(error);
  const form = error instanceof SampleRangeError ? message : refusedForm(bytes, format, message);
  if (form !== undefined) return unsupportedForm(name, description, form, error);
  const detail = ownLines(message, format).find((line) => line.trim() !== "" && !SAYS_NOTHING.test(line));
  return new ImageProcessingError(
    "ERR_IMAGE_DECODE",
    `${name} cannot be decoded: it is ${description}, but damaged or cut off${detail === undefined ? "" : ` (${detail.trim()})`}`,
    { imagePath: name, cause: error, remedy: "replace the file" },
  );
}

async function decodePixels(
  bytes: Uint8Array,
  info: ImageInfo,
  options: DecodeOptions & Required<Pick<DecodeOptions, "maxPixels" | "timeoutSeconds">>,
): Promise<RasterImage> {
  const { maxPixels, timeoutSeconds } = options;
  const ignoreIcc = info.icc !== undefined && isSrgb(info.icc);
  const shallow =
    info.depth > 8 && info.icc !== undefined && !ignoreIcc
      ? await toEightBits(bytes, maxPixels, timeoutSeconds)
      : bytes;
  const upright = sharp(shallow, {
    failOn: "warning",
    limitInputPixels: maxPixels,
    autoOrient: shallow === bytes,
    pages: 1,
    ignoreIcc,
  }).timeout({ seconds: timeoutSeconds });
  if (hasUnspecifiedChannel(bytes, info.format)) upright.removeAlpha();
  else if (info.hasAlpha) upright.flatten({ background: WHITE });
  const { data, info: raw } = await upright
    .toColourspace("srgb")
    .raw({ depth: "uchar" })
    .toBuffer({ resolveWithObject: true });
  return toRaster(data, raw, options);
}

/**
 * The same picture, upright, with 8 bits a sample and its profile: of 16-bit colour sharp converts profiles to P3 and
 * of 16-bit gray not at all, so that both would be taken for sRGB.
 */
async function toEightBits(bytes: Uint8Array, maxPixels: number, seconds: number): Promise<Uint8Array> {
  const picture = sharp(bytes, { failOn: "warning", limitInputPixels: maxPixels, autoOrient: true, pages: 1 }).timeout({
    seconds,
  });
  const gray = (await picture.metadata()).space === "grey16";
  return picture
    .keepIccProfile()
    .toColourspace(gray ? "b-w" : "srgb")
    .png({ compressionLevel: 0 })
    .toBuffer();
}

/**
 * RGB, or gray where that is kept: sharp gives gray pictures one channel, or two where alpha could not be flattened. In
 * memory of its own, since that of sharp's `toBuffer` cannot be transferred, and its `toUint8Array`, made for that,
 * loses the memory of each picture (0.35.5).
 */
function toRaster(data: Uint8Array, { width, height, channels }: OutputInfo, options: DecodeOptions): RasterImage {
  const { keepGray = false, into, reduceGray = false } = options;
  const decoded = { width, height, channels: channels as 1 | 2 | 3 | 4, data };
  if (channels === 3 || (channels === 1 && keepGray)) {
    const isGrayInColor = reduceGray && channels === 3 && isGray(decoded as PixelImage<3>);
    const count = width * height * (isGrayInColor ? 1 : channels);
    const out = into !== undefined && into.byteLength >= count ? into.subarray(0, count) : undefined;
    if (isGrayInColor) return firstChannel(decoded, out);
    if (out === undefined) return { width, height, channels, data: new Uint8Array(data) };
    out.set(data);
    return { width, height, channels, data: out };
  }
  return toRgb(channels === 2 ? firstChannel(decoded) : (decoded as PixelImage<1 | 4>));
}

/** Pixels of a picture by its header, upright; [0, 0] for one that `decodeImage` refuses, with the reason. */
export async function imageSize(bytes: Uint8Array): Promise<readonly [width: number, height: number]> {
  const { format } = sniffFormat(bytes);
  if (format === undefined || format === "zip") return [0, 0];
  const stated = format === "png" ? pngSize(bytes) : undefined;
  if (stated !== undefined) return stated[0] * stated[1] > DEFAULT_MAX_PIXELS ? [0, 0] : stated;
  const size = await sharp(bytes, { failOn: "none", limitInputPixels: false, autoOrient: true, pages: 1 })
    .metadata()
    .then(
      ({ autoOrient }) => autoOrient,
      () => undefined,
    );
  return size === undefined || size.width * size.height > DEFAULT_MAX_PIXELS ? [0, 0] : [size.width, size.height];
}
