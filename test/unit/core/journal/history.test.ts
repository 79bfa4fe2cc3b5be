// What a journal's entries mean together: adjustments, previews, failures, and pages that are suspected of ending the
// process.
import { describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import type { JournalEntry, PageKey, RunRecord } from "../../../../src/core/journal/entries.js";
import { adjustedSettings, RunHistory } from "../../../../src/core/journal/history.js";

const record = (settings: Partial<BatchConfigInput> = {}): RunRecord => ({
  config: parseBatchConfig({ inputDir: "/in", outputDir: "/out", ...settings }).config,
  pageConfigs: {},
  model: { directory: "/m", name: "m", hash: "h" },
  session: {},
});
const run = (settings?: Partial<BatchConfigInput>): JournalEntry => ({
  type: "run",
  job: "j",
  at: "",
  record: record(settings),
});
const key = (page: string, fingerprint = "f", inputSha256 = "s"): PageKey => ({ page, fingerprint, inputSha256 });
const begin = (page: string): JournalEntry => ({ type: "begin", ...key(page), stage: "decode" });
const success = {
  page: "",
  output: "",
  width: 1,
  height: 1,
  bucket: "",
  seed: 0,
  elapsedMs: 0,
  stageMs: {},
  references: [],
};
const done = (page: string, fingerprint = "f", preview?: true): JournalEntry => ({
  type: "page",
  ...key(page, fingerprint),
  outputName: `${page}.png`,
  success: { ...success, page },
  sha256: "",
  sizeBytes: 1,
  firstNumber: 0,
  ...(preview && { preview }),
});
const failed = (page: string, code: "ERR_IMAGE_DECODE" | "ERR_PAGE_CRASHED" = "ERR_IMAGE_DECODE"): JournalEntry => ({
  type: "failed",
  ...key(page),
  failure: { page, stage: "decode", code, message: "", remedy: "" },
});
/** What the next process notes when this one was gone without a word. */
const died = (history: RunHistory): JournalEntry => ({
  type: "died",
  pages: history.inHand.map(({ page, fingerprint, inputSha256, stage }) => ({ page, fingerprint, inputSha256, stage })),
});

function after(...steps: readonly (JournalEntry | "death")[]): RunHistory {
  const history = new RunHistory();
  for (const step of steps) history.note(step === "death" ? died(history) : step);
  return history;
}

describe("a page that ends the process", () => {
  it("is suspected together with all that were in hand, and set aside when it is alone the second time", () => {
    const once = after(run(), begin("a"), done("a"), begin("b"), begin("c"), "death", run());
    expect([once.suspected("a", "f"), once.suspected("b", "f"), once.suspected("c", "f")]).toEqual([false, true, true]);
    expect(once.setAside(key("b"))).toBeUndefined();
    const twice = after(
      run(),
      begin("b"),
      begin("c"),
      "death",
      run(),
      begin("b"),
      { type: "begin", ...key("b"), stage: "denoise" },
      "death",
      run(),
    );
    expect(twice.setAside(key("b"))).toBe("denoise");
    expect(twice.setAside(key("c"))).toBeUndefined();
    expect(twice.suspected("c", "f")).toBe(true);
  });

  it("is not one that was in hand with others twice, nor one whose neighbour was killed", () => {
    expect(
      after(run(), begin("b"), begin("c"), "death", run(), begin("b"), begin("c"), "death").setAside(key("b")),
    ).toBeUndefined();
    const neighbour = after(run(), begin("b"), begin("c"), "death", run(), begin("b"), done("b"), begin("c"), "death");
    expect([neighbour.setAside(key("b")), neighbour.suspected("b", "f"), neighbour.setAside(key("c"))]).toEqual([
      undefined,
      false,
      "decode",
    ]);
  });

  it("is cleared by a picture, by an ordinary failure, by another run that ended in peace, and by retry", () => {
    expect(after(run(), begin("a"), "death", begin("a"), failed("a"), "death").suspected("a", "f")).toBe(false);
    expect(after(run(), begin("a"), run(), "death").suspected("a", "f")).toBe(false);
    const aside = [
      run(),
      begin("a"),
      "death",
      run(),
      begin("a"),
      "death",
      failed("a", "ERR_PAGE_CRASHED"),
      run(),
    ] as const;
    expect(after(...aside).setAside(key("a"))).toBe("decode");
    expect(after(...aside, { type: "retry", pages: ["a"] }).setAside(key("a"))).toBeUndefined();
  });

  it("is another page with another file or other settings", () => {
    const history = after(run(), begin("a"), "death", run(), begin("a"), "death");
    expect([history.setAside(key("a", "f", "other")), history.setAside(key("a", "other"))]).toEqual([
      undefined,
      undefined,
    ]);
    history.note({ type: "begin", ...key("a", "f", "other"), stage: "decode" });
    history.note(died(history));
    expect(history.setAside(key("a", "f", "other"))).toBeUndefined();
  });
});

describe("what was changed after the start", () => {
  it("goes over all other settings, a page's own over all pages', for as long as the same is asked for", () => {
    const entries: JournalEntry[] = [
      run(),
      { type: "adjust", settings: { seed: 3, topK: 1 } },
      { type: "adjust", page: "a", settings: { seed: 9 } },
      { type: "preview", state: "approved", settings: { numInferenceSteps: 4 } },
    ];
    const same = new RunHistory([...entries, run({ overwrite: true, maxConcurrent: 1 })]);
    expect(adjustedSettings(same.adjustments, "a")).toEqual({ seed: 9, topK: 1, numInferenceSteps: 4 });
    expect(adjustedSettings(same.adjustments, "b")).toEqual({ seed: 3, topK: 1, numInferenceSteps: 4 });
    const other = new RunHistory([...entries, run({ seed: 1 })]);
    expect([other.adjustments, other.preview]).toEqual([{ all: {}, pages: {} }, undefined]);
  });
});

describe("forget", () => {
  it("drops results, changes and failures, and still knows the files as the output's own", () => {
    const history = after(
      run(),
      done("a"),
      failed("b"),
      { type: "adjust", settings: { seed: 3 } },
      { type: "carried", name: "x.xml", sha256: "", sizeBytes: 1, firstNumber: 0 },
      { type: "archive", name: "x.cbz", sha256: "", sizeBytes: 1, firstNumber: 0 },
      { type: "forget" },
    );
    expect([history.donePages, history.failedPages, history.done("a", "f"), history.last("a")]).toEqual([
      [],
      [],
      undefined,
      undefined,
    ]);
    expect(history.adjustments).toEqual({ all: {}, pages: {} });
    expect([history.pictures("a").length, history.carried("x.xml").length, history.archives.length]).toEqual([1, 1, 1]);
    expect(history.worthKeeping).toBe(true);
  });
});

describe("failed and finished pages", () => {
  it("are told by their last outcome", () => {
    const history = after(run(), done("a"), failed("b"), failed("c"), done("c"), failed("a"));
    expect([history.donePages, history.failedPages]).toEqual([["c"], ["b", "a"]]);
    expect(history.failed("b")?.failure.code).toBe("ERR_IMAGE_DECODE");
    expect([history.done("a", "f")?.page, history.done("a", "g"), history.last("c")?.page]).toEqual([
      "a",
      undefined,
      "c",
    ]);
  });
});

describe("pictures of a page", () => {
  it("are all known, the last first: a kill may have left an earlier one in its place", () => {
    const history = after(run(), done("a", "f"), done("b"), done("a", "g"));
    expect(history.pictures("a").map(({ fingerprint }) => fingerprint)).toEqual(["g", "f"]);
    expect([history.last("a")?.fingerprint, history.pictures("c")]).toEqual(["g", []]);
  });
});
