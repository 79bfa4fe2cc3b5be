/** Measures download speed and estimates the time left. */

/** How far the fetching is. */
export interface FetchProgress {
  readonly doneBytes: number;
  /** Undefined where a server tells no size. */
  readonly totalBytes: number | undefined;
  readonly doneFiles: number;
  readonly totalFiles: number;
  /** Undefined until it can be said. */
  readonly bytesPerSecond: number | undefined;
  readonly leftMs: number | undefined;
}

/** The rate is that of the last seconds. */
const WINDOW_MS = 15_000;
const SAMPLE_MS = 250;
const LEAST_MS = 1000;

/** Counts what comes. Bytes that lay on the disk already count as done and not as speed. */
export class Meter {
  readonly #now: () => number;
  readonly #totalBytes: number | undefined;
  readonly #totalFiles: number;
  readonly #samples: { at: number; bytes: number }[];
  #doneBytes: number;
  #doneFiles = 0;
  #come = 0;

  constructor(
    { totalBytes, totalFiles, doneBytes }: { totalBytes: number | undefined; totalFiles: number; doneBytes: number },
    now: () => number = () => performance.now(),
  ) {
    this.#totalBytes = totalBytes;
    this.#totalFiles = totalFiles;
    this.#doneBytes = doneBytes;
    this.#now = now;
    this.#samples = [{ at: now(), bytes: 0 }];
  }

  /** Bytes from the net, or taken back. */
  add(bytes: number): void {
    this.#doneBytes += bytes;
    if (bytes <= 0) return;
    this.#come += bytes;
    const now = this.#now();
    if (now - this.#samples.at(-1)!.at < SAMPLE_MS) return;
    this.#samples.push({ at: now, bytes: this.#come });
    while (this.#samples.length > 2 && now - this.#samples[1]!.at > WINDOW_MS) this.#samples.shift();
  }

  /** Bytes that were there before. */
  found(bytes: number): void {
    this.#doneBytes += bytes;
  }

  /** A file is whole. */
  fileDone(): void {
    this.#doneFiles++;
  }

  progress(): FetchProgress {
    const first = this.#samples[0]!;
    const ms = this.#now() - first.at;
    const bytesPerSecond = ms < LEAST_MS ? undefined : Math.round(((this.#come - first.bytes) * 1000) / ms);
    const left = this.#totalBytes === undefined ? undefined : this.#totalBytes - this.#doneBytes;
    return {
      doneBytes: this.#doneBytes,
      totalBytes: this.#totalBytes,
      doneFiles: this.#doneFiles,
      totalFiles: this.#totalFiles,
      bytesPerSecond,
      leftMs:
        left === undefined || bytesPerSecond === undefined || bytesPerSecond <= 0
          ? undefined
          : Math.round((left / bytesPerSecond) * 1000),
    };
  }
}
