/**
 * Pictures between bytes and pixels, by sharp. Decoding gives what a person sees: upright, 8-bit sRGB, on white paper.
 */
import sharp, { type OutputInfo, type Sharp } from "sharp";
import { firstChannel, toRgb, type PixelImage } from "../../binding/pixels.js";
import type { RasterImage } from "../../binding/raster.js";
import type { OutputFormat } from "../../config/batch-config.js";
import { ImageProcessingError, messageOf, ValidationError } from "../../errors.js";
import { isSrgb, profileSpace, withProfileFile } from "./color-profile.js";
import { sniffFormat, unsupportedPicture, type ImageFormat } from "./image-format.js";
import { toInfo, type ImageInfo } from "./image-info.js";

export type { ImageInfo };

export interface DecodedImage {
  /** RGB (or gray, where `keepGray` allows it), 8 bits a sample, in an ArrayBuffer of its own. */
  readonly image: RasterImage;
  readonly info: ImageInfo;
}

export interface DecodeOptions {
  /** Pictures with more pixels are refused with `ERR_IMAGE_LIMIT`. Default 120,000,000. */
  readonly maxPixels?: number;
  /** A picture that takes longer is refused. Default 60. */
  readonly timeoutSeconds?: number;
  /** A picture without colour stays gray, with a third of the memory. Default false. */
  readonly keepGray?: boolean;
}

export interface EncodeOptions {
  readonly format: OutputFormat;
  /** 1 to 100, for the lossy formats; default 92 (JPEG, TIFF), 90 (WebP), 70 (AVIF). */
  readonly quality?: number;
  /** WebP and AVIF without loss. Default false. PNG is always lossless, TIFF is deflated without loss. */
  readonly lossless?: boolean;
  /** PNG: zlib level 0 to 9, default 6. */
  readonly compressionLevel?: number;
  /**
   * Pixels per inch to note in the file. Without it PNG and TIFF, for which libvips always notes some, get 72, the
   * others none.
   */
  readonly density?: number | undefined;
  /**
   * An ICC profile: the pixels, which are sRGB, are converted to it and it is embedded. For one that is not for RGB
   * (gray and CMYK pages) or that is sRGB itself, libvips' own sRGB profile is embedded. Without a profile, or with a
   * damaged one, none is written.
   */
  readonly icc?: Uint8Array | undefined;
}

/** Far above any comic page (a 600 dpi double spread has 70 MP), far below what exhausts a machine. */
export const DEFAULT_MAX_PIXELS = 120_000_000;
/** Far more than any page takes. */
export const DEFAULT_TIMEOUT_SECONDS = 60;
/** What a format cannot hold, in pixels a side. */
const LONGEST_SIDE: { readonly [Format in OutputFormat]?: number } = { webp: 16_383, avif: 16_384, jpeg: 65_500 };
/**
 * The tables of a JPEG are fitted to pictures up to this size: a fit needs twelve bytes a pixel beside the picture (1.1
 * GiB at 100 megapixels).
 */
const OPTIMISED_PIXELS = 16_000_000;
/**
 * Of 0 to 9. libvips' own choice, 4, takes five to six times as long for files that are 3 to 7 % smaller and 0.9 dB
 * nearer to the picture.
 */
const AVIF_EFFORT = 2;
/**
 * What programs take a picture for that states no resolution; libvips' own choice, 25.4, would print it three times as
 * large.
 */
export const UNSTATED_DENSITY = 72;
const WHITE = { r: 255, g: 255, b: 255 };

let hardened = false;

/**
 * Lets libvips decode the formats of `ImageFormat` only, one thread a picture, without its operation cache. It holds
 * for the whole process and every thread, and while it is set a decoder that runs would find its loader blocked: so it
 * is done once, before the first worker thread. Decoding itself never depends on it.
 */
