/** TIFF pictures with 32 bits per sample, integers or floating point: libvips treats their values as 0 to 255. */
import { toRgb, type PixelImage } from "../../../binding/pixels/pixels.js";
import type { RasterImage } from "../../../binding/raster.js";
import { readTiffHeader } from "../headers/tiff-header.js";
import { sharp } from "../sharp.js";

/** A picture takes up to twelve bytes a pixel while it is scaled. */
export const DEEP_TIFF_PIXELS = 40_000_000;

const FLOAT = 3;
/** Rounding in the program that wrote the file. */
const SLACK = 1 / 255;

/** Samples that no rule says how to show. */
export class SampleRangeError extends Error {}

/**
 * Decodes gray or RGB, upright, to 8 bits. Whole numbers are scaled from 0 to 2^32 - 1, floating point from 0 to 1, or
 * from 0 to 255 where the greatest is between 16 and 255 and more samples lie above 1 than between 0 and 1.
 * @throws SampleRangeError for floating point beyond these ranges or not finite
 */
export async function decodeDeepTiff(bytes: Uint8Array, keepGray: boolean, seconds: number): Promise<RasterImage> {
  const source = sharp(bytes, {
    failOn: "warning",
    limitInputPixels: DEEP_TIFF_PIXELS,
    autoOrient: true,
    pages: 1,
  }).timeout({ seconds });
  const { space } = await source.metadata();
  const isFloat = readTiffHeader(bytes)?.sampleFormat === FLOAT;
  const { data, info } = await source
    .toColourspace(space)
    .raw({ depth: isFloat ? "float" : "uint" })
    .toBuffer({ resolveWithObject: true });
  const count = data.byteLength / 4;
  const scaled = isFloat
    ? scaleFloats(new Float32Array(data.buffer, data.byteOffset, count))
    : new Uint32Array(data.buffer, data.byteOffset, count).reduce((out, value, i) => {
        out[i] = value >>> 24;
        return out;
      }, new Uint8Array(count));
  const image = { width: info.width, height: info.height, channels: info.channels as 1 | 3, data: scaled };
  return image.channels === 1 && !keepGray ? toRgb(image as PixelImage<1>) : image;
}

function scaleFloats(samples: Float32Array): Uint8Array {
  let [low, high, fractions, above] = [Infinity, -Infinity, 0, 0];
  for (const value of samples) {
    if (!Number.isFinite(value)) throw new SampleRangeError("floating-point samples that are NaN or infinite");
    if (value < low) low = value;
    if (value > high) high = value;
    if (value > 1 + SLACK) above++;
    else if (value > SLACK && value < 1 - SLACK) fractions++;
  }
  // A picture from 0 to 1 with lights beyond would be all but black if it were taken for one from 0 to 255.
  const isBytes = high >= 16 && high <= 255 && above > fractions;
  if (low < -SLACK || (high > 1 + SLACK && !isBytes))
    throw new SampleRangeError(
      `floating-point samples from ${low.toPrecision(3)} to ${high.toPrecision(3)}, where 0 to 1 and 0 to 255 are read`,
    );
  return Uint8Array.from(Uint8ClampedArray.from(samples, isBytes ? (value) => value : (value) => value * 255));
}
