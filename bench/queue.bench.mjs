// The farm: what the queue costs a page when colouring costs nothing; what a second worker and a second shard bring
// when pages wait instead of being coloured; and the memory of submitter, worker and Redis at 100,000 waiting pages.
// Needs redis-server. `node bench/queue.bench.mjs overhead workers shards memory` runs the parts that are named, all
// by default. A part that takes longer than four minutes fails.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import sharp from "sharp";
import { parsePageRequest } from "../dist/colorization/request/page-request.js";
import { TaskPool } from "../dist/colorization/tasks/pool.js";
import { parseBatchConfig } from "../dist/config/batch-config.js";
import { runBatch } from "../dist/core/run-batch.js";
import { connect, FarmQueue, queueNamesOf, ping } from "../dist/farm/queue/farm-queue.js";
import { submitChapter } from "../dist/farm/queue/submit-chapter.js";
import { assembleShards } from "../dist/farm/shards/assemble.js";
import { runShard } from "../dist/farm/shards/run-shard.js";
import { planShards } from "../dist/farm/shards/shard-plan.js";
import { SharedStore } from "../dist/farm/store/shared-store.js";
import { MODEL, waitingEngine } from "../test/support/waiting-engine.mjs";
import { median, report } from "./harness.mjs";

const OVERHEAD_PAGES = 1000;
/** Pages that wait; a worker and a shard have two in hand. */
const WAITING_PAGES = 80;
const WAIT_MS = 200;
const SHARD_PAGES = 60;
const SHARD_WAIT_MS = 500;
const QUEUED_CHAPTERS = 500;
const QUEUED_PAGES = 200;
/** Of the queued pages so many are done while a worker's memory is looked at. */
const DONE_PAGES = 4000;
const LIMIT_MS = 240_000;
const REFERENCES = ["a", "b"].map((name) => ({ name: `${name}.jpg`, hash: name.repeat(64) }));
/** Of the next page: no two pages are the same. */
let seed = 0;

const root = mkdtempSync(join(tmpdir(), "cobra-bench-queue-"));
mkdirSync(join(root, "store"));
const port = await freePort();
const url = `redis://127.0.0.1:${port}`;
const server = spawn("redis-server", ["--port", port, "--dir", root, "--appendonly", "yes", "--save", ""].map(String), {
  stdio: "ignore",
});
const redis = connect(url);
const children = new Set();
async function within(name, work) {
  let timer;
  const late = new Promise((_, reject) => {
    timer = setTimeout(() => reject(new Error(`${name} takes longer than ${LIMIT_MS / 1000} s`)), LIMIT_MS);
  });
  return Promise.race([work, late]).finally(() => clearTimeout(timer));
}

async function freePort() {
  const probe = createServer().listen(0, "127.0.0.1");
  await once(probe, "listening");
  const { port: free } = probe.address();
  probe.close();
  return free;
}

