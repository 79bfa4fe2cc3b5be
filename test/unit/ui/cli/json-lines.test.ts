/** The published schema of `--json`: covers every event, refuses what it does not name. */
import { describe, expect, it } from "vitest";
import { batchEvent, EVENTS } from "../../../../src/core/events.js";
import { toJsonLine } from "../../../../src/core/json-lines.js";
import { jsonLine } from "../../../../src/ui/cli/output/json-lines.js";

const time = "2026-01-02T03:04:05.678Z";

describe("a line", () => {
  it("may be any event", () => {
    const stage = { job: "a", time, type: "page-stage", page: "1.png", index: 0, stage: "denoise", step: 1, steps: 4 };
    for (const event of [stage, { job: "a", time, type: "batch-paused" }]) {
      expect(batchEvent.parse(event)).toEqual(event);
      expect(jsonLine.parse(JSON.parse(toJsonLine(event)))).toEqual({ schema: 1, ...event });
    }
  });

  it("may be of every type that an event may be of", () => {
    const types = (options: readonly { shape: { type: { value: string } } }[]) =>
      options.map(({ shape }) => shape.type.value);
    expect(types(jsonLine.options)).toEqual(expect.arrayContaining(types(EVENTS)));
  });

  it("has the time it was told where the object has none", () => {
    expect(jsonLine.parse(JSON.parse(toJsonLine({ type: "warning", message: "x" })))).toMatchObject({
      time: expect.stringMatching(/^\d{4}-\d\d-\d\dT[\d:]{8}\.\d{3}Z$/) as string,
    });
  });

  it.each([
    ["a kind it does not know", { schema: 1, time, type: "page-finished" }],
    ["another version", { schema: 2, time, type: "warning", message: "x" }],
    ["a field it does not name", { schema: 1, time, type: "warning", message: "x", colour: "red" }],
    ["no time", { schema: 1, type: "warning", message: "x" }],
    ["a code that is none", { schema: 1, time, type: "fatal", code: "oops", message: "x" }],
    ["a field of the wrong type", { schema: 1, time, type: "page-started", page: "x", index: -1 }],
  ])("is refused with %s", (_what, line) => {
    expect(jsonLine.safeParse(line).success).toBe(false);
  });
});
