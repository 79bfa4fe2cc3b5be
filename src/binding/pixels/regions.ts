/**
 * A page's regions: the kernel `native/pixels/regions.cc` with typed pictures. Synchronous; usable in worker threads.
 */
import { callPixels } from "./pixels.js";
import type { RasterImage } from "../raster.js";

/** Which region each pixel of a grid over a page belongs to. */
export interface RegionMap {
  readonly width: number;
  readonly height: number;
  /** A region's number from 0; on ink -2 less the number of the nearest region, and -1 far inside ink. */
  readonly labels: Int32Array;
}

/**
 * Cuts a page into regions that its ink bounds, also where a line has gaps.
 * @param page gray or RGB, any size
 * @param width @param height of the grid, at most the page's
 */
export function findRegions(page: RasterImage, width: number, height: number): RegionMap {
  return { width, height, labels: callPixels((pixels) => pixels.findRegions(page, width, height)) };
}

/** The region of a pixel, also on ink; -1 for none. */
export function regionOf(label: number): number {
  return label < -1 ? -2 - label : label;
}

/** Grids of a page above this many pixels gain nothing: lines are found on them as well as on the page. */
const PAGE_PIXELS = 2_000_000;
/** A strip is examined as finely as its pages would be, up to this many pixels. */
const STRIP_PIXELS = 6_000_000;

/** The grid on which a page's regions are found: the page's size, or an integer fraction of it if the page is large. */
export function regionGrid({ width, height }: { readonly width: number; readonly height: number }): {
  width: number;
  height: number;
} {
  const pixels = width * height;
  const ofPage = Math.min(pixels, 2 * Math.min(width, height) ** 2);
  const part = Math.max(1, Math.ceil(Math.sqrt(Math.max(ofPage / PAGE_PIXELS, pixels / STRIP_PIXELS))));
  return { width: Math.ceil(width / part), height: Math.ceil(height / part) };
}
