/**
 * Host memory on the way to and from the networks. Planes that worker threads fill or read are shared with them and
 * used in place. Other large arrays are copied in pieces, so that the event loop goes on between them. Both are kept
 * for the next page.
 */
import { setImmediate } from "node:timers/promises";
import { Tensor } from "../../binding/index.js";

/** Bytes that are copied at a stretch: about a millisecond. */
const PIECE_BYTES = 2 ** 22;
/** Smaller arrays go with the run itself. */
const STAGED_BYTES = 2 ** 20;

/** Copies elements, and lets other work go on between the pieces. */
async function copyInPieces(from: Float32Array, to: Float32Array): Promise<void> {
  const piece = PIECE_BYTES / from.BYTES_PER_ELEMENT;
  for (let start = 0; start < from.length; start += piece) {
    if (start > 0) await setImmediate();
    to.set(from.subarray(start, start + piece), start);
  }
}

/**
 * Planes in memory that threads share: a worker fills them and the device reads them, or the other way round, and
 * nobody copies. Who takes an array gives it back when nobody reads or writes it any more; after an error or an abort,
 * when a worker may still be at it, it is left to the garbage collector. Contents are those of the last
 * user: fill all of it.
 */
export class SharedPlanes {
  readonly #free = new Map<number, Float32Array[]>();

  /** An array of so many values. */
  take(length: number): Float32Array {
    return this.#free.get(length)?.pop() ?? new Float32Array(new SharedArrayBuffer(4 * length));
  }

  /** Arrays that are not in shared memory are left alone. */
  giveBack(...arrays: readonly Float32Array[]): void {
    for (const array of arrays) {
      if (!(array.buffer instanceof SharedArrayBuffer)) continue;
      const kept = this.#free.get(array.length);
      if (kept === undefined) this.#free.set(array.length, [array]);
      else kept.push(array);
    }
  }

  /** Forgets what is not in use. */
  clear(): void {
    this.#free.clear();
  }
}

/** Tensors on the host for inputs, kept by shape. Owned by `Networks`; `dispose` frees what is not in use. */
export class Staging implements Disposable {
  readonly #free = new Map<string, Tensor[]>();
  #disposed = false;

  /** Does `work` with an array as a tensor, which is taken back afterwards. */
  async with<T>(array: Float32Array, dims: readonly number[], work: (tensor: Tensor) => Promise<T>): Promise<T> {
    if (array.byteLength < STAGED_BYTES || array.buffer instanceof SharedArrayBuffer) {
      using tensor = Tensor.from("float32", array, dims);
      return await work(tensor);
    }
    const key = dims.join("x");
    const tensor = this.#free.get(key)?.pop() ?? Tensor.alloc("float32", dims);
    try {
      await copyInPieces(array, tensor.data as Float32Array);
      return await work(tensor);
    } finally {
      this.#keep(key, tensor);
    }
  }

  #keep(key: string, tensor: Tensor): void {
    if (this.#disposed) return tensor.dispose();
    const kept = this.#free.get(key) ?? [];
    kept.push(tensor);
    this.#free.set(key, kept);
  }

  /** Frees what is not in use. */
  clear(): void {
    for (const tensors of this.#free.values()) for (const tensor of tensors) tensor.dispose();
    this.#free.clear();
  }

  [Symbol.dispose](): void {
    this.#disposed = true;
    this.clear();
  }
}
