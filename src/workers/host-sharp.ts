/**
 * sharp resets its cache and its number of threads in every thread that loads it, and both apply to the whole process.
 * So each worker restores what was set before: the host's own settings, or the command's.
 */
import sharp from "sharp";

/** What the main thread shares with its workers: four settings, and how many workers have put them back. */
const FIELDS = { memoryMiB: 0, files: 1, items: 2, threads: 3, restored: 4 } as const;

/** The main thread's side. */
export class HostSharp {
  /** Give it to each worker as `workerData`. */
  readonly shared = new SharedArrayBuffer(Object.keys(FIELDS).length * Int32Array.BYTES_PER_ELEMENT);
  readonly #fields = new Int32Array(this.shared);

  /** Whether all workers have loaded what they need. `started`: workers so far. */
  allReady(started: number): boolean {
    return Atomics.load(this.#fields, FIELDS.restored) === started;
  }

  /** Reads the settings, unless a worker is just starting, which may have changed them. */
  refresh(started: number): void {
    if (!this.allReady(started)) return;
    const { memory, files, items } = sharp.cache();
    [memory.max, files.max, items.max, sharp.concurrency()].forEach((value, field) =>
      Atomics.store(this.#fields, field, value),
    );
  }
}

/** A worker's side, once it has loaded sharp. */
export function restoreHostSharp(shared: unknown): void {
  if (!(shared instanceof SharedArrayBuffer)) return;
  const fields = new Int32Array(shared);
  const [memory, files, items, threads] = fields;
  sharp.cache({ memory: memory!, files: files!, items: items! });
  sharp.concurrency(threads!);
  Atomics.add(fields, FIELDS.restored, 1);
}