/** A worker in a process of its own, with two pages in hand. */
async function startWorker(ms) {
  const script = fileURLToPath(new URL("../test/support/farm-worker.mjs", import.meta.url));
  const child = spawn(process.execPath, [script, url, join(root, "store"), String(ms), "60000"], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.add(child);
  await once(child.stdout, "data");
  return child;
}

async function stopWorkers() {
  for (const child of children) {
    children.delete(child);
    if (child.exitCode !== null || child.signalCode !== null) continue;
    child.kill("SIGKILL");
    await once(child, "exit");
  }
}

/** A chapter whose pages nobody has done before. */
function chapterOf(blob, pages) {
  const requests = Array.from({ length: pages }, (_, index) =>
    parsePageRequest({
      name: `${index}.png`,
      page: { hash: blob },
      settings: { seed: seed++ },
      references: REFERENCES,
    }),
  );
  const { config } = parseBatchConfig({ inputDir: root, outputDir: join(root, `out-${seed}`) });
  return { config, pageConfigs: {}, model: MODEL, requests, priority: 0, pagesOnly: true };
}

const pagesLeft = (queue) => queue.pages.getJobCountByTypes("prioritized", "wait", "active", "delayed");

/** Submits a chapter to workers that are there already. @returns milliseconds a page */
async function throughQueue({ store, blob, queue }, pages) {
  const started = performance.now();
  await submitChapter(queue, store, chapterOf(blob, pages));
  while ((await pagesLeft(queue)) > 0) await sleep(5);
  return (performance.now() - started) / pages;
}

function scenario(name, unit, samples, ratio = null) {
  const rows = Object.entries(samples).map(([candidate, values]) => ({
    candidate,
    median: median(values),
    p10: Math.min(...values),
    p90: Math.max(...values),
  }));
  return {
    name,
    unit,
    rounds: rows.length,
    rows,
    ratio: ratio ?? (rows.length > 1 ? rows[1].median / rows[0].median : null),
  };
}

/** From the submission to the result in the store, with one worker whose pages take no time. */
async function overhead(farm) {
  await startWorker(0);
  await throughQueue(farm, 100);
  const samples = [];
  for (let round = 0; round < 3; round++) samples.push(await throughQueue(farm, OVERHEAD_PAGES));
  return [scenario(`queue overhead, ${OVERHEAD_PAGES} pages`, "ms a page", { "one worker": samples })];
}

async function workers(farm) {
  const samples = { "two workers": [], "one worker": [] };
  await startWorker(WAIT_MS);
  for (const candidate of ["one worker", "two workers"]) {
    if (candidate === "two workers") await startWorker(WAIT_MS);
    for (let round = 0; round < 2; round++) samples[candidate].push(await throughQueue(farm, WAITING_PAGES));
  }
  return [scenario(`queue, pages that wait ${WAIT_MS} ms`, "ms a page", samples)];
}

/** All in this process: pages wait, so that shards do not take each other's processor time. */
async function shards() {
  const folder = join(root, "chapter");
  mkdirSync(folder);
  const drawn = `<svg xmlns="http://www.w3.org/2000/svg" width="200" height="280"><rect width="200" height="280" fill="white"/><circle cx="90" cy="90" r="40" fill="none" stroke="black"/></svg>`;
  for (let page = 0; page < SHARD_PAGES; page++) {
    const picture = sharp(Buffer.from(drawn)).extend({ bottom: page, background: "white" });
    writeFileSync(join(folder, `${page}.png`), await picture.removeAlpha().png().toBuffer());
  }
  const colours = sharp({
    create: {
      width: 64,
      height: 64,
      channels: 3,
      background: "red",
      noise: { type: "gaussian", mean: 128, sigma: 60 },
    },
  });
  writeFileSync(join(folder, "reference.jpg"), await colours.jpeg().toBuffer());
  const pool = new TaskPool({ maxThreads: 1 });
  const engine = () => waitingEngine(pool, SHARD_WAIT_MS);
  const settings = (output) => parseBatchConfig({ inputDir: folder, outputDir: join(root, output) }).config;
  const pictures = Array.from({ length: SHARD_PAGES }, (_, page) => ({ name: `${page}.png`, sizeBytes: 1000 }));
  const samples = { "two shards and assemble": [], "one process": [], "assemble alone": [] };
  for (let round = 0; round < 1; round++) {
    let started = performance.now();
    await runBatch(engine(), settings(`whole-${round}`));
    samples["one process"].push((performance.now() - started) / SHARD_PAGES);
    started = performance.now();
    const config = settings(`sharded-${round}`);
    const [parts] = planShards([pictures], 2);
    await Promise.all([1, 2].map((index) => runShard(engine(), config, { shard: { index, count: 2 }, parts })));
    const joining = performance.now();
    await assembleShards({ outputDir: config.outputDir }, pool);
    samples["assemble alone"].push((performance.now() - joining) / SHARD_PAGES);
    samples["two shards and assemble"].push((performance.now() - started) / SHARD_PAGES);
  }
  await pool.close();
  return [scenario(`shards, pages that wait ${SHARD_WAIT_MS} ms`, "ms a page", samples)];
}

/** Resident memory of a process in MB. */
function residentMB(pid = process.pid) {
  return Number(/^VmRSS:\s+(\d+) kB/mu.exec(readFileSync(`/proc/${pid}/status`, "utf8"))[1]) / 1024;
}

async function redisBytes() {
  return Number(/^used_memory:(\d+)/mu.exec(await redis.info("memory"))[1]);
}

async function memory(farm) {
  const empty = await redisBytes();
  const submitter = [];
  const started = performance.now();
  for (let chapter = 1; chapter <= QUEUED_CHAPTERS; chapter++) {
    await submitChapter(farm.queue, farm.store, chapterOf(farm.blob, QUEUED_PAGES));
    if (chapter % (QUEUED_CHAPTERS / 10) === 0) submitter.push(residentMB());
  }
  const pages = QUEUED_CHAPTERS * QUEUED_PAGES;
  const submitMs = (performance.now() - started) / pages;
  const bytes = ((await redisBytes()) - empty) / pages;
  const worker = await startWorker(0);
  const resident = [];
  for (let done = 0; done < DONE_PAGES;) {
    await sleep(200);
    const now = pages - (await pagesLeft(farm.queue));
    if (now >= ((resident.length + 1) * DONE_PAGES) / 8) resident.push(residentMB(worker.pid));
    done = now;
  }
  const text = (values) => values.map((value) => value.toFixed(0)).join(" ");
  process.stdout.write(
    `resident MB of the submitter at each tenth of ${pages} pages: ${text(submitter)}\n` +
      `resident MB of a worker at each eighth of the first ${DONE_PAGES}: ${text(resident)}\n\n`,
  );
  return [
    scenario(`submitting ${pages} pages`, "ms a page", { submitter: [submitMs] }),
    scenario(`${pages} waiting pages`, "bytes a page", { Redis: [bytes] }),
  ];
}

const parts = { overhead, workers, shards, memory };
const named = process.argv.slice(2);
const results = [];
try {
  await ping(redis, url, 10_000);
  const store = await SharedStore.open(join(root, "store"));
  const blob = await store.keep(Buffer.from("a page"));
  const queue = new FarmQueue(redis, queueNamesOf("test", MODEL));
  for (const [name, part] of Object.entries(parts)) {
    if (named.length > 0 && !named.includes(name)) continue;
    results.push(...(await within(name, part({ store, blob, queue }))));
    await stopWorkers();
    await redis.flushall();
  }
  report("queue", results, "build/bench");
} finally {
  await stopWorkers();
  redis.disconnect();
  server.kill("SIGKILL");
  await once(server, "exit");
  rmSync(root, { recursive: true, force: true });
}
process.exit(0); // whatever a part that failed has left open
