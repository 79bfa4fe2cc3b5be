// The tests of a page that is in progress when its process ends: quarantined after two crashes, never for a kill; its
// neighbours are not.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BatchSummary } from "../../src/core/events.js";
import { colourPage, linePage, writeFolder } from "./chapter.js";
import { runFixture, type ChildResult } from "./child.js";
import { runCli } from "./cli.js";
import { SMALL_MODEL } from "./shared-models.js";

let root: string;
const at = (name: string): string => join(root, name);

const summaryOf = ({ stdout }: ChildResult): BatchSummary => JSON.parse(stdout) as BatchSummary;
const pictures = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith(".png")).toSorted();

const settings = (output: string): object => ({
  inputDir: at("in"),
  outputDir: output,
  referenceImages: [at("refs")],
  numInferenceSteps: 1,
  maxConcurrent: 2,
});
const run = (output: string, page: string, how: string, stage: string): Promise<ChildResult> =>
  runFixture("support/crashing-batch.mjs", {
    args: [SMALL_MODEL, JSON.stringify(settings(output)), page, how, stage],
    timeoutMs: 300_000,
  });
const ALL = ["p1_colorized.png", "p2_colorized.png", "p3_colorized.png", "p4_colorized.png"];

/** A way to crash, the signal it shows as, and the stage the page is in. */
type Crash = readonly [how: string, signal: string, stage: string];

function prepareChapter(): void {
  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "cobra-crashed-"));
    await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
    await writeFolder(at("in"), {
      "p1.png": await linePage(1),
      "p2.png": await linePage(2),
      "p3.png": await linePage(3),
      "p4.png": await linePage(4),
    });
  });

  afterAll(() => rm(root, { recursive: true, force: true }));
}

/** Kills the process three times while it has the page. */
export function testKilledPage(): void {
  describe("a page in progress when the process is killed", () => {
    prepareChapter();
    it("is done like every other, however often", async () => {
      const output = at("out-killed");
      for (let kill = 1; kill <= 3; kill++)
        expect(await run(output, "p2.png", "SIGKILL", "lines")).toMatchObject({ signal: "SIGKILL" });
      expect(summaryOf(await run(output, "none", "", ""))).toMatchObject({ completed: 4, failed: 0, failures: [] });
      expect(await pictures(output)).toEqual(ALL);
    }, 600_000);
  });
}

/** Crashes the process in each of these ways. */
export function testCrashedPage(crashes: readonly Crash[]): void {
  describe("a page that crashes the process", () => {
    prepareChapter();
    it.each(crashes)(
      "is quarantined the second time (%s), and the others are done; it stays so until retry",
      async (how, signal, stage) => {
        const output = at(`out-${how}`);
        for (let crash = 1; crash <= 2; crash++)
          expect(await run(output, "p2.png", how, stage)).toMatchObject({ signal });
        const third = await run(output, "p2.png", how, stage);
        expect(third).toMatchObject({ code: 0, signal: null });
        const failure = {
          page: "p2.png",
          stage,
          code: "ERR_PAGE_CRASHED",
          message: expect.stringContaining("the process crashed twice") as string,
          remedy: expect.stringContaining("retry") as string,
        };
        expect(summaryOf(third)).toMatchObject({ completed: 3, failed: 1, unfinished: 0, failures: [failure] });
        expect(await pictures(output)).toEqual(ALL.filter((name) => !name.startsWith("p2")));
        expect(JSON.parse(await readFile(join(output, "failures.json"), "utf8"))).toMatchObject({
          failures: [failure],
        });
        expect((await readdir(join(output, ".cobra-batch"))).filter((name) => name.startsWith("crash-"))).toEqual([]);

        expect(summaryOf(await run(output, "p2.png", how, stage))).toMatchObject({
          completed: 3,
          failed: 1,
          failures: [failure],
        });
        expect(await runCli(["retry", output, "--failed", "--quiet"])).toMatchObject({ code: 0, stderr: "" });
        expect(await pictures(output)).toEqual(ALL);
        expect(await readdir(output)).not.toContain("failures.json");
      },
      600_000,
    );
  });
}
