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
  /** Where a code ended for the first time with all that was expected; 0 before. */
  readonly reachedBytes: number;
  /** The greatest symbol that stands for itself. */
  readonly greatest: number;
  /** A code that nothing had defined; the size is that before it. */
  readonly hasUndefinedCode: boolean;
}

const MOST_BITS = 12;
const TABLE = 1 << MOST_BITS;
/** Bytes of data between two looks at the clock. */
const ROUND = 1 << 16;

/**
 * Only the lengths of strings are followed, which takes a fraction of unpacking them. Stops behind `most` bytes, at the
 * end code, or at the end of the data.
 */
export async function lzwSize(
  data: Uint8Array,
  form: LzwForm,
  sizes: { readonly expected: number; readonly most: number },
): Promise<LzwSize> {
  const follow = new Follower(data, form, sizes.expected, sizes.most);
  for (let to = ROUND; follow.upTo(to); to += ROUND) await turn();
  return follow;
}

/** Follows the codes part by part: an asynchronous function keeps no numbers in registers. */
class Follower implements LzwSize {
  sizeBytes = 0;
  reachedBytes = 0;
  greatest = 0;
  hasUndefinedCode = false;
  readonly #lengths: Uint16Array;
  #at = 0;
  #held = 0;
  #heldBits = 0;
  #next: number;
  #bits: number;
  #previous = 0;

  constructor(
    readonly data: Uint8Array,
    readonly form: LzwForm,
    readonly expected: number,
    readonly most: number,
  ) {
    const clear = 1 << form.symbolBits;
    this.#lengths = new Uint16Array(TABLE + 1).fill(1, 0, clear);
    this.#next = clear + 2;
    this.#bits = form.symbolBits + 1;
  }

  /** Goes on to a place in the data. False at the end. */
  upTo(place: number): boolean {
    const { data, expected, most } = this;
    const { isTiff, symbolBits } = this.form;
    const lengths = this.#lengths;
    const clear = 1 << symbolBits;
    const early = isTiff ? 1 : 0;
    const end = Math.min(place, data.length);
    let at = this.#at;
    let held = this.#held;
    let heldBits = this.#heldBits;
    let next = this.#next;
    let bits = this.#bits;
    let previous = this.#previous;
    let { sizeBytes, reachedBytes, greatest } = this;
    let goesOn = false;
    while (sizeBytes <= most) {
      while (heldBits < bits && at < end) {
        held = isTiff ? ((held << 8) | data[at]!) & 0xff_ffff : held | (data[at]! << heldBits);
        heldBits += 8;
        at++;
      }
      if (heldBits < bits) {
        goesOn = at < data.length;
        break;
      }
      heldBits -= bits;
      const code = (isTiff ? held >> heldBits : held) & ((1 << bits) - 1);
      if (!isTiff) held >>= bits;
      if (code === clear) {
        next = clear + 2;
        bits = symbolBits + 1;
        previous = 0;
        continue;
      }
      if (code === clear + 1) break;
      const isNew = code === next && previous > 0 && next < TABLE;
      if (code >= next && !isNew) {
        this.hasUndefinedCode = true;
        break;
      }
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
    this.#at = at;
    this.#held = held;
    this.#heldBits = heldBits;
    this.#next = next;
    this.#bits = bits;
    this.#previous = previous;
    Object.assign(this, { sizeBytes, reachedBytes, greatest });
    return goesOn;
  }
}
