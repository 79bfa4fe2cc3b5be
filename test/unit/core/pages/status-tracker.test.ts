// The rules for states, per-image fields and the summary.
import { describe, expect, it } from "vitest";
import {
  canTransition,
  IMAGE_STATES,
  StatusTracker,
  type ImageState,
} from "../../../../src/core/pages/status-tracker.js";
import { ImageProcessingError } from "../../../../src/errors.js";

const ALLOWED = new Set([
  "pending>processing",
  "pending>cancelled",
  "processing>completed",
  "processing>failed",
  "processing>cancelled",
]);
const PATHS: Record<ImageState, ImageState[]> = {
  pending: [],
  processing: ["processing"],
  completed: ["processing", "completed"],
  failed: ["processing", "failed"],
  cancelled: ["cancelled"],
};

describe("StatusTracker", () => {
  it("goes pending → processing → completed | failed | cancelled and pending → cancelled, nowhere else (guarded)", () => {
    for (const from of IMAGE_STATES) {
      for (const to of IMAGE_STATES) {
        const tracker = new StatusTracker();
        tracker.addImage("p");
        for (const state of PATHS[from]) tracker.updateStatus("p", state);
        const allowed = ALLOWED.has(`${from}>${to}`);
        expect(canTransition(from, to)).toBe(allowed);
        if (allowed) tracker.updateStatus("p", to);
        else expect(() => tracker.updateStatus("p", to)).toThrow(expect.objectContaining({ code: "ERR_STATE" }));
        expect(tracker.getStatus("p")?.state).toBe(allowed ? to : from);
      }
    }
  });

  it("keeps state, start, end, error, output path and processing time of each image", () => {
    let now = 1000;
    const tracker = new StatusTracker(() => now);
    tracker.addImage("a");
    tracker.addImage("b");
    expect(tracker.getStatus("a")).toEqual({ id: "a", state: "pending" });
    tracker.updateStatus("a", "processing");
    now = 1250;
    tracker.updateStatus("a", "completed", { outputPath: "out/a.png" });
    expect(tracker.getStatus("a")).toEqual({
      id: "a",
      state: "completed",
      startTime: 1000,
      endTime: 1250,
      processingTime: 250,
      outputPath: "out/a.png",
    });
    const error = new ImageProcessingError("ERR_IMAGE_DECODE", "cut off", { imagePath: "b.png" });
    tracker.updateStatus("b", "processing");
    tracker.updateStatus("b", "failed", { error });
    expect(tracker.getStatus("b")).toMatchObject({ state: "failed", error, processingTime: 0 });
    expect(tracker.getAllStatuses().map(({ id }) => id)).toEqual(["a", "b"]);
    expect(tracker.getImagesByState("failed").map(({ id }) => id)).toEqual(["b"]);
    expect(tracker.getStatus("c")).toBeUndefined();
  });

  it("sums up: counts, isComplete, successRate (completed/total*100, 0 when empty), elapsedTime", () => {
    let now = 0;
    const tracker = new StatusTracker(() => now);
    expect(tracker.getSummary()).toEqual({
      total: 0,
      pending: 0,
      processing: 0,
      completed: 0,
      failed: 0,
      cancelled: 0,
      isComplete: true,
      successRate: 0,
      elapsedTime: 0,
    });
    for (const id of ["a", "b", "c", "d"]) tracker.addImage(id);
    now = 100;
    tracker.updateStatus("a", "processing");
    tracker.updateStatus("b", "processing");
    now = 150;
    tracker.updateStatus("a", "completed");
    expect(tracker.getSummary()).toEqual({
      total: 4,
      pending: 2,
      processing: 1,
      completed: 1,
      failed: 0,
      cancelled: 0,
      isComplete: false,
      successRate: 25,
      elapsedTime: 50,
    });
    tracker.updateStatus("b", "failed");
    tracker.updateStatus("c", "cancelled");
    now = 180;
    tracker.updateStatus("d", "cancelled");
    now = 999;
    expect(tracker.getSummary()).toMatchObject({
      completed: 1,
      failed: 1,
      cancelled: 2,
      isComplete: true,
      successRate: 25,
      elapsedTime: 80,
    });
    tracker.clear();
    expect(tracker.getSummary()).toMatchObject({ total: 0, elapsedTime: 0 });
  });

  it("forgets an image that is done again from the beginning", () => {
    const tracker = new StatusTracker();
    for (const id of ["a", "b"]) tracker.addImage(id);
    tracker.updateStatus("a", "processing");
    tracker.updateStatus("a", "completed");
    tracker.removeImage("a");
    expect(tracker.getSummary()).toMatchObject({ total: 1, pending: 1, completed: 0 });
    tracker.addImage("a");
    expect(tracker.getStatus("a")).toEqual({ id: "a", state: "pending" });
    expect(() => tracker.removeImage("c")).toThrow(expect.objectContaining({ code: "ERR_STATE" }));
  });

  it("refuses an image that is tracked already or not at all", () => {
    const tracker = new StatusTracker();
    tracker.addImage("a");
    expect(() => tracker.addImage("a")).toThrow(/tracked already/);
    expect(() => tracker.updateStatus("b", "processing")).toThrow(/not tracked/);
  });
});
