// A batch as another program steers it: the contract's rules for BatchProcessor, with real models, pages and files.
import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { Engine } from "../../src/colorization/engine.js";
import { parseBatchConfig, type BatchConfigInput } from "../../src/config/batch-config.js";
import { BatchProcessor, type BatchProcessorOptions } from "../../src/core/batch-processor.js";
import type { BatchEvent } from "../../src/core/events.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { ONE_THREAD, SMALL_MODEL } from "../support/shared-models.js";

let root: string;
let engine: Engine;
let outputs = 0;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-processor-"));
  const pages = await Promise.all([1, 2, 3, 4, 5, 6].map((seed) => linePage(seed)));
  await writeFolder(at("in"), Object.fromEntries(pages.map((page, index) => [`p${index + 1}.png`, page])));
  await writeFolder(at("faulty"), {
    "p1.png": pages[0]!,
    "p2.png": Buffer.from("no picture"),
    "p3.png": pages[2]!.subarray(0, 600),
    "p4.png": pages[3]!,
  });
  await writeFolder(at("folders"), { "a/001.png": pages[0]!, "b/001.png": pages[1]! });
  const reference = await colourPage(1);
  await writeFolder(at("refs"), { "x.jpg": reference });
  engine = await Engine.open({ model: SMALL_MODEL, session: ONE_THREAD });
  await writeFolder(at("mixed"), { "1.png": pages[0]!, "2.jpg": reference });
});

afterEach(() => vi.restoreAllMocks());

afterAll(async () => {
  await engine.close();
  await rm(root, { recursive: true, force: true });
});

function processor(
  settings: Partial<BatchConfigInput> = {},
  options: BatchProcessorOptions = {},
): { batch: BatchProcessor; events: BatchEvent[]; out: string } {
  const out = at(`out-${outputs++}`);
  const events: BatchEvent[] = [];
  const { config } = parseBatchConfig({
    inputDir: at("in"),
    outputDir: out,
    referenceImages: [at("refs")],
    numInferenceSteps: 2,
    ...settings,
  });
  const onEvent = (event: BatchEvent): void => (events.push(event), options.onEvent?.(event));
  return { batch: new BatchProcessor(engine, config, { ...options, onEvent }), events, out };
}

const pagesOf = (events: readonly BatchEvent[], type: BatchEvent["type"]): string[] =>
  events.flatMap((event) => (event.type === type && "page" in event ? [event.page] : []));

/** Resolves when an event of the type was told `times` times. */
function told(batch: BatchProcessor, type: BatchEvent["type"], times = 1): Promise<void> {
  const events = batch.events();
  return (async () => {
    for await (const event of events) if (event.type === type && --times === 0) return;
  })();
}