export function hardenDecoder(): void {
  if (hardened) return;
  hardened = true;
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ["VipsForeignLoad"] });
  const allowed = ["Png", "Jpeg", "Webp", "Tiff", "Heif", "Nsgif"];
  sharp.unblock({
    operation: allowed.flatMap((name) => [`VipsForeignLoad${name}Buffer`, `VipsForeignLoad${name}File`]),
  });
}

/**
 * Decodes a picture. `name` is what messages call it. Gray, palette, 1- to 16-bit, CMYK and alpha all become RGB of 8
 * bits: profiles converted to sRGB, CMYK without one as printed on a common press (libvips' own profile), transparency
 * over white, orientation applied, the first page or frame of many. Rejects with `ERR_IMAGE_DECODE` (not a picture,
 * damaged or cut off) or `ERR_IMAGE_LIMIT` (too many pixels).
 */
export async function decodeImage(bytes: Uint8Array, name: string, options: DecodeOptions = {}): Promise<DecodedImage> {
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const { format, description } = pictureFormat(bytes, name);
  try {
    const source = sharp(bytes, { failOn: "warning", limitInputPixels: false, autoOrient: true, pages: 1 });
    const info = toInfo(await source.metadata(), format, bytes);
    const pixels = info.width * info.height;
    if (pixels > maxPixels) {
      throw new ImageProcessingError(
        "ERR_IMAGE_LIMIT",
        `${name} has ${info.width}x${info.height} = ${pixels} pixels, more than the limit maxPixels ${maxPixels}; shrink it or raise the limit`,
        { imagePath: name },
      );
    }
    const seconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    const ignoreIcc = info.icc !== undefined && isSrgb(info.icc);
    const shallow =
      info.depth > 8 && info.icc !== undefined && !ignoreIcc ? await toEightBits(bytes, maxPixels, seconds) : bytes;
    const upright = sharp(shallow, {
      failOn: "warning",
      limitInputPixels: maxPixels,
      autoOrient: shallow === bytes,
      pages: 1,
      ignoreIcc,
    }).timeout({ seconds });
    if (info.hasAlpha) upright.flatten({ background: WHITE });
    const { data, info: raw } = await upright
      .toColourspace("srgb")
      .raw({ depth: "uchar" })
      .toBuffer({ resolveWithObject: true });
    return { image: toRaster(data, raw, options.keepGray === true), info };
  } catch (error) {
    if (error instanceof ImageProcessingError) throw error;
    throw new ImageProcessingError(
      "ERR_IMAGE_DECODE",
      `${name} cannot be decoded: it is ${description}, but damaged or cut off (${firstLine(messageOf(error))}); replace the file`,
      { imagePath: name, cause: error },
    );
  }
}

/**
 * What picture format bytes are in. Throws `ERR_IMAGE_DECODE`, saying what they are instead, when it is none that is
 * read.
 */
