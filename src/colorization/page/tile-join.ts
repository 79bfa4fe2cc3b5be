/**
 * Joins the pictures of a page's tiles into one: they are brought to one scale, and where two meet, each region is
 * taken from one of them or blended from one into the other.
 */
import { resize, type PixelImage } from "../../binding/pixels/pixels.js";
import type { RasterImage } from "../../binding/raster.js";
import { findRegions, regionGrid, regionOf, type RegionMap } from "../../binding/pixels/regions.js";
import { harmonize, moved, shareAt, type Harmony, type TileStrip } from "./tile-harmony.js";
import type { TilePlan } from "./tiling.js";

interface JoinTask {
  /** The page, at its own size. */
  page: RasterImage;
  plan: TilePlan;
  /** One a tile, RGB, each of any size; each is stretched to its tile's shape. */
  pictures: readonly PixelImage<3>[];
}

/** Joins them at the scale of the finest picture across the tiles' line. The page goes along. */
export function joinTiles({ page, plan, pictures }: JoinTask): { picture: RasterImage; page: RasterImage } {
  const grid = regionGrid(page);
  return {
    picture: joinPictures(
      { width: page.width, height: page.height },
      plan,
      pictures,
      findRegions(page, grid.width, grid.height),
    ),
    page,
  };
}

/**
 * The picture of a thin page, whose tiles are stretched much more across than along, has at most so many times the
 * sides that all tiles' pixels would give it.
 */
const MOST_ENLARGED = 2;

/** @param regions of the page; without them tiles are blended wherever they meet */
export function joinPictures(
  page: { width: number; height: number },
  plan: TilePlan,
  pictures: readonly PixelImage<3>[],
  regions?: RegionMap,
): RasterImage & PixelImage<3> {
  const rows = plan.axis === "rows";
  const scale = Math.min(
    Math.max(
      ...pictures.map((picture, index) =>
        rows ? picture.width / plan.tiles[index]!.width : picture.height / plan.tiles[index]!.height,
      ),
    ),
    MOST_ENLARGED *
      Math.sqrt(pictures.reduce((sum, { width, height }) => sum + width * height, 0) / (page.width * page.height)),
  );
  const whole = {
    width: Math.max(1, Math.round(page.width * scale)),
    height: Math.max(1, Math.round(page.height * scale)),
  };
  const out: RasterImage & PixelImage<3> = {
    ...whole,
    channels: 3,
    data: new Uint8Array(whole.width * whole.height * 3),
  };
  const strip = placeTiles(rows, whole, scale, plan, pictures, regions);
  const harmony = regions === undefined ? undefined : harmonize(strip, regions);
  const { seams, labels, alongAt, acrossAt } = strip;
  const [step, pitch] = rows ? [3 * whole.width, 3] : [3, 3 * whole.width];
  for (let along = 0, tile = 0; along < strip.along; along++) {
    while (tile < seams.length && along >= seams[tile]!.to) tile++;
    const later = shareAt(along, seams[tile]);
    const { data, ...own } = strip.tiles[tile]!;
    for (let across = 0; across < strip.across; across++) {
      const to = along * step + across * pitch;
      const region = harmony === undefined ? -1 : regionOf(labels[alongAt[along]! + acrossAt[across]!]!);
      if (later > 0 || (region >= 0 && harmony!.owners[region]! >= 0)) {
        mixPixel(out.data, to, strip, harmony, region, tile, later, along, across);
        continue;
      }
      const from = along * own.step + across * own.pitch - own.base;
      for (let c = 0; c < 3; c++) out.data[to + c] = data[from + c]!;
    }
  }
  return out;
}

/** All tiles on one scale. */
function placeTiles(
  rows: boolean,
  whole: { width: number; height: number },
  scale: number,
  { tiles, seams }: TilePlan,
  pictures: readonly PixelImage<3>[],
  regions: RegionMap | undefined,
): TileStrip {
  const [along, across] = rows ? [whole.height, whole.width] : [whole.width, whole.height];
  const at = (position: number): number => Math.min(along, Math.round(position * scale));
  const placed = pictures.map((picture, index) => {
    const tile = tiles[index]!;
    const [from, to] = rows ? [at(tile.y), at(tile.y + tile.height)] : [at(tile.x), at(tile.x + tile.width)];
    const { width, data } = resize(picture, rows ? whole.width : to - from, rows ? to - from : whole.height);
    return rows
      ? { from, to, data, step: 3 * width, pitch: 3, base: 3 * from * width }
      : { from, to, data, step: 3, pitch: 3 * width, base: 3 * from };
  });
  const { labels, width, height } = regions ?? { labels: new Int32Array(), width: 0, height: 0 };
  const columns = Int32Array.from({ length: whole.width }, (_, x) => Math.floor(((x + 0.5) * width) / whole.width));
  const lines = Int32Array.from(
    { length: whole.height },
    (_, y) => Math.floor(((y + 0.5) * height) / whole.height) * width,
  );
  return {
    along,
    across,
    tiles: placed,
    seams: seams.map(({ from, to }) => ({ from: at(from), to: at(to) })),
    labels,
    alongAt: rows ? lines : columns,
    acrossAt: rows ? columns : lines,
  };
}

/** One pixel of `tile`, or in a seam of it and the next one, whose share is `later`. */
function mixPixel(
  out: Uint8Array,
  to: number,
  strip: TileStrip,
  harmony: Harmony | undefined,
  region: number,
  tile: number,
  later: number,
  along: number,
  across: number,
): void {
  const owner = region < 0 ? -1 : harmony!.owners[region]!;
  const whole = owner >= 0 && harmony!.whole[region] === 1 && (owner === tile || (later > 0 && owner === tile + 1));
  const share = whole ? Number(owner !== tile) : later;
  for (let side = 0; side < 2; side++) {
    if ((side === 0 ? 1 - share : share) === 0) continue;
    const { data, step, pitch, base } = strip.tiles[tile + side]!;
    const from = along * step + across * pitch - base;
    const shift = owner < 0 ? undefined : harmony!.shiftOf(region, tile + side);
    for (let c = 0; c < 3; c++) {
      const value =
        shift === undefined ? data[from + c]! : Math.min(255, Math.max(0, moved(data[from + c]!, shift, c)));
      MIX[c] = side === 0 || share === 1 ? value : MIX[c]! + share * (value - MIX[c]!);
    }
  }
  for (let c = 0; c < 3; c++) out[to + c] = Math.round(MIX[c]!);
}

/** The pixel that is being mixed. */
const MIX = new Float64Array(3);
