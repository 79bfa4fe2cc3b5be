/** Task: the line network's output as the conditions of the denoiser and the upsampler. */
import type { PixelImage } from "../../binding/pixels/pixels.js";
import type { Style } from "../../config/batch-config.js";
import { emptyMaskPlane, hintMaskPlane, layHints } from "../cobra/hint-squares.js";
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
  /** Where the planes go; absent: none are made. */
  planes?: ConditionPlanes | undefined;
  /** The line picture is wanted. */
  keepLine: boolean;
}

/** Planes that networks take, in [-1, 1], in shared memory that the task fills. */
export interface ConditionPlanes {
  /** [1, 3, H, W]: the line picture. */
  line: Float32Array;
  /** [1, 3, H, W]: the line picture with the hints' colours; absent where there are none. */
  hint?: Float32Array | undefined;
  /** [1, 3, scale*H, scale*W]: the line picture for the guided upsampler; absent without one. */
  upsampled?: { values: Float32Array; scale: number } | undefined;
}

export interface PreparedConditions {
  /** The line picture, where it is wanted. */
  line?: PixelImage<1>;
  /** [1, 1, H/8, W/8], 0..1. */
  hintMask: Float32Array;
}

/** Line network output → line picture, hint picture and mask, in the form that the networks take. */
export function prepareConditions(task: ConditionTask): PreparedConditions {
  const { width, height } = task.gray;
  const line = styledLine(task.style, linePicture(task.lineRaw.data, task.lineRaw, width, height), task.gray);
  const { planes, marks, latentDownscale } = task;
  const hinted = marks === undefined ? undefined : layHints(line, marks);
  if (planes !== undefined) {
    signedPlanes(line, planes.line);
    if (planes.hint !== undefined) signedPlanes(hinted?.picture ?? line, planes.hint);
    if (planes.upsampled !== undefined) signedPlanes(upscale(line, planes.upsampled.scale), planes.upsampled.values);
  }
  const hintMask = hinted ? hintMaskPlane(hinted.mask, latentDownscale) : emptyMaskPlane(task.gray, latentDownscale);
  return { ...(task.keepLine ? { line } : {}), hintMask };
}
