/**
 * The CPU stages of a page as pure functions of plain data: what the worker pool runs between the networks. Planes are
 * float32, C,H,W; pictures are 8-bit rasters. Formulas: `docs/architecture.md`, "How a page flows".
 */
import { flatFill } from "../binding/flats.js";
import { composeInk as composeInkKernel, composeInkLayers, type InkLayers } from "../binding/ink.js";
import { resize, toGray, toRgb, type PixelImage } from "../binding/pixels.js";
import { fromPlanar, SIGNED_RGB, standardization, toPlanar } from "../binding/planes.js";
import type { RasterImage } from "../binding/raster.js";
import type { Fill, Style } from "../config/batch-config.js";
import type { HintForm } from "../model/manifest.js";
import { nearestBucket, type Bucket } from "./buckets.js";
import { contactSheet } from "./contact-sheet.js";
import { hintMaskPlane, layHints, type ColorHint } from "./hints.js";
import { lineExtractorInput, linePicture, styledLine, type LineInput } from "./line-style.js";
import type { PageHints } from "./page-hints.js";
import { seededNoise } from "./page-noise.js";
import { tileHints } from "./tile-hints.js";
import { joinTiles } from "./tile-join.js";
import { planTiles, type TilePlan } from "./tiling.js";
import { clipPixels, fitReference, halfSize, quadrantCrops, referencePatches } from "./retrieval.js";

/** How the image encoder wants its pictures. */
export interface EncoderInput {
  imageSize: number;
  mean: readonly [number, number, number];
  std: readonly [number, number, number];
}

export interface PageTask {
  page: RasterImage;
  buckets: readonly Bucket[];
  encoder: EncoderInput;
  /** The page is given back, for `composeInk`. */
  keepPage: boolean;
  hints?: { squares: readonly ColorHint[] } | { page: PageHints } | undefined;
  /** What the model takes hints as. */
  hintForm: HintForm;
}

/** A page, or a tile of one, for the networks. */
export interface PreparedTile {
  bucket: Bucket;
  /** Gray, at the bucket's size. */
  gray: PixelImage<1>;
  /** Input of the line network. */
  lineInput: LineInput;
  /** [4, 3, S, S]: the quadrant crops for the image encoder. */
  queryPixels: Float32Array;
  /** Hints, RGBA at the bucket's size; see `PreparedHints`. */
  marks?: PixelImage<4>;
}

export interface PreparedPage {
  /** The page as a whole, or its tiles in order. */
  tiles: PreparedTile[];
  /** How the page is cut; absent for a page that is coloured as a whole. */
  plan?: TilePlan;
  /** The page's own size in pixels. */
  width: number;
  height: number;
  /** The page itself, moved and not copied, where `keepPage` asks for it and where tiles are to be joined. */
  page?: RasterImage;
  /** Colours that the page has to have; see `PreparedHints.grown`. */
  grownHints?: PixelImage<4>;
}

/** Page → its tiles, each with bucket, gray, line network input, retrieval queries and hints. */
export function preparePage({ page, buckets, encoder, keepPage, hints, hintForm }: PageTask): PreparedPage {
  const { width, height } = page;
  const plan = planTiles(page, buckets);
  const parts = (plan?.tiles ?? [{ x: 0, y: 0, width, height }]).map((tile) => ({ tile, bucket: nearestBucket(tile.width, tile.height, buckets) }));
  const prepared = hints === undefined ? undefined : tileHints(page, parts, nearestBucket(width, height, buckets), hintForm, hints);
  const tiles = parts.map(({ tile, bucket }, index): PreparedTile => {
    const stretched = resize<1 | 3>(page, bucket.width, bucket.height, "bicubic", [tile.x, tile.y, tile.x + tile.width, tile.y + tile.height]);
    const gray = toGray(stretched as RasterImage);
    const marks = prepared?.marks[index];
    return { bucket, gray, lineInput: lineExtractorInput(gray), queryPixels: encoderPixels(quadrantCrops(toRgb(stretched)), encoder), ...(marks === undefined ? {} : { marks }) };
  });
  return { tiles, width, height, ...(plan === undefined ? {} : { plan }), ...(prepared?.grown === undefined ? {} : { grownHints: prepared.grown }), ...(keepPage || plan !== undefined ? { page } : {}) };
}

export interface ReferenceTask {
  image: RasterImage;
  bucket: Bucket;
  encoder: EncoderInput;
}

export interface PreparedReference {
  /** [patches, 3, S, S] for the image encoder. */
  pixels: Float32Array;
  /** The patches at half the bucket's size, in the same order: the whole picture, then its four quadrant crops. */
  patches: RasterImage[];
}

