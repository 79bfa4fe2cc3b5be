/**
 * The pixel kernels with typed pictures: resizing, gray, edges, colours, planes. Synchronous; usable in worker threads;
 * ONNX Runtime is never loaded for them. Every function throws `ValidationError` `ERR_ARGUMENT` for a bad argument and
 * `ResourceError` `ERR_OUT_OF_MEMORY` when memory runs out. A function with `out` writes there (exact size, not shared
 * with an input) instead of making a new array.
 */
import { messageOf, ResourceError, ValidationError } from "../../errors.js";
import { loadAddon } from "../load.js";
import type { RasterImage } from "../raster.js";
import type { NativePixelCalls } from "./native-pixels.js";

/** A picture of any number of channels; a `RasterImage` is one. 2 = gray and alpha, 4 = RGBA or CMYK. */
export interface PixelImage<C extends 1 | 2 | 3 | 4 = 1 | 2 | 3 | 4> {
  readonly width: number;
  readonly height: number;
  readonly channels: C;
  readonly data: Uint8Array;
}

/** PIL's resampling filters. */
export type ResizeFilter = "nearest" | "box" | "bicubic" | "lanczos";

/** A rectangle [x0, y0, x1, y1] in pixels of the source, fractions allowed. */
export type PixelBox = readonly [number, number, number, number];

const FILTERS: Readonly<Record<ResizeFilter, number>> = { nearest: 0, box: 1, bicubic: 2, lanczos: 3 };

/** Calls a kernel; its errors become the engine's. For `src/binding/` only. */
export function callPixels<T>(action: (pixels: NativePixelCalls) => T): T {
  const { pixels } = loadAddon().addon;
  try {
    return action(pixels);
  } catch (error) {
    const code = (error as { code?: unknown } | undefined)?.code;
    if (code === "ERR_ARGUMENT") throw new ValidationError("ERR_ARGUMENT", messageOf(error), { cause: error });
    if (code === "ERR_OUT_OF_MEMORY") throw new ResourceError("ERR_OUT_OF_MEMORY", messageOf(error), { cause: error });
    throw error;
  }
}

/** The filter's number. Refuses an unknown name. */
function filterNumber(filter: ResizeFilter): number {
  const number = FILTERS[filter] as number | undefined;
  if (number === undefined)
    throw new ValidationError(
      "ERR_ARGUMENT",
      `unknown filter ${JSON.stringify(filter)}; the filters are ${Object.keys(FILTERS).join(", ")}`,
    );
  return number;
}

/**
 * Resizes as PIL's `Image.resize`, exact to the bit: horizontal pass first, 8 bits between the passes, weights of 22
 * bits, a support that grows with the shrink factor.
 * @param filter default "bicubic" (a = -0.5)
 * @param box part of the picture to take; default all of it
 */
export function resize<C extends 1 | 2 | 3 | 4>(
  image: PixelImage<C>,
  width: number,
  height: number,
  filter: ResizeFilter = "bicubic",
  box?: PixelBox,
  out?: Uint8Array,
): PixelImage<C> {
  const number = filterNumber(filter);
  // PIL shrinks pictures more than 100 times as tall as wide in two calls, the height first.
  const tall = image.height > image.width * 100 && height < image.height;
  const [x0, y0, x1, y1] = box ?? [0, 0, image.width, image.height];
  const data = callPixels((pixels) => {
    if (!tall) return pixels.resize(image, width, height, number, box, out);
    const lower = {
      ...image,
      height,
      data: pixels.resize(image, image.width, height, number, [0, y0, image.width, y1]),
    };
    return pixels.resize(lower, width, height, number, [x0, 0, x1, height], out);
  });
  return { width, height, channels: image.channels, data };
}

/** PIL's `Image.reduce`: rounded means over whole boxes of xFactor x yFactor pixels; the last boxes may be smaller. */
export function reduce<C extends 1 | 2 | 3 | 4>(image: PixelImage<C>, xFactor: number, yFactor: number): PixelImage<C> {
  const data = callPixels((pixels) => pixels.reduce(image, xFactor, yFactor));
  return {
    width: Math.ceil(image.width / xFactor),
    height: Math.ceil(image.height / yFactor),
    channels: image.channels,
    data,
  };
}

/** Cuts out width x height pixels at (x, y); all whole numbers inside the picture. */
export function crop<C extends 1 | 2 | 3 | 4>(
  image: PixelImage<C>,
  x: number,
  y: number,
  width: number,
  height: number,
): PixelImage<C> {
  return {
    width,
    height,
    channels: image.channels,
    data: callPixels((pixels) => pixels.crop(image, x, y, width, height)),
  };
}

