/**
 * The last check of a decoded picture. If it is one tone all over while the file's own samples vary, its content was
 * lost, as when white ink on transparency is laid over white paper.
 */
import sharp from "sharp";
import type { RasterImage } from "../../../binding/raster.js";
import type { Fault } from "../../../errors/fault.js";
import type { ImageInfo } from "../headers/image-info.js";

/** Levels of 8 bits that count as one tone: rounding of conversions. */
const SAME_TONE = 2;
/** Levels of 8 bits by which samples must differ to count as varying: more than the noise of a scanned blank page. */
const VARIES = 8;
/** No lighter than this, a picture of 16 bits holds samples of 12 bits or fewer. */
const DARKEST = 16;

/**
 * What is wrong with the picture that was decoded from `bytes`; the message ends a sentence that begins with "it";
 * undefined when nothing is. Looks at the file again only where the picture is one tone, or black and of 16 bits.
 */
export async function lostContent(image: RasterImage, info: ImageInfo, bytes: Uint8Array): Promise<Fault | undefined> {
  const isDeep = info.depth > 8;
  const isOneTone = spreadWithin(image, SAME_TONE);
  if (!isOneTone && !(isDeep && darkerThan(image, DARKEST))) return undefined;
  if (isPlain(info)) return undefined;
  const { channels } = await sharp(bytes, { limitInputPixels: false, pages: 1 }).stats();
  const alpha = info.hasAlpha ? channels.at(-1) : undefined;
  const colors = alpha === undefined ? channels : channels.slice(0, -1);
  const perLevel = isDeep ? 257 : 1;
  const isBlack = image.data[0]! < DARKEST;
  const least = isDeep && isBlack ? 1 : VARIES * perLevel;
  const varying = colors.find(({ min, max }) => max - min >= least);
  if (varying !== undefined && isDeep && isBlack && varying.max < DARKEST * perLevel)
    return {
      message: `is black because its samples go up to ${varying.max} of 65535 only, as if they had fewer bits`,
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

function darkerThan({ data }: RasterImage, limit: number): boolean {
  return data.every((value) => value < limit);
}
