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
export interface CacheLease<T> {
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

/** Where values go that the cache has no room for, if bringing them back costs less than making them again. */
export interface LowerTier<T> {
  /** Takes a copy of a value that took `costMs` to make, or leaves it. The value stays until this settles. */
  keep(key: string, value: T, costMs: number): Promise<void>;
  /** The value that was kept for a key; undefined when there is none. */
  take(key: string): Promise<T | undefined>;
  /** Drops everything. */
  clear(): void;
}

/** How a value is asked for. */
export interface AcquireOptions {
  /**
   * It is put together from other values of the cache: while it is lent its borrower answers for its bytes, and it goes
   * before they do. Default false.
   */
  readonly derived?: boolean;
}

interface Entry<T> {
  readonly making: Promise<T>;
  readonly derived: boolean;
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
  readonly #budget: (heldBytes: number) => number;
  readonly #book: ((bytes: number) => Booking) | undefined;
  readonly #name: string;
  readonly #below: LowerTier<T> | undefined;
  #disposed = false;
  #heldBytes = 0;
  /** Of what is on its way to the lower tier. */
  #sinkingBytes = 0;
  #hits = 0;
  #misses = 0;
  #evictions = 0;
  #makingMs = 0;
  #savedMs = 0;

  /**
   * @param budget bytes the cache may keep, or a function of what it holds that says so; lent values may exceed it for
   * as long as they are lent
   * @param book enters what is held into the ledger; released with the value
   * @param name what the cache is called in `CHANNELS.cache`
   * @param below keeps what there is no room for; default: it is dropped
   */
  constructor(
    budget: number | ((heldBytes: number) => number),
    book?: (bytes: number) => Booking,
    name = "cache",
    below?: LowerTier<T>,
  ) {
    this.#name = name;
    this.#below = below;
    this.#budget = typeof budget === "number" ? () => budget : budget;
    this.#book = book;
  }

  /**
   * Lends the value of a key, made by `make` when it is not there.
   * @throws whatever `make` throws; `ERR_STATE` after `dispose()`.
   */
  async acquire(key: string, make: () => Promise<T>, { derived = false }: AcquireOptions = {}): Promise<CacheLease<T>> {
    if (this.#disposed) throw new BatchProcessingError("ERR_STATE", `the cache is disposed; "${key}" cannot be lent`);
    const entry = this.#entries.get(key) ?? this.#start(key, make, derived);
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

  #start(key: string, make: () => Promise<T>, derived: boolean): Entry<T> {
    this.#misses++;
    const started = performance.now();
    const making = Promise.resolve().then(async () => (await this.#below?.take(key)) ?? make());
    const entry: Entry<T> = { making, derived, leases: 0, costMs: 0 };
    void entry.making.then(
      (value) => {
        entry.value = value;
        entry.costMs = performance.now() - started;
        this.#makingMs += entry.costMs;
        this.#heldBytes += value.byteLength;
        if (!derived) entry.booking = this.#book?.(value.byteLength);
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
      else {
        if (entry.derived && entry.leases === 0 && entry.value !== undefined)
          entry.booking ??= this.#book?.(entry.value.byteLength);
        this.#evict();
      }
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

  /** Bytes that count against the budget: not what is put together for those who borrow it. */
  #countedBytes(): number {
    let bytes = this.#heldBytes - this.#sinkingBytes;
    for (const { derived, leases, value } of this.#entries.values())
      if (derived && leases > 0 && value !== undefined) bytes -= value.byteLength;
    return bytes;
  }

  #evict(): void {
    let counted = this.#countedBytes();
    const budgetBytes = this.#budget(counted);
    for (const derived of [true, false])
      for (const [key, entry] of this.#entries) {
        if (counted <= budgetBytes) return;
        if (entry.derived !== derived || entry.leases > 0 || entry.value === undefined) continue;
        this.#evictions++;
        counted -= entry.value.byteLength;
        if (derived || this.#below === undefined || this.#disposed) this.#drop(key, entry);
        else this.#sink(key, entry, this.#below);
      }
  }

  /** Moves a value to the lower tier. Whoever asks for it meanwhile gets it from there. */
  #sink(key: string, entry: Entry<T>, below: LowerTier<T>): void {
    this.#entries.delete(key);
    const { byteLength } = entry.value!;
    this.#sinkingBytes += byteLength;
    void below
      .keep(key, entry.value!, entry.costMs)
      .catch(() => undefined)
      .then(() => {
        this.#sinkingBytes -= byteLength;
        this.#drop(key, entry);
      });
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
      budgetBytes: this.#budget(this.#countedBytes()),
      makingMs: this.#makingMs,
      savedMs: this.#savedMs,
    };
  }

  /** Drops everything; what is lent goes with its last lease. */
  dispose(): void {
    this.#disposed = true;
    this.clear();
    this.#below?.clear();
  }
}
