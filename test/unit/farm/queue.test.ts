// The farm's queue on a real Redis, with workers in this process: a chapter goes through it and comes out as one batch
// would have written it.
import { createHash } from "node:crypto";
import { appendFile, readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { describe, expect, it } from "vitest";
import type { PageRequest } from "../../../src/colorization/request/page-request.js";
import { type BatchConfigInput } from "../../../src/config/batch-config.js";
import { runBatch } from "../../../src/core/run-batch.js";
import { ImageProcessingError } from "../../../src/errors.js";
import { collectRequests } from "../../../src/farm/queue/collect-requests.js";
import { queuesKey } from "../../../src/farm/queue/farm-keys.js";
import { connect, noteQueues, ping } from "../../../src/farm/queue/farm-queue.js";
import { QueueAdmin } from "../../../src/farm/queue/queue-admin.js";
import { resubmitChapter } from "../../../src/farm/queue/resubmit-chapter.js";
import { submitChapter } from "../../../src/farm/queue/submit-chapter.js";
import { chapterFiles, writeFolder } from "../../support/chapter.js";
import { onPaper, paperEngine } from "../../support/paper-engine.js";
import { usePaperFarm } from "../../support/paper-farm.js";
import { hasRedis } from "../../support/redis.js";

describe.skipIf(!hasRedis)("a farm (needs Debian's package redis-server)", () => {
  const farm = usePaperFarm();
  const { at, model, store, startWorker, settings, submit, ended, hashes, left } = farm;

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
    await noteQueues(farm.redis, "test", model);
    await using admin = await QueueAdmin.open(farm.redis, "test");
    expect(await admin.show(submission.id)).toMatchObject({
      state: "failed",
      reason: expect.stringMatching(/lacks them \[ERR_QUEUE_JOB\]$/),
      remedy: `put them back or let them go; then \`cobra-batch queue retry ${submission.id}\``,
    });
    // Submitted again, it is in the queue before the queue is closed, however slow the store is.
    await farm.closeWorkers();
    const slow = await store();
    const hasResult = slow.hasResult.bind(slow);
    Object.assign(slow, { hasResult: async (key: string) => (await sleep(50), hasResult(key)) });
    await resubmitChapter(submission.id, {
      redis: farm.redis,
      name: "test",
      admin,
      store: slow,
      pool: paperEngine().pool,
    });
    expect(await farm.queue.chapters.getJob(submission.id)).toBeDefined();
  });

  it("takes out pages of a submitter that waits, and lists jobs that others wrote", async () => {
    const shared = await store();
    const config = settings();
    const { requests } = await collectRequests(config, {
      pool: paperEngine().pool,
      model,
      pageConfig: () => ({}),
      store: shared,
    });
    const chapter = { config, pageConfigs: {}, model, requests, priority: 0, pagesOnly: true };
    await noteQueues(farm.redis, "test", model);
    await farm.redis.hset(queuesKey("test"), { "no model": "{", [`${"1".repeat(64)} 0.1.0`]: "{}" });
    await using admin = await QueueAdmin.open(farm.redis, "test");
    const { id } = await submitChapter(farm.queue, shared, chapter);
    expect(await admin.list()).toMatchObject([{ id, state: "waiting", pages: 6, left: 6 }]);
    await admin.cancel(id);
    await expect(admin.cancel(id)).rejects.toMatchObject({ code: "ERR_QUEUE_JOB" });
    await submitChapter(farm.queue, shared, chapter);
    await farm.queue.chapters.add("chapter", {} as never, { jobId: "strange" });
    expect(await admin.list()).toMatchObject([
      { id, state: "waiting" },
      { id: "strange", state: "failed", reason: expect.stringMatching(/cannot be read/) },
    ]);
    // What is no JSON, BullMQ itself cannot read.
    await farm.queue.chapters.add("chapter", {} as never, { jobId: "torn" });
    await farm.queue.pages.add("page", {} as never, { jobId: "torn-page.1", priority: 1 });
    for (const key of [`${farm.queue.names.chapters}:torn`, `${farm.queue.names.pages}:torn-page.1`])
      await farm.redis.hset(`cobra:${key}`, "data", "{");
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
    await farm.redis.config("SET", "requirepass", "sesame");
    const other = connect(farm.server.url);
    await expect(ping(other, farm.server.url)).rejects.toMatchObject({
      code: "ERR_CONFIG",
      message: expect.stringMatching(/NOAUTH/),
    });
    other.disconnect();
    await farm.redis.config("SET", "requirepass", "");
    const far = connect(`${farm.server.url}/99`);
    await expect(ping(far, `${farm.server.url}/99`)).rejects.toMatchObject({
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

  it("takes a chapter whose hash has digits alone", async () => {
    const isNumber = (path: string): boolean => /^\d{12}/u.test(createHash("sha256").update(path).digest("hex"));
    let number = 0;
    while (!isNumber(at(`out-${number}`))) number++; // about one of 280
    const submission = await submit(settings({ outputDir: at(`out-${number}`) }));
    expect(submission.id).toMatch(/^c\d{11}$/u);
    await startWorker(paperEngine());
    expect(await ended(submission)).toBeUndefined();
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
    await startWorker(failing);
    expect(await ended(submission)).toBe("1 of 6 pages failed: p2.png (ERR_IMAGE_DECODE)");
    await noteQueues(farm.redis, "test", model);
    await using admin = await QueueAdmin.open(farm.redis, "test");
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
    await farm.closeWorkers();
    const healthy = paperEngine();
    await startWorker(healthy);
    expect(await ended(await submit(config))).toBeUndefined();
    expect(healthy.requests.map(({ name }) => name)).toEqual(["p2.png"]);
    expect((await readdir(config.outputDir!)).filter((name) => name.endsWith(".png"))).toHaveLength(6);
  });

  it("pauses one chapter while another goes on, tells how far both are, and resumes it", async () => {
    await noteQueues(farm.redis, "test", model);
    await using admin = await QueueAdmin.open(farm.redis, "test");
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
    await noteQueues(farm.redis, "test", model);
    await using admin = await QueueAdmin.open(farm.redis, "test");
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
});
