/**
 * Cuts a page whose shape fits none of the model's page sizes: tall strips, wide ones, and two pages side by side.
 * Cuts lie in gutters (blank rows or columns between panels) where there are any; otherwise the parts overlap and are
 * blended. Pure functions.
 */
import { crop, reduce, toGray, toRgb, type PixelImage } from "../../binding/pixels/pixels.js";
import type { RasterImage } from "../../binding/raster.js";
import { nearestBucket, type Bucket } from "../../model/buckets.js";

/** A part of a page in pixels. */
export interface Tile {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
}

/** A stretch of rows or columns, `from` to `to` (exclusive). */
export interface Stretch {
  readonly from: number;
  readonly to: number;
}

export interface TilePlan {
  /** "rows": tiles lie below one another; "columns": side by side. */
  readonly axis: "rows" | "columns";
  readonly tiles: readonly Tile[];
  /** Between tile i and i + 1: where one picture gives way to the other; both tiles contain it. */
  readonly seams: readonly Stretch[];
}

/** A page is cut when its aspect ratio is beyond those of the model's page sizes by this factor. */
export const TILE_FACTOR = 1.2;
/** Pages at least this wide are cut in two where a gutter runs through their middle: two pages side by side. */
const SPREAD_ASPECT = 1.2;
/** How far from the middle a spread's gutter may lie, and how wide it has to be, as shares of the width. */
const SPREAD_REACH = 0.06;
const SPREAD_GUTTER = 0.008;
/** A spread's gutter is two inner margins: so much wider than gutters between panels. */
const SPREAD_CONTRAST = 1.3;
/** Blank rows inside a drawing are narrower than this share of the height. */
const LEAST_GUTTER = 0.005;
/**
 * Overlap of tiles where there is no gutter, and the greatest stretch of a gutter that is used, as a share of a tile.
 */
const OVERLAP = 0.125;
/** How much longer than wanted a tile may be, for a gutter's sake. */
const STRETCH = 1.25;
/** Levels that a blank row's pixels may lie apart: paper, scanned or compressed. */
const BLANK_LEVELS = 24;
/** Gutters are looked for on a picture of at most this many pixels across. */
const SEARCH_PX = 512;

/**
 * A tile of a thin page has at least this share of a page size's pixels: the model sees no more in a finer cut, and a
 * page one pixel wide would be as many tiles as it is long.
 */
const LEAST_TILE_SHARE = 0.25;

/** How a page is cut; undefined when it is coloured as a whole. `buckets`: page sizes of the model. */
export function planTiles(page: RasterImage, buckets: readonly Bucket[]): TilePlan | undefined {
  const { width, height } = page;
  const aspects = buckets.map((bucket) => bucket.width / bucket.height);
  const aspect = width / height;
  if (aspect * TILE_FACTOR < Math.min(...aspects)) return cutAlong("rows", page, nearestBucket(2, 3, buckets));
  if (aspect > Math.max(...aspects) * TILE_FACTOR) return cutAlong("columns", page, nearestBucket(3, 2, buckets));
  return aspect >= SPREAD_ASPECT ? cutSpread(page) : undefined;
}

function cutAlong(axis: TilePlan["axis"], page: RasterImage, bucket: Bucket): TilePlan | undefined {
  const [across, along] = axis === "rows" ? [page.width, page.height] : [page.height, page.width];
  const share = axis === "rows" ? bucket.height / bucket.width : bucket.width / bucket.height;
  const least = Math.ceil((LEAST_TILE_SHARE * bucket.width * bucket.height) / across);
  const wanted = Math.max(2, Math.round(across * share), least);
  const { tiles, seams } = cutStretch(along, wanted, Math.round(wanted * STRETCH), blankStretches(page, axis));
  return tiles.length === 1 ? undefined : { axis, tiles: tiles.map((stretch) => tileOf(axis, stretch, across)), seams };
}

/** Two pages side by side, recognised by a blank band through the middle. */
function cutSpread(page: RasterImage): TilePlan | undefined {
  const { width, height } = page;
  const middle = width / 2;
  const columns = blankStretches(page, "columns");
  const gutters = columns.filter(
    ({ from, to }) =>
      from > 0 &&
      to < width &&
      to - from >= width * SPREAD_GUTTER &&
      Math.abs((from + to) / 2 - middle) <= width * SPREAD_REACH,
  );
  const widest = gutters.reduce<Stretch | undefined>(
    (best, one) => (best === undefined || lengthOf(one) > lengthOf(best) ? one : best),
    undefined,
  );
  if (widest === undefined || isPanelGutter(page, widest, columns)) return undefined;
  return {
    axis: "columns",
    tiles: [
      tileOf("columns", { from: 0, to: widest.to }, height),
      tileOf("columns", { from: widest.from, to: width }, height),
    ],
    seams: [widest],
  };
}

/**
 * Whether the blank band through the middle lies between the panels of one broad page: it is narrower than the margins
 * beside them, or hardly wider than another band through the page, or than the narrowest between two rows of panels of
 * either half.
 */
