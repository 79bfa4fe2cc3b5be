// What the farm's queue costs a page when colouring costs nothing, from the submission to the result in the store, and
// what a second worker brings when pages wait instead of being coloured. Needs redis-server.
import { spawn } from "node:child_process";
import { randomBytes } from "node:crypto";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connect, FarmQueue, laneOf } from "../dist/farm/queue/farm-queue.js";
import { FarmWorker } from "../dist/farm/queue/farm-worker.js";
import { submitChapter } from "../dist/farm/queue/submit-chapter.js";
import { SharedStore } from "../dist/farm/store/shared-store.js";
import { parsePageRequest } from "../dist/colorization/request/page-request.js";
import { parseBatchConfig } from "../dist/config/batch-config.js";
import { report } from "./harness.mjs";

const PAGES = Number(process.env.PAGES ?? 1000);
const WAITING_PAGES = 100;
const WAIT_MS = 100;
const PORT = 7996;
const MODEL = { hash: "2".repeat(64), name: "waits", version: "1", trained: true };

const root = mkdtempSync(join(tmpdir(), "cobra-bench-queue-"));
mkdirSync(join(root, "store"));
const server = spawn("redis-server", ["--port", String(PORT), "--dir", root, "--appendonly", "yes", "--save", ""], {
  stdio: "ignore",
});
const redis = connect(`redis://127.0.0.1:${PORT}`);
await redis.ping();
const store = await SharedStore.open(join(root, "store"));
const queue = new FarmQueue(redis, laneOf("bench", MODEL));
const blob = await store.keep(randomBytes(100_000));

/** An engine whose pages wait. */
function engine(ms) {
  return {
    referenceStore: { hold: () => ({ [Symbol.dispose]: () => {} }) },
    colorizePage: async ({ settings }) => {
      if (ms > 0) await sleep(ms);
      const facts = { format: "png", width: 1, height: 1, bucket: "1x1", seed: settings.seed };
      return { status: "completed", data: BYTES, ...facts, references: [], stageMs: {}, warnings: [] };
    },
  };
}
const BYTES = randomBytes(100_000);

let seed = 0;
/** Milliseconds a page. */
async function run(pages, workers, ms, pagesAtOnce) {
  const requests = Array.from({ length: pages }, (_, index) =>
    parsePageRequest({ name: `${index}.png`, page: { hash: blob }, settings: { seed: seed++ } }),
  );
  const { config } = parseBatchConfig({ inputDir: root, outputDir: join(root, `out-${seed}`) });
  const started = performance.now();
  await submitChapter(queue, store, { config, pageConfigs: {}, model: MODEL, requests, priority: 0, pagesOnly: true });
  const all = Array.from(
    { length: workers },
    () => new FarmWorker({ engine: engine(ms), store, redis, lane: queue.lane, pagesAtOnce }),
  );
  while ((await queue.pages.getJobCountByTypes("prioritized", "wait", "active", "delayed")) > 0) await sleep(2);
  const took = performance.now() - started;
  await Promise.all(all.map((worker) => worker.close(1000)));
  return took / pages;
}

async function samples(rounds, work) {
  const values = [];
  await work();
  for (let round = 0; round < rounds; round++) values.push(await work());
  values.sort((a, b) => a - b);
  return { median: values[values.length >> 1], p10: values[0], p90: values.at(-1) };
}

try {
  const overhead = { candidate: "one worker", ...(await samples(3, () => run(PAGES, 1, 0, 4))) };
  const one = { candidate: "one worker", ...(await samples(3, () => run(WAITING_PAGES, 1, WAIT_MS, 1))) };
  const two = { candidate: "two workers", ...(await samples(3, () => run(WAITING_PAGES, 2, WAIT_MS, 1))) };
  const memory = process.memoryUsage().rss / 2 ** 20;
  report(
    "queue",
    [
      { name: `queue overhead, ${PAGES} pages`, unit: "ms a page", rounds: 3, rows: [overhead], ratio: null },
      {
        name: `pages that wait ${WAIT_MS} ms`,
        unit: "ms a page",
        rounds: 3,
        rows: [two, one],
        ratio: one.median / two.median,
      },
    ],
    "build/bench",
  );
  process.stdout.write(`resident memory at the end: ${memory.toFixed(0)} MB\n`);
} finally {
  await queue[Symbol.asyncDispose]();
  redis.disconnect();
  server.kill();
  await new Promise((resolve) => server.once("exit", resolve));
  rmSync(root, { recursive: true, force: true });
}
