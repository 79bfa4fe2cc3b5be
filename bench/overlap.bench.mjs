// Does CPU work hide behind the device? A chapter of 100 pages on a device that waits instead of computing, 400 ms a
// page, at Cobra's own page sizes: wall time against the device's own time, what the device waited for, and the longest
// stalls of the event loop. COBRA_BENCH_PAGES=20 takes fewer pages, COBRA_BENCH_PAGE_MS=4000 a slower device: on a
// machine that is shared with others, one that is as many times slower as they slow the cores. COBRA_BENCH_STACKS=1
// names the code that ran in the longest stalls, and costs some time itself.
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { buildModelPackage } from "../dist/convert/build-package.js";
import { PRESETS, presetWeights } from "../dist/convert/presets.js";
import { Device } from "../dist/binding/index.js";
import { simulateDevice } from "../dist/binding/runtime/simulate.js";
import { Engine, memorySource, runBatch } from "../dist/index.js";
import { openPageSource } from "../dist/io/open-source.js";
import { DeviceWatch } from "./device-gaps.mjs";
import { LoopWatch } from "./event-loop.mjs";
import { report } from "./harness.mjs";
import { StackWatch } from "./stall-stacks.mjs";

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
const watch = new DeviceWatch();
const stacks = process.env.COBRA_BENCH_STACKS === "1" ? await StackWatch.start() : undefined;
const isReference = ({ name }) => /ref/iu.test(name);
const line = pictures.filter((one) => !isReference(one));

/** Colours pages; gives wall time, the device's own time, and what was watched meanwhile. */
async function run(count, name) {
  const pages = Array.from({ length: count }, (_, index) => ({
    name: `${String(index).padStart(3, "0")}.png`,
    bytes: line[index % line.length].bytes,
  }));
  const busyBefore = device.figures().busyMs;
  loop.reset();
  watch.reset();
  const startedMs = performance.now();
  const summary = await runBatch(
    engine,
    { outputDir: join(folder, name), imageType: "line_art" },
    { source: memorySource(pages), references: memorySource(pictures.filter(isReference)) },
  );
  const endedMs = performance.now();
  const wallMs = endedMs - startedMs;
  if (summary.completed !== count) throw new Error(`${count - summary.completed} pages failed`);
  const { longest, stalls } = loop;
  return {
    wallMs,
    busyMs: device.figures().busyMs - busyBefore,
    longest,
    stalls,
    gaps: watch.gaps(startedMs, endedMs),
  };
}

/** Runs of networks so far. */
function runsSoFar() {
  return Object.values(engine.stats().runs).reduce((sum, { runs: count }) => sum + count, 0);
}

/** Runs that one more page takes. The references' own come once, whatever the number of pages. */
async function runsOfPage() {
  const counts = [runsSoFar()];
  for (const [count, name] of [
    [1, "few"],
    [1 + line.length, "more"],
  ]) {
    await run(count, name);
    counts.push(runsSoFar());
  }
  return (counts[2] - counts[1] - (counts[1] - counts[0])) / line.length;
}

const row = (candidate, value) => ({ candidate, median: value, p10: value, p90: value });
const result = (name, unit, rows, ratio = null) => ({ name, unit, rounds: 1, rows, ratio });

try {
  // The device's results are those of the first runs, which compute.
  simulateDevice(DEVICE, { waitMs: 1 });
  await run(line.length, "warm");
  const runs = await runsOfPage();
  simulateDevice(DEVICE, { waitMs: PAGE_MS / runs });
  const { busyMs: alone } = await run(1, "one");
  const before = engine.stats().pool.tasks;
  const { wallMs, busyMs, longest, stalls, gaps } = await run(PAGES, "out");
  const tasks = Object.entries(engine.stats().pool.tasks).map(([task, { run: times, completed }]) => {
    const earlier = before[task] ?? { run: { sumMs: 0 }, completed: 0 };
    return row(task, (times.sumMs - earlier.run.sumMs) / Math.max(1, completed - earlier.completed));
  });
  const pageMs = (busyMs - alone) / (PAGES - 1);
  report(
    "overlap",
    [
      result(
        `${PAGES} pages`,
        "s",
        [row("wall time", wallMs / 1000), row("the device's own time", busyMs / 1000)],
        busyMs / wallMs,
      ),
      result("the device's time", "ms", [
        row(`for a page: ${runs} runs, ${PAGE_MS} ms wanted`, pageMs),
        row("for the references, once", alone - pageMs),
      ]),
      result(
        "the device waited for",
        "ms",
        gaps.map(({ cause, count, ms }) => row(`${cause}, ${count} times`, ms)),
      ),
      result("longest stall of the event loop", "ms", [
        row("processor time of its thread", longest.cpuMs),
        row("wall time", longest.wallMs),
      ]),
      result("worker tasks, mean", "ms", tasks),
    ],
    "build/bench",
  );
  if (stacks !== undefined) process.stdout.write(await stacks.describe(stalls));
} finally {
  await engine.close();
  loop.close();
  watch.close();
  rmSync(folder, { recursive: true, force: true });
}
