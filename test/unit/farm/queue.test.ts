// The farm's queue on a real Redis, with workers in this process: a chapter goes through it and comes out as one batch
// would have written it.
import { appendFile, mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Redis } from "ioredis";
import sharp from "sharp";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { PageRequest } from "../../../src/colorization/request/page-request.js";
import { parseBatchConfig, type BatchConfig, type BatchConfigInput } from "../../../src/config/batch-config.js";
import { markText } from "../../../src/core/journal/crash-marks.js";
import { runBatch } from "../../../src/core/run-batch.js";
import { ImageProcessingError, ResourceError } from "../../../src/errors.js";
import { collectRequests } from "../../../src/farm/queue/collect-requests.js";
import { queuesKey } from "../../../src/farm/queue/farm-keys.js";
import { connect, FarmQueue, queueNamesOf, noteQueues, ping } from "../../../src/farm/queue/farm-queue.js";
import { FarmWorker } from "../../../src/farm/queue/farm-worker.js";
import { ExclusiveGate } from "../../../src/farm/queue/exclusive-gate.js";
import { QueueAdmin } from "../../../src/farm/queue/queue-admin.js";
import { resubmitChapter } from "../../../src/farm/queue/resubmit-chapter.js";
import { submitChapter, type Submission } from "../../../src/farm/queue/submit-chapter.js";
import { resultKey } from "../../../src/farm/store/result-key.js";
import { SharedStore } from "../../../src/farm/store/shared-store.js";
import { openPageSource } from "../../../src/io/open-source.js";
import { writeZip } from "../../support/archives.js";
import { chapterFiles, linePage, writeFolder } from "../../support/chapter.js";
import { hashOf, onPaper, paperEngine, type PaperEngine } from "../../support/paper-engine.js";
import { hasRedis, startRedis, type RedisServer } from "../../support/redis.js";

describe("ExclusiveGate", () => {
  it("runs pages beside one another, and one that may crash alone, in their order", async () => {
    const gate = new ExclusiveGate();
    const told: string[] = [];
    const work = (name: string, alone: boolean): Promise<void> =>
      gate.run(alone, async () => {
        told.push(`+${name}`);
        await new Promise((resolve) => setImmediate(resolve));
        told.push(`-${name}`);
      });
    await Promise.all([work("a", false), work("b", false), work("c", true), work("d", false)]);
    expect(told.join(" ")).toBe("+a +b -a -b +c -c +d -d");
  });
});

