// The whole pipeline on the sample chapter: wall time against the sum of network run times. Above 1, stages overlap
// (CPU work hides behind inference); below, the networks wait for something. The plain way, one page after the other,
// is the peer.
import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { Engine, parseBatchConfig, runBatch } from "../dist/index.js";
import { buildPresetPackage } from "../dist/convert/presets.js";
import { compare, report } from "./harness.mjs";

const CHAPTER = "scripts/sample/chapter.cbz";
if (!existsSync(CHAPTER)) throw new Error(`${CHAPTER} is missing`);
const folder = mkdtempSync(join(tmpdir(), "cobra-bench-"));
const model = join(folder, "model");
await buildPresetPackage({ directory: model, preset: "demo" });

async function chapter(maxConcurrent, referenceCacheBytes) {
  const engine = await Engine.open({ model, referenceCacheBytes });
  try {
    const { config } = parseBatchConfig({
      inputZip: CHAPTER,
      outputZip: join(folder, "out.cbz"),
      overwrite: true,
      numInferenceSteps: 4,
      maxConcurrent,
    });
    const delay = monitorEventLoopDelay({ resolution: 1 });
    delay.enable();
    const started = performance.now();
    const onEvent = (event) => void (event.type === "batch-started" && delay.reset()); // loading libraries is not processing pages
    const summary = await runBatch(engine, config, { onEvent });
    const wallMs = performance.now() - started;
    delay.disable();
    if (summary.failed > 0) throw new Error(`${summary.failed} pages failed`);
    const { runs } = engine.stats();
    const runMs = Object.values(runs).reduce((sum, one) => sum + one.ms, 0);
    return { wallMs, runMs, runs, pages: summary.completed, stallMs: delay.max / 1e6 };
  } finally {
    await engine.close();
  }
}

const last = {};
const keep = (name, run) => async () => {
  last[name] = await run();
  return last[name].wallMs / 1000;
};
try {
  const result = await compare({
    name: "sample chapter, 4 steps",
    unit: "s a chapter",
    rounds: 3,
    candidates: {
      "two pages in flight": keep("overlapped", () => chapter(2, 2 ** 30)),
      "one page in flight": keep("single", () => chapter(1, 2 ** 30)),
      "two pages, no reference cache": keep("uncached", () => chapter(2, 0)),
    },
  });
  const shares = Object.entries(last).map(([name, one]) => ({
    name: `${name}: ${one.pages} pages`,
    unit: "s",
    rounds: 1,
    ratio: one.runMs / one.wallMs,
    rows: [
      { candidate: "wall time", median: one.wallMs / 1000, p10: one.wallMs / 1000, p90: one.wallMs / 1000 },
      {
        candidate: "longest event loop stall",
        median: one.stallMs / 1000,
        p10: one.stallMs / 1000,
        p90: one.stallMs / 1000,
      },
      { candidate: "sum of network runs", median: one.runMs / 1000, p10: one.runMs / 1000, p90: one.runMs / 1000 },
      ...Object.entries(one.runs).map(([graph, { runs, ms }]) => ({
        candidate: `  ${graph} x${runs}`,
        median: ms / 1000,
        p10: ms / 1000,
        p90: ms / 1000,
      })),
    ],
  }));
  report("pipeline", [result, ...shares], "build/bench");
} finally {
  rmSync(folder, { recursive: true, force: true });
}
