/** Task: a page as decoded, cut into tiles, each as the networks take it. */
import { resize, toGray, toRgb, type PixelImage } from "../../binding/pixels.js";
import type { RasterImage } from "../../binding/raster.js";
import type { HintForm } from "../../model/manifest.js";
import { nearestBucket, type Bucket } from "../cobra/buckets.js";
import type { ColorHint } from "../cobra/hint-squares.js";
import { lineExtractorInput, type LineInput } from "../cobra/line-style.js";
import { quadrantCrops } from "../cobra/retrieval.js";
import type { PageHints } from "../page/page-hints.js";
import { tileHints } from "../page/tile-hints.js";
import { planTiles, type TilePlan } from "../page/tiling.js";
import { encoderPixels, type EncoderInput } from "./network-pictures.js";

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
  const parts = (plan?.tiles ?? [{ x: 0, y: 0, width, height }]).map((tile) => ({
    tile,
    bucket: nearestBucket(tile.width, tile.height, buckets),
  }));
  const prepared =
    hints === undefined ? undefined : tileHints(page, parts, nearestBucket(width, height, buckets), hintForm, hints);
  const tiles = parts.map(({ tile, bucket }, index): PreparedTile => {
    const stretched = resize<1 | 3>(page, bucket.width, bucket.height, "bicubic", [
      tile.x,
      tile.y,
      tile.x + tile.width,
      tile.y + tile.height,
    ]);
    const gray = toGray(stretched as RasterImage);
    const marks = prepared?.marks[index];
    return {
      bucket,
      gray,
      lineInput: lineExtractorInput(gray),
      queryPixels: encoderPixels(quadrantCrops(toRgb(stretched)), encoder),
      ...(marks === undefined ? {} : { marks }),
    };
  });
  return {
    tiles,
    width,
    height,
    ...(plan === undefined ? {} : { plan }),
    ...(prepared?.grown === undefined ? {} : { grownHints: prepared.grown }),
    ...(keepPage || plan !== undefined ? { page } : {}),
  };
}
