/**
 * The cache of keys and values with the figures of Cobra's full size: the default budget keeps the blocks of a page.
 */
import { expect, test } from "vitest";
import { PRESETS } from "../../../src/convert/presets.js";
import { DeviceMemoryManager } from "../../../src/memory/device-memory.js";
import { LeaseCache } from "../../../src/memory/lease-cache.js";
import { MemoryLedger } from "../../../src/memory/ledger.js";

const TOP_K = 3;
const QUADRANTS = 4;
/** 640 x 1024 pixels: a token for each 32 x 32 of them. */
const TOKENS = (640 / 32) * (1024 / 32);

interface Block {
  readonly byteLength: number;
  dispose(): void;
}

/** Layers x keys and values x tokens x width, in half precision. */
function blockBytes(): number {
  const { layers, heads, headSize } = PRESETS.full.transformer;
  return layers * 2 * TOKENS * heads * headSize * 2;
}

function deviceMemory(freeBytes: number, isApart: boolean): DeviceMemoryManager {
  const ledger = new MemoryLedger(freeBytes);
  return new DeviceMemoryManager({
    device: "cpu",
    host: isApart ? undefined : { ledger, giveBack: async () => undefined },
    limitBytes: isApart ? freeBytes : undefined,
    measure: () => undefined,
    needs: { activationBytes: () => 0, batchBytes: () => 0, pageBytes: () => 0 },
    usefulPages: 1,
    arenas: () => [],
    shrinkArenas: async () => undefined,
  });
}

test.each([
  ["the host, with 2 GB free", 2e9, false],
  ["a device, with 1.2 GB free beside a page", 1.2e9, true],
])("%s: a second page with the same references computes none of its 12 blocks again", async (_name, free, isApart) => {
  const bytes = blockBytes();
  expect(bytes).toBe(82_575_360);
  const memory = deviceMemory(free, isApart);
  let made = 0;
  const cache = new LeaseCache<Block>(
    (held) => memory.cacheBudget(held),
    (size) => memory.ledger.hold("references", size),
    "references",
  );
  const block = async (): Promise<Block> => (made++, { byteLength: bytes, dispose: () => undefined });
  for (const page of ["first", "second"]) {
    // The page's own copy is put together from the blocks, one by one, and is there while the page is denoised.
    const own = await cache.acquire(
      `page ${page}`,
      async () => {
        for (let index = 0; index < QUADRANTS * TOP_K; index++)
          (await cache.acquire(`block ${index}`, block)).release();
        return { byteLength: QUADRANTS * TOP_K * bytes, dispose: () => undefined };
      },
      { derived: true },
    );
    own.release();
  }
  expect(made).toBe(QUADRANTS * TOP_K);
  expect(cache.stats().heldBytes).toBeGreaterThanOrEqual(QUADRANTS * TOP_K * bytes);
});
