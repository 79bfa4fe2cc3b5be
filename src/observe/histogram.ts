/** Counts times in fixed buckets: what a Prometheus histogram needs, at the cost of one addition. */

/** Upper bounds of the buckets in milliseconds; what is above the last is in none of them. */
const BOUNDS_MS = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 30_000, 60_000, 120_000] as const;

/** A snapshot. */
export interface HistogramSnapshot {
  /** Times recorded. */
  readonly count: number;
  /** Sum of them, milliseconds. */
  readonly sumMs: number;
  /** The longest, milliseconds; 0 when there is none. */
  readonly maxMs: number;
  /** For each upper bound how many were at most that long; the counts rise. `count` includes what is above the last. */
  readonly buckets: readonly { readonly leMs: number; readonly count: number }[];
}

export class Histogram {
  readonly #counts: number[] = BOUNDS_MS.map(() => 0);
  #count = 0;
  #sumMs = 0;
  #maxMs = 0;

  record(ms: number): void {
    this.#count++;
    this.#sumMs += ms;
    if (ms > this.#maxMs) this.#maxMs = ms;
    const bucket = BOUNDS_MS.findIndex((bound) => ms <= bound);
    if (bucket >= 0) this.#counts[bucket]!++;
  }

  snapshot(): HistogramSnapshot {
    let below = 0;
    const buckets = BOUNDS_MS.map((leMs, index) => ({ leMs, count: (below += this.#counts[index]!) }));
    return { count: this.#count, sumMs: this.#sumMs, maxMs: this.#maxMs, buckets };
  }
}
