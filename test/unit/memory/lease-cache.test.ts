import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { LeaseCache, type Holdable } from "../../../src/memory/lease-cache.js";

class Block implements Holdable {
  disposed = 0;
  constructor(
    readonly byteLength: number,
    readonly live: Set<Block>,
  ) {
    live.add(this);
  }
  dispose(): void {
    this.disposed++;
    this.live.delete(this);
  }
}

describe("LeaseCache", () => {
  it("makes a key once, also for requests at the same time", async () => {
    const live = new Set<Block>();
    let made = 0;
    const cache = new LeaseCache<Block>(100);
    const make = async () => (made++, new Block(10, live));
    const leases = await Promise.all([cache.acquire("a", make), cache.acquire("a", make)]);
    expect(made).toBe(1);
    expect(leases[0].value).toBe(leases[1].value);
    expect(cache.stats()).toMatchObject({ hits: 1, misses: 1, heldBytes: 10, leasedBytes: 10 });
  });

  it("drops the least recently used first and never what is lent", async () => {
    const live = new Set<Block>();
    const cache = new LeaseCache<Block>(25);
    const take = (key: string) => cache.acquire(key, async () => new Block(10, live));
    const a = await take("a");
    (await take("b")).release();
    (await take("c")).release();
    expect(cache.stats()).toMatchObject({ evictions: 1, heldBytes: 20 });
    expect(a.value.disposed).toBe(0);
    (await take("b")).release();
    expect(cache.stats().misses).toBe(4);
  });

  it("keeps nothing with a budget of 0 and forgets a failed making", async () => {
    const live = new Set<Block>();
    const cache = new LeaseCache<Block>(0);
    const lease = await cache.acquire("a", async () => new Block(10, live));
    expect(live.size).toBe(1);
    lease.release();
    lease.release();
    expect(live.size).toBe(0);
    await expect(cache.acquire("b", async () => Promise.reject(new Error("no")))).rejects.toThrow("no");
    const again = await cache.acquire("b", async () => new Block(1, live));
    expect(again.value.byteLength).toBe(1);
  });

  it("counts what is put together from other values only when nobody borrows it, and drops it before them", async () => {
    const live = new Set<Block>();
    const cache = new LeaseCache<Block>(30);
    const block = (bytes: number) => async () => new Block(bytes, live);
    for (const key of ["a", "b", "c"]) (await cache.acquire(key, block(10))).release();
    const page = await cache.acquire("page", block(30), { derived: true });
    expect(cache.stats()).toMatchObject({ evictions: 0, heldBytes: 60, leasedBytes: 30 });
    page.release();
    expect(cache.stats()).toMatchObject({ evictions: 1, entries: 3, heldBytes: 30 });
    expect(page.value.disposed).toBe(1);
  });

  it("asks for its budget each time, and takes what it has no room for back from below", async () => {
    const live = new Set<Block>();
    const below = new Map<string, number>();
    let budget = 100;
    let made = 0;
    const cache = new LeaseCache<Block>(() => budget, undefined, "blocks", {
      keep: async (key, value, costMs) => {
        expect(costMs).toBeGreaterThanOrEqual(0);
        below.set(key, value.byteLength);
      },
      take: async (key) => {
        const bytes = below.get(key);
        below.delete(key);
        return bytes === undefined ? undefined : new Block(bytes, live);
      },
      clear: () => below.clear(),
    });
    const take = (key: string) => cache.acquire(key, async () => (made++, new Block(10, live)));
    (await take("a")).release();
    budget = 10;
    (await take("b")).release();
    await expect.poll(() => live.size).toBe(1);
    expect([...below.keys()]).toEqual(["a"]);
    (await take("a")).release();
    expect(made).toBe(2);
    cache.dispose();
    await expect.poll(() => live.size).toBe(0);
    expect(below.size).toBe(0);
  });

  it("frees everything on dispose, lent values with their last lease", async () => {
    const live = new Set<Block>();
    const cache = new LeaseCache<Block>(100);
    (await cache.acquire("a", async () => new Block(10, live))).release();
    const b = await cache.acquire("b", async () => new Block(10, live));
    cache.dispose();
    expect(live.size).toBe(1);
    b.release();
    expect(live.size).toBe(0);
    expect(cache.stats().heldBytes).toBe(0);
    await expect(cache.acquire("c", async () => new Block(1, live))).rejects.toMatchObject({ code: "ERR_STATE" });
  });

  it("holds its counts through any order of calls", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.constantFrom("a", "b", "c", "d"), fc.boolean()), { maxLength: 60 }),
        async (steps) => {
          const live = new Set<Block>();
          const cache = new LeaseCache<Block>(20);
          const open: { release(): void }[] = [];
          for (const [key, take] of steps) {
            if (take) open.push(await cache.acquire(key, async () => new Block(10, live)));
            else open.pop()?.release();
            const stats = cache.stats();
            expect(stats.heldBytes).toBe(live.size * 10);
            expect(stats.heldBytes - stats.leasedBytes).toBeLessThanOrEqual(Math.max(0, 20));
          }
          for (const lease of open) lease.release();
          expect(cache.stats().heldBytes).toBeLessThanOrEqual(20);
          cache.dispose();
          expect(live.size).toBe(0);
        },
      ),
    );
  });
});
