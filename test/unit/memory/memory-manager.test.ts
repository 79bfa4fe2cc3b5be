// MemoryManager over given figures: what it tells, whom it lets in, which steps it takes.
import { afterEach, describe, expect, it } from "vitest";
import { setupLogging } from "../../../src/logging.js";
import type { HostMemory } from "../../../src/platform/host-memory.js";
import { MemoryManager, type ArenaSource, type MemoryManagerOptions } from "../../../src/memory/memory-manager.js";
import type { PressureStep } from "../../../src/memory/pressure.js";

const host = (more: Partial<HostMemory> = {}): HostMemory => ({
  limitedBy: "machine",
  totalBytes: 1000,
  availableBytes: 800,
  processBytes: 100,
  ...more,
});
const needs: MemoryManagerOptions["needs"] = {
  sharedBytes: () => 200,
  pageBytes: (size) => (size === "largest" ? 100 : size[0] * size[1]),
};
const STATS = {
  limitBytes: 0,
  inUseBytes: 0,
  totalAllocatedBytes: 0,
  maxInUseBytes: 0,
  maxAllocBytes: 0,
  allocations: 0,
  reserves: 0,
  arenaExtensions: 0,
  arenaShrinkages: 0,
};

function manager(more: Partial<MemoryManagerOptions> = {}): MemoryManager {
  return new MemoryManager({
    needs,
    arenas: () => [],
    shrinkArenas: () => Promise.resolve(),
    readHost: () => host(),
    ...more,
  });
}

function arena(
  device: string,
  totalAllocatedBytes: number,
  inUseBytes: number,
  more: { limitBytes?: number; memory?: { freeBytes: number; totalBytes: number } } = {},
): ArenaSource {
  return {
    device: { name: device, onHost: device === "cpu" },
    allocatorStats: () => ({ ...STATS, limitBytes: more.limitBytes ?? 0, totalAllocatedBytes, inUseBytes }),
    deviceMemory: () => more.memory,
  };
}

class Cache {
  heldBytes = 70;
  readonly leasedBytes = 30;
  readonly hits = 2;
  readonly misses = 1;
  readonly evictions = 0;
  stats(): this {
    return this;
  }
  clear(): void {
    this.heldBytes = this.leasedBytes;
  }
}

const settled = (): Promise<void> => new Promise((resolve) => setImmediate(resolve));
afterEach(() => void setupLogging({ level: "SILENT" }));

describe("checkMemoryUsage", () => {
  it("gives the host's share and the arenas'", () => {
    const { host: usage, devices } = manager({
      arenas: () => [arena("cpu", 50, 20), arena("cpu", 30, 10)],
    }).checkMemoryUsage();
    expect(usage).toEqual({
      totalBytes: 1000,
      usedBytes: 200,
      share: 0.2,
      limitedBy: "machine",
      processBytes: 100,
      arenaBytes: 80,
      arenaUsedBytes: 30,
    });
    expect(devices).toEqual([]);
  });

  it("gives each device's share: the driver's figure, else the arenas' limit, else the arenas", () => {
    const arenas = [
      arena("cuda:0", 300, 100, { memory: { freeBytes: 250, totalBytes: 1000 } }),
      arena("cuda:0", 100, 50),
      arena("cuda:1", 40, 30, { limitBytes: 60 }),
      arena("webgpu:0", 40, 30),
    ];
    expect(manager({ arenas: () => arenas }).checkMemoryUsage().devices).toEqual([
      {
        device: "cuda:0",
        totalBytes: 1000,
        usedBytes: 750,
        share: 0.75,
        isMeasured: true,
        arenaBytes: 400,
        arenaUsedBytes: 150,
      },
      {
        device: "cuda:1",
        totalBytes: 60,
        usedBytes: 30,
        share: 0.5,
        isMeasured: false,
        arenaBytes: 40,
        arenaUsedBytes: 30,
      },
      {
        device: "webgpu:0",
        totalBytes: 40,
        usedBytes: 30,
        share: 0.75,
        isMeasured: false,
        arenaBytes: 40,
        arenaUsedBytes: 30,
      },
    ]);
  });

  it("takes the budget where it is nearer than the machine's limit", () => {
    expect(manager({ budgetBytes: 400 }).checkMemoryUsage().host).toMatchObject({
      totalBytes: 400,
      usedBytes: 100,
      share: 0.25,
      limitedBy: "budget",
    });
    expect(manager({ budgetBytes: 4000 }).checkMemoryUsage().host).toMatchObject({
      totalBytes: 1000,
      limitedBy: "machine",
    });
  });
});

describe("clearCache and triggerGcIfNeeded", () => {
  it("drops what nobody has borrowed", () => {
    const memory = manager();
    const remove = memory.addCache(new Cache());
    expect([memory.clearCache(), memory.clearCache()]).toEqual([40, 0]);
    remove();
  });

  it("acts from the threshold on, 0.8 by default", () => {
    let availableBytes = 210;
    const cache = new Cache();
    const memory = manager({ readHost: () => host({ availableBytes }) });
    memory.addCache(cache);
    expect([memory.triggerGcIfNeeded(), cache.heldBytes]).toEqual([false, 70]);
    availableBytes = 200;
    expect([memory.triggerGcIfNeeded(), cache.heldBytes]).toEqual([true, 30]);
    expect(manager({ threshold: 0.1 }).triggerGcIfNeeded()).toBe(true);
    expect(manager({ arenas: () => [arena("cuda:0", 90, 90, { limitBytes: 100 })] }).triggerGcIfNeeded()).toBe(true);
  });

  it.each([{ threshold: 0 }, { threshold: 1.1 }, { budgetBytes: 0 }])("refuses %o", (options) => {
    expect(() => manager(options)).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
  });
});