/** Reference → its patches for one bucket. */
export function prepareReference({ image, bucket, encoder }: ReferenceTask): PreparedReference {
  const { width, height } = bucket;
  const patches = referencePatches(fitReference(toRgb(image), width, height));
  return { pixels: encoderPixels(patches, encoder), patches: patches.map((patch) => halfSize(patch, width, height) as RasterImage) };
}

export interface ConditionTask {
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

/** Line network output → line picture, hint picture and mask, as the networks want them. */
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
    ...(task.upsamplerScale === null ? {} : { upsampledLinePlanes: signedPlanes(upscale(lineRgb, task.upsamplerScale)) }),
  };
}

export interface DecodedTask {
  /** [1, 3, height, width] of the VAE decoder. */
  planes: Float32Array;
  width: number;
  height: number;
  upsamplerScale: number | null;
}

export interface DecodedPage {
  /** The pipeline's picture at the bucket's size. */
  picture: RasterImage;
  /** [1, 3, scale*H, scale*W] in [-1, 1]; absent without an upsampler. */
  upsampledColorPlanes?: Float32Array;
}

/** Decoder output → 8-bit picture (rounded half to even) and the upsampler's colour input. */
export function prepareDecoded({ planes, width, height, upsamplerScale }: DecodedTask): DecodedPage {
  const picture = fromPlanar(planes, width, height, 3, { rounding: "half-even" });
  return { picture, ...(upsamplerScale === null ? {} : { upsampledColorPlanes: signedPlanes(upscale(picture, upsamplerScale)) }) };
}

export interface FinishTask {
  /** [1, 3, height, width] of the guided upsampler. */
  planes: Float32Array;
  width: number;
  height: number;
}

/** Upsampler output → 8-bit picture (truncated, as the original does). */
export function finishPicture({ planes, width, height }: FinishTask): RasterImage {
  return fromPlanar(planes, width, height, 3, { rounding: "truncate" });
}

export interface InkTask {
  /** The page as decoded, at its own size. */
  page: RasterImage;
  /** The model's picture of it. */
  picture: RasterImage;
  /** "flat": one colour for every region. */
  fill: Fill;
  /** Colours that the page has to have; see `PreparedHints.grown`. */
  hints?: PixelImage<4> | undefined;
}

/** Pages above this many pixels give their own memory to the result: two of them side by side are too much. */
const LARGE_PIXELS = 16_000_000;

/** The model's picture → its colour under the page's ink, at the page's size. */
export function composeInk({ page, picture, fill, hints }: InkTask): RasterImage {
  const color = toRgb(picture);
  const out = page.channels === 3 && page.width * page.height > LARGE_PIXELS ? page.data : undefined;
  return composeInkKernel(page, fill === "flat" ? flatFill(page, color) : color, hints, out);
}

/** `composeInk` with its layers apart; the page goes along. */
export function composeLayers({ page, picture, fill, hints }: InkTask): InkLayers & { page: RasterImage } {
  const color = toRgb(picture);
  return { ...composeInkLayers(page, fill === "flat" ? flatFill(page, color) : color, hints), page };
}

/** Size of the upsampled picture: truncated, as the original does. */
export function upsampledSize(width: number, height: number, scale: number): [number, number] {
  return [Math.trunc(width * scale), Math.trunc(height * scale)];
}

/** A picture as planes in [-1, 1]: x / 255 * 2 - 1. */
export function signedPlanes(image: PixelImage): Float32Array {
  return toPlanar(image, SIGNED_RGB);
}

function upscale(image: PixelImage<3>, scale: number): PixelImage<3> {
  const [width, height] = upsampledSize(image.width, image.height, scale);
  return resize(image, width, height);
}

/** Pictures for the image encoder, side by side. */
function encoderPixels(images: readonly PixelImage<3>[], { imageSize, mean, std }: EncoderInput): Float32Array {
  const how = standardization(mean, std);
  const each = 3 * imageSize * imageSize;
  const all = new Float32Array(images.length * each);
  images.forEach((image, index) => clipPixels(image, imageSize, how, all.subarray(index * each, (index + 1) * each)));
  return all;
}

/** All tasks by name: the worker's table. */
export const PAGE_TASKS = { seededNoise, preparePage, prepareReference, prepareConditions, prepareDecoded, finishPicture, joinTiles, composeInk, composeLayers, contactSheet } as const;
export type PageTasks = typeof PAGE_TASKS;

/** Runs a task somewhere: in the worker pool, or in place. */
export type RunPageTask = <Name extends keyof PageTasks>(name: Name, input: Parameters<PageTasks[Name]>[0], signal?: AbortSignal) => Promise<ReturnType<PageTasks[Name]>>;