export function pictureFormat(bytes: Uint8Array, name: string): { format: ImageFormat; description: string } {
  const { format, description } = sniffFormat(bytes);
  if (format !== undefined && format !== "zip") return { format, description };
  throw unsupportedPicture(name, description);
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
 * Encodes a picture (RGB or gray, 8 bits). `name` is what messages call it. Rejects with `ERR_ARGUMENT` (data that do
 * not fit the size, an option out of range) or `ERR_IMAGE_ENCODE`. The bytes lie in an ArrayBuffer of their own.
 */
export async function encodeImage(image: RasterImage, options: EncodeOptions, name = "picture"): Promise<Uint8Array> {
  const { width, height, channels, data } = image;
  if (data.byteLength !== width * height * channels) {
    throw new ValidationError(
      "ERR_ARGUMENT",
      `${name}: ${data.byteLength} bytes of pixels do not fit ${width}x${height} with ${channels} channels (${width * height * channels} bytes)`,
    );
  }
  const longest = LONGEST_SIDE[options.format];
  if (longest !== undefined && Math.max(width, height) > longest) {
    throw new ImageProcessingError(
      "ERR_IMAGE_ENCODE",
      `${name} (${width}x${height}) cannot be encoded as ${options.format}, which has at most ${longest} pixels a side; choose png or tiff as the output format`,
      { imagePath: name },
    );
  }
  if (options.quality !== undefined && !(options.quality >= 1 && options.quality <= 100)) {
    throw new ValidationError("ERR_ARGUMENT", `${name}: quality is ${options.quality}; it must be 1 to 100`);
  }
  try {
    const pipeline = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
    const density =
      options.density ?? (options.format === "png" || options.format === "tiff" ? UNSTATED_DENSITY : undefined);
    if (density !== undefined) pipeline.withDensity(density);
    applyFormat(pipeline, options, width * height);
    return new Uint8Array(await withProfile(pipeline, options.icc));
  } catch (error) {
    throw new ImageProcessingError(
      "ERR_IMAGE_ENCODE",
      `${name} (${width}x${height}) cannot be encoded as ${options.format}: ${firstLine(messageOf(error))}`,
      { imagePath: name, cause: error },
    );
  }
}

/** libvips' own sRGB profile. */
export async function srgbProfile(): Promise<Uint8Array> {
  const tagged = await sharp(new Uint8Array(3), { raw: { width: 1, height: 1, channels: 3 } })
    .withIccProfile("srgb")
    .png()
    .toBuffer();
  return new Uint8Array((await sharp(tagged).metadata()).icc!);
}

async function withProfile(pipeline: Sharp, icc: Uint8Array | undefined): Promise<Uint8Array> {
  const space = icc === undefined ? undefined : profileSpace(icc);
  if (icc === undefined || space === undefined) return pipeline.toBuffer();
  if (space !== "RGB" || isSrgb(icc)) return pipeline.withIccProfile("srgb").toBuffer();
  return withProfileFile(icc, (path) => pipeline.withIccProfile(path).toBuffer());
}

function applyFormat(
  pipeline: Sharp,
  { format, quality, lossless = false, compressionLevel = 6 }: EncodeOptions,
  pixels: number,
): void {
  if (format === "png") pipeline.png({ compressionLevel });
  else if (format === "jpeg")
    pipeline.jpeg({ quality: quality ?? 92, chromaSubsampling: "4:4:4", optimiseCoding: pixels <= OPTIMISED_PIXELS });
  else if (format === "webp") pipeline.webp({ quality: quality ?? 90, lossless, smartSubsample: true });
  else if (format === "tiff")
    pipeline.tiff({ compression: "deflate", predictor: "horizontal", quality: quality ?? 92 });
  else pipeline.avif({ quality: quality ?? 70, lossless, effort: AVIF_EFFORT });
}

/**
 * RGB, or gray where that is kept: sharp gives gray pictures one channel, or two where alpha could not be flattened. In
 * memory of its own, since that of sharp's `toBuffer` cannot be transferred, and its `toUint8Array`, made for that,
 * loses the memory of each picture (0.35.5).
 */
function toRaster(data: Uint8Array, { width, height, channels }: OutputInfo, keepGray: boolean): RasterImage {
  if (channels === 3 || (channels === 1 && keepGray)) return { width, height, channels, data: new Uint8Array(data) };
  const image = { width, height, channels: channels as 1 | 2 | 4, data };
  return toRgb(image.channels === 2 ? firstChannel(image) : (image as PixelImage<1 | 4>));
}

/** Pixels of a picture by its header, upright; [0, 0] for one that `decodeImage` refuses, with the reason. */
export async function pictureSize(bytes: Uint8Array): Promise<readonly [width: number, height: number]> {
  const { format } = sniffFormat(bytes);
  if (format === undefined || format === "zip") return [0, 0];
  const size = await sharp(bytes, { limitInputPixels: false, autoOrient: true, pages: 1 })
    .metadata()
    .then(
      ({ autoOrient }) => autoOrient,
      () => undefined,
    );
  return size === undefined || size.width * size.height > DEFAULT_MAX_PIXELS ? [0, 0] : [size.width, size.height];
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}