/**
 * The size PIL's `Image.thumbnail` gives: fits into maxWidth x maxHeight with the aspect kept, never larger than the
 * picture.
 */
export function thumbnailSize(
  width: number,
  height: number,
  maxWidth: number,
  maxHeight: number,
): { width: number; height: number } {
  if (maxWidth >= width && maxHeight >= height) return { width, height };
  const aspect = width / height;
  const nearer = (value: number, error: (n: number) => number): number => {
    const [low, high] = [Math.floor(value), Math.ceil(value)];
    return Math.max(error(high) < error(low) ? high : low, 1);
  };
  if (maxWidth / maxHeight >= aspect)
    return { width: nearer(maxHeight * aspect, (n) => Math.abs(aspect - n / maxHeight)), height: maxHeight };
  return { width: maxWidth, height: nearer(maxWidth / aspect, (n) => (n === 0 ? 0 : Math.abs(aspect - maxWidth / n))) };
}

/**
 * PIL's `Image.thumbnail((maxWidth, maxHeight))` for a picture in memory: where it shrinks by 4 or more, whole boxes
 * are averaged first (`reducing_gap` = 2), then the filter does the rest. "nearest" takes no box step.
 */
export function thumbnail<C extends 1 | 2 | 3 | 4>(
  image: PixelImage<C>,
  maxWidth: number,
  maxHeight: number,
  filter: ResizeFilter = "lanczos",
): PixelImage<C> {
  const size = thumbnailSize(image.width, image.height, maxWidth, maxHeight);
  if (size.width === image.width && size.height === image.height) return { ...image, data: image.data.slice() };
  if (filter === "nearest") return resize(image, size.width, size.height, filter);
  const reducingGap = 2;
  const xFactor = Math.trunc(image.width / size.width / reducingGap) || 1;
  const yFactor = Math.trunc(image.height / size.height / reducingGap) || 1;
  if (xFactor === 1 && yFactor === 1) return resize(image, size.width, size.height, filter);
  const reduced = { width: Math.ceil(image.width / xFactor), height: Math.ceil(image.height / yFactor) };
  const tall = reduced.height > reduced.width * 100;
  if (!tall && size.width !== reduced.width && size.height !== reduced.height) {
    return {
      ...size,
      channels: image.channels,
      data: callPixels((pixels) =>
        pixels.reduceAndResize(image, xFactor, yFactor, size.width, size.height, filterNumber(filter)),
      ),
    };
  }
  return resize(reduce(image, xFactor, yFactor), size.width, size.height, filter, [
    0,
    0,
    image.width / xFactor,
    image.height / yFactor,
  ]);
}

/** Gray as PIL's `convert("L")`: (19595 R + 38470 G + 7471 B + 32768) >> 16. A gray picture is returned as it is. */
export function toGray(image: RasterImage, out?: Uint8Array): PixelImage<1> & RasterImage {
  if (image.channels === 1) {
    const data = out ? callPixels((pixels) => pixels.changeChannels(image, 1, out)) : image.data;
    return { width: image.width, height: image.height, channels: 1, data };
  }
  return {
    width: image.width,
    height: image.height,
    channels: 1,
    data: callPixels((pixels) => pixels.gray(image, out)),
  };
}

/**
 * Three channels: a gray picture's values three times, the first three of RGBA; an RGB picture is returned as it is.
 */
export function toRgb(image: PixelImage<1 | 3 | 4>): PixelImage<3> & RasterImage {
  const { width, height, channels, data } = image;
  return {
    width,
    height,
    channels: 3,
    data: channels === 3 ? data : callPixels((pixels) => pixels.changeChannels(image, 3)),
  };
}

/** The first channel, such as the gray of gray and alpha; without `out` a gray picture is returned as it is. */
export function firstChannel(image: PixelImage, out?: Uint8Array): PixelImage<1> & RasterImage {
  const { width, height, channels, data } = image;
  return {
    width,
    height,
    channels: 1,
    data: channels === 1 && out === undefined ? data : callPixels((pixels) => pixels.changeChannels(image, 1, out)),
  };
}

/**
 * Number of Canny edge pixels as OpenCV's `Canny(gray, low, high)` marks them: 3x3 Sobel, L1 gradient, hysteresis.
 * @param low,high thresholds, whole numbers >= 0 (OpenCV rounds down)
 */
