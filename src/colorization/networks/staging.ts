/**
 * Host memory on the way to and from the networks. Planes that worker threads fill or read are shared with them and
 * used in place. Other large arrays are copied in pieces, so that the event loop goes on between them. Both are kept
 * for the next page.
 */
import { setImmediate } from "node:timers/promises";
import { types } from "node:util";
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

/** A piece of memory is larger than what is asked for by at most an eighth, so that pages of other sizes use it too. */
const SIZES_PER_DOUBLING = 8;
/** Memory that is not in use is kept up to this much in all. */
const KEPT_BYTES = 2 ** 27;
/** Pictures above this size get memory of their own, which goes as soon as they do. */
const LARGEST_BYTES = 2 ** 25;

function roomFor(byteLength: number): number {
  const step = 2 ** Math.max(12, Math.floor(Math.log2(Math.max(1, byteLength))) - Math.log2(SIZES_PER_DOUBLING));
  return Math.ceil(byteLength / step) * step;
}

/**
 * Planes and pictures in memory that threads share: a worker fills it and the device or another worker reads it, or the
 * other way round, and nobody copies. No thread's garbage collector counts it: it collects much more often where
 * pictures are memory of its own. Who takes an array gives it back when nobody reads or writes it any more; after an
 * error or an abort, when a worker may still be at it, it is left to the garbage collector. Contents are those of the
 * last user: fill all of it.
 */
export class SharedPlanes {
  /** By size, the one that was used last at the end. */
  readonly #free = new Map<number, SharedArrayBuffer[]>();
  #freeBytes = 0;

  /** An array of so many values. */
  take(length: number): Float32Array {
    return new Float32Array(this.#take(Float32Array.BYTES_PER_ELEMENT * length), 0, length);
  }

  /** Memory of a picture; undefined for one that is too large to be kept for others. */
  takeBytes(length: number): Uint8Array | undefined {
    return length > LARGEST_BYTES ? undefined : new Uint8Array(this.#take(length), 0, length);
  }

  /** A copy for another thread, in memory of its own where the picture is too large. */
  copyOf(bytes: Uint8Array): Uint8Array {
    const copy = this.takeBytes(bytes.byteLength);
    if (copy === undefined) return new Uint8Array(bytes);
    copy.set(bytes);
    return copy;
  }

  #take(byteLength: number): SharedArrayBuffer {
    const room = roomFor(byteLength);
    const kept = this.#free.get(room)?.pop();
    if (kept === undefined) return new SharedArrayBuffer(room);
    this.#freeBytes -= room;
    return kept;
  }

  /** Arrays that are not in shared memory are left alone. */
  giveBack(...arrays: readonly (Float32Array | Uint8Array | undefined)[]): void {
    for (const array of arrays) {
      if (!types.isSharedArrayBuffer(array?.buffer)) continue;
      const { byteLength } = array.buffer;
      const kept = this.#free.get(byteLength) ?? [];
      // Memory that is given back twice must not serve two pages.
      if (this.#freeBytes + byteLength > KEPT_BYTES || kept.includes(array.buffer)) continue;
      this.#freeBytes += byteLength;
      kept.push(array.buffer);
      this.#free.set(byteLength, kept);
    }
  }

  /** Forgets what is not in use. */
  clear(): void {
    this.#free.clear();
    this.#freeBytes = 0;
  }
}

/** Tensors on the host for inputs, kept by shape. Owned by `Networks`; `dispose` frees what is not in use. */
export class Staging implements Disposable {
  readonly #free = new Map<string, Tensor[]>();
  #disposed = false;

  /** Does `work` with an array as a tensor, which is taken back afterwards. */
  async with<T>(array: Float32Array, dims: readonly number[], work: (tensor: Tensor) => Promise<T>): Promise<T> {
    if (array.byteLength < STAGED_BYTES || types.isSharedArrayBuffer(array.buffer)) {
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
