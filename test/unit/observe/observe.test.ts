/** Channels and histograms: who subscribes gets every message, nobody else is asked for anything. */
import diagnostics from "node:diagnostics_channel";
import { describe, expect, it } from "vitest";
import { MemoryLedger } from "../../../src/memory/ledger.js";
import { LeaseCache } from "../../../src/memory/lease-cache.js";
import { CHANNELS, TypedChannel, type CacheUse, type MemoryBooking } from "../../../src/observe/channels.js";
import { Histogram } from "../../../src/observe/histogram.js";

describe("a channel", () => {
  it("is the process's channel of that name", () => {
    const told: unknown[] = [];
    const channel = new TypedChannel<{ value: number }>("cobra-batch:test");
    const listener = (message: unknown): void => void told.push(message);
    diagnostics.subscribe("cobra-batch:test", listener);
    channel.publish({ value: 1 });
    diagnostics.unsubscribe("cobra-batch:test", listener);
    channel.publish({ value: 2 });
    expect(told).toEqual([{ value: 1 }]);
  });

  it("is watched from the first subscription to the end of the last", () => {
    const told: number[] = [];
    const channel = new TypedChannel<{ value: number }>("cobra-batch:test");
    expect(channel.isWatched).toBe(false);
    const ends = [1, 10].map((factor) => channel.subscribe(({ value }) => void told.push(factor * value)));
    channel.publish({ value: 3 });
    ends[0]!();
    ends[0]!();
    channel.publish({ value: 4 });
    expect(channel.isWatched).toBe(true);
    ends[1]!();
    expect(channel.isWatched).toBe(false);
    expect(told).toEqual([3, 30, 40]);
  });

  it("has a name of its own", () => {
    const names = Object.values(CHANNELS).map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    for (const name of names) expect(name).toMatch(/^cobra-batch:[a-z-]+$/);
  });
});

describe("a histogram", () => {
  it("counts into buckets whose counts rise, what is above the last in `count` alone", () => {
    const histogram = new Histogram();
    for (const ms of [0, 1, 1.5, 20, 999_999]) histogram.record(ms);
    const { buckets, ...sums } = histogram.snapshot();
    expect(sums).toEqual({ count: 5, sumMs: 1_000_021.5, maxMs: 999_999 });
    expect(buckets.map(({ count }) => count)).toEqual([2, 3, 3, 3, 4, ...Array<number>(11).fill(4)]);
    expect(buckets.slice(0, 2)).toEqual([
      { leMs: 1, count: 2 },
      { leMs: 2, count: 3 },
    ]);
  });
});

describe("what is told", () => {
  it("of a cache: a miss, a hit, and each entry that goes", async () => {
    const told: CacheUse[] = [];
    const end = CHANNELS.cache.subscribe((use) => void told.push(use));
    const cache = new LeaseCache<{ byteLength: number; dispose(): void }>(10, undefined, "patches");
    for (const key of ["a", "a", "b"])
      (await cache.acquire(key, async () => ({ byteLength: 10, dispose: () => undefined }))).release();
    cache.dispose();
    end();
    expect(told).toEqual([
      { cache: "patches", outcome: "miss", bytes: 10, heldBytes: 10 },
      { cache: "patches", outcome: "hit", bytes: 10, heldBytes: 10 },
      { cache: "patches", outcome: "miss", bytes: 10, heldBytes: 20 },
      { cache: "patches", outcome: "dropped", bytes: 10, heldBytes: 10 },
      { cache: "patches", outcome: "dropped", bytes: 10, heldBytes: 0 },
    ]);
  });

  it("of the ledger: each booking from its reservation to its release", () => {
    const told: MemoryBooking[] = [];
    const end = CHANNELS.memory.subscribe((booking) => void told.push(booking));
    const ledger = new MemoryLedger(100);
    const booking = ledger.reserve("page", 30);
    booking.commit(20);
    booking.resize(25);
    booking.release();
    booking.release();
    end();
    expect(told).toEqual([
      { owner: "page", state: "reserved", bytes: 30, heldBytes: 0, reservedBytes: 30, freeBytes: 70 },
      { owner: "page", state: "held", bytes: 20, heldBytes: 20, reservedBytes: 0, freeBytes: 80 },
      { owner: "page", state: "held", bytes: 25, heldBytes: 25, reservedBytes: 0, freeBytes: 75 },
      { owner: "page", state: "released", bytes: 25, heldBytes: 0, reservedBytes: 0, freeBytes: 100 },
    ]);
  });
});
