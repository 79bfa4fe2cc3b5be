/**
 * Seeded normal noise equal to PyTorch's `torch.randn` on a CUDA device (Philox and Box-Muller), so that a seed gives
 * the picture that it gives in Cobra.
 */
import { ValidationError } from "../../errors.js";
import { philox4x32 } from "./philox.js";

const f = Math.fround;
const BLOCK_THREADS = 256;
const VALUES_PER_COUNTER = 4;
const TWO_POW_MINUS_32 = 2 ** -32;
const TWO_PI_POW_MINUS_32 = f(6.2831855) * TWO_POW_MINUS_32;

/** The device that is imitated. */
interface CudaDevice {
  /**
   * Blocks of 256 threads in flight: multiprocessors * floor(threads per multiprocessor / 256). Tensors with more
   * values than that has threads differ between devices. Default: no limit.
   */
  maxBlocks?: number;
}

/** The seed as a bigint of 64 bits. */
function seedBits(seed: number | bigint): bigint {
  if (typeof seed === "number" ? !Number.isSafeInteger(seed) || seed < 0 : seed < 0n || seed >= 1n << 64n) {
    throw new ValidationError(
      "ERR_ARGUMENT",
      `the seed must be a whole number from 0 to 2^53 - 1, or a bigint below 2^64, got ${seed}`,
    );
  }
  return BigInt(seed);
}

function checkCount(count: number): void {
  if (!Number.isSafeInteger(count) || count < 0)
    throw new ValidationError("ERR_ARGUMENT", `the count of values must be a whole number >= 0, got ${count}`);
}

function threadsFor(count: number, device: CudaDevice): number {
  return BLOCK_THREADS * Math.max(1, Math.min(Math.ceil(count / BLOCK_THREADS), device.maxBlocks ?? Infinity));
}

/**
 * By how much a draw of `count` values moves the generator's counter: 1, or more when the device has fewer threads than
 * a quarter of the values.
 */
export function cudaCounterAdvance(count: number, device: CudaDevice = {}): number {
  return count === 0 ? 0 : Math.ceil(count / (threadsFor(count, device) * VALUES_PER_COUNTER));
}

/**
 * What `torch.randn(count, device="cuda")` gives for a generator with this seed after draws that moved its counter to
 * `counter`.
 *
 * Value i: thread i mod T, its floor(i / T)th normal, T = threads of the launch; per four normals one Philox4x32-10
 * block with key = seed, counter = (counter + round, 0, thread, 0); Box-Muller: u = w0 2^-32 + 2^-33, v = (w1 2^-32 +
 * 2^-33) 2 pi, sqrt(-2 ln u) sin v, then cos v; then the same of w2, w3 (ATen/native/cuda/DistributionTemplates.h,
 * curand_normal.h).
 * @param seed 0 .. 2^64 - 1
 * @param counter sum of `cudaCounterAdvance` over the earlier draws
 */
export function cudaNormal(
  seed: number | bigint,
  counter: number,
  count: number,
  device: CudaDevice = {},
): Float32Array {
  const key = seedBits(seed);
  checkCount(count);
  const [k0, k1] = [Number(key & 0xffffffffn), Number(key >> 32n)];
  const threads = threadsFor(count, device);
  const values = new Float32Array(count);
  const words = new Uint32Array(4);
  for (let base = 0, round = 0; base < count; base += threads * VALUES_PER_COUNTER, round++) {
    const low = (counter + round) >>> 0;
    const high = Math.floor((counter + round) / 4294967296) >>> 0;
    for (let thread = 0; thread < Math.min(threads, count - base); thread++) {
      philox4x32(low, high, thread, 0, k0, k1, words);
      for (let pair = 0; pair < 2; pair++) {
        const first = base + thread + 2 * pair * threads;
        if (first >= count) break;
        const u = f(f(words[2 * pair]!) * TWO_POW_MINUS_32 + TWO_POW_MINUS_32 / 2);
        const v = f(f(words[2 * pair + 1]!) * TWO_PI_POW_MINUS_32 + TWO_PI_POW_MINUS_32 / 2);
        const radius = f(Math.sqrt(f(-2 * f(Math.log(u)))));
        values[first] = radius * f(Math.sin(v));
        if (first + threads < count) values[first + threads] = radius * f(Math.cos(v));
      }
    }
  }
  return values;
}

/** A CUDA-like generator: each draw continues where the last one ended, as PyTorch's does. */
export class NoiseGenerator {
  readonly seed: bigint;
  readonly #device: CudaDevice;
  #counter = 0;

  /** @param seed 0 .. 2^64 - 1 */
  constructor(seed: number | bigint, device: CudaDevice = {}) {
    this.seed = seedBits(seed);
    this.#device = device;
  }

  /** Where the next draw begins. */
  get counter(): number {
    return this.#counter;
  }

  /** The next draw: `count` standard normal values. */
  normal(count: number): Float32Array {
    const values = cudaNormal(this.seed, this.#counter, count, this.#device);
    this.skip(count);
    return values;
  }

  /** Moves on as a draw of `count` values does, without computing it. */
  skip(count: number): void {
    checkCount(count);
    this.#counter += cudaCounterAdvance(count, this.#device);
  }
}
