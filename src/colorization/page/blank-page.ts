/** Detects blank pages: nothing but paper. */
import type { RasterImage } from "../../binding/raster.js";

/** Levels of 8 bits that the pixels of a blank page may lie apart in each channel: paper, scanned or compressed. */
const BLANK_LEVELS = 24;

/** Whether a page is one tone: there is nothing to colour, and its paper keeps its own. */
export function isBlank({ channels, data }: RasterImage): boolean {
  const low = Array.from(data.subarray(0, channels));
  const high = [...low];
  for (let i = channels; i < data.length; i++) {
    const channel = i % channels;
    const value = data[i]!;
    if (value < low[channel]!) low[channel] = value;
    else if (value > high[channel]!) high[channel] = value;
    else continue;
    if (high[channel]! - low[channel]! > BLANK_LEVELS) return false;
  }
  return true;
}
