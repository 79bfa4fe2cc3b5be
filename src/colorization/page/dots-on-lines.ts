/**
 * Finds hint dots that lie on the page's ink, where they cannot say which region is meant, and a clear spot near each.
 */
import type { RasterImage } from "../../binding/raster.js";
import type { PageHint } from "./page-hints.js";

/** A dot is on a line where the page is darker than this, of 255. */
const INK = 128;
/** A place is clear where the page is at least this light, of 255, within so many pixels. */
const PAPER = 192;
const CLEAR_PX = 3;
/** How far a clear place is looked for. */
const REACH_PX = 64;

/** A warning for each dot on a line; it names the nearest clear place, if there is one within 64 pixels. */
export function dotsOnLines(page: RasterImage, hints: readonly PageHint[]): string[] {
  return hints.flatMap(({ x, y }) => {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (!isInside(page, column, row) || lightness(page, column, row) >= INK) return [];
    const clear = nearestClear(page, column, row);
    return [
      `the hint at ${x},${y} lies on a line, so it is not clear which region it is for; ${clear === undefined ? "move it into the region" : `the nearest clear place is ${clear.join(",")}`}`,
    ];
  });
}

/** The clear place nearest to a pixel, by rings of growing distance. */
function nearestClear(page: RasterImage, x: number, y: number): readonly [x: number, y: number] | undefined {
  let best: { readonly at: readonly [number, number]; readonly distance: number } | undefined;
  for (let ring = 1; ring <= REACH_PX && (best === undefined || ring <= best.distance); ring++) {
    for (const [dx, dy] of squareRing(ring)) {
      const distance = Math.hypot(dx, dy);
      if ((best === undefined || distance < best.distance) && isClear(page, x + dx, y + dy))
        best = { at: [x + dx, y + dy], distance };
    }
  }
  return best?.at;
}

function* squareRing(ring: number): Generator<readonly [dx: number, dy: number]> {
  for (let d = -ring; d <= ring; d++) {
    yield [d, -ring];
    yield [d, ring];
    if (Math.abs(d) === ring) continue;
    yield [-ring, d];
    yield [ring, d];
  }
}

function isClear(page: RasterImage, x: number, y: number): boolean {
  if (!isInside(page, x, y)) return false;
  for (let v = Math.max(0, y - CLEAR_PX); v <= Math.min(page.height - 1, y + CLEAR_PX); v++)
    for (let u = Math.max(0, x - CLEAR_PX); u <= Math.min(page.width - 1, x + CLEAR_PX); u++)
      if (lightness(page, u, v) < PAPER) return false;
  return true;
}

function isInside({ width, height }: RasterImage, x: number, y: number): boolean {
  return x >= 0 && y >= 0 && x < width && y < height;
}

/** Luma of Rec. 601, 0 to 255. */
function lightness({ width, channels, data }: RasterImage, x: number, y: number): number {
  const at = (y * width + x) * channels;
  return channels === 1 ? data[at]! : 0.299 * data[at]! + 0.587 * data[at + 1]! + 0.114 * data[at + 2]!;
}
