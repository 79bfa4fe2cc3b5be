// A farm on a real Redis whose workers run in the process of the test and colour on paper. Calls the hooks of the test
// file.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Redis } from "ioredis";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll } from "vitest";
import { parseBatchConfig, type BatchConfig, type BatchConfigInput } from "../../src/config/batch-config.js";
import { collectRequests } from "../../src/farm/queue/collect-requests.js";
import { connect, FarmQueue, queueNamesOf, type QueuedModel } from "../../src/farm/queue/farm-queue.js";
import { FarmWorker } from "../../src/farm/queue/farm-worker.js";
import { submitChapter, type Submission } from "../../src/farm/queue/submit-chapter.js";
import { SharedStore } from "../../src/farm/store/shared-store.js";
import { openPageSource } from "../../src/io/open-source.js";
import { writeZip } from "./archives.js";
import { chapterFiles, linePage, writeFolder } from "./chapter.js";
import { hashOf, paperEngine, type PaperEngine } from "./paper-engine.js";
import { startRedis, type RedisServer } from "./redis.js";

/** What the tests of a farm work with. */
export interface PaperFarm {
  readonly server: RedisServer;
  readonly redis: Redis;
  readonly queue: FarmQueue;
  readonly model: QueuedModel;
  /** A path in the test's folder: `in`, `in.cbz` with six pages, `store`. */
  at(...names: string[]): string;
  store(): Promise<SharedStore>;
  startWorker(engine: PaperEngine, pagesAtOnce?: number): Promise<FarmWorker>;
  closeWorkers(): Promise<void>;
  /** Settings of a chapter with an output of its own. */
  settings(more?: Partial<BatchConfigInput>): BatchConfig;
  submit(config: BatchConfig, priority?: number): Promise<Submission>;
  /** Waits until the chapter's job is gone or has failed; why it failed. */
  ended(submission: Submission): Promise<string | undefined>;
  /** Names and hashes of an output, without its metadata. */
  hashes(path: string): Promise<unknown[]>;
  /** Keys of jobs and locks that are left in Redis; what a queue always has is not counted. */
  left(): Promise<string[]>;
}

export function usePaperFarm(): PaperFarm {
  let root: string;
  let server: RedisServer;
  let redis: Redis;
  let queue: FarmQueue;
  let workers: FarmWorker[] = [];
  let outputs = 0;
  const model = { hash: "0".repeat(64), name: "paper", version: "1", trained: true };
  const at = (...names: string[]): string => join(root, ...names);

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "cobra-queue-"));
    const files = await chapterFiles(6);
    for (let page = 1; page <= 6; page++) files[`p${page}.png`] = await ownPage(page);
    await writeFolder(at("in"), files);
    await writeZip(at("in.cbz"), files);
    await writeFolder(at("store"), { "readme.txt": Buffer.from("shared") });
    server = await startRedis();
    redis = connect(server.url);
    queue = new FarmQueue(redis, queueNamesOf("test", model));
  });
  afterEach(async () => {
    await closeWorkers();
    await queue.pages.obliterate({ force: true });
    await queue.chapters.obliterate({ force: true });
    await rm(at("store", "results"), { recursive: true, force: true });
  });
  afterAll(async () => {
    await queue?.[Symbol.asyncDispose]();
    redis?.disconnect();
    await server?.close();
    await rm(root, { recursive: true, force: true });
  });

  const store = (): Promise<SharedStore> => SharedStore.open(at("store"));

  const closeWorkers = async (): Promise<void> => {
    await Promise.all(workers.splice(0).map((worker) => worker.close(0)));
  };

  async function startWorker(engine: PaperEngine, pagesAtOnce = 2): Promise<FarmWorker> {
    // On paper there are no tickets of the engine's own.
    const colorizePage: PaperEngine["colorizePage"] = (request, options) =>
      engine.colorizePage(request, { ...options, ticket: NO_TICKET });
    const worker = new FarmWorker({
      engine: { ...engine, colorizePage },
      store: await store(),
      redis,
      names: queue.names,
      pagesAtOnce,
      lockMs: 1000,
    });
    workers.push(worker);
    return worker;
  }

  function settings(more: Partial<BatchConfigInput> = {}): BatchConfig {
    const given = { inputDir: at("in"), outputDir: at(`out-${outputs++}`), ...more };
    return parseBatchConfig(JSON.parse(JSON.stringify(given)) as BatchConfigInput).config;
  }

  async function submit(config: BatchConfig, priority = 0): Promise<Submission> {
    const shared = await store();
    const { requests } = await collectRequests(config, {
      pool: paperEngine().pool,
      model,
      pageConfig: () => ({}),
      store: shared,
    });
    return submitChapter(queue, shared, { config, pageConfigs: {}, model, requests, priority });
  }

  async function ended({ id }: Submission): Promise<string | undefined> {
    for (;;) {
      const job = await queue.chapters.getJob(id);
      if (job === undefined) return undefined;
      if (await job.isFailed()) return (await queue.chapters.getJob(id))!.failedReason;
      await new Promise((resolve) => setTimeout(resolve, 25));
    }
  }

  async function hashes(path: string): Promise<unknown[]> {
    const source = await openPageSource(path);
    const entries = source.entries().filter(({ name }) => !name.includes("metadata"));
    const found = await Promise.all(entries.map(async (entry) => [entry.name, hashOf(await entry.read())]));
    await source.close();
    return found;
  }

  async function left(): Promise<string[]> {
    const keys = await redis.keys("cobra:*");
    // A note that a chapter was cancelled expires by itself.
    return keys.filter((key) => !/:(?:meta|id|events|marker|pc|stalled-check)$|lanes$|\.cancelled:/.test(key));
  }

  return {
    get server() {
      return server;
    },
    get redis() {
      return redis;
    },
    get queue() {
      return queue;
    },
    model,
    at,
    store,
    startWorker,
    closeWorkers,
    settings,
    submit,
    ended,
    hashes,
    left,
  };
}

/** A page like no other: the same picture twice is done once. */
function ownPage(page: number): Promise<Buffer> {
  return linePage(page).then((bytes) => sharp(bytes).extend({ bottom: page, background: "white" }).png().toBuffer());
}

/** Every page begins at once. */
const NO_TICKET = {
  ahead: async () => {},
  booking: <T>(work: () => Promise<T>) => work(),
  colouring: <T>(work: () => Promise<T>) => work(),
  leave: () => {},
};
