// Does CPU work hide behind the device? A chapter of 100 pages on a device that waits instead of computing, 400 ms a
// page, at Cobra's own page sizes: wall time against the device's own time, and the longest stall of the event loop. COBRA_BENCH_PAGES=20 takes fewer pages, COBRA_BENCH_PAGE_MS=4000 a slower device:
// on a machine that is shared with others, one that is as many times slower as they slow the cores.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModelPackage } from "../dist/convert/build-package.js";
import { PRESETS, presetWeights } from "../dist/convert/presets.js";
import { Device } from "../dist/binding/index.js";
import { simulateDevice } from "../dist/binding/runtime/simulate.js";
import { Engine, memorySource, runBatch } from "../dist/index.js";
import { openPageSource } from "../dist/io/open-source.js";
import { LoopWatch } from "./event-loop.mjs";
import { report } from "./harness.mjs";

const DEVICE = "cpu:1";
const PAGE_MS = Number(process.env.COBRA_BENCH_PAGE_MS ?? 400);
const PAGES = Number(process.env.COBRA_BENCH_PAGES ?? 100);
const folder = mkdtempSync(join(tmpdir(), "cobra-bench-overlap-"));

/** Networks of the smallest sizes with Cobra's page sizes: pictures and planes are those of full size. */
async function fullSizePages() {
  const { tiny, full } = PRESETS;
  const config = {
    ...tiny,
    buckets: full.buckets,
    imageEncoder: { ...tiny.imageEncoder, imageSize: full.imageEncoder.imageSize },
  };
  const directory = join(folder, "model");
  const info = { name: "overlap", version: "1", licence: "CC0-1.0", trained: false };
  return buildModelPackage({ directory, config, weights: presetWeights(config, 1), info });
}

/** The sample chapter, again and again; its coloured pages are the references. */
async function chapter() {
  const source = await openPageSource("scripts/sample/chapter.cbz", {});
  const pictures = [];
  for (const entry of source.entries())
    if (entry.kind === "image") pictures.push({ name: entry.name, bytes: await entry.read() });
  await source.close();
  return pictures;
}

const model = await fullSizePages();
const pictures = await chapter();
const device = Device.of(DEVICE);
// One page at a time in a run: with batches the device would take less than its time for a page.
const engine = await Engine.open({
  model: model.directory,
  devices: [DEVICE],
  deviceMemoryBytes: 2 ** 33,
  maxBatch: 1,
});
const loop = new LoopWatch();
const isReference = ({ name }) => /ref/iu.test(name);
const line = pictures.filter((one) => !isReference(one));

/** Colours pages; gives wall time, the device's own time, and the longest stalls. */
async function run(count, name) {
  const pages = Array.from({ length: count }, (_, index) => ({
    name: `${String(index).padStart(3, "0")}.png`,
    bytes: line[index % line.length].bytes,
  }));
  const busyBefore = device.figures().busyMs;
  loop.reset();
  const startedMs = performance.now();
  const summary = await runBatch(
    engine,
    { outputDir: join(folder, name), imageType: "line_art" },
    { source: memorySource(pages), references: memorySource(pictures.filter(isReference)) },
  );
  const wallMs = performance.now() - startedMs;
  if (summary.completed !== count) throw new Error(`${count - summary.completed} pages failed`);
  return { wallMs, busyMs: device.figures().busyMs - busyBefore, longest: loop.longest };
}

try {
  // The device's results are those of the first runs, which compute. Then its time for a page is measured and set.
  simulateDevice(DEVICE, { waitMs: 1 });
  await run(line.length, "warm");
  simulateDevice(DEVICE, { waitMs: 10 });
  const { busyMs: tenths } = await run(1, "one");
  simulateDevice(DEVICE, { waitMs: (10 * PAGE_MS) / tenths });
  const { wallMs, busyMs, longest } = await run(PAGES, "out");
  const row = (candidate, value) => ({ candidate, median: value, p10: value, p90: value });
  const result = (name, unit, rows, ratio = null) => ({ name, unit, rounds: 1, rows, ratio });
  const tasks = Object.entries(engine.stats().pool.tasks);
  report(
    "overlap",
    [
      result(
        `${PAGES} pages`,
        "s",
        [row("wall time", wallMs / 1000), row("the device's own time", busyMs / 1000)],
        busyMs / wallMs,
      ),
      result("longest stall of the event loop", "ms", [
        row("processor time of its thread", longest.cpuMs),
        row("wall time", longest.wallMs),
      ]),
      result(
        "worker tasks, mean",
        "ms",
        tasks.map(([task, { run: times, completed }]) => row(task, times.sumMs / Math.max(1, completed))),
      ),
    ],
    "build/bench",
  );
} finally {
  await engine.close();
  loop.close();
  rmSync(folder, { recursive: true, force: true });
}
