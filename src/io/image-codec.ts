/** Pictures between bytes and pixels, by sharp. Decoding gives what a person sees: upright, 8-bit sRGB, on white paper. */
import sharp, { type Metadata, type OutputInfo, type Sharp } from "sharp";
import type { RasterImage } from "../binding/raster.js";
import { ImageProcessingError, messageOf, ValidationError } from "../errors.js";
import { sniffFormat, type ImageFormat } from "./image-format.js";

/** What is known of a picture's file besides its pixels. */
export interface ImageInfo {
  readonly format: ImageFormat;
  /** Pixels across and down, after the EXIF orientation was applied: those of the decoded picture. */
  readonly width: number;
  readonly height: number;
  /** Channels in the file, alpha included: 1 gray, 2 gray and alpha, 3 RGB, 4 RGBA or CMYK. */
  readonly channels: number;
  /** Colour space of the file as libvips names it: `b-w`, `srgb`, `cmyk`, `rgb16`, `grey16`, … */
  readonly space: string;
  /** Bits of one sample in the file: 1, 2, 4, 8, 16 or 32. */
  readonly depth: number;
  readonly hasAlpha: boolean;
  readonly isPalette: boolean;
  /** EXIF orientation of the file, 1 to 8; 1 when it had none. It is already applied. */
  readonly orientation: number;
  /** Pages or frames in the file; the first is decoded. */
  readonly pages: number;
  /** Pixels per inch; undefined when the file does not say. */
  readonly density?: number;
  /** The embedded ICC profile. The pixels are already converted to sRGB by it. */
  readonly icc?: Uint8Array;
}

export interface DecodedImage {
  /** RGB, 8 bits a sample, in an ArrayBuffer of its own. */
  readonly image: RasterImage;
  readonly info: ImageInfo;
}

export interface DecodeOptions {
  /** Pictures with more pixels are refused with `ERR_IMAGE_LIMIT`. Default 120,000,000. */
  readonly maxPixels?: number;
  /** A picture that takes longer is refused. Default 60. */
  readonly timeoutSeconds?: number;
}

export interface EncodeOptions {
  /** GIF is not written. */
  readonly format: Exclude<ImageFormat, "gif">;
  /** 1 to 100, for the lossy formats; default 92 (JPEG, TIFF), 90 (WebP), 70 (AVIF). */
  readonly quality?: number;
  /** WebP and AVIF without loss. Default false. PNG is always lossless, TIFF is deflated without loss. */
  readonly lossless?: boolean;
  /** PNG: zlib level 0 to 9, default 6. */
  readonly compressionLevel?: number;
  /** Pixels per inch to note in the file. */
  readonly density?: number;
}

/** Far above any comic page (a 600 dpi double spread has 70 MP), far below what exhausts a machine. */
export const DEFAULT_MAX_PIXELS = 120_000_000;
const DEFAULT_TIMEOUT_SECONDS = 60;
const WHITE = { r: 255, g: 255, b: 255 };

let hardened = false;

/**
 * Lets libvips decode the formats of `ImageFormat` only, one thread a picture, without its operation cache. It holds for the whole
 * process and every thread, and while it is set a decoder that runs would find its loader blocked: so it is done once, before the
 * first worker thread. Decoding itself never depends on it.
 */
export function hardenDecoder(): void {
  if (hardened) return;
  hardened = true;
  sharp.cache(false);
  sharp.concurrency(1);
  sharp.block({ operation: ["VipsForeignLoad"] });
  const allowed = ["Png", "Jpeg", "Webp", "Tiff", "Heif", "Nsgif"];
  sharp.unblock({ operation: allowed.flatMap((name) => [`VipsForeignLoad${name}Buffer`, `VipsForeignLoad${name}File`]) });
}

/**
 * Decodes a picture. `name` is what messages call it. Gray, palette, 1- to 16-bit, CMYK and alpha all become RGB of 8 bits: CMYK
 * and profiles converted to sRGB, transparency over white, orientation applied, the first page or frame of many.
 * Rejects with `ERR_IMAGE_DECODE` (not a picture, damaged or cut off) or `ERR_IMAGE_LIMIT` (too many pixels).
 */
