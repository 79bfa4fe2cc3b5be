/**
 * A cache of things that own memory: made once for each key, lent by lease, dropped least recently used first when a
 * budget of bytes is exceeded. What is lent is never dropped. Reference K/V on the device are kept in one.
 */
import { BatchProcessingError } from "../errors.js";
import { CHANNELS, type CacheUse } from "../observe/channels.js";
import type { Booking } from "./ledger.js";

/** What the cache can hold: something of known size that is freed explicitly. */
export interface Holdable {
  readonly byteLength: number;
  dispose(): void;
}

/** A borrowed value; valid until `release()`, which is idempotent. */
export interface Lease<T> {
  readonly value: T;
  release(): void;
}

/** A snapshot of the cache. `heldBytes` counts what is cached or lent, `leasedBytes` the lent part of it. */
export interface LeaseCacheStats {
  hits: number;
  misses: number;
  evictions: number;
  entries: number;
  heldBytes: number;
  leasedBytes: number;
  budgetBytes: number;
  /** Time spent making values, and the part of it that hits did not have to spend again. */
  makingMs: number;
  savedMs: number;
}

interface Entry<T> {
  readonly making: Promise<T>;
  value?: T;
  booking?: Booking | undefined;
  leases: number;
  costMs: number;
}

/**
 * Keyed cache with leases. Concurrent requests for one key share one making; a failed making is not kept.
 * With a budget of 0 nothing outlives its last lease.
 */
export class LeaseCache<T extends Holdable> {
  // Insertion order is recency: a used entry moves to the end.
  readonly #entries = new Map<string, Entry<T>>();
  readonly #budgetBytes: number;
  readonly #book: ((bytes: number) => Booking) | undefined;
  readonly #name: string;
  #disposed = false;
  #heldBytes = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #makingMs = 0;
  #savedMs = 0;

  /**
   * @param budgetBytes bytes the cache may keep; lent values may exceed it for as long as they are lent
   * @param book enters what is held into the ledger; released with the value
   * @param name what the cache is called in `CHANNELS.cache`
   */
  constructor(budgetBytes: number, book?: (bytes: number) => Booking, name = "cache") {
    this.#name = name;
    this.#budgetBytes = budgetBytes;
    this.#book = book;
  }

  /**
   * Lends the value of a key, made by `make` when it is not there.
   * @throws whatever `make` throws; `ERR_STATE` after `dispose()`.
   */
  async acquire(key: string, make: () => Promise<T>): Promise<Lease<T>> {
    if (this.#disposed) throw new BatchProcessingError("ERR_STATE", `the cache is disposed; "${key}" cannot be lent`);
    const entry = this.#entries.get(key) ?? this.#start(key, make);
    const isHit = entry.value !== undefined || entry.leases > 0;
    entry.leases++;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    try {
      const value = await entry.making;
      if (isHit) {
        this.#hits++;
        this.#savedMs += entry.costMs;
        this.#publish("hit", value.byteLength);
      }
      return { value, release: this.#releaser(key, entry) };
    } catch (error) {
      entry.leases--;
      if (this.#entries.get(key) === entry) this.#entries.delete(key);
      throw error;
    }
  }

  #start(key: string, make: () => Promise<T>): Entry<T> {
    this.#misses++;
    const started = performance.now();
    const entry: Entry<T> = { making: Promise.resolve().then(make), leases: 0, costMs: 0 };
    void entry.making.then(
      (value) => {
        entry.value = value;
        entry.costMs = performance.now() - started;
        this.#makingMs += entry.costMs;
        this.#heldBytes += value.byteLength;
        entry.booking = this.#book?.(value.byteLength);
        this.#publish("miss", value.byteLength);
        this.#evict();
      },
      () => undefined, // every waiter gets the error from `acquire`
    );
    this.#entries.set(key, entry);
    return entry;
  }

  #releaser(key: string, entry: Entry<T>): () => void {
    let released = false;
    return () => {
      if (released) return;
      released = true;
      entry.leases--;
      if (this.#disposed && entry.leases === 0) this.#drop(key, entry);
      else this.#evict();
    };
  }

  #drop(key: string, entry: Entry<T>): void {
    if (this.#entries.get(key) === entry) this.#entries.delete(key);
    if (entry.value === undefined) return;
    this.#heldBytes -= entry.value.byteLength;
    entry.booking?.release();
    this.#publish("dropped", entry.value.byteLength);
    entry.value.dispose();
  }

  #evict(): void {
    for (const [key, entry] of this.#entries) {
      if (this.#heldBytes <= this.#budgetBytes) return;
      if (entry.leases > 0 || entry.value === undefined) continue;
      this.#evictions++;
      this.#drop(key, entry);
    }
  }

  #publish(outcome: CacheUse["outcome"], bytes: number): void {
    if (CHANNELS.cache.isWatched)
      CHANNELS.cache.publish({ cache: this.#name, outcome, bytes, heldBytes: this.#heldBytes });
  }

  /** Drops everything that is not lent. */
  clear(): void {
    for (const [key, entry] of this.#entries)
      if (entry.leases === 0 && entry.value !== undefined) this.#drop(key, entry);
  }

  stats(): LeaseCacheStats {
    let leasedBytes = 0;
    for (const entry of this.#entries.values())
      if (entry.leases > 0 && entry.value !== undefined) leasedBytes += entry.value.byteLength;
    return {
      hits: this.#hits,
      misses: this.#misses,
      evictions: this.#evictions,
      entries: this.#entries.size,
      heldBytes: this.#heldBytes,
      leasedBytes,
      budgetBytes: this.#budgetBytes,
      makingMs: this.#makingMs,
      savedMs: this.#savedMs,
    };
  }

  /** Drops everything; what is lent goes with its last lease. */
  dispose(): void {
    this.#disposed = true;
    this.clear();
  }
}