export function countEdges(gray: PixelImage<1>, low: number, high: number): number {
  return callPixels((pixels) => pixels.edgeCount(gray, low, high));
}

/**
 * Mean HSV saturation, 0..1: S of 0..255 as OpenCV's 8-bit conversion gives it, over 255. The fourth channel, if any,
 * is ignored.
 */
export function meanSaturation(image: PixelImage<3 | 4>): number {
  return callPixels((pixels) => pixels.saturation(image)) / 255;
}

/** Number of distinct RGB triples. */
export function distinctColors(image: PixelImage<3>): number {
  return callPixels((pixels) => pixels.distinctColors(image));
}

/** Whether an RGB picture has no colour: R = G = B everywhere. */
export function isGray(image: PixelImage<3>): boolean {
  return callPixels((pixels) => pixels.isGray(image));
}

/** How many sums `colorFigures` has. */
const COLOR_SUMS = 18;

/** What a picture's colours are told from. */
export interface ColorFigures {
  /**
   * Over the picture halved (means of 2 x 2 pixels) until neither side is over 320, ink being 1 - channel / the paper's
   * channel, at least 0: the ink's second moments (RR, GG, BB, RG, RB, GB); the same over pixels of less than half the
   * ink; those of R - G and of (R + G) / 2 - B (aa, bb, ab); how many pixels are tinted, and vivid; and how many were
   * summed over.
   */
  readonly sums: Float64Array;
  /**
   * Of the picture reduced by a whole factor until neither side is over 320, for every whole block of 16 x 16 pixels,
   * in reading order, in levels of 8 bits: the deviation of R - G and of (R + G) / 2 - B, taken together, less the part
   * that goes with the block's lightness.
   */
  readonly spreads: Float64Array;
}

/** Measures a picture's colours, in one pass. */
export function colorFigures(image: PixelImage<3>): ColorFigures {
  const figures = callPixels((pixels) => pixels.colorSums(image));
  return { sums: figures.subarray(0, COLOR_SUMS), spreads: figures.subarray(COLOR_SUMS) };
}

/** How often each of the 256 values occurs. */
export function histogram(gray: PixelImage<1>): Float64Array {
  return callPixels((pixels) => pixels.histogram(gray));
}

/** The median as numpy's: with an even count the mean of the two middle values (so it may end in .5). */
export function median(gray: PixelImage<1>): number {
  return callPixels((pixels) => pixels.median(gray));
}

/**
 * Thresholds of the style "line + shadow" on a line picture v with the page's gray q: v = 18 where q <= 74, then v =
 * 155 where v > 155 and 74 < q < 145 (Cobra, `extract_sketch_line_image`).
 * @param out may be `line.data`
 */
export function applyShadowStyle(
  gray: PixelImage<1>,
  line: PixelImage<1>,
  out?: Uint8Array,
): PixelImage<1> & RasterImage {
  return {
    width: line.width,
    height: line.height,
    channels: 1,
    data: callPixels((pixels) => pixels.shadowStyle(gray, line, out)),
  };
}

/** RGBA with colour times alpha (PIL's "RGBa"), in which alpha pictures are resized. */
export function premultiply(image: PixelImage<4>): PixelImage<4> {
  return { ...image, data: callPixels((pixels) => pixels.premultiply(image)) };
}

/** The way back from `premultiply`. */
export function unpremultiply(image: PixelImage<4>): PixelImage<4> {
  return { ...image, data: callPixels((pixels) => pixels.unpremultiply(image)) };
}

/** PIL's plain CMYK to RGB (no colour profile); C, M, Y, K with 255 = full ink. */
export function cmykToRgb(image: PixelImage<4>): PixelImage<3> & RasterImage {
  return {
    width: image.width,
    height: image.height,
    channels: 3,
    data: callPixels((pixels) => pixels.cmykToRgb(image)),
  };
}

/**
 * The pixels of an RGB PNG from its decompressed data: height rows of a filter's number and width * 3 bytes, which are
 * overwritten. Undefined for a filter that PNG does not have.
 */
export function unfilterRgb(
  data: Uint8Array,
  width: number,
  height: number,
): (PixelImage<3> & RasterImage) | undefined {
  if (!callPixels((pixels) => pixels.unfilterRgb(data, width, height))) return undefined;
  return { width, height, channels: 3, data: data.subarray(0, width * height * 3) };
}