function isPanelGutter(page: RasterImage, band: Stretch, columns: readonly Stretch[]): boolean {
  const { width, height } = page;
  const size = lengthOf(band);
  const inside = (end: number) => (stretch: Stretch) => stretch.from > 0 && stretch.to < end;
  const margins = columns
    .filter((stretch) => !inside(width)(stretch))
    .reduce((sum, stretch) => sum + lengthOf(stretch), 0);
  const others = columns.filter((stretch) => stretch !== band && inside(width)(stretch)).map(lengthOf);
  const rows = [crop(page, 0, 0, band.from, height), crop(page, band.to, 0, width - band.to, height)].flatMap((half) =>
    blankStretches(half as RasterImage, "rows")
      .filter(inside(height))
      .map(lengthOf),
  );
  const narrowest = Math.min(...rows.filter((row) => row >= height * LEAST_GUTTER));
  return (
    size < margins / 2 ||
    size < SPREAD_CONTRAST * Math.max(0, ...others) ||
    (narrowest < height && size < SPREAD_CONTRAST * narrowest)
  );
}

function lengthOf({ from, to }: Stretch): number {
  return to - from;
}

function tileOf(axis: TilePlan["axis"], { from, to }: Stretch, across: number): Tile {
  return axis === "rows"
    ? { x: 0, y: from, width: across, height: to - from }
    : { x: from, y: 0, width: to - from, height: across };
}

/**
 * Cuts a length into stretches of about `wanted` and at most `longest`, in gutters where one lies in reach.
 * @param gutters blank stretches in order
 */
export function cutStretch(
  length: number,
  wanted: number,
  longest: number,
  gutters: readonly Stretch[],
): { tiles: Stretch[]; seams: Stretch[] } {
  const overlap = Math.max(1, Math.round(wanted * OVERLAP));
  const tiles: Stretch[] = [];
  const seams: Stretch[] = [];
  let from = 0;
  while (length - from > longest) {
    const seam = bestGutter(gutters, from, wanted, longest, overlap) ?? evenSeam(length - from, from, wanted, overlap);
    tiles.push({ from, to: seam.to });
    seams.push(seam);
    from = seam.from;
  }
  // A short rest takes more of what lies before it, so that its shape is a page's.
  tiles.push({ from: Math.max(0, Math.min(from, length - Math.ceil(wanted / 2))), to: length });
  return { tiles, seams };
}

/** The gutter to cut in: near the wanted length, and not too narrow. The seam is its middle, at most `overlap` long. */
function bestGutter(
  gutters: readonly Stretch[],
  from: number,
  wanted: number,
  longest: number,
  overlap: number,
): Stretch | undefined {
  let best: Stretch | undefined;
  let bestScore = 0;
  for (const gutter of gutters) {
    const start = Math.max(gutter.from, from + Math.ceil(wanted / 2));
    const end = Math.min(gutter.to, from + longest);
    const size = Math.min(end - start, overlap);
    if (size < 3) continue;
    const middle = (start + end) / 2;
    const score = 1 + 0.25 * Math.min(1, (8 * size) / overlap) - Math.abs(middle - from - wanted) / wanted;
    const seam = { from: Math.round(middle - size / 2), to: Math.round(middle + size / 2) };
    if (score > bestScore) [best, bestScore] = [seam, score];
  }
  return best;
}

/** The first of as few and as equal tiles as the overlap allows. */
function evenSeam(rest: number, from: number, wanted: number, overlap: number): Stretch {
  const count = Math.max(2, Math.ceil((rest - overlap) / (wanted - overlap)));
  const to = from + Math.min(wanted, Math.ceil((rest + (count - 1) * overlap) / count));
  return { from: to - overlap, to };
}

/** Rows or columns in which a page has one tone from end to end, in pixels of the page, in order. */
export function blankStretches(page: RasterImage, axis: TilePlan["axis"]): Stretch[] {
  const factor = Math.max(1, Math.ceil(Math.min(page.width, page.height) / SEARCH_PX));
  const small = toGray(toRgb(factor === 1 ? page : (reduce(page, factor, factor) as RasterImage)));
  const blank = axis === "rows" ? blankRows(small) : blankColumns(small);
  const length = axis === "rows" ? page.height : page.width;
  const found: Stretch[] = [];
  for (let at = 0; at < blank.length; at++) {
    if (!blank[at]) continue;
    const from = at;
    while (at + 1 < blank.length && blank[at + 1]) at++;
    found.push({ from: from * factor, to: Math.min((at + 1) * factor, length) });
  }
  return found;
}

function blankRows({ width, height, data }: PixelImage<1>): boolean[] {
  return Array.from({ length: height }, (_, y) => {
    let low = 255;
    let high = 0;
    for (let i = y * width; i < (y + 1) * width; i++) {
      const value = data[i]!;
      if (value < low) low = value;
      if (value > high) high = value;
    }
    return high - low <= BLANK_LEVELS;
  });
}

function blankColumns({ width, height, data }: PixelImage<1>): boolean[] {
  const low = new Uint8Array(width).fill(255);
  const high = new Uint8Array(width);
  for (let y = 0, i = 0; y < height; y++) {
    for (let x = 0; x < width; x++, i++) {
      const value = data[i]!;
      if (value < low[x]!) low[x] = value;
      if (value > high[x]!) high[x] = value;
    }
  }
  return Array.from(low, (value, x) => high[x]! - value <= BLANK_LEVELS);
}
