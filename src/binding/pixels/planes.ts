/**
 * Pictures to and from planar float32 tensors (C, H, W), the form the networks take. See `pixels.ts` for the errors.
 */
import { ValidationError } from "../../errors.js";
import { callPixels, type PixelImage } from "./pixels.js";
import type { RasterImage } from "../raster.js";

/** The value of each byte, per channel: 256 float32 values for every channel. Made by `normalization`. */
export interface Normalization {
  readonly channels: number;
  readonly table: Float32Array;
}

/** A normalisation from a function of the byte and the channel; the function's float32 rounding is the caller's. */
export function normalization(
  channels: 1 | 2 | 3 | 4,
  value: (byte: number, channel: number) => number,
): Normalization {
  const table = new Float32Array(channels * 256);
  for (let channel = 0; channel < channels; channel++) {
    for (let byte = 0; byte < 256; byte++) table[channel * 256 + byte] = value(byte, channel);
  }
  return { channels, table };
}

const f = Math.fround;

/** x / 255 * 2 - 1, as the VAE takes pictures, in float32 steps like the original. */
export const SIGNED_RGB: Normalization = normalization(3, (byte) => f(f(f(byte / 255) * 2) - 1));
/** x / 255 in one channel: the hint mask. */
export const UNIT_GRAY: Normalization = normalization(1, (byte) => f(byte / 255));
/** 0..255 as they are, in one channel: the line extractor's input. */
export const BYTE_GRAY: Normalization = normalization(1, (byte) => byte);

const CLIP_MEAN = [0.48145466, 0.4578275, 0.40821073] as const;
const CLIP_STD = [0.26862954, 0.26130258, 0.27577711] as const;
/** (x / 255 - mean) / std in float32 steps, as transformers' `CLIPImageProcessor` does it. */
export function standardization(mean: readonly number[], std: readonly number[]): Normalization {
  return normalization(3, (byte, channel) => f(f(f(byte * (1 / 255)) - f(mean[channel]!)) / f(std[channel]!)));
}
/** CLIP's own constants (Radford et al., CLIP). */
export const CLIP_RGB: Normalization = standardization(CLIP_MEAN, CLIP_STD);

/**
 * Interleaved bytes to planes.
 * @param out where to write, exactly channels * height * width values, such as one picture's part of a batch
 * @returns float32 [C, H, W]
 */
export function toPlanar(image: PixelImage, how: Normalization, out?: Float32Array): Float32Array {
  if (image.channels !== how.channels) {
    throw new ValidationError(
      "ERR_ARGUMENT",
      `the picture has ${image.channels} channels, the normalization ${how.channels}`,
      { remedy: `take the one for ${image.channels} channels` },
    );
  }
  return callPixels((pixels) => pixels.toPlanar(image, how.table, out));
}

/**
 * Three planes of a picture; those of a gray one are the planes of the same picture in RGB.
 * @param how of three channels
 * @param out as for `toPlanar`
 */
export function toRgbPlanar(image: PixelImage<1 | 3>, how: Normalization, out?: Float32Array): Float32Array {
  if (image.channels === 3 || how.channels !== 3) return toPlanar(image, how, out);
  return callPixels((pixels) => pixels.grayToPlanes(image, how.table, out));
}

/** How a plane's values become bytes. */
interface FromPlanarOptions {
  /** "signed" (default): -1..1, clamped, (x * 0.5 + 0.5) * 255. "byte": 0..255, clamped. */
  range?: "signed" | "byte";
  /**
   * "half-even" (default): the pipeline's picture. "truncate": Cobra's final high resolution picture and the line
   * picture.
   */
  rounding?: "half-even" | "truncate";
  /** Where to write, exactly width * height * channels bytes. */
  out?: Uint8Array;
}

/** Planes float32 [C, H, W] to a picture. NaN becomes 0. */
export function fromPlanar<C extends 1 | 3>(
  planes: Float32Array,
  width: number,
  height: number,
  channels: C,
  options: FromPlanarOptions = {},
): PixelImage<C> & RasterImage {
  const range = options.range === "byte" ? 1 : 0;
  const rounding = options.rounding === "truncate" ? 1 : 0;
  const data = callPixels((pixels) => pixels.fromPlanar(planes, width, height, channels, range, rounding, options.out));
  return { width, height, channels, data };
}