describe.skipIf(!hasRedis)("a farm (needs Debian's package redis-server)", () => {
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
    await Promise.all(workers.splice(0).map((worker) => worker.close(0)));
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
      keep: (bytes) => shared.keep(bytes),
    });
    return submitChapter(queue, shared, { config, pageConfigs: {}, model, requests, priority });
  }

  /** Waits until the chapter's job is gone or has failed; why it failed. */
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

  /** Keys of jobs and locks that are left in Redis; what a queue always has is not counted. */
  async function left(): Promise<string[]> {
    const keys = await redis.keys("cobra:*");
    // A note that a chapter was cancelled expires by itself.
    return keys.filter((key) => !/:(?:meta|id|events|marker|pc|stalled-check)$|lanes$|\.cancelled:/.test(key));
  }

  it("a folder and a CBZ come out as one batch writes them, each page once, and nothing is left in Redis", async () => {
    const engines = [paperEngine(), paperEngine(), paperEngine()];
    for (const engine of engines) await startWorker(engine);
    for (const [ends, out] of [
      [{ inputDir: at("in") }, { outputDir: at("farm") }],
      [
        { inputZip: at("in.cbz"), inputDir: undefined },
        { outputZip: at("farm.cbz"), outputDir: undefined },
      ],
    ] as [Partial<BatchConfigInput>, Partial<BatchConfigInput>][]) {
      const config = settings({ ...ends, ...out });
      const whole = out.outputZip === undefined ? { outputDir: at("whole") } : { outputZip: at("whole.cbz") };
      await runBatch(paperEngine(), JSON.parse(JSON.stringify({ ...ends, ...whole })) as BatchConfigInput);
      expect(await ended(await submit(config))).toBeUndefined();
      expect(await hashes((config.outputDir ?? config.outputZip)!)).toEqual(
        await hashes((whole.outputDir ?? whole.outputZip)!),
      );
    }
    // The CBZ has the folder's pages, under the same settings: their results were there.
    expect(engines.flatMap(({ requests }) => requests.map(({ name }) => name)).toSorted()).toEqual([
      "p1.png",
      "p2.png",
      "p3.png",
      "p4.png",
      "p5.png",
      "p6.png",
    ]);
    expect(await left()).toEqual([]);
  });

  it("says that a page went from the input after it was submitted", async () => {
    await writeFolder(at("shrinks"), await chapterFiles(3));
    const submission = await submit(settings({ inputDir: at("shrinks") }));
    await rm(at("shrinks", "p2.png"));
    await startWorker(paperEngine());
    expect(await ended(submission)).toMatch(/^1 of 3 pages went from the input .* lacks them$/);
    await noteQueues(redis, "test", model);
    await using admin = await QueueAdmin.open(redis, "test");
    expect(await admin.show(submission.id)).toMatchObject({
      state: "failed",
      reason: expect.stringMatching(/lacks them \[ERR_QUEUE_JOB\]$/),
      remedy: `put them back or let them go; then \`cobra-batch queue retry ${submission.id}\``,
    });
    // Submitted again, it is in the queue before the queue is closed, however slow the store is.
    await Promise.all(workers.splice(0).map((worker) => worker.close(0)));
    const slow = await store();
    const hasResult = slow.hasResult.bind(slow);
    Object.assign(slow, { hasResult: async (key: string) => (await sleep(50), hasResult(key)) });
    await resubmitChapter(submission.id, { redis, name: "test", admin, store: slow, pool: paperEngine().pool });
    expect(await queue.chapters.getJob(submission.id)).toBeDefined();
  });

  it("takes out pages of a submitter that waits, and lists jobs that others wrote", async () => {
    const shared = await store();
    const config = settings();
    const { requests } = await collectRequests(config, {
      pool: paperEngine().pool,
      model,
      pageConfig: () => ({}),
      keep: (bytes) => shared.keep(bytes),
    });
    const chapter = { config, pageConfigs: {}, model, requests, priority: 0, pagesOnly: true };
    await noteQueues(redis, "test", model);
    await redis.hset(queuesKey("test"), { "no model": "{", [`${"1".repeat(64)} 0.1.0`]: "{}" });
    await using admin = await QueueAdmin.open(redis, "test");
    const { id } = await submitChapter(queue, shared, chapter);
    expect(await admin.list()).toMatchObject([{ id, state: "waiting", pages: 6, left: 6 }]);
    await admin.cancel(id);
    await expect(admin.cancel(id)).rejects.toMatchObject({ code: "ERR_QUEUE_JOB" });
    await submitChapter(queue, shared, chapter);
    await queue.chapters.add("chapter", {} as never, { jobId: "strange" });
    expect(await admin.list()).toMatchObject([
      { id, state: "waiting" },
      { id: "strange", state: "failed", reason: expect.stringMatching(/cannot be read/) },
    ]);
    // What is no JSON, BullMQ itself cannot read.
    await queue.chapters.add("chapter", {} as never, { jobId: "torn" });
    await queue.pages.add("page", {} as never, { jobId: "torn-page.1", priority: 1 });
    for (const key of [`${queue.names.chapters}:torn`, `${queue.names.pages}:torn-page.1`])
      await redis.hset(`cobra:${key}`, "data", "{");
    const torn = (await admin.list()).filter(({ id: one }) => one.startsWith("torn"));
    expect(torn.map(({ id: one, output }) => [one, output])).toEqual([
      ["torn", "unknown"],
      ["torn-page", "unknown"],
    ]);
    await expect(admin.data("torn")).rejects.toMatchObject({ code: "ERR_QUEUE_JOB" });
    await expect(admin.prioritize("torn", 5)).rejects.toMatchObject({ code: "ERR_QUEUE_JOB" });
    await admin.cancel("torn");
    await expect(admin.data("strange")).rejects.toMatchObject({
      remedy: expect.stringContaining("cancel strange") as string,
    });
    expect(await admin.drain()).toBe(3);
    expect(await left()).toEqual([]);
  });

  it("keeps a file anew that was damaged, and reads no damaged failure", async () => {
    const shared = await store();
    const hash = await shared.keep(Buffer.from("page"));
    await appendFile(at("store", "blobs", hash.slice(0, 2), hash), "x");
    await expect(shared.read(hash)).rejects.toThrow(/is damaged/);
    await shared.keep(Buffer.from("page"));
    expect(Buffer.from(await shared.read(hash)).toString()).toBe("page");
    await writeFolder(at("store", "results", hash.slice(0, 2)), { [`${hash}.failed`]: Buffer.from("{") });
    expect(await shared.failure(hash)).toBeUndefined();
  });

  it("says what to do about a wrong address, and about a password that Redis refuses", async () => {
    expect(() => connect("http://host")).toThrow(/^--queue: must be redis:/);
    await redis.config("SET", "requirepass", "sesame");
    const other = connect(server.url);
    await expect(ping(other, server.url)).rejects.toMatchObject({
      code: "ERR_CONFIG",
      message: expect.stringMatching(/NOAUTH/),
    });
    other.disconnect();
    await redis.config("SET", "requirepass", "");
    const far = connect(`${server.url}/99`);
    await expect(ping(far, `${server.url}/99`)).rejects.toMatchObject({
      code: "ERR_QUEUE_CONNECTION",
      message: expect.stringMatching(/DB index is out of range/),
    });
    far.disconnect();
  });

  it("takes chapters by priority, then in the order of submission, a chapter's pages next to each other", async () => {
    const first = await submit(settings());
    const second = await submit(settings({ seed: 1 }));
    const urgent = await submit(settings({ seed: 2 }), 5);
    const engine = paperEngine(undefined, 1);
    await startWorker(engine, 1);
    for (const one of [first, second, urgent]) expect(await ended(one)).toBeUndefined();
    const seeds = engine.requests.map(({ settings: { seed } }) => seed);
    expect(seeds).toEqual([...Array(6).fill(2), ...Array(6).fill(0), ...Array(6).fill(1)]);
  });

  it("refuses an output that is in the queue; a job that failed may be submitted again, and only failed pages are done", async () => {
    const torn = (request: PageRequest) => {
      if (request.name === "p2.png")
        throw new ImageProcessingError("ERR_IMAGE_DECODE", "p2.png is torn", { imagePath: "p2.png" });
      return onPaper(request);
    };
    const failing = paperEngine((request) => {
      try {
        return torn(request);
      } catch (error) {
        const { code, message } = error as ImageProcessingError;
        return {
          status: "failed",
          failure: { page: request.name, stage: "decode", code, message, remedy: "draw it again" },
          warnings: [],
        };
      }
    });
    const config = settings();
    const submission = await submit(config);
    await expect(submit(config)).rejects.toMatchObject({ code: "ERR_QUEUE_JOB" });
    const worker = await startWorker(failing);
    expect(await ended(submission)).toBe("1 of 6 pages failed: p2.png (ERR_IMAGE_DECODE)");
    await noteQueues(redis, "test", model);
    await using admin = await QueueAdmin.open(redis, "test");
    const { failures: told, ...chapter } = await admin.show(submission.id);
    expect(chapter).toMatchObject({ state: "failed", pages: 6, left: 0, done: 5, failed: 1 });
    expect(chapter.remedy).toContain(`queue retry ${submission.id}`);
    expect(told).toEqual([
      { page: "p2.png", stage: "decode", code: "ERR_IMAGE_DECODE", message: "p2.png is torn", remedy: "draw it again" },
    ]);
    const failures = JSON.parse(await readFile(join(config.outputDir!, "failures.json"), "utf8")) as {
      failures: unknown[];
    };
    expect(failures.failures).toHaveLength(1);
    await worker.close(0);
    workers = [];
    const healthy = paperEngine();
    await startWorker(healthy);
    expect(await ended(await submit(config))).toBeUndefined();
    expect(healthy.requests.map(({ name }) => name)).toEqual(["p2.png"]);
    expect((await readdir(config.outputDir!)).filter((name) => name.endsWith(".png"))).toHaveLength(6);
  });

  it("pauses one chapter while another goes on, tells how far both are, and resumes it", async () => {
    await noteQueues(redis, "test", model);
    await using admin = await QueueAdmin.open(redis, "test");
    const engine = paperEngine();
    const held = await submit(settings({ seed: 11 }));
    await admin.pauseChapter(held.id);
    await startWorker(engine);
    expect(await ended(await submit(settings({ seed: 12 })))).toBeUndefined();
    expect(engine.requests.map(({ settings: { seed } }) => seed)).toEqual(Array(6).fill(12));
    expect(await admin.list()).toMatchObject([{ id: held.id, state: "paused", pages: 6, left: 6, done: 0 }]);
    await admin.resumeChapter(held.id);
    expect(await ended(held)).toBeUndefined();
    await expect(admin.pauseChapter(held.id)).rejects.toMatchObject({ code: "ERR_QUEUE_JOB" });
    // One that is cancelled while it is paused leaves nothing, and is not paused when it is submitted again.
    const cancelled = await submit(settings({ seed: 13 }));
    await admin.pauseChapter(cancelled.id);
    await admin.cancel(cancelled.id);
    await expect.poll(left).toEqual([]); // a worker may have had a page
  });

  it("tells how far a chapter is whose pages are half done, and how fast", async () => {
    await noteQueues(redis, "test", model);
    await using admin = await QueueAdmin.open(redis, "test");
    let go!: () => void;
    const gone = new Promise<void>((resolve) => (go = resolve));
    const engine = paperEngine(async (request) => {
      if (/p[456]/.test(request.name)) await gone;
      return onPaper(request);
    });
    await startWorker(engine);
    const submission = await submit(settings({ seed: 14 }));
    await expect.poll(async () => (await admin.show(submission.id)).done).toBe(3);
    expect(await admin.show(submission.id)).toMatchObject({ pages: 6, left: 3, failed: 0, pagesPerMinute: 3 });
    go();
    expect(await ended(submission)).toBeUndefined();
  });

  it("tries a page again when its worker fails, and gives it up after three times", async () => {
    let tries = 0;
    await startWorker(
      paperEngine((request) => {
        if (request.name === "p1.png" && ++tries < 3) throw new ResourceError("ERR_DEVICE_LOST", "the device is gone");
        return onPaper(request);
      }),
    );
    expect(await ended(await submit(settings()))).toBeUndefined();
    expect(tries).toBe(3);
  }, 60_000);

  it("a worker that ends gives its pages back, and another one does them", async () => {
    let begun!: () => void;
    const beginning = new Promise<void>((resolve) => (begun = resolve));
    const stuck = await startWorker(
      paperEngine(async (_request, { signal }) => {
        begun();
        await new Promise((_, reject) => signal!.addEventListener("abort", () => reject(signal!.reason as Error)));
        throw new Error("unreachable");
      }),
    );
    const submission = await submit(settings());
    await beginning;
    await stuck.close(0);
    const other = paperEngine();
    await startWorker(other);
    expect(await ended(submission)).toBeUndefined();
    expect(other.requests).toHaveLength(6);
  });

  it("sets a page aside that two crash notes name, and does one alone that one names", async () => {
    const shared = await store();
    const config = settings({ seed: 77 });
    const { requests } = await collectRequests(config, {
      pool: paperEngine().pool,
      model,
      pageConfig: () => ({}),
      keep: (bytes) => shared.keep(bytes),
    });
    const note = (name: string): string => {
      const key = resultKey(
        requests.find((one) => one.name === name)!,
        model.hash,
      );
      return `${JSON.stringify({ signal: "SIGSEGV", marks: [{ text: markText({ page: name, fingerprint: key }, "denoise") }] })}\n`;
    };
    await appendFile(shared.crashFile("a"), note("p1.png") + note("p2.png"));
    await appendFile(shared.crashFile("b"), note("p1.png"));
    // Workers that take all pages and die: here, whose lock is lost.
    const submission = await submit(config);
    for (const job of await queue.pages.getPrioritized())
      await redis.hincrby(`cobra:${queue.names.pages}:${job.id}`, "ats", 1);
    const engine = paperEngine(async (request) => {
      if (request.name === "p2.png") expect(engine.inColouring).toBe(1);
      // Others wait for one beside them. The one that p2 waits for has none: p2 lets no page pass.
      else for (let turn = 0; turn < 200 && engine.mostInColouring < 2; turn++) await sleep(5);
      return onPaper(request);
    }, 6);
    await startWorker(engine, 6);
    expect(await ended(submission)).toBe("1 of 6 pages failed: p1.png (ERR_PAGE_CRASHED)");
    expect(engine.requests.map(({ name }) => name)).not.toContain("p1.png");
    expect(engine.mostInColouring).toBeGreaterThan(1);
  });

  it("waits for Redis to come back after it was killed", async () => {
    const engine = paperEngine(async (request) => {
      await new Promise((resolve) => setTimeout(resolve, 20));
      return onPaper(request);
    });
    await startWorker(engine, 1);
    const submission = await submit(settings({ seed: 9 }));
    await server.kill();
    expect(await ended(submission)).toBeUndefined();
  }, 60_000);

  it("says soon that there is no Redis", async () => {
    const url = "redis://:secret@127.0.0.1:1";
    const nobody = connect(url);
    await expect(ping(nobody, url, 200)).rejects.toMatchObject({
      code: "ERR_QUEUE_CONNECTION",
      message: expect.not.stringContaining("secret") as string,
    });
    nobody.disconnect();
    expect(() => connect("http://host")).toThrow(/--queue/);
  });
});

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
