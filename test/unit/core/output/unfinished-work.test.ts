// Another chapter on an output archive whose work folder holds unfinished work: that work is not discarded silently.
import { cp, mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import { approveRun, rejectRun } from "../../../../src/core/continue-run.js";
import type { BatchSummary } from "../../../../src/core/events.js";
import { runBatch, type RunBatchOptions } from "../../../../src/core/run-batch.js";
import { colourPage, linePage, writeFolder } from "../../../support/chapter.js";
import { paperEngine } from "../../../support/paper-engine.js";
import { endEarly } from "../../../support/reopened.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-unfinished-"));
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
  const [first, second, other] = await Promise.all([1, 2, 3].map((seed) => linePage(seed)));
  await writeFolder(at("a"), { "1.png": first!, "2.png": second! });
  await writeFolder(at("b"), { "1.png": other!, "2.png": second!, "3.png": other! });
});
afterEach(() => rm(root, { recursive: true, force: true }));

function colorize(
  input: string,
  own: Partial<BatchConfigInput> = {},
  options: RunBatchOptions = {},
): Promise<BatchSummary> {
  const settings = { inputDir: at(input), outputZip: at("out.cbz"), referenceImages: [at("refs")], ...own };
  return runBatch(paperEngine(), parseBatchConfig(settings).config, options);
}

/** Ends after the first page, so that there is no archive yet. */
async function begun(): Promise<void> {
  const drain = new AbortController();
  const onEvent: RunBatchOptions["onEvent"] = ({ type }) => void (type === "page-completed" && drain.abort());
  const summary = await colorize("a", { maxConcurrent: 1 }, { drain: drain.signal, onEvent });
  expect(summary.unfinished).toBe(1);
}

const preview = async (): Promise<void> => void (await colorize("a", { previewMode: true }));

const pictures = async (): Promise<string[]> => (await readdir(at("out.cbz.cobra-batch/.pages"))).toSorted();

describe("unfinished work of another chapter", () => {
  it.each([
    ["a preview that waits", preview],
    ["pages that are in no archive yet", begun],
  ])("%s: refused, and nothing of it is lost", async (what, before) => {
    await before();
    const made = await pictures();
    await expect(colorize("b")).rejects.toMatchObject({
      code: "ERR_OUTPUT_UNFINISHED",
      message: `${at("out.cbz.cobra-batch")} holds unfinished work of another chapter, ${at("a")}: ${what}`,
      remedy: expect.stringContaining("--fresh") as string,
    });
    expect(await pictures()).toEqual(made);
    expect(await readdir(root)).not.toContain("out.cbz");
    // The other chapter goes on.
    expect(await colorize("a")).toMatchObject({ completed: 2, unfinished: 0 });
    expect(await readdir(root)).not.toContain("out.cbz.cobra-batch");
  });

  it("is discarded with fresh, and leaves a preview approvable until then", async () => {
    await preview();
    await expect(colorize("b")).rejects.toMatchObject({ code: "ERR_OUTPUT_UNFINISHED" });
    expect(await approveRun(at("out.cbz"))).toBeDefined();
    expect(await colorize("b", {}, { fresh: true })).toMatchObject({ completed: 3, output: at("out.cbz") });
  });

  it("goes on from another place with the same pages, and with what is changed at its own", async () => {
    await begun();
    await cp(at("a"), at("moved"), { recursive: true });
    expect(await colorize("moved")).toMatchObject({ completed: 2 });
    await rm(at("out.cbz"));
    await begun();
    await cp(at("b"), at("a"), { recursive: true });
    expect(await colorize("a")).toMatchObject({ completed: 3 });
  });

  it("is none where the preview was rejected", async () => {
    await preview();
    await endEarly(await rejectRun(at("out.cbz"), { pages: { seed: 5 } }));
    expect(await colorize("b")).toMatchObject({ completed: 3 });
  });
});
