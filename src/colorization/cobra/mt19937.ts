/** The Mersenne Twister mt19937 (Matsumoto, Nishimura 1998), seeded as PyTorch's CPU generator seeds it. */

const N = 624;
const M = 397;

/** A stream of 32-bit words. */
export class Mt19937 {
  readonly #state = new Uint32Array(N);
  #next = N;

  /** @param seed its low 32 bits are used, as in PyTorch */
  constructor(seed: number | bigint) {
    const state = this.#state;
    state[0] = Number(BigInt.asUintN(32, BigInt(seed)));
    for (let i = 1; i < N; i++) {
      const previous = state[i - 1]! ^ (state[i - 1]! >>> 30);
      state[i] = Math.imul(1812433253, previous) + i;
    }
  }

  /** The next unsigned 32-bit word. */
  word(): number {
    if (this.#next === N) this.#refill();
    let y = this.#state[this.#next++]!;
    y ^= y >>> 11;
    y ^= (y << 7) & 0x9d2c5680;
    y ^= (y << 15) & 0xefc60000;
    y ^= y >>> 18;
    return y >>> 0;
  }

  /** 24 random bits over 2^24: PyTorch's float32 uniform in [0, 1). */
  uniform24(): number {
    return (this.word() & 0xffffff) / 16777216;
  }

  /** 53 random bits over 2^53, from two words, the high one first: PyTorch's float64 uniform in [0, 1). */
  uniform53(): number {
    const high = this.word();
    const low = this.word();
    return ((high & 0x1fffff) * 4294967296 + low) / 9007199254740992;
  }

  #refill(): void {
    const state = this.#state;
    for (let i = 0; i < N; i++) {
      const y = (state[i]! & 0x80000000) | (state[(i + 1) % N]! & 0x7fffffff);
      state[i] = state[(i + M) % N]! ^ (y >>> 1) ^ (y & 1 ? 0x9908b0df : 0);
    }
    this.#next = 0;
  }
}
