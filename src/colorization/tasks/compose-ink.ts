/** Tasks: the model's colour under the page's own ink, as one picture or as separate layers. */
import { flatFill } from "../../binding/pixels/flats.js";
import { composeInk as composeInkKernel, composeInkLayers, type InkLayers } from "../../binding/pixels/ink.js";
import { toRgb, type PixelImage } from "../../binding/pixels/pixels.js";
import type { RasterImage } from "../../binding/raster.js";
import type { Fill } from "../../config/batch-config.js";
import { isBlank } from "../page/blank-page.js";
import { decodedPicture, type DecodedPlanes } from "./prepare-decoded.js";

interface InkTask {
  /** The page as decoded, at its own size. */
  page: RasterImage;
  /** The model's picture of it, or what it is made of. */
  picture: RasterImage | DecodedPlanes;
  /** "flat": one colour for every region. */
  fill: Fill;
  /** Colours that the page has to have; see `PreparedHints.grown`. */
  hints?: PixelImage<4> | undefined;
  /** Memory for the result, RGB at the page's size. Default: memory of the worker's. */
  into?: Uint8Array | undefined;
}

/** Pages above this many pixels give their own memory to the result: two of them side by side are too much. */
const LARGE_PIXELS = 16_000_000;

/** A picture between two kernels: memory that this thread uses for every page. */
let between = new Uint8Array();

function scratch(length: number): Uint8Array {
  if (between.length < length) between = new Uint8Array(length);
  return between.subarray(0, length);
}

const NO_COLOR: PixelImage<3> = { width: 1, height: 1, channels: 3, data: new Uint8Array([255, 255, 255]) };

/** The colour for a page, with its flats where they are asked for; none on a blank one. */
function colorFor({ page, picture, fill }: InkTask): PixelImage<3 | 4> {
  if (isBlank(page)) return NO_COLOR;
  const color =
    "planes" in picture ? decodedPicture(picture, scratch(3 * picture.width * picture.height)) : toRgb(picture);
  return fill === "flat" ? flatFill(page, color) : color;
}

/** The model's picture → its colour under the page's ink, at the page's size. */
export function composeInk(task: InkTask): RasterImage {
  const { page, hints, into } = task;
  const ownMemory = page.channels === 3 && page.width * page.height > LARGE_PIXELS ? page.data : undefined;
  const out = into?.length === 3 * page.width * page.height ? into : ownMemory;
  return composeInkKernel(page, colorFor(task), hints, out);
}

/** `composeInk` with its layers apart; the page goes along. */
export function composeLayers(task: InkTask): InkLayers & { page: RasterImage } {
  const { page, hints } = task;
  return { ...composeInkLayers(page, colorFor(task), hints), page };
}
