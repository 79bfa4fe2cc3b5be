// Nothing is left of a page: bookings, leases, tensors, over many pages on two devices, one of which has so little
// memory that blocks of keys and values come and go. COBRA_LEAK_PAGES=10000 takes more pages.
import { expect, it } from "vitest";
import { liveCounts } from "../../src/binding/index.js";
import { Engine } from "../../src/colorization/engine.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { colourPage, linePage } from "../support/chapter.js";
import { TINY_MODEL } from "../support/shared-models.js";

const PAGES = Number(process.env["COBRA_LEAK_PAGES"] ?? 1000);
const TOGETHER = 8;
const WARM = 2 * TOGETHER;

it.skipIf(!process.env["COBRA_SLOW"])(
  `${PAGES} pages leave no booking, no lease and no tensor`,
  { timeout: PAGES * 20_000 },
  async () => {
    const { image } = await decodeImage(await linePage(1), "page");
    const references = await Promise.all(
      [1, 2, 3].map(async (seed) => ({
        name: `ref ${seed}`,
        image: (await decodeImage(await colourPage(seed), "ref")).image,
      })),
    );
    await using engine = await Engine.open({
      model: TINY_MODEL,
      devices: ["cpu", "cpu"],
      deviceMemoryBytes: 2 ** 28,
      referenceCacheBytes: 2 ** 17,
      maxBatch: 2,
    });
    using set = engine.references(references);
    const colour = async (seed: number): Promise<void> => {
      const page = { ...image, data: image.data.slice() };
      await engine.colorize(set, { page, style: "line", seed, steps: 1, topK: 1 + (seed % 3) });
    };
    const left = () => {
      const { memory, devices } = engine.stats();
      return {
        live: { ...liveCounts(), runs: 0 },
        host: memory.bookings,
        reserved: memory.reservedBytes,
        devices: devices.map(({ pages, memory: own, references: cache }) => ({
          inFlight: pages.inFlight,
          reserved: own.reservedBytes,
          leased: cache.leasedBytes,
          balanced: own.freeBytes + own.reservedBytes + own.heldBytes === own.totalBytes,
          owners: Object.keys(own.owners).toSorted(),
        })),
      };
    };
    let settled: ReturnType<typeof left> | undefined;
    for (let page = 0; page < PAGES; page += TOGETHER) {
      await Promise.all(Array.from({ length: TOGETHER }, (_, index) => colour(page + index)));
      if (page + TOGETHER === WARM) {
        engine.memory.clearCache();
        settled = left();
      }
    }
    engine.memory.clearCache();
    const end = left();
    expect(end).toEqual(settled);
    expect(end.reserved).toBe(0);
    for (const device of end.devices)
      expect(device).toMatchObject({ inFlight: 0, reserved: 0, leased: 0, balanced: true });
    const { evictions } = engine.stats().caches.references;
    expect(evictions).toBeGreaterThan(0);
  },
);