describe("startProcessing", () => {
  it.each([1, 3])(
    "has several pages in flight at once, at most maxConcurrent (%i): honoured, not like it",
    async (maxConcurrent) => {
      let running = 0;
      let most = 0;
      const colorize = engine.colorize.bind(engine);
      vi.spyOn(engine, "colorize").mockImplementation(async (...args) => {
        most = Math.max(most, ++running);
        return colorize(...args).finally(() => running--);
      });
      const { batch } = processor({ maxConcurrent });
      await batch.startProcessing();
      expect(most).toBe(maxConcurrent);
    },
  );

  it("asks pagesInFlight, where it is given, whenever a page may be begun: the number may change", async () => {
    let running = 0;
    const most: number[] = [];
    const colorize = engine.colorize.bind(engine);
    let release!: () => void;
    const together = new Promise<void>((resolve) => (release = resolve));
    vi.spyOn(engine, "colorize").mockImplementation(async (...args) => {
      most.push(++running);
      if (running === 2) release();
      // A page that could end before the next begins waits for it.
      if (limit === 2) await together;
      return colorize(...args).finally(() => running--);
    });
    let limit = 1;
    const { batch, events } = processor(
      { maxConcurrent: 1 },
      {
        pagesInFlight: () => limit,
        onEvent: (event) => event.type === "page-completed" && event.index === 1 && (limit = 2),
      },
    );
    await batch.startProcessing();
    expect([most.slice(0, 2), Math.max(...most)]).toEqual([[1, 1], 2]);
    expect(pagesOf(events, "page-completed")).toEqual(["p1.png", "p2.png", "p3.png", "p4.png", "p5.png", "p6.png"]);
  });

  it("never lets one page's failure stop the batch, and says where each failed and what to do", async () => {
    const { batch, events } = processor({ inputDir: at("faulty"), maxConcurrent: 3 });
    const summary = await batch.startProcessing();
    expect(summary).toMatchObject({ total: 4, completed: 2, failed: 2, unfinished: 0 });
    expect(summary.failures.map(({ page, stage, code }) => [page, stage, code])).toEqual([
      ["p2.png", "decode", "ERR_IMAGE_DECODE"],
      ["p3.png", "decode", "ERR_IMAGE_DECODE"],
    ]);
    for (const { remedy } of summary.failures) expect(remedy).toContain("PNG");
    expect(pagesOf(events, "page-completed")).toEqual(["p1.png", "p4.png"]);
    const { state, summary: counts, images } = batch.getStatus();
    expect([state, counts.completed, counts.failed, counts.isComplete, counts.successRate]).toEqual([
      "completed",
      2,
      2,
      true,
      50,
    ]);
    expect(images[1]).toMatchObject({ state: "failed", error: { code: "ERR_IMAGE_DECODE" } });
  });

  it("keeps a/001 and b/001 apart, mirrored or side by side, not like it", async () => {
    for (const [preserveStructure, expected] of [
      [true, ["a/001_colorized.png", "b/001_colorized.png"]],
      [false, ["a_001_colorized.png", "b_001_colorized.png"]],
    ] as const) {
      const { batch, out } = processor({ inputDir: at("folders"), recursive: true, preserveStructure });
      expect(await batch.startProcessing()).toMatchObject({ completed: 2 });
      expect(await readdir(out, { recursive: true })).toEqual(expect.arrayContaining([...expected]));
    }
  });

  it("clamps topK to the patches that exist, not like it (there: an index error)", async () => {
    const { batch } = processor({ topK: 40 });
    await batch.addImages(["p1.png"]);
    expect(await batch.startProcessing()).toMatchObject({ completed: 1, failed: 0 });
  });

  it("refuses an output among the input's pages, which the next run would take for pages", async () => {
    await expect(processor({ outputDir: at("in") }).batch.startProcessing()).rejects.toMatchObject({
      code: "ERR_CONFIG",
    });
    await expect(
      processor({ inputDir: at("folders"), outputDir: at("folders/a"), recursive: true }).batch.startProcessing(),
    ).rejects.toMatchObject({ code: "ERR_CONFIG" });
  });

  it("runs once", async () => {
    const { batch } = processor();
    await batch.addImages(["p1.png"]);
    await batch.startProcessing();
    await expect(batch.startProcessing()).rejects.toMatchObject({ code: "ERR_STATE" });
    await expect(batch.addImages(["p2.png"])).rejects.toMatchObject({ code: "ERR_STATE" });
  });
});

describe("addImages", () => {
  it("queues pages with priorities and settings of their own; results come in the queue's order, the same at any concurrency", async () => {
    for (const maxConcurrent of [1, 3]) {
      const { batch, events } = processor({ maxConcurrent });
      const items = await batch.addImages([
        "p3.png",
        { inputPath: "p1.png", config: { seed: 7, numInferenceSteps: 1 } },
        { inputPath: "p2.png", priority: 5 },
        "p4.png",
      ]);
      expect(items.map(({ inputPath, priority }) => [inputPath, priority])).toEqual([
        ["p3.png", 0],
        ["p1.png", 0],
        ["p2.png", 5],
        ["p4.png", 0],
      ]);
      expect(batch.getStatus()).toMatchObject({ state: "idle", summary: { pending: 4 } });
      await batch.startProcessing();
      expect(pagesOf(events, "page-completed")).toEqual(["p2.png", "p3.png", "p1.png", "p4.png"]);
      expect(events.find((event) => event.type === "page-completed" && event.page === "p1.png")).toMatchObject({
        seed: 7,
        index: 1,
      });
      expect(
        events.filter((event) => event.type === "page-stage" && event.stage === "denoise" && event.page === "p1.png"),
      ).toMatchObject([{ step: 1, steps: 1 }]);
    }
  });

  it("tells type and confidence where pages were told apart", async () => {
    const { batch } = processor({ inputDir: at("mixed"), referenceImages: [] });
    expect(await batch.addImages()).toMatchObject([
      { inputPath: "1.png", imageType: "line_art", classificationConfidence: expect.any(Number) as number },
    ]);
    await batch.close();
  });

  it("adds all or none: unknown names, pages twice, bad settings are errors", async () => {
    const { batch } = processor();
    await expect(batch.addImages(["p1.png", "p9.png"])).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
    await expect(batch.addImages(["p1.png", "p1.png"])).rejects.toMatchObject({
      name: "QueueError",
      code: "ERR_ARGUMENT",
    });
    await expect(
      batch.addImages([{ inputPath: "p1.png", config: { seed: -1, topk: 3 } as never }]),
    ).rejects.toMatchObject({
      code: "ERR_CONFIG",
      message: expect.stringMatching(/seed[^]*did you mean topK/) as string,
    });
    expect(batch.getStatus().summary.total).toBe(0);
    await batch.close();
  });
});

