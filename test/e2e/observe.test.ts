/** What the channels tell of a whole chapter: every network run, task and stage once, with its page. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { InferenceSession } from "../../src/binding/index.js";
import { Engine } from "../../src/colorization/engine.js";
import { parseBatchConfig } from "../../src/config/batch-config.js";
import { runBatch } from "../../src/core/run-batch.js";
import {
  CHANNELS,
  type CacheUse,
  type MemoryBooking,
  type NetworkRun,
  type QueueWait,
  type TaskRun,
} from "../../src/observe/channels.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { ONE_THREAD, TINY_MODEL } from "../support/shared-models.js";

const PAGES = 2;
const STEPS = 2;
let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-observe-"));
  await writeFolder(at("in"), { "a.png": await linePage(1), "b.png": await linePage(2) });
  await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
});
afterAll(() => rm(root, { recursive: true, force: true }));

function countBy<T>(items: readonly T[], key: (item: T) => string): Record<string, number> {
  const counts: Record<string, number> = {};
  for (const item of items) counts[key(item)] = (counts[key(item)] ?? 0) + 1;
  return counts;
}

it("tells every network run, task, stage, cache use and booking of a chapter once", async () => {
  const runs: NetworkRun[] = [];
  const tasks: TaskRun[] = [];
  const loads: string[] = [];
  const stages: string[] = [];
  const waits: QueueWait[] = [];
  const uses: CacheUse[] = [];
  const bookings: MemoryBooking[] = [];
  const ends = [
    CHANNELS.networkRun.subscribe((run) => void runs.push(run)),
    CHANNELS.networkLoad.subscribe(({ graph }) => void loads.push(graph)),
    CHANNELS.task.subscribe((task) => void tasks.push(task)),
    CHANNELS.stage.subscribe(({ stage, index }) => void stages.push(`${stage} ${index}`)),
    CHANNELS.queue.subscribe((wait) => void waits.push(wait)),
    CHANNELS.cache.subscribe((use) => void uses.push(use)),
    CHANNELS.memory.subscribe((booking) => void bookings.push(booking)),
  ];
  const nativeRuns = vi.spyOn(InferenceSession.prototype, "run");
  const engine = await Engine.open({ model: TINY_MODEL, session: ONE_THREAD });
  const { config } = parseBatchConfig({
    inputDir: at("in"),
    outputDir: at("out"),
    referenceImages: [at("refs")],
    numInferenceSteps: STEPS,
    maxConcurrent: 2,
  });
  let job = "";
  const summary = await runBatch(engine, config, { onEvent: (event) => void (job = event.job) });
  const stats = engine.stats();
  await engine.close();
  for (const end of ends) end();
  expect(summary.completed).toBe(PAGES);

  // networks: as many as the binding ran, in the numbers that the pipeline has; a page's denoising is one job
  expect(runs.filter(({ graph }) => graph !== "denoiser")).toHaveLength(nativeRuns.mock.calls.length);
  const byGraph = countBy(runs, ({ graph }) => graph);
  expect(byGraph).toMatchObject({
    line_extractor: PAGES,
    denoiser: PAGES * STEPS,
    vae_decoder: PAGES,
  });
  expect(countBy(loads, String)).toEqual(Object.fromEntries(Object.keys(byGraph).map((graph) => [graph, 1])));
  expect(Object.fromEntries(Object.entries(stats.runs).map(([graph, { run }]) => [graph, run.count]))).toEqual(byGraph);
  expect(
    runs.every(
      ({ error, provider, waitMs, runMs }) => error === undefined && provider === "cpu" && waitMs >= 0 && runMs > 0,
    ),
  ).toBe(true);
  for (const page of ["a.png", "b.png"])
    expect(runs.filter((run) => run.graph === "denoiser" && run.page === page && run.job === job)).toHaveLength(STEPS);

  // tasks
  const byTask = countBy(tasks, ({ task }) => task);
  expect(byTask).toMatchObject({
    decode: PAGES + 1,
    preparePage: PAGES,
    prepareConditions: PAGES,
    composeInk: PAGES,
    encode: PAGES,
  });
  expect(Object.fromEntries(Object.entries(stats.pool.tasks).map(([task, one]) => [task, one.completed]))).toEqual(
    byTask,
  );
  expect(tasks.every(({ outcome, waitMs, runMs }) => outcome === "completed" && waitMs >= 0 && runMs > 0)).toBe(true);
  expect(stats.pool).toMatchObject({ completed: tasks.length, failed: 0, aborted: 0 });

  // queues and stages: each page once in each
  expect([...stages].sort()).toEqual(["page 0", "page 1"]);
  const perPage = (queue: string): string[] =>
    waits.filter((wait) => wait.queue === queue && wait.waitMs >= 0 && wait.job === job).map(({ page }) => page!);
  for (const queue of ["ahead", "booking", "colouring"]) expect(perPage(queue).sort()).toEqual(["a.png", "b.png"]);
  expect(perPage("memory").sort()).toEqual(["a.png", "a.png", "b.png", "b.png"]); // for its picture and for itself

  // caches and memory: what came has gone
  const bytesOf = (outcome: CacheUse["outcome"]): number =>
    uses.reduce((sum, use) => sum + (use.outcome === outcome ? use.bytes : 0), 0);
  const byOutcome = countBy(uses, ({ outcome }) => outcome);
  expect(stats.caches.references).toMatchObject({
    misses: byOutcome["miss"],
    hits: byOutcome["hit"] ?? 0,
    heldBytes: 0,
  });
  expect(bytesOf("miss")).toBeGreaterThan(0);
  expect(bytesOf("dropped")).toBe(bytesOf("miss"));
  const pages = bookings.filter(({ owner }) => owner.startsWith("page "));
  expect(countBy(pages, ({ owner, state }) => `${owner} ${state}`)).toEqual(
    Object.fromEntries(
      ["a.png", "b.png"].flatMap((page) =>
        ["reserved", "held", "released"].map((state) => [`page ${page} ${state}`, 1]),
      ),
    ),
  );
  expect(stats.memory.owners).toHaveProperty("model");
  expect(stats.pages).toMatchObject({ inFlight: 0, waiting: 0 });
});