export async function decodeImage(bytes: Uint8Array, name: string, options: DecodeOptions = {}): Promise<DecodedImage> {
  const maxPixels = options.maxPixels ?? DEFAULT_MAX_PIXELS;
  const { format, description } = sniffFormat(bytes);
  if (format === undefined || format === "zip") {
    throw new ImageProcessingError("ERR_IMAGE_DECODE", `${name} is not a picture that can be read: it is ${description}. PNG, JPEG, WebP, TIFF, AVIF and GIF are read`, { imagePath: name });
  }
  try {
    const source = sharp(bytes, { failOn: "warning", limitInputPixels: false, autoOrient: true, pages: 1 });
    const info = toInfo(await source.metadata(), format);
    const pixels = info.width * info.height;
    if (pixels > maxPixels) {
      throw new ImageProcessingError("ERR_IMAGE_LIMIT", `${name} has ${info.width}x${info.height} = ${pixels} pixels, more than the limit maxPixels ${maxPixels}; shrink it or raise the limit`, { imagePath: name });
    }
    const seconds = options.timeoutSeconds ?? DEFAULT_TIMEOUT_SECONDS;
    const upright = sharp(bytes, { failOn: "warning", limitInputPixels: maxPixels, autoOrient: true, pages: 1 }).timeout({ seconds });
    if (info.hasAlpha) upright.flatten({ background: WHITE });
    const { data, info: raw } = await upright.toColourspace("srgb").raw({ depth: "uchar" }).toBuffer({ resolveWithObject: true });
    return { image: toRgb(data, raw), info };
  } catch (error) {
    if (error instanceof ImageProcessingError) throw error;
    throw new ImageProcessingError("ERR_IMAGE_DECODE", `${name} cannot be decoded: it is ${description}, but damaged or cut off (${firstLine(messageOf(error))}); replace the file`, { imagePath: name, cause: error });
  }
}

/**
 * Encodes a picture (RGB or gray, 8 bits). `name` is what messages call it. Rejects with `ERR_ARGUMENT` (data that do not fit the
 * size, an option out of range) or `ERR_IMAGE_ENCODE`. The bytes lie in an ArrayBuffer of their own.
 */
export async function encodeImage(image: RasterImage, options: EncodeOptions, name = "picture"): Promise<Uint8Array> {
  const { width, height, channels, data } = image;
  if (data.byteLength !== width * height * channels) {
    throw new ValidationError("ERR_ARGUMENT", `${name}: ${data.byteLength} bytes of pixels do not fit ${width}x${height} with ${channels} channels (${width * height * channels} bytes)`);
  }
  if (options.quality !== undefined && !(options.quality >= 1 && options.quality <= 100)) {
    throw new ValidationError("ERR_ARGUMENT", `${name}: quality is ${options.quality}; it must be 1 to 100`);
  }
  try {
    const pipeline = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
    if (options.density !== undefined) pipeline.withDensity(options.density);
    applyFormat(pipeline, options);
    return new Uint8Array(await pipeline.toBuffer());
  } catch (error) {
    throw new ImageProcessingError("ERR_IMAGE_ENCODE", `${name} (${width}x${height}) cannot be encoded as ${options.format}: ${firstLine(messageOf(error))}`, { imagePath: name, cause: error });
  }
}

function applyFormat(pipeline: Sharp, { format, quality, lossless = false, compressionLevel = 6 }: EncodeOptions): void {
  if (format === "png") pipeline.png({ compressionLevel });
  else if (format === "jpeg") pipeline.jpeg({ quality: quality ?? 92, chromaSubsampling: "4:4:4" });
  else if (format === "webp") pipeline.webp({ quality: quality ?? 90, lossless });
  else if (format === "tiff") pipeline.tiff({ compression: "deflate", predictor: "horizontal", quality: quality ?? 92 });
  else pipeline.avif({ quality: quality ?? 70, lossless });
}

const DEPTH_BITS: Record<string, number> = { uchar: 8, char: 8, ushort: 16, short: 16, uint: 32, int: 32, float: 32, double: 64 };

function toInfo(metadata: Metadata, format: ImageFormat): ImageInfo {
  return {
    format,
    width: metadata.autoOrient.width,
    height: metadata.autoOrient.height,
    channels: metadata.channels,
    space: metadata.space,
    depth: metadata.bitsPerSample ?? DEPTH_BITS[metadata.depth] ?? 8,
    hasAlpha: metadata.hasAlpha,
    isPalette: metadata.isPalette,
    orientation: metadata.orientation ?? 1,
    pages: metadata.pages ?? 1,
    ...(metadata.density === undefined ? {} : { density: metadata.density }),
    ...(metadata.icc === undefined ? {} : { icc: new Uint8Array(metadata.icc) }),
  };
}

/**
 * Pixels of three channels (sharp gives gray pictures one, or two where alpha could not be flattened) in an ArrayBuffer of their own:
 * memory of sharp's `toBuffer` cannot be transferred, and its `toUint8Array`, made for that, loses the memory of each picture (0.35.5).
 */
function toRgb(data: Uint8Array, info: OutputInfo): RasterImage {
  const { width, height, channels } = info;
  if (channels === 3) return { width, height, channels: 3, data: new Uint8Array(data) };
  const rgb = new Uint8Array(width * height * 3);
  const step = channels === 4 ? 1 : 0;
  for (let from = 0, to = 0; to < rgb.byteLength; from += channels, to += 3) {
    rgb[to] = data[from]!;
    rgb[to + 1] = data[from + step]!;
    rgb[to + 2] = data[from + 2 * step]!;
  }
  return { width, height, channels: 3, data: rgb };
}

function firstLine(text: string): string {
  return text.split("\n", 1)[0]!;
}