describe("pauseProcessing and resumeProcessing", () => {
  it("begin no further page while paused, and go on", async () => {
    const { batch, events } = processor(
      { maxConcurrent: 1 },
      {
        onEvent: ({ type }) => {
          if (type !== "page-completed" || batch.getStatus().summary.completed > 1) return;
          batch.pauseProcessing();
          batch.pauseProcessing();
        },
      },
    );
    const run = batch.startProcessing();
    await told(batch, "batch-paused");
    await new Promise((resolve) => setTimeout(resolve, 150));
    expect(new Set(pagesOf(events, "page-stage")).size).toBe(1);
    expect(batch.getStatus().state).toBe("paused");
    batch.resumeProcessing();
    expect(await run).toMatchObject({ completed: 6, unfinished: 0 });
    expect(
      events.filter(({ type }) => type === "batch-paused" || type === "batch-resumed").map(({ type }) => type),
    ).toEqual(["batch-paused", "batch-resumed"]);
  });

  it("holds a batch that has not started, and does nothing to one that has ended", async () => {
    const { batch, events } = processor();
    await batch.addImages(["p1.png"]);
    batch.pauseProcessing();
    const run = batch.startProcessing();
    await told(batch, "batch-started");
    expect([batch.getStatus().state, pagesOf(events, "page-started")]).toEqual(["paused", []]);
    batch.resumeProcessing();
    await run;
    batch.pauseProcessing();
    batch.resumeProcessing();
    expect(batch.getStatus().state).toBe("completed");
  });
});

describe("cancelProcessing", () => {
  it("acts between denoising steps; finished pages stay", async () => {
    const { batch, events, out } = processor(
      { numInferenceSteps: 400, maxConcurrent: 2 },
      { onEvent: (event) => event.type === "page-stage" && event.step === 3 && void batch.cancelProcessing() },
    );
    await batch.addImages([{ inputPath: "p1.png", config: { numInferenceSteps: 1 } }, "p2.png", "p3.png"]);
    const summary = await batch.startProcessing();
    expect(summary.completed + summary.unfinished).toBe(3);
    expect(summary.unfinished).toBeGreaterThanOrEqual(2);
    expect(Math.max(...events.map((event) => (event.type === "page-stage" && event.step) || 0))).toBeLessThan(10);
    expect(batch.getStatus()).toMatchObject({
      state: "cancelled",
      summary: { processing: 0, pending: 0, cancelled: summary.unfinished },
    });
    expect(events.at(-1)).toMatchObject({ type: "batch-stopped" });
    expect((await readdir(out)).filter((name) => name.endsWith(".png"))).toHaveLength(summary.completed);
  });

  it("works from every state: before the start, held, while the input is read, paused, draining, ended", async () => {
    const idle = processor().batch;
    await idle.addImages();
    await idle.cancelProcessing();
    expect(idle.getStatus()).toMatchObject({ state: "cancelled", summary: { cancelled: 6 } });
    await expect(idle.startProcessing()).rejects.toMatchObject({ code: "ERR_STATE" });

    const held = processor().batch;
    held.pauseProcessing();
    await held.cancelProcessing();
    expect(held.getStatus().state).toBe("cancelled");

    const reading = processor().batch;
    const readingRun = reading.startProcessing();
    await reading.cancelProcessing();
    expect(await readingRun).toMatchObject({ completed: 0 });

    const paused = processor({ numInferenceSteps: 300 }).batch;
    const pausedRun = paused.startProcessing();
    await told(paused, "page-stage");
    paused.pauseProcessing();
    await paused.cancelProcessing();
    expect(await pausedRun).toMatchObject({ completed: 0, unfinished: 6 });

    const draining = processor({ numInferenceSteps: 300 }).batch;
    const drainingRun = draining.startProcessing();
    await told(draining, "page-stage");
    const closed = draining.close();
    expect(draining.getStatus().state).toBe("draining");
    await draining.cancelProcessing();
    await closed;
    expect(await drainingRun).toMatchObject({ completed: 0, unfinished: 6 });

    const ended = processor().batch;
    await ended.addImages(["p1.png"]);
    await ended.startProcessing();
    await ended.cancelProcessing();
    expect(ended.getStatus().state).toBe("completed");
  });

  it("is also what an AbortSignal does, whose reason the start then rejects with", async () => {
    const reason = new Error("enough");
    const early = processor({}, { signal: AbortSignal.abort(reason) }).batch;
    await expect(early.startProcessing()).rejects.toBe(reason);
    expect(
      await early
        .events()
        .next()
        .catch((error: unknown) => error),
    ).toBe(reason);
    const controller = new AbortController();
    const late = processor(
      { numInferenceSteps: 300 },
      {
        signal: controller.signal,
        onEvent: (event) => event.type === "page-stage" && event.step === 2 && controller.abort(reason),
      },
    ).batch;
    await expect(late.startProcessing()).rejects.toBe(reason);
    expect(late.getStatus()).toMatchObject({ state: "cancelled", summary: { cancelled: 6 } });
  });
});

