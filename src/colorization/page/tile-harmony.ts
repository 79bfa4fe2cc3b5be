/**
 * Matches the colours of neighbouring tiles. The networks see each tile alone and may give the two sides of a cut
 * different colours. So a region that a cut crosses takes the colours of the tile that has most of it; where it
 * continues beyond that tile, the next tile's colours are shifted to meet them. Pure functions.
 */
import { regionOf, type RegionMap } from "../../binding/pixels/regions.js";
import type { Stretch } from "./tiling.js";

/** A tile's colours in one region are moved from `mean` to `target`; `keep` of their differences from it stay. */
interface Shift {
  readonly mean: readonly number[];
  readonly target: readonly number[];
  readonly keep: number;
}

/** What is decided for the regions that several tiles have a part of. */
export interface Harmony {
  /** Of every region the tile whose colours it takes as they are; -1 for a region that no cut touches. */
  readonly owners: Int16Array;
  /** Of every region whether its owner has all of it. */
  readonly whole: Uint8Array;
  /** What is done to a tile's colours in a region that it does not own. */
  readonly shiftOf: (region: number, tile: number) => Shift | undefined;
}

/**
 * A tile's picture in its place along the page: red of (along, across) is at `along * step + across * pitch - base`.
 */
interface PlacedTile {
  readonly from: number;
  readonly to: number;
  readonly data: Uint8Array;
  readonly step: number;
  readonly pitch: number;
  readonly base: number;
}

/** The tiles' pictures at one scale, side by side along the page. */
export interface TileStrip {
  readonly along: number;
  readonly across: number;
  readonly tiles: readonly PlacedTile[];
  /** Between tile i and i + 1. */
  readonly seams: readonly Stretch[];
  /** The label of (along, across) is at `alongAt[along] + acrossAt[across]`. */
  readonly labels: Int32Array;
  readonly alongAt: Int32Array;
  readonly acrossAt: Int32Array;
}

/** The later tile's share at a place of a seam, smooth at both ends; 0 before it. */
export function shareAt(position: number, seam: Stretch | undefined): number {
  if (seam === undefined || position < seam.from) return 0;
  const t = (position + 0.5 - seam.from) / (seam.to - seam.from);
  return t >= 1 ? 1 : t * t * (3 - 2 * t);
}

/** Tiles that disagree by this much (distance in RGB) are not believed in what they shade: nothing of it is kept. */
const NO_LIKENESS = 96;
/** Pixels that two tiles must share in a region for their difference to count. */
const LEAST_PIXELS = 4;

/** Sums over the pixels of one region in one seam: count, the earlier tile's colour, the later one's. */
type SeamSums = [count: number, ...colors: number[]];

export function harmonize(strip: TileStrip, regions: RegionMap): Harmony {
  const { tiles, seams, labels, alongAt, acrossAt } = strip;
  const count = labels.reduce((most, label) => Math.max(most, regionOf(label) + 1), 0);
  const [first, last] = [new Int32Array(count).fill(strip.along), new Int32Array(count).fill(-1)];
  const areas = new Float32Array(count * tiles.length);
  const sums = new Map<number, SeamSums>();
  for (let along = 0, tile = 0; along < strip.along; along++) {
    while (tile < seams.length && along >= seams[tile]!.to) tile++;
    const later = shareAt(along, seams[tile]);
    for (let across = 0; across < strip.across; across++) {
      const region = labels[alongAt[along]! + acrossAt[across]!]!;
      if (region < 0) continue; // ink
      if (along < first[region]!) first[region] = along;
      last[region] = along;
      areas[region * tiles.length + tile]! += 1 - later;
      if (later === 0) continue;
      areas[region * tiles.length + tile + 1]! += later;
      const key = region * seams.length + tile;
      let sum = sums.get(key);
      if (sum === undefined) sums.set(key, (sum = [0, 0, 0, 0, 0, 0, 0]));
      addColors(sum, tiles[tile]!, tiles[tile + 1]!, along, across);
    }
  }
  const owners = new Int16Array(count).fill(-1);
  const whole = new Uint8Array(count);
  const shifts = new Map<number, Shift>();
  const margin = marginOf(regions);
  for (const region of new Set([...sums.keys()].map((key) => Math.floor(key / seams.length)))) {
    if (region === margin) continue; // paper in every tile, and so long that small differences would add up
    const own = areas.subarray(region * tiles.length, (region + 1) * tiles.length);
    const owner = own.indexOf(Math.max(...own));
    owners[region] = owner;
    whole[region] = Number(first[region]! >= tiles[owner]!.from && last[region]! < tiles[owner]!.to);
    for (let tile = owner + 1; tile < tiles.length; tile++) if (!follow(region, tile - 1, tile, tile - 1)) break;
    for (let tile = owner - 1; tile >= 0; tile--) if (!follow(region, tile + 1, tile, tile)) break;
  }
  return { owners, whole, shiftOf: (region, tile) => shifts.get(region * tiles.length + tile) };

  /**
   * Moves a tile's colours to those of its neighbour towards the owner, as the two have them in the seam between them.
   */
  function follow(region: number, neighbour: number, tile: number, seam: number): boolean {
    const sum = sums.get(region * seams.length + seam);
    if (sum === undefined || sum[0] < LEAST_PIXELS) return false;
    const mean = (of: number): number[] => [0, 1, 2].map((c) => sum[(of === seam ? 1 : 4) + c]! / sum[0]);
    const before = shifts.get(region * tiles.length + neighbour);
    const target = mean(neighbour).map((value, c) => (before === undefined ? value : moved(value, before, c)));
    const own = mean(tile);
    const distance = Math.hypot(...own.map((value, c) => value - target[c]!));
    shifts.set(region * tiles.length + tile, { mean: own, target, keep: Math.max(0, 1 - distance / NO_LIKENESS) });
    return true;
  }
}

/** The region that has all four corners of the page, looking past the outermost pixels; -1 where there is none. */
function marginOf({ width, height, labels }: RegionMap): number {
  const inset = Math.max(1, Math.floor(Math.min(width, height) / 200));
  const corners = [inset, height - 1 - inset].flatMap((y) =>
    [inset, width - 1 - inset].map((x) => labels[y * width + x] ?? -1),
  );
  return corners.every((label) => label === corners[0]) ? corners[0]! : -1;
}

/** One channel of a colour as a shift moves it. */
export function moved(value: number, { mean, target, keep }: Shift, channel: number): number {
  return target[channel]! + keep * (value - mean[channel]!);
}

function addColors(sum: SeamSums, earlier: PlacedTile, later: PlacedTile, along: number, across: number): void {
  const a = along * earlier.step + across * earlier.pitch - earlier.base;
  const b = along * later.step + across * later.pitch - later.base;
  sum[0]++;
  for (let c = 0; c < 3; c++) {
    sum[1 + c]! += earlier.data[a + c]!;
    sum[4 + c]! += later.data[b + c]!;
  }
}
