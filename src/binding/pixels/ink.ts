/**
 * The model's colour under the page's own ink: the kernel `native/pixels/ink*.cc` with typed pictures. Synchronous;
 * usable in worker threads.
 */
import { callPixels, type PixelImage } from "./pixels.js";
import type { RasterImage } from "../raster.js";

/**
 * Colours a page at its own size with its own ink.
 *
 * Out is colour times ink. The colour is the model's picture brought to the page's size, freed of the lines that the
 * model drew and kept from crossing the page's lines; the ink is the page relative to its paper. A grey area of the
 * page darkens the colour only as far as the colour is not that dark already. Where the colour is white the result is
 * the page's pixel, and so it is where the page is black (up to 24 of 255 in each channel).
 * @param page the page, gray or RGB, any size; paper may be tinted
 * @param color the model's picture of the whole page, RGB, any size; stretched to the page's. Or `flatFill`: flats are
 * not mixed with their neighbours
 * @param hints the colours that the user chose, RGBA, any size, stretched to the page's (`growHints`): there the result
 * has this colour, with as much of the model's light and shade as leaves its mean alone
 * @param out memory of the result; may be an RGB page's own
 * @returns RGB at the page's size
 */
export function composeInk(
  page: RasterImage,
  color: PixelImage<3 | 4>,
  hints?: PixelImage<4>,
  out?: Uint8Array,
): PixelImage<3> & RasterImage {
  return {
    width: page.width,
    height: page.height,
    channels: 3,
    data: callPixels((pixels) => pixels.composeInk(page, color, hints, out)),
  };
}

/** A coloured page and its layers, RGB at the page's size. */
export interface InkLayers {
  readonly image: PixelImage<3> & RasterImage;
  /** The colour alone, paper where it is white. */
  readonly color: PixelImage<3> & RasterImage;
  /** The page relative to its paper: multiplied with the colour it gives the image, but for levels in black. */
  readonly ink: PixelImage<3> & RasterImage;
}

/** `composeInk` with its layers apart. */
export function composeInkLayers(page: RasterImage, color: PixelImage<3 | 4>, hints?: PixelImage<4>): InkLayers {
  const fresh = (): Uint8Array => new Uint8Array(page.width * page.height * 3);
  const [colorData, inkData] = [fresh(), fresh()];
  const data = callPixels((pixels) => pixels.composeInk(page, color, hints, undefined, colorData, inkData));
  const picture = (bytes: Uint8Array): InkLayers["image"] => ({
    width: page.width,
    height: page.height,
    channels: 3,
    data: bytes,
  });
  return { image: picture(data), color: picture(colorData), ink: picture(inkData) };
}
