/** Whether a picture has any colour at all. */
import type { RasterImage } from "../../binding/raster.js";

/** Levels that the channels of gray may lie apart, of scans and lossy files. */
const GRAY_LEVELS = 16;
/** About so many pixels are looked at, spread over the picture. */
const LOOKED_AT = 50_000;

export function isGray({ width, height, channels, data }: RasterImage): boolean {
  if (channels === 1) return true;
  const step = 3 * Math.max(1, Math.floor((width * height) / LOOKED_AT));
  for (let i = 0; i + 2 < data.length; i += step) {
    const [r, g, b] = [data[i]!, data[i + 1]!, data[i + 2]!];
    if (Math.max(r, g, b) - Math.min(r, g, b) > GRAY_LEVELS) return false;
  }
  return true;
}
