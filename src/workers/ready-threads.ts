import { types } from "node:util";

/** Counts, in memory that they share, the threads of a pool that have loaded what they need. */
export class ReadyThreads {
  /** Give it to each thread as `workerData`. */
  readonly shared = new SharedArrayBuffer(Int32Array.BYTES_PER_ELEMENT);
  readonly #counter = new Int32Array(this.shared);

  /** Since the pool was made; those that have ended are among them. */
  get count(): number {
    return Atomics.load(this.#counter, 0);
  }
}

/** A thread's side, once it has loaded everything. */
export function tellReady(shared: unknown): void {
  if (types.isSharedArrayBuffer(shared)) Atomics.add(new Int32Array(shared), 0, 1);
}
