/** Encodes pixels to a picture's file. */
import { types } from "node:util";
import type { Sharp } from "sharp";
import type { RasterImage } from "../../../binding/raster.js";
import type { OutputFormat } from "../../../config/batch-config.js";
import { OUTPUT_FORMATS } from "../../../config/settings.js"; // without the schema library: worker threads load this
import { ImageProcessingError, messageOf, ValidationError } from "../../../errors.js";
import type { Fault } from "../../../errors/fault.js";
import { isSrgb, isOneWay, profileSpace, withProfileFile } from "../headers/color-profile.js";
import { describe } from "../decode/decode-image.js";
import { memoryError } from "../memory-error.js";
import { sharp } from "../sharp.js";

/** How a picture is written. */
export interface EncodeOptions {
  /** `png`, `jpeg`, `webp`, `tiff` or `avif`. */
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
   * (gray and CMYK pages), that converts in one direction only, or that is sRGB itself, libvips' own sRGB profile is
   * embedded. Without a profile, or with a
   * damaged one, none is written.
   */
  readonly icc?: Uint8Array | undefined;
}

/** Other names of the formats, for a message. */
const SPELLINGS: Readonly<Record<string, OutputFormat | undefined>> = { jpg: "jpeg", tif: "tiff", jpe: "jpeg" };
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

/**
 * Encodes a picture.
 * @param image RGB or gray, 8 bits a sample, row by row
 * @param name what messages call it
 * @returns the file, in an ArrayBuffer of its own
 * @throws ValidationError `ERR_ARGUMENT` for data that do not fit the size, an unknown format, an option out of range
 * or an argument of a wrong type
 * @throws ImageProcessingError `ERR_IMAGE_ENCODE` for a picture that the format cannot hold
 * @throws ResourceError `ERR_OUT_OF_MEMORY` where the system gives no further memory or thread
 */
export async function encodeImage(image: RasterImage, options: EncodeOptions, name = "picture"): Promise<Uint8Array> {
  const fault = argumentFault(image, options);
  if (fault !== undefined)
    throw new ValidationError("ERR_ARGUMENT", `${name}: ${fault.message}`, { remedy: fault.remedy });
  const { width, height, channels, data } = image;
  const longest = LONGEST_SIDE[options.format];
  if (longest !== undefined && Math.max(width, height) > longest) {
    throw new ImageProcessingError(
      "ERR_IMAGE_ENCODE",
      `${name} (${width}x${height}) cannot be encoded as ${options.format}, which has at most ${longest} pixels a side`,
      { imagePath: name, remedy: "choose png or tiff as the output format" },
    );
  }
  try {
    const pipeline = sharp(data, { raw: { width, height, channels }, limitInputPixels: false });
    const density =
      options.density ?? (options.format === "png" || options.format === "tiff" ? UNSTATED_DENSITY : undefined);
    if (density !== undefined) pipeline.withDensity(density);
    applyFormat(pipeline, options, width * height);
    return new Uint8Array(await withProfile(pipeline, options.icc));
  } catch (error) {
    const what = `${name} (${width}x${height}) cannot be encoded as ${options.format}`;
    throw (
      memoryError(error, what, "encoder") ??
      new ImageProcessingError("ERR_IMAGE_ENCODE", `${what}: ${messageOf(error).split("\n", 1)[0]!}`, {
        imagePath: name,
        cause: error,
      })
    );
  }
}

/** What is wrong with the arguments; undefined when nothing is. */
function argumentFault(image: unknown, options: unknown): Fault | undefined {
  const message =
    typeof image !== "object" || image === null
      ? `the picture must be an object with width, height, channels and data, got ${describe(image)}`
      : typeof options !== "object" || options === null
        ? `the options must be an object, got ${describe(options)}`
        : imageFault(image as RasterImage);
  if (message !== undefined) return { message };
  return formatFault((options as EncodeOptions).format) ?? optionsFault(options as EncodeOptions);
}

function imageFault({ width, height, channels, data }: RasterImage): string | undefined {
  for (const [key, value] of Object.entries({ width, height }))
    if (!Number.isInteger(value) || value < 1) return `${key} must be a whole number above 0, got ${describe(value)}`;
  if (channels !== 1 && channels !== 3) return `channels must be 1 (gray) or 3 (RGB), got ${describe(channels)}`;
  if (!types.isUint8Array(data)) return `data must be a Uint8Array, got ${describe(data)}`;
  const wanted = width * height * channels;
  return data.byteLength === wanted
    ? undefined
    : `${data.byteLength} bytes of pixels do not fit ${width}x${height} with ${channels} channels (${wanted} bytes)`;
}

function formatFault(format: OutputFormat): Fault | undefined {
  if (OUTPUT_FORMATS.includes(format)) return undefined;
  const meant = typeof format === "string" ? SPELLINGS[(format as string).toLowerCase()] : undefined;
  return {
    message: `the format ${describe(format)} is not written; the formats are ${OUTPUT_FORMATS.join(", ")}`,
    ...(meant === undefined ? {} : { remedy: `use "${meant}"` }),
  };
}

const ENCODE_OPTIONS: Readonly<Record<keyof EncodeOptions, true>> = {
  format: true,
  quality: true,
  lossless: true,
  compressionLevel: true,
  density: true,
  icc: true,
};

function optionsFault(options: EncodeOptions): Fault | undefined {
  const { quality, lossless, compressionLevel, density, icc } = options;
  const unknown = Object.keys(options).find((name) => !Object.hasOwn(ENCODE_OPTIONS, name));
  if (unknown !== undefined)
    return {
      message: `there is no option ${describe(unknown)}; the options are ${Object.keys(ENCODE_OPTIONS).join(", ")}`,
    };
  if (lossless !== undefined && typeof lossless !== "boolean")
    return { message: `lossless is ${describe(lossless)}; it must be true or false` };
  if (quality !== undefined && !(typeof quality === "number" && quality >= 1 && quality <= 100))
    return { message: `quality is ${describe(quality)}; it must be 1 to 100` };
  if (compressionLevel !== undefined && !(Number.isInteger(compressionLevel) && inRange(compressionLevel, 0, 9)))
    return { message: `compressionLevel is ${describe(compressionLevel)}; it must be a whole number from 0 to 9` };
  if (density !== undefined && !(Number.isFinite(density) && density > 0))
    return { message: `density is ${describe(density)}; it must be a number of pixels per inch above 0` };
  if (icc !== undefined && !types.isUint8Array(icc))
    return { message: `icc must be a Uint8Array, got ${describe(icc)}` };
  return undefined;
}

function inRange(value: number, least: number, most: number): boolean {
  return value >= least && value <= most;
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
  if (space !== "RGB" || isSrgb(icc) || isOneWay(icc)) return pipeline.withIccProfile("srgb").toBuffer();
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
