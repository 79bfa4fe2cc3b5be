/** Task: the line network's output as the conditions of the denoiser and the upsampler. */
import { toRgb, type PixelImage } from "../../binding/pixels/pixels.js";
import type { Style } from "../../config/batch-config.js";
import { hintMaskPlane, layHints } from "../cobra/hint-squares.js";
import { linePicture, styledLine, type LineInput } from "../cobra/line-style.js";
import { signedPlanes, upscale } from "./network-pictures.js";

interface ConditionTask {
  /** Gray page at the bucket's size. */
  gray: PixelImage<1>;
  /** Raw output of the line network, with its padding. */
  lineRaw: LineInput;
  style: Style;
  /** RGBA at the bucket's size; see `PreparedHints`. */
  marks: PixelImage<4> | undefined;
  latentDownscale: number;
  /** Scale of the guided upsampler; null when the package has none. */
  upsamplerScale: number | null;
}

export interface PreparedConditions {
  /** The line picture. */
  line: PixelImage<1>;
  /** [1, 3, H, W] in [-1, 1]. */
  linePlanes: Float32Array;
  /** [1, 3, H, W] in [-1, 1]: the line picture with the hints' colours. */
  hintPlanes: Float32Array;
  /** [1, 1, H/8, W/8], 0..1. */
  hintMask: Float32Array;
  /** [1, 3, scale*H, scale*W] in [-1, 1], and its size; absent without an upsampler. */
  upsampledLinePlanes?: Float32Array;
}

/** Line network output → line picture, hint picture and mask, in the form that the networks take. */
export function prepareConditions(task: ConditionTask): PreparedConditions {
  const { width, height } = task.gray;
  const line = styledLine(task.style, linePicture(task.lineRaw.data, task.lineRaw, width, height), task.gray);
  const lineRgb = toRgb(line);
  const hinted = layHints(lineRgb, task.marks);
  const linePlanes = signedPlanes(lineRgb);
  return {
    line,
    linePlanes,
    hintPlanes: task.marks === undefined ? linePlanes.slice() : signedPlanes(hinted.picture),
    hintMask: hintMaskPlane(hinted.mask, task.latentDownscale),
    ...(task.upsamplerScale === null
      ? {}
      : { upsampledLinePlanes: signedPlanes(upscale(lineRgb, task.upsamplerScale)) }),
  };
}
