/** Tasks: turns planes from the VAE decoder and the upsampler into 8-bit pictures. */
import type { PixelImage } from "../../binding/pixels/pixels.js";
import { fromPlanar } from "../../binding/pixels/planes.js";
import type { RasterImage } from "../../binding/raster.js";
import { signedPlanes, upscale } from "./network-pictures.js";

/** A picture as the VAE decoder gives it. */
export interface DecodedPlanes {
  /** [1, 3, height, width]. */
  planes: Float32Array;
  width: number;
  height: number;
}

interface DecodedTask extends DecodedPlanes {
  /** Where the upsampler's colour input goes, [1, 3, scale*H, scale*W] in [-1, 1]; absent without an upsampler. */
  upsampled?: { values: Float32Array; scale: number } | undefined;
}

interface DecodedPage {
  /** The pipeline's picture at the bucket's size. */
  picture: RasterImage;
}

/**
 * Decoder output → 8-bit picture, rounded half to even.
 * @param out where to write, exactly 3 * width * height bytes
 */
export function decodedPicture(
  { planes, width, height }: DecodedPlanes,
  out?: Uint8Array,
): PixelImage<3> & RasterImage {
  return fromPlanar(planes, width, height, 3, { rounding: "half-even", ...(out === undefined ? {} : { out }) });
}

/** Decoder output → 8-bit picture and the upsampler's colour input. */
export function prepareDecoded({ upsampled, ...decoded }: DecodedTask): DecodedPage {
  const picture = decodedPicture(decoded);
  if (upsampled !== undefined) signedPlanes(upscale(picture, upsampled.scale), upsampled.values);
  return { picture };
}

interface FinishTask {
  /** [1, 3, height, width] of the guided upsampler. */
  planes: Float32Array;
  width: number;
  height: number;
}

/** Upsampler output → 8-bit picture (truncated, as the original does). */
export function finishPicture({ planes, width, height }: FinishTask): RasterImage {
  return fromPlanar(planes, width, height, 3, { rounding: "truncate" });
}
