// Does the encode stage keep the cores busy? Pages a second through the stage and the worker pool, as a batch has them,
// against sharp alone encoding the same pages, as many at once as there are cores; and the stage with one encode at a
// time, to show that there is something to gain.
import { availableParallelism } from "node:os";
import sharp from "sharp";
import { encodeStage } from "../dist/core/pages/page-flow.js";
import { openPageSource } from "../dist/io/open-source.js";
import { TaskPool } from "../dist/colorization/tasks/pool.js";
import { mapConcurrent } from "../dist/concurrency/map-concurrent.js";
import { compare, report } from "./harness.mjs";

const PAGES = 12;
const cores = availableParallelism();
const pool = new TaskPool({ minThreads: cores });
try {
  const source = await openPageSource("scripts/sample/chapter.cbz");
  const coloured = [];
  for (const entry of source.entries()) {
    const bytes = entry.kind === "image" ? await entry.read() : undefined;
    if (bytes?.[25] === 2) coloured.push((await pool.decode(bytes, entry.name)).image);
  }
  await source.close();
  const pages = Array.from({ length: PAGES }, (_, i) => coloured[i % coloured.length]);
  const rate = (action) => async () => {
    const start = performance.now();
    await action();
    return PAGES / ((performance.now() - start) / 1000);
  };
  const encode = (page) => pool.encode({ ...page, data: page.data.slice() }, { format: "png" });
  const through = (options) => async () => {
    for await (const bytes of mapConcurrent(pages, encode, options))
      if (bytes.byteLength === 0) throw new Error("an empty picture");
  };
  const alone = async () => {
    const waiting = [...pages];
    await Promise.all(
      Array.from({ length: cores }, async () => {
        for (let page = waiting.pop(); page !== undefined; page = waiting.pop())
          await sharp(page.data, { raw: { width: page.width, height: page.height, channels: 3 } })
            .png({ compressionLevel: 6 })
            .toBuffer();
      }),
    );
  };
  report(
    "encode",
    [
      await compare({
        name: `${PAGES} pages, ${cores} cores`,
        unit: "pages/s",
        rounds: 5,
        candidates: {
          "the batch's stage": rate(through(encodeStage(pool))),
          "sharp alone": rate(alone),
          "one at a time": rate(through({ concurrency: 1 })),
        },
      }),
    ],
    "build/bench",
  );
} finally {
  await pool.close();
}
