/** Pictures in the form the networks take, for several tasks. Planes are float32, C,H,W. */
import { resize, type PixelImage } from "../../binding/pixels/pixels.js";
import { SIGNED_RGB, standardization, toRgbPlanar } from "../../binding/pixels/planes.js";
import { clipPixels } from "../cobra/retrieval.js";

/** The form in which the image encoder takes pictures. */
export interface EncoderInput {
  imageSize: number;
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
}

/**
 * Pictures for the image encoder, side by side.
 * @param all where to write, exactly 3 * imageSize * imageSize values for each
 */
export function encoderPixels(
  images: readonly PixelImage<1 | 3>[],
  { imageSize, mean, std }: EncoderInput,
  all: Float32Array = new Float32Array(images.length * encoderValues(imageSize)),
): Float32Array {
  const how = standardization(mean, std);
  const each = encoderValues(imageSize);
  images.forEach((image, index) => clipPixels(image, imageSize, how, all.subarray(index * each, (index + 1) * each)));
  return all;
}

/** Values of one picture for the image encoder. */
export function encoderValues(imageSize: number): number {
  return 3 * imageSize * imageSize;
}

/** Size of the upsampled picture: truncated, as the original does. */
export function upsampledSize(width: number, height: number, scale: number): [number, number] {
  return [Math.trunc(width * scale), Math.trunc(height * scale)];
}

/**
 * A picture as three planes in [-1, 1]: x / 255 * 2 - 1.
 * @param out where to write, exactly 3 * width * height values
 */
export function signedPlanes(image: PixelImage<1 | 3>, out?: Float32Array): Float32Array {
  return toRgbPlanar(image, SIGNED_RGB, out);
}

/** A picture enlarged to the upsampler's size. */
export function upscale<C extends 1 | 3>(image: PixelImage<C>, scale: number): PixelImage<C> {
  const [width, height] = upsampledSize(image.width, image.height, scale);
  return resize(image, width, height);
}
