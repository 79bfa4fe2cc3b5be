// A page that ends the process twice is set aside and the batch goes on; a neighbour that was in hand at the same time
// is not.
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BatchSummary } from "../../src/core/events.js";
import { buildPresetPackage } from "../../src/convert/index.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { runFixture, type ChildResult } from "../support/child.js";
import { runCli } from "../support/cli.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-crashed-"));
  await buildPresetPackage({ directory: at("model"), preset: "tiny" });
  await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
  await writeFolder(at("in"), {
    "p1.png": await linePage(1),
    "p2.png": await linePage(2),
    "p3.png": await linePage(3),
    "p4.png": await linePage(4),
  });
});

afterAll(() => rm(root, { recursive: true, force: true }));

const summaryOf = ({ stdout }: ChildResult): BatchSummary => JSON.parse(stdout) as BatchSummary;
const pictures = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith(".png")).toSorted();

describe("a page that ends the process", () => {
  it.each([
    ["abort", "SIGABRT", "denoise"],
    ["SIGKILL", "SIGKILL", "decode"],
  ] as const)(
    "is set aside the second time (%s), and the others are done; it stays so until retry",
    async (how, signal, stage) => {
      const output = at(`out-${how}`);
      const settings = {
        inputDir: at("in"),
        outputDir: output,
        referenceImages: [at("refs")],
        numInferenceSteps: 1,
        maxConcurrent: 2,
      };
      const run = (page: string): Promise<ChildResult> =>
        runFixture("support/crashing-batch.mjs", {
          args: [at("model"), JSON.stringify(settings), page, how, stage],
          timeoutMs: 300_000,
        });
      for (let death = 1; death <= 2; death++) expect(await run("p2.png")).toMatchObject({ signal });
      const third = await run("p2.png");
      expect(third).toMatchObject({ code: 0, signal: null });
      const failure = {
        page: "p2.png",
        stage,
        code: "ERR_PAGE_CRASHED",
        message: expect.stringContaining("ended the process twice") as string,
        remedy: expect.stringContaining("retry") as string,
      };
      expect(summaryOf(third)).toMatchObject({ completed: 3, failed: 1, unfinished: 0, failures: [failure] });
      expect(await pictures(output)).toEqual(["p1_colorized.png", "p3_colorized.png", "p4_colorized.png"]);
      expect(JSON.parse(await readFile(join(output, "failures.json"), "utf8"))).toMatchObject({ failures: [failure] });

      expect(summaryOf(await run("p2.png"))).toMatchObject({ completed: 3, failed: 1, failures: [failure] });
      expect(await runCli(["retry", output, "--failed", "--quiet"])).toMatchObject({ code: 0, stderr: "" });
      expect(await pictures(output)).toEqual([
        "p1_colorized.png",
        "p2_colorized.png",
        "p3_colorized.png",
        "p4_colorized.png",
      ]);
      expect(await readdir(output)).not.toContain("failures.json");
    },
    600_000,
  );

  it("is not one that does well the next time, alone: after one death all pages are done", async () => {
    const output = at("out-once");
    const settings = {
      inputDir: at("in"),
      outputDir: output,
      referenceImages: [at("refs")],
      numInferenceSteps: 1,
      maxConcurrent: 2,
    };
    const run = (page: string): Promise<ChildResult> =>
      runFixture("support/crashing-batch.mjs", {
        args: [at("model"), JSON.stringify(settings), page, "SIGKILL", "lines"],
        timeoutMs: 300_000,
      });
    expect(await run("p2.png")).toMatchObject({ signal: "SIGKILL" });
    expect(summaryOf(await run("none"))).toMatchObject({ completed: 4, failed: 0 });
  }, 600_000);
});
