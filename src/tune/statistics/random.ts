/** Random numbers that a seed decides: the same seed gives the same orders, resamples and intervals. */

/** A generator (sfc32). */
export class Random {
  #a = 0x9e3779b9;
  #b = 0x243f6a88;
  #c = 0xb7e15162;
  #count = 1;

  constructor(seed: number) {
    this.#a ^= seed | 0;
    this.#b ^= Math.floor(seed / 2 ** 32) | 0;
    for (let round = 0; round < 12; round++) this.word();
  }

  /** 32 random bits. */
  word(): number {
    const word = (this.#a + this.#b + this.#count) | 0;
    this.#count = (this.#count + 1) | 0;
    this.#a = this.#b ^ (this.#b >>> 9);
    this.#b = (this.#c + (this.#c << 3)) | 0;
    this.#c = ((this.#c << 21) | (this.#c >>> 11)) + word;
    return word >>> 0;
  }

  /** At least 0, below 1. */
  next(): number {
    return this.word() / 2 ** 32;
  }

  /** A whole number of at least 0, below `limit`. */
  below(limit: number): number {
    return Math.floor(this.next() * limit);
  }

  /** The same items in another order. */
  shuffled<T>(items: readonly T[]): T[] {
    const result = [...items];
    for (let last = result.length - 1; last > 0; last--) {
      const other = this.below(last + 1);
      [result[last], result[other]] = [result[other]!, result[last]!];
    }
    return result;
  }

  /** From the standard normal distribution. */
  normal(): number {
    return Math.sqrt(-2 * Math.log(1 - this.next())) * Math.cos(2 * Math.PI * this.next());
  }
}
