/** Tasks: turns planes from the VAE decoder and the upsampler into 8-bit pictures. */
import { fromPlanar } from "../../binding/pixels/planes.js";
import type { RasterImage } from "../../binding/raster.js";
import { signedPlanes, upscale } from "./network-pictures.js";

interface DecodedTask {
  /** [1, 3, height, width] of the VAE decoder. */
  planes: Float32Array;
  width: number;
  height: number;
  /** Where the upsampler's colour input goes, [1, 3, scale*H, scale*W] in [-1, 1]; absent without an upsampler. */
  upsampled?: { values: Float32Array; scale: number } | undefined;
}

interface DecodedPage {
  /** The pipeline's picture at the bucket's size. */
  picture: RasterImage;
}

/** Decoder output → 8-bit picture (rounded half to even) and the upsampler's colour input. */
export function prepareDecoded({ planes, width, height, upsampled }: DecodedTask): DecodedPage {
  const picture = fromPlanar(planes, width, height, 3, { rounding: "half-even" });
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
