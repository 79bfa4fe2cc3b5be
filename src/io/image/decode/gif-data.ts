/**
 * Checks the packed pixels of a GIF's first frame. Its decoder shows what it has unpacked before a fault, as
 * browsers do, and says nothing.
 */
import { firstGifFrame } from "../headers/gif-frame.js";
import type { DataFaults } from "./data-faults.js";
import { NO_END } from "./mended.js";
import { lzwSize, type LzwSize } from "./lzw-size.js";

/** The longest code has 12 bits. */
const MOST_SYMBOL_BITS = 11;

/** Unpacks the frame once more and keeps nothing of it. */
export async function checkGifData(bytes: Uint8Array): Promise<DataFaults> {
  const frame = firstGifFrame(bytes);
  if (frame === undefined || frame.symbolBits > MOST_SYMBOL_BITS) return {}; // for the decoder to say
  const { width, height, symbolBits, colors, data, isWhole, hasEnd } = frame;
  const pixels = width * height;
  if (pixels === 0) return { damage: `its first frame has ${width}x${height} pixels` };
  const form = { symbolBits, isTiff: false };
  const found = await lzwSize(data, form, { expected: pixels, most: pixels });
  if (found.sizeBytes < pixels)
    return { damage: isWhole ? faultOf(found, pixels) : "the file ends within the picture" };
  const warnings = [
    ...(found.sizeBytes > pixels ? [`holds more than its ${pixels} pixels; what is behind them is left out`] : []),
    ...(colors > 0 && found.greatest >= colors
      ? [`uses colour ${found.greatest} of a palette that ends at ${colors - 1}`]
      : []),
    ...(hasEnd ? [] : [NO_END]),
  ];
  return { warnings };
}

function faultOf({ hasUndefinedCode, sizeBytes }: LzwSize, pixels: number): string {
  return hasUndefinedCode ? "a code that nothing has defined" : `its data have ${sizeBytes} of ${pixels} pixels`;
}
