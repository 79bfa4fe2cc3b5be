// A batch as another program pauses, resumes, cancels, closes and destroys it.
import { readdir } from "node:fs/promises";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import type { BatchProcessor } from "../../src/core/batch-processor.js";
import { BatchProcessors, pagesOf, told } from "../support/batch-processors.js";

let batches: BatchProcessors;
const processor = (...given: Parameters<BatchProcessors["processor"]>): ReturnType<BatchProcessors["processor"]> =>
  batches.processor(...given);

beforeAll(async () => {
  batches = await BatchProcessors.open();
});
afterEach(() => vi.restoreAllMocks());
afterAll(() => batches[Symbol.asyncDispose]());

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
