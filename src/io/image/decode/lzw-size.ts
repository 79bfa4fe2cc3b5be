/** Measures data packed with LZW, of TIFF and GIF: what they unpack to, and whether all their codes are defined. */

import { turn } from "../../../concurrency/take-turns.js";

/** How a format lays out its codes. */
export interface LzwForm {
  /** Bits of an uncompressed symbol: 8 in TIFF, as the picture states in GIF. */
  readonly symbolBits: number;
  /** TIFF: the first bit of a code is the highest of its byte, and codes grow one earlier. */
  readonly isTiff: boolean;
}

/** What came of it. */
export interface LzwSize {
  /** Up to the end, or to where it was left. */
  readonly sizeBytes: number;
  /** Where a code ended for the first time with all that was expected. */
  readonly reachedBytes: number;
  /** The greatest symbol that stands for itself. */
  readonly greatest: number;
  /** A code that nothing had defined; the size is that before it. */
  readonly hasUndefinedCode: boolean;
}

const MOST_BITS = 12;
const TABLE = 1 << MOST_BITS;
/** Codes between two looks at the clock, less one. */
const ROUND = 0xffff;

/**
 * Only the lengths of strings are followed, which takes a fraction of unpacking them. Stops behind `most` bytes, at the
 * end code, or at the end of the data.
 */
export async function lzwSize(
  data: Uint8Array,
  { symbolBits, isTiff }: LzwForm,
  { expected, most }: { readonly expected: number; readonly most: number },
): Promise<LzwSize> {
  const clear = 1 << symbolBits;
  const early = isTiff ? 1 : 0;
  const lengths = new Uint16Array(TABLE + 1).fill(1, 0, clear);
  let [next, bits, previous, sizeBytes, greatest] = [clear + 2, symbolBits + 1, 0, 0, 0];
  let [held, heldBits, reachedBytes] = [0, 0, 0];
  const result = (hasUndefinedCode: boolean): LzwSize => ({ sizeBytes, reachedBytes, greatest, hasUndefinedCode });
  for (let at = 0, codes = 0; sizeBytes <= most; codes++) {
    if ((codes & ROUND) === ROUND) await turn();
    while (heldBits < bits) {
      if (at === data.length) return result(false);
      held = isTiff ? ((held << 8) | data[at]!) & 0xff_ffff : held | (data[at]! << heldBits);
      heldBits += 8;
      at++;
    }
    heldBits -= bits;
    const code = (isTiff ? held >> heldBits : held) & ((1 << bits) - 1);
    if (!isTiff) held >>= bits;
    if (code === clear) {
      [next, bits, previous] = [clear + 2, symbolBits + 1, 0];
      continue;
    }
    if (code === clear + 1) break;
    const isNew = code === next && previous > 0 && next < TABLE;
    if (code >= next && !isNew) return result(true);
    const length = isNew ? previous + 1 : lengths[code]!;
    if (code < clear && code > greatest) greatest = code;
    if (previous > 0 && next < TABLE) lengths[next++] = previous + 1;
    if (next + early >= 1 << bits && bits < MOST_BITS) bits++;
    previous = length;
    sizeBytes += length;
    if (reachedBytes === 0 && sizeBytes >= expected) reachedBytes = sizeBytes;
    // Without an end code, the bits that fill up the last byte are none.
    if (sizeBytes === expected && heldBits + 8 * (data.length - at) < 8) break;
  }
  return result(false);
}
