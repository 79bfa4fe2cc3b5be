/**
 * Host memory on the way to and from the networks. Large arrays are copied in pieces, so that the event loop goes on
 * between them, and the tensors are kept for the next page.
 */
import { setImmediate } from "node:timers/promises";
import { Tensor } from "../../binding/index.js";

/** Bytes that are copied at a stretch: about a millisecond. */
const PIECE_BYTES = 2 ** 22;
/** Smaller arrays go with the run itself. */
const STAGED_BYTES = 2 ** 20;

/** Copies elements, and lets other work go on between the pieces. */
export async function copyInPieces(from: Float32Array, to: Float32Array): Promise<void> {
  const piece = PIECE_BYTES / from.BYTES_PER_ELEMENT;
  for (let start = 0; start < from.length; start += piece) {
    if (start > 0) await setImmediate();
    to.set(from.subarray(start, start + piece), start);
  }
}

/** A copy of a tensor's elements that outlives it. */
export async function copyOut(tensor: Tensor): Promise<Float32Array> {
  const from = tensor.data as Float32Array;
  if (from.byteLength < STAGED_BYTES) return from.slice();
  const to = new Float32Array(from.length);
  await copyInPieces(from, to);
  return to;
}

/** Tensors on the host for inputs, kept by shape. Owned by `Networks`; `dispose` frees what is not in use. */
export class Staging implements Disposable {
  readonly #free = new Map<string, Tensor[]>();
  #disposed = false;

  /** Does `work` with an array as a tensor, which is taken back afterwards. */
  async with<T>(array: Float32Array, dims: readonly number[], work: (tensor: Tensor) => Promise<T>): Promise<T> {
    if (array.byteLength < STAGED_BYTES) {
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
