/**
 * Finds hints that lie on the page's ink, where they cannot say which region is meant, and a clear spot near each:
 * dots, and strokes of a picture that touch nothing but ink.
 */
import type { PixelImage } from "../../binding/pixels/pixels.js";
import type { RasterImage } from "../../binding/raster.js";
import type { PageHint, PageHints } from "./page-hints.js";

/** A dot is on a line where the page is darker than this, of 255. */
const INK = 128;
/** A place is clear where the page is at least this light, of 255, within so many pixels. */
const PAPER = 192;
const CLEAR_PX = 3;
/** How far a clear place is looked for. */
const REACH_PX = 64;

/** Strokes that get a warning each; a scan of the page as a picture of hints has thousands. */
const MOST_STROKES = 8;
/** A stroke is where the opacity is at least this, of 255. */
const OPAQUE = 128;

/** A warning for each hint on a line; it names the nearest clear place, if there is one within 64 pixels. */
export function hintsOnLines(page: RasterImage, hints: PageHints): string[] {
  return "data" in hints ? strokesOnLines(page, hints) : dotsOnLines(page, hints);
}

function dotsOnLines(page: RasterImage, hints: readonly PageHint[]): string[] {
  return hints.flatMap(({ x, y }) => {
    const [column, row] = [Math.floor(x), Math.floor(y)];
    if (!isInside(page, column, row) || lightness(page, column, row) >= INK) return [];
    return [
      `the hint at ${x},${y} lies on a line, so it is not clear which region it is for; ${advice(page, column, row)}`,
    ];
  });
}

/** Strokes of which no pixel is beside the lines: they colour nothing. */
function strokesOnLines(page: RasterImage, picture: PixelImage<4>): string[] {
  const places = strokesOnInk(page, picture);
  const shown = places.slice(0, MOST_STROKES).map(([x, y]) => {
    return `the stroke at ${x},${y} lies on a line, so it colours nothing; ${advice(page, x, y)}`;
  });
  const more = places.length - shown.length;
  return more === 0 ? shown : [...shown, `${more} more strokes lie on lines and colour nothing`];
}

/** Where on the page strokes lie that touch nothing but ink: a pixel of each. */
function strokesOnInk(page: RasterImage, { width, height, data }: PixelImage<4>): (readonly [x: number, y: number])[] {
  const colors = new DataView(data.buffer, data.byteOffset, data.byteLength);
  const seen = new Uint8Array(width * height);
  const places: (readonly [number, number])[] = [];
  const placeOf = (at: number): readonly [number, number] => [
    Math.floor((((at % width) + 0.5) * page.width) / width),
    Math.floor(((Math.floor(at / width) + 0.5) * page.height) / height),
  ];
  for (let first = 0; first < seen.length; first++) {
    if (seen[first] !== 0 || data[4 * first + 3]! < OPAQUE) continue;
    const color = colors.getUint32(4 * first) >>> 8;
    const waiting = [first];
    let isOnInk = true;
    seen[first] = 1;
    for (let at = waiting.pop(); at !== undefined; at = waiting.pop()) {
      isOnInk &&= lightness(page, ...placeOf(at)) < INK;
      const x = at % width;
      for (let v = Math.max(0, at - x - width); v <= Math.min(at - x + width, seen.length - width); v += width)
        for (let u = Math.max(0, x - 1); u <= Math.min(width - 1, x + 1); u++) {
          const next = v + u;
          if (seen[next] !== 0 || data[4 * next + 3]! < OPAQUE || colors.getUint32(4 * next) >>> 8 !== color) continue;
          seen[next] = 1;
          waiting.push(next);
        }
    }
    if (isOnInk) places.push(placeOf(first));
  }
  return places;
}

/** Where to put a hint instead. */
function advice(page: RasterImage, x: number, y: number): string {
  const clear = nearestClear(page, x, y);
  return clear === undefined ? "move it into the region" : `the nearest clear place is ${clear.join(",")}`;
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
