/** gpu-check's steps are processes with limits: what hangs or crashes costs itself alone, and leaves what it had. */
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
// @ts-expect-error a build script without types
import * as resultsScript from "../../../scripts/gpu-check/results.mjs";
// @ts-expect-error a build script without types
import * as runScript from "../../../scripts/gpu-check/run-step.mjs";

interface Result {
  readonly outcome: string;
  readonly reason?: string;
  readonly figures: readonly { figure: string; value: unknown; unit: string }[];
  readonly seconds: number;
}
const { startStep } = runScript as {
  startStep: (run: string, options: object, limitSeconds: number) => { ended: Promise<Result>; expire: () => void };
};
const { Results } = resultsScript as {
  Results: new (
    folder: string,
    options: object,
  ) => { paths: string[]; faults: number; add: (step: object, result: object) => void };
};

/** A zombie, which nobody has waited for yet, does not run. */
function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, "utf8"));
  } catch {
    return false;
  }
}

let folder: string;
beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "cobra-gpu-check-"))));
afterEach(() => rmSync(folder, { recursive: true }));

describe("a step", () => {
  // Far above what a step needs on a busy machine: none of these ends by its limit but where it is said.
  const LIMIT = 200;
  const run = (how: string, limit = LIMIT): Promise<Result> => startStep("fixture.behave", { how }, limit).ended;

  it("passes, fails, is skipped: with its figures and the reason", async () => {
    expect(await run("passes")).toMatchObject({
      outcome: "passed",
      figures: [{ figure: "a", value: 1.5, unit: "ms" }],
    });
    expect(await run("fails")).toMatchObject({ outcome: "failed", reason: "the fault", figures: [{ figure: "a" }] });
    expect(await run("skips")).toMatchObject({ outcome: "skipped", reason: "nothing here" });
    expect(await startStep("fixture.missing", {}, LIMIT).ended).toMatchObject({ outcome: "failed" });
  });

  it("that crashes says how, and one that hangs is ended with all that it started", async () => {
    expect(await run("crashes")).toMatchObject({ outcome: "failed", reason: "crashed (SIGSEGV)" });
    const started = join(folder, "started");
    const step = startStep("fixture.behave", { how: "hangs", started }, LIMIT);
    await expect.poll(() => existsSync(started)).toBe(true);
    step.expire();
    const hung = await step.ended;
    expect(hung).toMatchObject({ outcome: "failed", reason: "did not end within 200 s" });
    const child = hung.figures.find(({ figure }) => figure === "child")!.value as number;
    expect(isRunning(child)).toBe(false);
    expect(await run("hangs", 1)).toMatchObject({ outcome: "failed", reason: "did not end within 1 s" });
  });
});

describe("results", () => {
  it("are whole on disk after each step", () => {
    const results = new Results(folder, { device: "cpu", size: "tiny", minutes: 1 });
    results.add(
      { name: "one", what: "first" },
      { outcome: "passed", seconds: 1, figures: [{ figure: "a | b", value: 1.23456, unit: "ms" }] },
    );
    const [lines, page] = results.paths.map((path) => readFileSync(path, "utf8"));
    expect(JSON.parse(lines!)).toMatchObject({ name: "one", outcome: "passed" });
    expect(page).toContain("| one | passed | 1.0 | first |");
    expect(page).toContain("| a \\| b | 1.235 ms |");
    results.add({ name: "two", what: "second" }, { outcome: "failed", reason: "x\ny", seconds: 2, figures: [] });
    expect(readFileSync(results.paths[0]!, "utf8").trimEnd().split("\n")).toHaveLength(2);
    expect(readFileSync(results.paths[1]!, "utf8")).toContain("| two | failed | 2.0 | second: x y |");
    expect(results.faults).toBe(1);
  });
});
