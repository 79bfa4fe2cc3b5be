// Three workers in processes of their own; workers and Redis are killed at random moments while there is work, and the
// chapters come out as one machine writes them. `npm run test:farm -- 100` kills more often.
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../src/config/batch-config.js";
import type { BatchEngine } from "../../src/core/batch-engine.js";
import { runBatch } from "../../src/core/run-batch.js";
import { collectRequests } from "../../src/farm/queue/collect-requests.js";
import { connect, FarmQueue, queueNamesOf } from "../../src/farm/queue/farm-queue.js";
import { submitChapter } from "../../src/farm/queue/submit-chapter.js";
import { SharedStore } from "../../src/farm/store/shared-store.js";
import { openPageSource } from "../../src/io/open-source.js";
import { writeZip } from "../support/archives.js";
import { chapterFiles, linePage, writeFolder } from "../support/chapter.js";
import { MODEL, waitingEngine } from "../support/waiting-engine.mjs";
import { hashOf, paperEngine } from "../support/paper-engine.js";
import { hasRedis, startRedis, type RedisServer } from "../support/redis.js";

const KILLS = Number(process.env["COBRA_KILLS"] ?? 4);
const SEED = Number(process.env["COBRA_KILL_SEED"] ?? 1);
/** One kill in ten is of Redis, one at least. */
const REDIS_EVERY = 10;
/** Pages of each chapter. Chapters are submitted until all kills are done. */
const PAGES = 60;
/** Beside them: ComicInfo.xml and two references. */
const CARRIED = 3;
const PAGE_MS = 300;
const LOCK_MS = 1000;
const WORKER = fileURLToPath(new URL("../support/farm-worker.mjs", import.meta.url));

/** Numbers from 0 to 1 that depend on the seed alone (mulberry32). */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
}

/** Progress, where many kills take long. */
function say(text: string): void {
  if (KILLS > 10) process.stderr.write(`${text}\n`);
}

describe.skipIf(!hasRedis)("workers and Redis that are killed (needs Debian's package redis-server)", () => {
  let root: string;
  let server: RedisServer;
  let redis: Redis;
  const workers: ChildProcess[] = [];
  const at = (...names: string[]): string => join(root, ...names);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "cobra-killed-farm-"));
    const files: Record<string, Buffer> = await chapterFiles(0);
    const base = await linePage(1);
    for (let page = 1; page <= PAGES; page++)
      files[`p${page}.png`] = await sharp(base).extend({ bottom: page, background: "white" }).png().toBuffer();
    await writeFolder(at("in"), files);
    await writeZip(at("in.cbz"), files);
    await writeFolder(at("store"), { "readme.txt": Buffer.from("shared") });
    server = await startRedis();
    redis = connect(server.url);
  });
  afterAll(async () => {
    for (const worker of workers) worker.kill("SIGKILL");
    redis?.disconnect();
    await server?.close();
    await rm(root, { recursive: true, force: true });
  });

  async function startWorker(place: number): Promise<void> {
    const worker = spawn(process.execPath, [WORKER, server.url, at("store"), String(PAGE_MS), String(LOCK_MS)], {
      stdio: ["ignore", "pipe", "inherit"],
    });
    workers[place] = worker;
    await once(worker.stdout, "data");
  }

  async function hashes(path: string): Promise<unknown[]> {
    const source = await openPageSource(path);
    const entries = source.entries().filter(({ name }) => !name.includes("metadata"));
    const found = await Promise.all(entries.map(async (entry) => [entry.name, hashOf(await entry.read())]));
    await source.close();
    return found;
  }

  it(
    `a folder and a CBZ after ${KILLS} kills, seed ${SEED}`,
    async () => {
      const store = await SharedStore.open(at("store"));
      const { pool } = paperEngine();
      const queue = new FarmQueue(redis, queueNamesOf("test", MODEL));
      const pageConfig = (): object => ({});
      const chapters: { readonly farm: string; readonly whole: string }[] = [];
      /** A folder and a CBZ with settings of their own. */
      const submit = async (): Promise<void> => {
        const round = chapters.length / 2;
        for (const kind of ["folder", "cbz"] as const) {
          const input = kind === "folder" ? { inputDir: at("in") } : { inputZip: at("in.cbz") };
          const output = (name: string): { path: string; config: BatchConfigInput } => {
            const path = at(`${name}${round}${kind === "folder" ? "" : ".cbz"}`);
            return { path, config: kind === "folder" ? { outputDir: path } : { outputZip: path } };
          };
          const [farm, whole] = [output("farm"), output("whole")];
          const settings = { ...input, seed: 2 * round + (kind === "folder" ? 0 : 1) };
          await runBatch(waitingEngine(pool, 0) as BatchEngine, { ...settings, ...whole.config });
          const { config } = parseBatchConfig({ ...settings, ...farm.config });
          const { requests } = await collectRequests(config, { pool, model: MODEL, pageConfig, store });
          await submitChapter(queue, store, { config, pageConfigs: {}, model: MODEL, requests, priority: 0 });
          chapters.push({ farm: farm.path, whole: whole.path });
        }
      };
      const left = async (): Promise<number> => {
        const states = ["waiting-children", "prioritized", "wait", "active", "delayed", "failed"] as const;
        const counts = await Promise.all([queue.chapters, queue.pages].map((one) => one.getJobCounts(...states)));
        return counts.flatMap((one) => Object.values(one)).reduce((a, b) => a + b, 0);
      };
      await Promise.all([0, 1, 2].map(startWorker));
      const draw = random(SEED);
      for (let kill = 1; kill <= KILLS; kill++) {
        // One that is alone is the end of the last chapter: a kill meets that too.
        if ((await left()) === 0) await submit();
        await sleep(draw() * 400);
        const place = Math.floor(draw() * 3);
        const ofRedis = kill % REDIS_EVERY === 0 || kill === 2;
        if (ofRedis) await server.kill();
        else {
          workers[place]!.kill("SIGKILL");
          await startWorker(place);
        }
        say(`kill ${kill} of ${KILLS}: ${ofRedis ? "Redis" : `worker ${place}`}; ${await left()} jobs left`);
      }
      while ((await left()) > 0) {
        expect(await queue.chapters.getFailed()).toEqual([]);
        await sleep(50);
      }
      for (const { farm, whole } of chapters) {
        expect(await hashes(farm)).toEqual(await hashes(whole));
        expect(await hashes(farm)).toHaveLength(PAGES + CARRIED);
      }
      say(`${chapters.length} chapters of ${PAGES} pages, each as one machine writes it`);
      const keys = await redis.keys("cobra:*");
      expect(keys.filter((key) => !/:(?:meta|id|events|marker|pc|stalled-check)$/.test(key))).toEqual([]);
      await queue[Symbol.asyncDispose]();
    },
    120_000 + KILLS * 5000,
  );
});
