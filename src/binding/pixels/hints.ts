/**
 * Colour hints grown to the regions of a page. Typed calls of `native/pixels/hints.cc` and `regions.cc`. Synchronous;
 * usable in worker threads.
 */
import { callPixels, type PixelImage } from "./pixels.js";
import type { RasterImage } from "../raster.js";

/**
 * Grows strokes of colour to the regions of the page that they lie in. Regions are bounded by the page's ink, also
 * where a line has a gap that is narrow against what lies beside it; the colour reaches to the middle of a line. A
 * stroke takes every region that it touches (but for one that it has less than a tenth of its greatest part in); where
 * a region has several, each pixel takes the nearest on a way inside the region. In a region of more than half of the
 * page a stroke reaches an eighth of the longer side far, fading over the second half.
 * @param page gray or RGB, any size
 * @param marks RGBA of any size, stretched to the page's; a stroke is where alpha is 128 or more
 * @param width @param height of the grid that is worked on, at most the page's
 * @returns RGBA of width x height, straight alpha; alpha 255 inside, 0 outside
 */
export function growHints(
  page: RasterImage,
  marks: PixelImage<4>,
  width: number = page.width,
  height: number = page.height,
): PixelImage<4> {
  return { width, height, channels: 4, data: callPixels((pixels) => pixels.growHints(page, marks, width, height)) };
}