describe("events", () => {
  it("are a typed async iterable that loses nothing, however slowly it is read", async () => {
    const { batch, events } = processor();
    const stream = batch.events();
    const summary = await batch.startProcessing();
    const read: BatchEvent[] = [];
    for await (const event of stream) {
      await new Promise((resolve) => setImmediate(resolve));
      read.push(event);
    }
    expect(read).toEqual(events);
    expect(read.at(-1)).toEqual({
      job: batch.job,
      time: expect.any(String) as string,
      type: "batch-completed",
      ...summary,
    });
    expect(await batch.events().next()).toEqual({ done: true, value: undefined });
  });

  it("carry the batch's id, and with each outcome the counts over all pages, which add up", async () => {
    const { batch, events } = processor({ inputDir: at("faulty") });
    const summary = await batch.startProcessing();
    expect(new Set(events.map(({ job }) => job))).toEqual(new Set([batch.job]));
    expect(batch.getStatus().job).toBe(batch.job);
    const counts = events.flatMap((event) => ("progress" in event ? [event.progress] : []));
    expect(counts.map(({ completed, failed, unfinished }) => [completed, failed, unfinished])).toEqual([
      [1, 0, 3],
      [1, 1, 2],
      [1, 2, 1],
      [2, 2, 0],
    ]);
    for (const { total, completed, failed, unfinished } of [...counts, summary])
      expect(completed + failed + unfinished).toBe(total);
    const order = events.filter((event) => "page" in event && event.page === "p1.png").map(({ type }) => type);
    expect([order[0], order[1], order.at(-1)]).toEqual(["page-started", "page-stage", "page-completed"]);
  });

  it("throw what ends the batch early", async () => {
    const { batch } = processor({ inputDir: at("nowhere") });
    const stream = batch.events();
    await expect(batch.startProcessing()).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
    await expect(stream.next()).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
  });
});

describe("close and destroy", () => {
  it("close() drains: pages in colouring are finished, the others left; twice is once", async () => {
    const { batch, out } = processor({ maxConcurrent: 1 });
    const run = batch.startProcessing();
    await told(batch, "page-completed", 2);
    await Promise.all([batch.close(), batch.close()]);
    const summary = await run;
    expect(summary.completed).toBeGreaterThanOrEqual(2);
    expect(summary.unfinished).toBe(6 - summary.completed);
    expect(batch.getStatus()).toMatchObject({ state: "closed", summary: { isComplete: true } });
    expect((await readdir(out)).filter((name) => name.endsWith("_colorized.png"))).toHaveLength(summary.completed);
    await expect(batch.startProcessing()).rejects.toMatchObject({ code: "ERR_STATE" });
  });

  it("destroy() stops now with its reason; twice is once; `await using` closes", async () => {
    const reason = new Error("power is going");
    const { batch } = processor({ numInferenceSteps: 300 });
    const run = batch.startProcessing();
    run.catch(() => undefined);
    await told(batch, "page-stage");
    await Promise.all([batch.destroy(reason), batch.destroy()]);
    await expect(run).rejects.toBe(reason);
    let kept: BatchProcessor;
    {
      await using used = processor().batch;
      kept = used;
      await used.addImages();
    }
    expect(kept.getStatus()).toMatchObject({ state: "closed", summary: { cancelled: 6 } });
  });
});
