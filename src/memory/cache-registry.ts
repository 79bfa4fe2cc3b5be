/** The caches of an engine together: what they hold, what they can drop, and their hits and misses so far. */

/** Something that keeps memory it can do without. */
export interface DroppableCache {
  /** Drops what nobody uses. */
  clear(): void;
  stats(): CacheCounters;
}

/** Counters of a cache, or of several together. */
export interface CacheCounters {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  /** Bytes that are cached or lent, and the lent part of them. */
  readonly heldBytes: number;
  readonly leasedBytes: number;
}

/** Caches come and go; their counters stay. */
export class CacheRegistry {
  readonly #caches = new Set<DroppableCache>();
  /** Counters of caches that were taken out. */
  #past: CacheCounters = { hits: 0, misses: 0, evictions: 0, heldBytes: 0, leasedBytes: 0 };

  /** @returns takes the cache out again */
  add(cache: DroppableCache): () => void {
    this.#caches.add(cache);
    return () => {
      if (this.#caches.delete(cache))
        this.#past = { ...sumOfCaches([this.#past, cache.stats()]), heldBytes: 0, leasedBytes: 0 };
    };
  }

  /** Counters since the start; bytes are those of now. */
  counters(): CacheCounters {
    return sumOfCaches([this.#past, ...[...this.#caches].map((cache) => cache.stats())]);
  }

  /** Held by caches and lent to nobody. */
  get droppableBytes(): number {
    const { heldBytes, leasedBytes } = this.counters();
    return heldBytes - leasedBytes;
  }

  /** Drops what nobody uses. @returns bytes that were dropped */
  clear(): number {
    const before = this.droppableBytes;
    for (const cache of this.#caches) cache.clear();
    return before - this.droppableBytes;
  }
}

function sumOfCaches(counters: readonly CacheCounters[]): CacheCounters {
  const sum = (key: keyof CacheCounters): number => counters.reduce((total, one) => total + one[key], 0);
  return {
    hits: sum("hits"),
    misses: sum("misses"),
    evictions: sum("evictions"),
    heldBytes: sum("heldBytes"),
    leasedBytes: sum("leasedBytes"),
  };
}