describe("beginPage", () => {
  it("lets pages in while they fit beside networks and process, the others first come, first served", async () => {
    const memory = manager(); // total 900 = 100 of the process + 800 free; activations take 200
    expect(memory.estimateMemoryRequired([10, 25])).toBe(450);
    const order: string[] = [];
    const begin = (name: string, size: readonly [number, number]) =>
      memory.beginPage(name, size).then((slot) => (order.push(name), slot));
    const [a, b] = [await begin("a", [10, 25]), await begin("b", [10, 25])];
    expect(memory.ledger.snapshot()).toMatchObject({
      freeBytes: 100,
      heldBytes: 800,
      owners: { "page a": { bytes: 250, bookings: 1 }, activations: { bytes: 200, bookings: 1 } },
    });
    const [c, d] = [begin("c", [10, 20]), begin("d", [5, 5])];
    await settled();
    expect([order, memory.pages()]).toEqual([["a", "b"], { inFlight: 2, limit: Infinity, waiting: 2 }]);
    a.release();
    a.release();
    const slots = await Promise.all([c, d]);
    expect(order).toEqual(["a", "b", "c", "d"]);
    for (const slot of [b, ...slots]) slot.release();
    expect(memory.ledger.snapshot()).toMatchObject({ heldBytes: 300, bookings: 3 });
  });

  it("lets one page in that fits nowhere", async () => {
    const memory = manager({ budgetBytes: 150 });
    const first = await memory.beginPage("huge", [100, 100]);
    const second = memory.beginPage("small", [1, 1], { signal: AbortSignal.timeout(20) });
    await expect(second).rejects.toThrow(/timeout/u);
    expect(memory.pages()).toMatchObject({ inFlight: 1, waiting: 0 });
    first.release();
  });

  it("believes the machine when it has less left than the books say", async () => {
    let availableBytes = 800;
    const memory = manager({ readHost: () => host({ availableBytes }) });
    const first = await memory.beginPage("a", [10, 10]);
    availableBytes = 50; // another process has come
    const second = memory.beginPage("b", [10, 10], { signal: AbortSignal.timeout(20) });
    await expect(second).rejects.toThrow(/timeout/u);
    first.release();
  });

  it("chooses pages in flight by what fits", () => {
    const choose = (availableBytes: number): number =>
      manager({ readHost: () => host({ availableBytes }) }).pagesInFlight();
    expect([choose(100_000) >= 2, choose(500), choose(250)]).toEqual([true, 2, 1]);
  });
});

describe("running out of memory", () => {
  it("drops caches, shrinks arenas, halves the pages, then fails the page, and logs each step", async () => {
    const lines: { level: string; step: PressureStep }[] = [];
    setupLogging({
      stream: { write: (line: string) => lines.push(JSON.parse(line) as { level: string; step: PressureStep }) },
      format: "json",
    });
    let slack = 2 ** 24;
    const memory = manager({
      arenas: () => [arena("cpu", slack + 5, 5)],
      shrinkArenas: () => Promise.resolve(void (slack = 0)),
      readHost: () => host({ availableBytes: 80_000 }),
    });
    memory.addCache(new Cache());
    const slots = await Promise.all(["a", "b", "c", "d"].map((name) => memory.beginPage(name, [10, 10])));
    const taken: PressureStep[] = [];
    for (
      let step = await memory.giveBack("cause", taken);
      step !== undefined;
      step = await memory.giveBack("cause", taken)
    )
      taken.push(step);
    expect(taken).toEqual(["drop-caches", "shrink-arenas"]);
    expect(memory.thinOut("cause", slots[0]!)).toBe("halve-pages");
    expect(memory.pages()).toMatchObject({ inFlight: 4, limit: 2 });
    for (const slot of slots.slice(1)) slot.release();
    expect(memory.thinOut("cause", slots[0]!)).toBe("halve-pages"); // alone now, not when it failed
    slots[0]!.release();
    using alone = await memory.beginPage("a", [10, 10]);
    expect(memory.thinOut("cause", alone)).toBe("fail");
    expect(lines.map(({ level, step }) => [level, step])).toEqual([
      ["WARNING", "drop-caches"],
      ["WARNING", "shrink-arenas"],
      ["WARNING", "halve-pages"],
      ["WARNING", "halve-pages"],
      ["ERROR", "fail"],
    ]);
  });

  it("lets one page more in after eight pages without want", async () => {
    const memory = manager({ readHost: () => host({ availableBytes: 80_000 }) });
    const slots = await Promise.all(["a", "b"].map((name) => memory.beginPage(name, [10, 10])));
    memory.thinOut("cause", slots[0]!);
    for (const slot of slots) slot.release();
    expect(memory.pages().limit).toBe(1);
    for (let page = 0; page < 6; page++) (await memory.beginPage("c", [10, 10])).release();
    expect(memory.pages().limit).toBe(2);
  });

  it("says what a page takes, what is free and what to do", () => {
    const error = manager().outOfMemory([2 ** 11, 2 ** 10], 3, new Error("first"));
    expect(error).toMatchObject({ name: "ResourceError", code: "ERR_OUT_OF_MEMORY" });
    expect(error.message).toMatch(
      /2048 x 1024 pixels takes about 2 MiB and 0 MiB are free \(limit: machine\)\. Cause: first/u,
    );
    expect(error.remedy).toContain("a smaller --top-k");
  });
});
