/** The part of a GIF's screen that its first frame leaves free: clear in browsers, black in libvips. */
import type { RasterImage } from "../../../binding/raster.js";
import { firstGifFrame } from "../headers/gif-frame.js";

const WHITE = 255;

/** Makes what lies outside the frame white paper, as the rest of what is clear. Changes the picture in place. */
export function whitenGifMargin({ width, height, channels, data }: RasterImage, bytes: Uint8Array): void {
  const frame = firstGifFrame(bytes);
  if (frame === undefined || !frame.isPartial) return;
  const rowBytes = width * channels;
  const from = Math.min(frame.left, width) * channels;
  const to = Math.min(frame.left + frame.width, width) * channels;
  for (let y = 0; y < height; y++) {
    const row = data.subarray(y * rowBytes, (y + 1) * rowBytes);
    if (y < frame.top || y >= frame.top + frame.height) row.fill(WHITE);
    else row.fill(WHITE, 0, from).fill(WHITE, to);
  }
}
