/** The published schema of `--json`: as the code has it, covering every event, refusing what it does not name. */
import { readFileSync } from "node:fs";
import type { z } from "zod";
import { describe, expect, it } from "vitest";
import type { BatchEvent } from "../../../../src/core/events.js";
import { jsonLine, jsonLineSchema } from "../../../../src/ui/cli/output/json-lines.js";

type Mutable<T> = T extends object ? { -readonly [Key in keyof T]: Mutable<T[Key]> } : T;

// Fails to compile when an event is missing in the schema or has a field of another type there.
const covered = (event: BatchEvent): z.input<typeof jsonLine> => ({ schema: 1, ...(event as Mutable<BatchEvent>) });

describe("docs/cli-json.schema.json", () => {
  it("is what the code has; `npm run docs` writes it anew", () => {
    const published = JSON.parse(
      readFileSync(new URL("../../../../docs/cli-json.schema.json", import.meta.url), "utf8"),
    ) as unknown;
    expect(published).toEqual(JSON.parse(JSON.stringify(jsonLineSchema())));
  });
});

describe("a line", () => {
  it("may be any event", () => {
    expect(
      jsonLine.safeParse(
        covered({ job: "a", type: "page-stage", page: "1.png", index: 0, stage: "denoise", step: 1, steps: 4 }),
      ).success,
    ).toBe(true);
    expect(jsonLine.safeParse(covered({ job: "a", type: "batch-paused" })).success).toBe(true);
  });

  it.each([
    ["a kind it does not know", { schema: 1, type: "page-finished" }],
    ["another version", { schema: 2, type: "warning", message: "x" }],
    ["a field it does not name", { schema: 1, type: "warning", message: "x", colour: "red" }],
    ["a code that is none", { schema: 1, type: "fatal", code: "oops", message: "x" }],
    ["a field of the wrong type", { schema: 1, type: "page-started", page: "x", index: -1 }],
  ])("is refused with %s", (_what, line) => {
    expect(jsonLine.safeParse(line).success).toBe(false);
  });
});
