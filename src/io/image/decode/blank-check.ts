/**
 * The last check of a decoded picture. If it is one tone all over while the file's own samples vary, its content was
 * lost, as when white ink on transparency is laid over white paper.
 */
import type { RasterImage } from "../../../binding/raster.js";
import type { Fault } from "../../../errors/fault.js";
import type { ImageInfo } from "../headers/image-info.js";
import { isWhiteZero } from "../headers/tiff-header.js";
import { sharp } from "../sharp.js";

/** Levels of 8 bits that count as one tone: rounding of conversions. */
const SAME_TONE = 2;
/** Levels of 8 bits by which samples must differ to count as varying: more than the noise of a scanned blank page. */
const VARIES = 8;
/** Within so many levels of black, a picture of 16 bits holds samples of 12 bits or fewer. */
const NARROW = 16;
/** No further from black than this, a picture has no sample above half of its range: 15 bits in 16, or 2^15. */
const HALF = 128;

/** What is wrong with a picture, as the end of a sentence that begins with "it" or with its name. */
export interface LostContent {
  readonly fault?: Fault;
  readonly warning?: string;
}

/**
 * What was lost of the picture that was decoded from `bytes`. Looks at the file again only where the picture is one
 * tone, or next to black and of 16 bits.
 */
export async function lostContent(image: RasterImage, info: ImageInfo, bytes: Uint8Array): Promise<LostContent> {
  const isDeep = info.depth > 8;
  const zero = info.format === "tiff" && isWhiteZero(bytes) ? 255 : 0;
  const isOneTone = spreadWithin(image, SAME_TONE);
  if (isBitmapOfOnes(image, info, zero))
    return {
      fault: {
        message: `is ${toneOf(zero)} because its samples are 0 and 1 of 255`,
        remedy: "save it with 1 bit a sample",
      },
    };
  if (!isOneTone && !(isDeep && staysWithin(image, zero, NARROW)))
    return isOneTone || (zero !== 0 && !isDeep) || !staysWithin(image, zero, HALF + 1) ? {} : { warning: DARK };
  if (isPlain(info)) return {};
  const fault = await faultOfSamples(image, info, bytes, zero);
  return fault === undefined ? {} : { fault };
}

const DARK =
  "uses no more than half of the range of its samples; if they were meant to have fewer bits than the file says, scale them to the full range";

async function faultOfSamples(
  image: RasterImage,
  info: ImageInfo,
  bytes: Uint8Array,
  zero: number,
): Promise<Fault | undefined> {
  const isDeep = info.depth > 8;
  const { channels } = await sharp(bytes, { limitInputPixels: false, pages: 1 }).stats();
  const alpha = info.hasAlpha ? channels.at(-1) : undefined;
  const colors = alpha === undefined ? channels : channels.slice(0, -1);
  const perLevel = isDeep ? 257 : 1;
  const isNarrow = Math.abs(image.data[0]! - zero) < NARROW;
  const least = isDeep && isNarrow ? 1 : VARIES * perLevel;
  const varying = colors.find(({ min, max }) => max - min >= least);
  const most = varying === undefined ? 0 : zero === 0 ? varying.max : 65_535 - varying.min;
  if (varying !== undefined && isDeep && isNarrow && most < NARROW * perLevel)
    return {
      message: `is ${toneOf(zero)} because its samples go up to ${most} of 65535 only, as if they had fewer bits`,
      remedy: "scale its samples to the full range",
    };
  if (
    alpha !== undefined &&
    alpha.max - alpha.min >= VARIES * perLevel &&
    (varying !== undefined || isMostlyClear(alpha, perLevel))
  )
    return {
      message: "is one tone over white paper: its drawing is white, or clear, on transparency",
      remedy: "put the drawing on a dark ground",
    };
  if (varying !== undefined && alpha !== undefined && alpha.max < VARIES * perLevel)
    return {
      message: "is clear all over: its transparency hides all that is drawn",
      remedy: "save the picture without transparency",
    };
  if (varying !== undefined)
    return {
      message: `comes out as one tone, though its samples run from ${varying.min} to ${varying.max}; its colour profile or its depth is not read rightly`,
    };
  return undefined;
}

const toneOf = (zero: number): string => (zero === 0 ? "black" : "white");

/**
 * Whether a picture of 8 bits holds a bitmap whose paper is 1: no sample is above 1, and most are 1. A black page with
 * noise has more zeros.
 */
function isBitmapOfOnes({ data }: RasterImage, { depth, format, isPalette }: ImageInfo, zero: number): boolean {
  if (depth !== 8 || isPalette || (format !== "png" && format !== "tiff")) return false;
  let ones = 0;
  for (const sample of data) {
    const value = Math.abs(sample - zero);
    if (value > 1) return false;
    ones += value;
  }
  return ones > data.length / 2 && ones < data.length;
}

/** Samples of 8 bits that were taken as they are: they are one tone too. */
function isPlain({ depth, hasAlpha, icc, space }: ImageInfo): boolean {
  return depth <= 8 && !hasAlpha && icc === undefined && (space === "srgb" || space === "b-w");
}

/** Less than half of it is opaque: paper with a clear border is more. */
function isMostlyClear({ mean }: { mean: number }, perLevel: number): boolean {
  return mean < 127.5 * perLevel;
}

function spreadWithin({ channels, data }: RasterImage, most: number): boolean {
  for (let i = channels; i < data.length; i++) if (Math.abs(data[i]! - data[i % channels]!) > most) return false;
  return true;
}

/** Whether all samples lie less than `limit` levels from `zero`. */
function staysWithin({ data }: RasterImage, zero: number, limit: number): boolean {
  return data.every((value) => Math.abs(value - zero) < limit);
}
