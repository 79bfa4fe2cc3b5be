// The books of one device, with figures that the test sets.
import { describe, expect, it } from "vitest";
import { DeviceMemoryManager, type DeviceMemoryOptions } from "../../../src/memory/device-memory.js";
import { MemoryLedger } from "../../../src/memory/ledger.js";

const arena = (totalAllocatedBytes: number) => ({
  device: { name: "cuda:0", onHost: false },
  allocatorStats: () => ({
    limitBytes: 0,
    inUseBytes: 0,
    totalAllocatedBytes,
    maxInUseBytes: 0,
    maxAllocBytes: 0,
    allocations: 0,
    reserves: 0,
    arenaExtensions: 0,
    arenaShrinkages: 0,
  }),
  deviceMemory: () => undefined,
});

function device(more: Partial<DeviceMemoryOptions> = {}): DeviceMemoryManager {
  return new DeviceMemoryManager({
    device: "cuda:0",
    limitBytes: 1000,
    measure: () => undefined,
    needs: { activationBytes: () => 200, pageBytes: () => 300, batchBytes: () => 100 },
    usefulPages: 4,
    arenas: () => [],
    shrinkArenas: async () => undefined,
    ...more,
  });
}

const SIZE = [10, 10] as const;

const cache = (heldBytes: number) => {
  let held = heldBytes;
  return {
    clear: () => void (held = 0),
    stats: () => ({ hits: 0, misses: 0, evictions: 0, heldBytes: held, leasedBytes: 0 }),
  };
};

describe("DeviceMemoryManager", () => {
  it("books pages beside activations, and balances", () => {
    const memory = device();
    expect(memory.hasRoom(0, SIZE, 3)).toBe(true);
    const first = memory.bookPage("1", SIZE, 3);
    const second = memory.bookPage("2", SIZE, 3);
    const { freeBytes, reservedBytes, heldBytes, totalBytes, owners } = memory.ledger.snapshot();
    expect(freeBytes + reservedBytes + heldBytes).toBe(totalBytes);
    expect(owners).toMatchObject({ activations: { bytes: 200 }, "page 1": { bytes: 300 }, "page 2": { bytes: 300 } });
    expect(memory.hasRoom(2, SIZE, 3)).toBe(false);
    first.release();
    first.release();
    expect(memory.hasRoom(1, SIZE, 3)).toBe(true);
    second.release();
    expect(memory.ledger.snapshot()).toMatchObject({ heldBytes: 200, bookings: 1 });
  });

  it("counts what caches can drop as free", () => {
    const memory = device();
    memory.ledger.hold("references", 800);
    memory.addCache(cache(800));
    expect(memory.freeBytes()).toBe(200);
    expect(memory.hasRoom(1, SIZE, 3)).toBe(true);
    expect(memory.cacheBudget(800)).toBe(1000);
  });

  it("never takes more than the driver says is free, whoever has the rest", () => {
    let free = 5000;
    const memory = device({ limitBytes: undefined, measure: () => ({ freeBytes: free, totalBytes: 8000 }) });
    memory.ledger.hold("weights", 1000);
    expect(memory.freeBytes()).toBe(5000);
    free = 100;
    expect(memory.freeBytes()).toBe(100);
    expect(memory.hasRoom(1, SIZE, 3)).toBe(false);
    expect(memory.hasRoom(0, SIZE, 3)).toBe(true);
  });

  it("lets as many pages be denoised together as fit, on the CPU one, or as many as are asked for", () => {
    const memory = device();
    expect(memory.maxBatch(undefined)).toBe(4);
    memory.ledger.hold("others", 850);
    expect(memory.maxBatch(undefined)).toBe(2);
    expect(memory.maxBatch(7)).toBe(7);
    const host = { ledger: new MemoryLedger(1000), giveBack: async () => undefined };
    expect(device({ host }).maxBatch(undefined)).toBe(1);
  });

  it("goes down the ladder step by step, and lets no page in meanwhile", async () => {
    const done: string[] = [];
    let room: boolean | undefined;
    const memory: DeviceMemoryManager = device({
      arenas: () => [arena(done.includes("shrink") ? 0 : 2 ** 22)],
      shrinkArenas: async () => {
        room = memory.hasRoom(1, SIZE, 3);
        done.push("shrink");
      },
      rebuildSessions: async () => void done.push("rebuild"),
    });
    memory.addCache(cache(10));
    const taken: NonNullable<Awaited<ReturnType<DeviceMemoryManager["giveBack"]>>>[] = [];
    for (;;) {
      const step = await memory.giveBack(new Error("full"), taken, taken.length < 4 ? 2 : 1);
      if (step === undefined) break;
      taken.push(step);
    }
    expect(taken).toEqual(["drop-caches", "shrink-arenas", "halve-batch", "halve-batch", "rebuild-sessions"]);
    expect(done).toEqual(["shrink", "rebuild"]);
    expect(room).toBe(false);
    expect(memory.hasRoom(1, SIZE, 3)).toBe(true);
  });

  it("leaves the host's steps to the host", async () => {
    const host = {
      ledger: new MemoryLedger(1000),
      giveBack: async (_cause: unknown, taken: readonly string[]) =>
        taken.length === 0 ? ("drop-caches" as const) : undefined,
    };
    const memory = device({ host, rebuildSessions: () => Promise.reject(new Error("not on the host")) });
    expect(await memory.giveBack(new Error("full"), [])).toBe("drop-caches");
    expect(await memory.giveBack(new Error("full"), ["drop-caches"], 2)).toBe("halve-batch");
    expect(await memory.giveBack(new Error("full"), ["drop-caches"])).toBeUndefined();
  });
});
