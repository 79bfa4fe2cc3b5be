// Does CPU work hide behind the device? A chapter of 100 pages on a device that waits instead of computing, 400 ms a
// page, at Cobra's own page sizes: wall time against the device's own time, the device's waits for its next run, and
// the longest stall of the event loop. COBRA_BENCH_PAGES=20 takes fewer pages, COBRA_BENCH_PAGE_MS=4000 a slower device:
// on a machine that is shared with others, one that is as many times slower as they slow the cores.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModelPackage } from "../dist/convert/build-package.js";
import { PRESETS, presetWeights } from "../dist/convert/presets.js";
import { Engine } from "../dist/colorization/engine.js";
import { memorySource, runBatch } from "../dist/index.js";
import { openPageSource } from "../dist/io/open-source.js";
import { LoopWatch } from "./event-loop.mjs";
import { report } from "./harness.mjs";
import { WaitingDevice } from "./waiting-device.mjs";

/** A wait of the device that counts: shorter ones are the way of a message. */
const WAIT_MS = 2;
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
const device = new WaitingDevice(Number(process.env.COBRA_BENCH_PAGE_MS ?? 400));
const engine = await Engine.openWith({ model: model.directory }, { openNetwork: device.opener(model.manifest) });
const loop = new LoopWatch();
try {
  const isReference = ({ name }) => /ref/iu.test(name);
  const line = pictures.filter((one) => !isReference(one));
  const pages = Array.from({ length: PAGES }, (_, index) => ({
    name: `${String(index).padStart(3, "0")}.png`,
    bytes: line[index % line.length].bytes,
  }));
  const onEvent = (event) => void (event.type === "batch-started" && loop.reset());
  const startedMs = performance.now();
  const summary = await runBatch(
    engine,
    { outputDir: join(folder, "out"), imageType: "line_art" },
    { source: memorySource(pages), references: memorySource(pictures.filter(isReference)), onEvent },
  );
  const wallMs = performance.now() - startedMs;
  if (summary.failed > 0 || summary.completed !== PAGES) throw new Error(`${summary.failed} pages failed`);
  const row = (candidate, value) => ({ candidate, median: value, p10: value, p90: value });
  const waits = (graph) => device.gaps.filter((gap) => gap.graph === graph && gap.gapMs > WAIT_MS);
  const tasks = Object.entries(engine.stats().pool.tasks);
  const result = (name, unit, rows, ratio = null) => ({ name, unit, rounds: 1, rows, ratio });
  report(
    "overlap",
    [
      // The harness prints the second row's share of the first.
      result(
        `${PAGES} pages`,
        "s",
        [
          row("the device's own time", device.busyMs / 1000),
          row("wall time", wallMs / 1000),
          row("the device waited", device.idleMs / 1000),
        ],
        wallMs / device.busyMs,
      ),
      result(
        `waits above ${WAIT_MS} ms`,
        "runs",
        Object.keys(device.runMs).map((graph) => row(graph, waits(graph).length)),
      ),
      result("longest stall of the event loop", "ms", [
        row("processor time of its thread", loop.longest.cpuMs),
        row("wall time", loop.longest.wallMs),
      ]),
      result(
        "worker tasks, mean",
        "ms",
        tasks.map(([task, { run, completed }]) => row(task, run.sumMs / Math.max(1, completed))),
      ),
    ],
    "build/bench",
  );
} finally {
  await engine.close();
  await device.close();
  loop.close();
  rmSync(folder, { recursive: true, force: true });
}
