// An archive of 2,000 pages through reading, decoding, telling apart, encoding and writing, with the worker pool:
// memory does not grow with it. The networks are left out. Takes minutes: runs with COBRA_SLOW=1 only.
import { join } from "node:path";
import { availableParallelism } from "node:os";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { openArchiveSink } from "../../src/io/open-sink.js";
import { openPageSource } from "../../src/io/open-source.js";
import { TaskPool } from "../../src/colorization/tasks/pool.js";
import { mapConcurrent } from "../../src/concurrency/map-concurrent.js";
import { gradient, temporaryFolder } from "../unit/io/image/pictures.js";

const PAGES = 2000;

describe.skipIf(process.env["COBRA_SLOW"] !== "1")("2,000 pages (skipped: set COBRA_SLOW=1)", () => {
  it("go through with flat memory", async () => {
    const folder = await temporaryFolder();
    const page = await sharp(gradient(600, 900), { raw: { width: 600, height: 900, channels: 3 } })
      .png({ compressionLevel: 1 })
      .toBuffer();
    const input = await openArchiveSink(join(folder, "in.cbz"));
    for (let i = 0; i < PAGES; i++) await input.write(`${i}.png`, page);
    await input.finish();
    const workers = new TaskPool();
    const source = await openPageSource(join(folder, "in.cbz"));
    const output = await openArchiveSink(join(folder, "out.cbz"));
    const rss: number[] = [];
    const worked = mapConcurrent(
      source.entries(),
      async (entry) => {
        const { type } = await workers.classify(await entry.read(), entry.name, { decision: "calibrated" });
        const { image } = await workers.decode(await entry.read(), entry.name);
        return {
          name: entry.name,
          type,
          bytes: await workers.encode(image, { format: "png", compressionLevel: 1 }, entry.name),
        };
      },
      { concurrency: availableParallelism() },
    );
    for await (const { name, type, bytes } of worked) {
      expect(type).toBe("colored");
      await output.write(name, bytes);
      rss.push(process.memoryUsage().rss);
    }
    await output.finish();
    await source.close();
    await workers.close();
    expect(rss).toHaveLength(PAGES);
    const most = (from: number, to: number): number => Math.max(...rss.slice(from, to));
    const [early, late] = [most(200, 600), most(PAGES - 400, PAGES)].map((bytes) => Math.round(bytes / 2 ** 20)) as [
      number,
      number,
    ];
    expect(late, `peak of pages 200 to 600: ${early} MiB, of the last 400: ${late} MiB`).toBeLessThan(early + 64);
    process.stdout.write(`peak of pages 200 to 600: ${early} MiB, of the last 400: ${late} MiB\n`);
  }, 1_800_000);
});
