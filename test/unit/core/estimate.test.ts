/** How long it will take yet, from events with times given by hand. */
import { describe, expect, it } from "vitest";
import type { BatchEventBody } from "../../../src/core/events.js";
import { Estimate } from "../../../src/core/estimate.js";

const started = (pages: number): BatchEventBody => ({
  type: "batch-started",
  pages,
  references: [],
  model: "m",
  modelTrained: true,
  provider: "cpu",
});
const begun = (index: number): BatchEventBody => ({ type: "page-started", page: `p${index}`, index });
const at = (index: number, stage: "prepare" | "denoise" | "ink", step?: number): BatchEventBody => ({
  type: "page-stage",
  page: `p${index}`,
  index,
  stage,
  ...(step === undefined ? {} : { step, steps: 10 }),
});
const done = (index: number, kept = false): BatchEventBody => ({
  type: "page-completed",
  index,
  page: `p${index}`,
  output: "o",
  width: 1,
  height: 1,
  bucket: "1x1",
  seed: 0,
  elapsedMs: 10_000,
  stageMs: { prepare: 1000, denoise: 8000, ink: 1000 },
  references: [],
  progress: { total: 9, completed: index + 1, failed: 0, unfinished: 8 - index },
  ...(kept ? { kept } : {}),
});

/** Feeds events at seconds. */
function fed(...events: [seconds: number, event: BatchEventBody][]): Estimate {
  const estimate = new Estimate();
  for (const [seconds, event] of events) estimate.onEvent(event, seconds * 1000);
  return estimate;
}

describe("the batch", () => {
  it("has no guess before a page is done, and then as many pages' time as are left", () => {
    const events: [number, BatchEventBody][] = [
      [0, started(5)],
      [0, begun(0)],
      [0, at(0, "prepare")],
    ];
    expect(fed(...events).batchLeftMs(5000)).toBeUndefined();
    const estimate = fed(...events, [10, done(0)]);
    expect(estimate.batchLeftMs(10_000)).toBeCloseTo(40_000);
    expect(estimate.batchLeftMs(13_000)).toBeCloseTo(37_000);
    expect([estimate.finished, estimate.total]).toEqual([1, 5]);
  });

  it("counts the part of a page that is done, so that two pages at once do not double the guess", () => {
    const estimate = fed(
      [0, started(4)],
      [0, begun(0)],
      [0, begun(1)],
      [0, at(0, "prepare")],
      [0, at(1, "prepare")],
      [10, at(1, "ink")],
      [10, done(0)],
    );
    // 1.9 pages in 10 s, 2.1 left
    expect(estimate.batchLeftMs(10_000)).toBeCloseTo((10_000 / 1.9) * 2.1, -2);
  });

  it("does not take pages that an earlier run has done for its pace", () => {
    const estimate = fed(
      [0, started(10)],
      ...[0, 1, 2, 3, 4].map((index): [number, BatchEventBody] => [0, done(index, true)]),
      [0, begun(5)],
      [0, at(5, "prepare")],
      [20, done(5)],
    );
    expect(estimate.batchLeftMs(20_000)).toBeCloseTo(80_000);
  });

  it("ends with nothing left, failed pages counted", () => {
    const estimate = fed(
      [0, started(2)],
      [0, begun(0)],
      [0, at(0, "prepare")],
      [10, done(0)],
      [
        11,
        {
          type: "page-failed",
          index: 1,
          page: "p1",
          stage: "decode",
          code: "ERR_IMAGE_DECODE",
          message: "",
          remedy: "",
          progress: { total: 2, completed: 1, failed: 1, unfinished: 0 },
        },
      ],
    );
    expect(estimate.finished).toBe(2);
    expect(estimate.batchLeftMs(11_000)).toBeUndefined();
  });
});

describe("the page in progress", () => {
  it("is guessed from its own denoising steps at first", () => {
    const estimate = fed([0, started(1)], [0, begun(0)], [1, at(0, "denoise", 1)]);
    expect(estimate.pageLeftMs(1000)).toBeUndefined();
    estimate.onEvent(at(0, "denoise", 2), 3000);
    expect(estimate.pageLeftMs(3000)).toBeCloseTo(18_000);
    expect(estimate.pageLeftMs(4000)).toBeCloseTo(17_000);
    expect(estimate.page).toMatchObject({ page: "p0", stage: "denoise", step: 2, steps: 10 });
  });

  it("is guessed from earlier pages' stages later, and is the one last heard of", () => {
    const estimate = fed(
      [0, started(3)],
      [0, begun(0)],
      [0, at(0, "prepare")],
      [10, done(0)],
      [10, begun(1)],
      [10, begun(2)],
      [10, at(1, "prepare")],
    );
    expect(estimate.pageLeftMs(10_500)).toBeCloseTo(9500);
    estimate.onEvent(at(2, "ink"), 11_000);
    expect(estimate.page?.page).toBe("p2");
    expect(estimate.pageLeftMs(11_000)).toBeCloseTo(1000);
    expect(estimate.pageLeftMs(99_000)).toBe(0);
  });
});
