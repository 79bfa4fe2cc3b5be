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
type Cause = "crash" | "out-of-memory" | "unknown";
/** What the next process notes when this one ended without giving the lease back. */
const died = (history: RunHistory, cause: Cause): JournalEntry => ({
  type: "died",
  cause,
  alone: history.inHand.length === 1,
  pages: history.inHand.map(({ page, fingerprint, inputSha256, stage }) => ({ page, fingerprint, inputSha256, stage })),
});

function after(...steps: readonly (JournalEntry | Cause)[]): RunHistory {
  const history = new RunHistory();
  for (const step of steps) history.note(typeof step === "string" ? died(history, step) : step);
  return history;
}
const kinds = (history: RunHistory, ...pages: string[]): string[] =>
  pages.map((page) => history.crashPolicy(page, "f").kind);

describe("a page that was in progress when a process ended", () => {
  it("is done alone after a crash with all that were in progress, and quarantined when it crashes alone", () => {
    const once = after(run(), begin("a"), done("a"), begin("b"), begin("c"), "crash", run());
    expect(kinds(once, "a", "b", "c")).toEqual(["normal", "alone", "alone"]);
    const stage: JournalEntry = { type: "begin", ...key("b"), stage: "denoise" };
    const twice = after(run(), begin("b"), begin("c"), "crash", run(), begin("b"), stage, "crash", run());
    expect(twice.crashPolicy("b", "f", "s")).toMatchObject({ kind: "quarantined", cause: "crash", stage: "denoise" });
    expect(kinds(twice, "c")).toEqual(["alone"]);
  });

  it("is nobody's fault without evidence", () => {
    const rounds = Array.from({ length: 2 }, () => [run(), begin("b"), "unknown"] as const).flat();
    expect(kinds(after(...rounds), "b")).toEqual(["normal"]);
    expect(kinds(after(run(), begin("b"), { type: "died", pages: [{ ...key("b"), stage: "decode" }] }), "b")).toEqual([
      "normal",
    ]);
  });

  it("is cleared by a picture, by an ordinary failure, and by retry, but not by being quarantined", () => {
    expect(kinds(after(run(), begin("a"), "crash", begin("a"), failed("a")), "a")).toEqual(["normal"]);
    expect(kinds(after(run(), begin("a"), "crash", begin("a"), done("a")), "a")).toEqual(["normal"]);
    expect(kinds(after(run(), begin("a"), run(), "crash"), "a")).toEqual(["normal"]);
    const aside = [
      run(),
      begin("a"),
      "crash",
      run(),
      begin("a"),
      "crash",
      failed("a", "ERR_PAGE_CRASHED"),
      run(),
    ] as const;
    expect(kinds(after(...aside), "a")).toEqual(["quarantined"]);
    expect(kinds(after(...aside, { type: "retry", pages: ["a"] }), "a")).toEqual(["normal"]);
  });

  it("is another page with another file or other settings", () => {
    const history = after(run(), begin("a"), "crash", run(), begin("a"), "crash");
    expect([history.crashPolicy("a", "f", "other").kind, history.crashPolicy("a", "other", "s").kind]).toEqual([
      "normal",
      "normal",
    ]);
    history.note({ type: "begin", ...key("a", "f", "other"), stage: "decode" });
    history.note(died(history, "crash"));
    expect(history.crashPolicy("a", "f", "other").kind).toBe("alone");
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

  it("stays for pages of which nothing else is asked, and gives way to what is asked of a page", () => {
    const asking = (pageConfigs: RunRecord["pageConfigs"], more: object = {}): JournalEntry =>
      ({ ...run(), record: { ...record(), pageConfigs }, ...more }) as JournalEntry;
    const entries: JournalEntry[] = [
      run(),
      { type: "adjust", settings: { seed: 5, topK: 1 } },
      { type: "adjust", page: "a", settings: { ink: "model" } },
    ];
    const { adjustments } = new RunHistory([...entries, asking({ b: { seed: 9 } })]);
    expect(["a", "b", "c"].map((page) => adjustedSettings(adjustments, page))).toEqual([
      { seed: 5, topK: 1, ink: "model" },
      { seed: 9, topK: 1 },
      { seed: 5, topK: 1 },
    ]);
    const redone = new RunHistory([...entries, asking({ a: { fill: "flat" } })]);
    expect(adjustedSettings(redone.adjustments, "a")).toEqual({ seed: 5, topK: 1 });
  });

  it("names no files in a copy of the records, whatever else is asked for there", () => {
    const [here, there] = ["1", "2"].map((digit) => ({ place: { path: digit.repeat(64), folder: digit.repeat(64) } }));
    const named: JournalEntry = { type: "adjust", page: "a", settings: { referenceImages: ["/private"], seed: 2 } };
    const pageConfigs = { b: { seed: 4 } };
    const copy = new RunHistory([
      { ...run(), ...here } as JournalEntry,
      named,
      { ...run(), record: { ...record(), pageConfigs }, ...there } as JournalEntry,
    ]);
    expect(adjustedSettings(copy.adjustments, "a")).toEqual({ seed: 2 });
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

describe("a history of many changes", () => {
  it("takes time in proportion: 30,000 changed pages, 20 retries of 5,000 pages", () => {
    const names = Array.from({ length: 30_000 }, (_, n) => `${n}.png`);
    const { adjustments } = new RunHistory(names.map((page) => ({ type: "adjust", page, settings: { seed: 1 } })));
    expect(Object.keys(adjustments.pages)).toHaveLength(30_000);
    const few = names.slice(0, 5000);
    const history = after(...few.map(begin), "crash", "crash");
    for (let n = 0; n < 20; n++) history.note({ type: "retry", pages: few.map((name) => `other-${name}`) });
  });

  it("keeps pages with the names of an object's own members apart", () => {
    const pages = ["__proto__", "constructor"];
    const history = new RunHistory(pages.map((page, seed) => ({ type: "adjust", page, settings: { seed } })));
    for (const [seed, page] of pages.entries()) expect(adjustedSettings(history.adjustments, page)).toEqual({ seed });
    expect(adjustedSettings(history.adjustments, "001.png")).toEqual({});
  });
});
