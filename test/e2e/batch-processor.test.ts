// A batch as another program drives it: pages, settings and events, with real models, pages and files.
import { mkdir, readdir, writeFile } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { Engine } from "../../src/colorization/engine.js";
import type { BatchEvent } from "../../src/core/events.js";
import { BatchProcessors, pagesOf } from "../support/batch-processors.js";
import { colourPage } from "../support/chapter.js";

let batches: BatchProcessors;
let engine: Engine;
const at = (name: string): string => batches.at(name);
const processor = (...given: Parameters<BatchProcessors["processor"]>): ReturnType<BatchProcessors["processor"]> =>
  batches.processor(...given);

beforeAll(async () => {
  batches = await BatchProcessors.open();
  ({ engine } = batches);
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => batches[Symbol.asyncDispose]());

describe("startProcessing", () => {
  it.each([1, 3])(
    "has several pages in flight at once, at most maxConcurrent (%i): honoured, not like it",
    async (maxConcurrent) => {
      let running = 0;
      let most = 0;
      const colorize = engine.colorizeForPage.bind(engine);
      vi.spyOn(engine, "colorizeForPage").mockImplementation(async (...args) => {
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
    const colorize = engine.colorizeForPage.bind(engine);
    let release!: () => void;
    const together = new Promise<void>((resolve) => (release = resolve));
    let limit = 1;
    vi.spyOn(engine, "colorizeForPage").mockImplementation(async (...args) => {
      const isEarly = limit === 1;
      if (most.push(++running) === 2) limit = 2; // from the third page on
      if (running === 2) release();
      // A page that could end before the next begins waits for it.
      if (!isEarly) await together;
      return colorize(...args).finally(() => running--);
    });
    const { batch, events } = processor({ maxConcurrent: 1 }, { pagesInFlight: () => limit });
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
    for (const { remedy } of summary.failures) expect(remedy).toMatch(/replace the file|save it again as PNG/u);
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

  it("refuses an output among the references, which the next run would take for references", async () => {
    await mkdir(at("own-refs"));
    await writeFile(at("own-refs/a.png"), await colourPage(1));
    const config = { referenceImages: [at("own-refs")] };
    await expect(processor({ ...config, outputDir: at("own-refs") }).batch.startProcessing()).rejects.toThrow(
      /is the references' folder; the next run would take the results for references/,
    );
    await expect(
      processor({ ...config, outputDir: at("own-refs/out"), recursive: true }).batch.startProcessing(),
    ).rejects.toThrow(/is inside the references' folder .*, which is read with its folders/);
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
      message: expect.stringMatching(/seed[^]*topk: unknown/) as string,
      remedy: "write topK in place of topk",
    });
    expect(batch.getStatus().summary.total).toBe(0);
    await batch.close();
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
