/**
 * Flats: one colour for every region of a page. Typed calls of `native/pixels/flats.cc` and `regions.cc`. Synchronous;
 * usable in worker threads.
 */
import { callPixels, type PixelImage } from "./pixels.js";
import type { RasterImage } from "../raster.js";
import { regionGrid } from "./regions.js";

/**
 * Gives every region that the page's ink bounds one colour, the commonest of the model's in it; a nearly white one
 * becomes white. A region whose colours are mostly far from its commonest (several things that no line separates)
 * keeps the model's.
 * @param page gray or RGB, any size
 * @param color the model's picture of the whole page, RGB, any size; stretched to the page's
 * @returns RGB of the page's size, or of an integer fraction of it if the page is large (`regionGrid`)
 */
export function flattenColors(page: RasterImage, color: PixelImage<3>): PixelImage<3> & RasterImage {
  const { width, height } = regionGrid(page);
  return {
    width,
    height,
    channels: 3,
    data: callPixels((pixels) => pixels.flattenColors(page, color, width, height, 3)),
  };
}

/**
 * `flattenColors` for `composeInk`: alpha is 255 where a region has its flat, and 0 where it keeps the model's colours.
 */
export function flatFill(page: RasterImage, color: PixelImage<3>): PixelImage<4> {
  const { width, height } = regionGrid(page);
  return {
    width,
    height,
    channels: 4,
    data: callPixels((pixels) => pixels.flattenColors(page, color, width, height, 4)),
  };
}
