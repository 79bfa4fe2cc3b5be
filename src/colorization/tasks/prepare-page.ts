/** Tasks: a decoded page, how it is cut, and its tiles in the form the networks take. */
import { firstChannel, isGray, resize, toGray, type PixelImage } from "../../binding/pixels/pixels.js";
import type { RasterImage } from "../../binding/raster.js";
import type { HintForm } from "../../model/manifest.js";
import { nearestBucket, type Bucket } from "../../model/buckets.js";
import type { ColorHint } from "../cobra/hint-squares.js";
import { lineExtractorInput, paddedSize, type LineInput } from "../cobra/line-style.js";
import { QUADRANTS, quadrantCrops } from "../cobra/retrieval.js";
import type { PageHints } from "../page/page-hints.js";
import { tileHints } from "../page/tile-hints.js";
import { planTiles, type Tile, type TilePlan } from "../page/tiling.js";
import { encoderPixels, encoderValues, type EncoderInput } from "./network-pictures.js";

/** Memory for a tile's picture and planes, which threads share. */
export interface TilePlanes {
  gray: Uint8Array | undefined;
  line: Float32Array;
  query: Float32Array;
}

/** How many values the picture and the planes of a tile have. */
export function tileValues(bucket: Bucket, { imageSize }: EncoderInput): { gray: number; line: number; query: number } {
  const [width, height] = paddedSize(bucket);
  return {
    gray: bucket.width * bucket.height,
    line: width * height,
    query: QUADRANTS * encoderValues(imageSize),
  };
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
  /** Where the first tile's planes go, if they have its size. Default: memory of the worker's. */
  planes?: TilePlanes;
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

/** A part of a page and the page size of the model that it is coloured at. */
interface TilePart {
  tile: Tile;
  bucket: Bucket;
}

interface PreparedPage {
  /** The page as a whole, or its tiles in order. */
  parts: TilePart[];
  /** The first of them. The others are prepared one by one, so that few are in memory. */
  first: PreparedTile;
  /** Hints of each part, RGBA at its bucket's size. */
  marks?: readonly PixelImage<4>[];
  /** How the page is cut; absent for a page that is coloured as a whole. */
  plan?: TilePlan;
  /** The page itself, moved and not copied, where `keepPage` asks for it and where there are tiles. */
  page?: RasterImage;
  /** Colours that the page has to have; see `PreparedHints.grown`. */
  grownHints?: PixelImage<4>;
}

/** Page → how it is cut, its hints, and its first tile. */
export function preparePage({ page, buckets, encoder, keepPage, hints, hintForm, planes }: PageTask): PreparedPage {
  const { width, height } = page;
  const plan = planTiles(page, buckets);
  const parts = (plan?.tiles ?? [{ x: 0, y: 0, width, height }]).map((tile) => ({
    tile,
    bucket: nearestBucket(tile.width, tile.height, buckets),
  }));
  const prepared =
    hints === undefined ? undefined : tileHints(page, parts, nearestBucket(width, height, buckets), hintForm, hints);
  return {
    parts,
    first: tileOf(page, parts[0]!, encoder, prepared?.marks[0], planes),
    ...(prepared === undefined ? {} : { marks: prepared.marks }),
    ...(plan === undefined ? {} : { plan }),
    ...(prepared?.grown === undefined ? {} : { grownHints: prepared.grown }),
    ...(keepPage || plan !== undefined ? { page } : {}),
  };
}

interface TileTask {
  page: RasterImage;
  part: TilePart;
  encoder: EncoderInput;
  marks: PixelImage<4> | undefined;
  /** Where the tile's planes go. Default: memory of the worker's. */
  planes?: TilePlanes;
}

/** Page and one of its parts → the tile; the page goes along. */
export function prepareTile(task: TileTask): { tile: PreparedTile; page: RasterImage } {
  const { page, part, encoder, marks, planes } = task;
  return { tile: tileOf(page, part, encoder, marks, planes), page };
}

function tileOf(
  page: RasterImage,
  { tile, bucket }: TilePart,
  encoder: EncoderInput,
  marks: PixelImage<4> | undefined,
  planes: TilePlanes | undefined,
): PreparedTile {
  const box = [tile.x, tile.y, tile.x + tile.width, tile.y + tile.height] as const;
  // Most pages are gray, also as RGB: one channel gives what three equal ones do.
  const source: RasterImage = page.channels === 3 && isGray(page as PixelImage<3>) ? firstChannel(page) : page;
  const counts = tileValues(bucket, encoder);
  const fitting = <Name extends keyof TilePlanes>(name: Name): TilePlanes[Name] | undefined =>
    planes?.[name]?.length === counts[name] ? planes[name] : undefined;
  const grayOut = fitting("gray");
  const stretchedOut = source.channels === 1 ? grayOut : undefined;
  const stretched = resize<1 | 3>(source, bucket.width, bucket.height, "bicubic", box, stretchedOut);
  const gray = toGray(stretched as RasterImage, source.channels === 1 ? undefined : grayOut);
  return {
    bucket,
    gray,
    lineInput: lineExtractorInput(gray, fitting("line")),
    queryPixels: encoderPixels(quadrantCrops(stretched), encoder, fitting("query")),
    ...(marks === undefined ? {} : { marks }),
  };
}
