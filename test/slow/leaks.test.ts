// Nothing is left of a page: bookings, leases, tensors, memory, over many pages on two devices, one of which has so
// little memory that blocks of keys and values come and go. With COBRA_SLOW=1 only; COBRA_LEAK_PAGES=10000 takes more.
import { readFileSync } from "node:fs";
import { expect, it } from "vitest";
import { liveCounts } from "../../src/binding/index.js";
import { Engine } from "../../src/colorization/engine.js";
import { decodeImage } from "../../src/io/image/image-codec.js";
import { colourPage, linePage } from "../support/chapter.js";
import { TINY_MODEL } from "../support/shared-models.js";

const PAGES = Number(process.env["COBRA_LEAK_PAGES"] ?? 1000);
const TOGETHER = 8;
/** Pages between two looks, and until heaps and arenas have their size. */
const LOOK = Math.min(500, PAGES / 3);
/** Node's heap and the collector's timing. A kilobyte of each page would be 10 MiB after 10,000. */
const TOLERANCE_MIB = 24;

function residentMib(): number {
  return Number(/^VmRSS:\s+(\d+)/mu.exec(readFileSync("/proc/self/status", "utf8"))![1]) / 1024;
}

it.skipIf(!process.env["COBRA_SLOW"])(
  `${PAGES} pages leave no booking, no lease, no tensor and no memory`,
  { timeout: 60_000 + PAGES * 2_000 },
  async () => {
    const { image } = await decodeImage(await linePage(1), "page");
    const references = await Promise.all(
      [1, 2, 3].map(async (seed) => ({
        name: `ref ${seed}`,
        image: (await decodeImage(await colourPage(seed), "ref")).image,
      })),
    );
    const engine = await Engine.open({
      model: TINY_MODEL,
      devices: ["cpu", "cpu"],
      deviceMemoryBytes: 2 ** 28,
      referenceCacheBytes: 2 ** 17,
      maxBatch: 2,
    });
    const looks: number[] = [];
    try {
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
        const done = page + TOGETHER;
        if (Math.floor(done / LOOK) === Math.floor(page / LOOK)) continue;
        engine.memory.clearCache();
        const now = left();
        looks.push(residentMib());
        const { live, host, devices } = now;
        const held = devices.map(({ owners }) => owners.length).join(", ");
        process.stdout.write(
          `${done} pages: ${looks.at(-1)!.toFixed(0)} MiB resident, ${live.tensors} tensors, ${live.leases} leases, ` +
            `${live.bindings} bindings; bookings ${host}, owners on the devices ${held}\n`,
        );
        settled ??= now;
        expect(now).toEqual(settled);
        expect(now.reserved).toBe(0);
        for (const device of now.devices)
          expect(device).toMatchObject({ inFlight: 0, reserved: 0, leased: 0, balanced: true });
      }
      expect(looks.length).toBeGreaterThanOrEqual(3);
      // The first look is before heaps and arenas have their size.
      expect(looks.at(-1)! - looks[1]!).toBeLessThan(TOLERANCE_MIB);
      expect(engine.stats().caches.references.evictions).toBeGreaterThan(0);
    } finally {
      await engine.close();
    }
    // Sessions are freed beside the event loop.
    await expect.poll(() => liveCounts()).toMatchObject({ sessions: 0, tensors: 0, bindings: 0, runs: 0, leases: 0 });
  },
);
