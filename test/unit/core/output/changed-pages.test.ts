// A finished archive of which a page or a setting has changed: pages that stay are taken from it, and it is replaced
// only if it has no picture that would be lost.
import { chmod, mkdtemp, readFile, readdir, rename, rm, stat, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import { redoRun, retryRun } from "../../../../src/core/continue-run.js";
import { runBatch, type RunBatchOptions } from "../../../../src/core/run-batch.js";
import { ImageProcessingError } from "../../../../src/errors.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import { writeZip } from "../../../support/archives.js";
import { colourPage, onlyPage, writeFolder } from "../../../support/chapter.js";
import { onPaper, paperEngine } from "../../../support/paper-engine.js";

let root: string;
/** Pages that fail. */
let failing: readonly string[];
const at = (name: string): string => join(root, name);

beforeEach(async () => {
  failing = [];
  root = await mkdtemp(join(tmpdir(), "cobra-changed-pages-"));
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
  for (const seed of [1, 2, 3]) await writeFolder(at("in"), { [`${seed}.png`]: await onlyPage(seed) });
});
afterEach(() => rm(root, { recursive: true, force: true }));

interface Ended {
  /** Pages that were coloured in this run. */
  readonly coloured: readonly string[];
  readonly output: string;
  readonly warnings: readonly string[];
}

async function colorize(own: Partial<BatchConfigInput> = {}, options: RunBatchOptions = {}): Promise<Ended> {
  const settings = { inputDir: at("in"), outputZip: at("out.cbz"), referenceImages: [at("refs")], ...own };
  return run(parseBatchConfig(settings).config, options);
}

async function run(config: Parameters<typeof runBatch>[1], options: RunBatchOptions = {}): Promise<Ended> {
  const engine = paperEngine((request) => {
    if (failing.includes(request.name))
      throw new ImageProcessingError("ERR_RUN", `${request.name} fails`, { imagePath: request.name });
    return onPaper(request);
  });
  const warnings: string[] = [];
  const summary = await runBatch(engine, config, {
    ...options,
    onEvent: (event) => void (event.type === "warning" && warnings.push(event.message)),
  });
  return { coloured: engine.requests.map(({ name }) => name).toSorted(), output: summary.output!, warnings };
}

async function content(name: string): Promise<Record<string, string>> {
  const source = await openPageSource(at(name));
  try {
    const found = await Promise.all(
      source.entries().map(async (entry) => [entry.name, Buffer.from(await entry.read()).toString()] as const),
    );
    return Object.fromEntries(found.filter(([file]) => file !== "processing_metadata.json"));
  } finally {
    await source.close();
  }
}

/** Takes files out of an archive and puts others in, as a user does. */
async function edit(name: string, removed: readonly string[], added: Record<string, Buffer>): Promise<void> {
  const source = await openPageSource(at(name));
  const entries = await Promise.all(
    source.entries().map(async (entry) => [entry.name, Buffer.from(await entry.read())] as const),
  );
  await source.close();
  const kept = entries.filter(([file]) => !removed.includes(file));
  await writeZip(at(name), { ...Object.fromEntries(kept), ...added });
}

const archives = async (): Promise<string[]> => (await readdir(root)).filter((name) => name.startsWith("out"));
const pictures = (...pages: number[]): string[] => pages.map((page) => `${page}_colorized.png`);

describe("a finished archive", () => {
  it.each<[what: string, change: () => Promise<void>, coloured: string[], has: string[]]>([
    ["a page is added", async () => writeFile(at("in/4.png"), await onlyPage(4)), ["4.png"], pictures(1, 2, 3, 4)],
    ["a page is corrected", async () => writeFile(at("in/2.png"), await onlyPage(9)), ["2.png"], pictures(1, 2, 3)],
    ["a page is renamed", () => rename(at("in/3.png"), at("in/5.png")), ["5.png"], pictures(1, 2, 5)],
    ["a picture was taken out", () => edit("out.cbz", pictures(3), {}), ["3.png"], pictures(1, 2, 3)],
  ])("is replaced, and keeps its other pages, where %s", async (_what, change, coloured, has) => {
    await colorize();
    const before = await content("out.cbz");
    await change();
    expect(await colorize()).toEqual({ coloured, output: at("out.cbz"), warnings: [] });
    const now = await content("out.cbz");
    expect(Object.keys(now).toSorted()).toEqual(has);
    expect(now["1_colorized.png"]).toBe(before["1_colorized.png"]);
    expect(await archives()).toEqual(["out.cbz"]);
    expect(await colorize()).toEqual({ coloured: [], output: at("out.cbz"), warnings: [] });
  });

  it("is replaced where the settings of one page change", async () => {
    await colorize();
    const options: RunBatchOptions = { pageConfig: (page) => (page === "2.png" ? { seed: 7 } : {}) };
    expect(await colorize({}, options)).toEqual({ coloured: ["2.png"], output: at("out.cbz"), warnings: [] });
    expect((await content("out.cbz"))["2_colorized.png"]).toContain('"seed":7');
    expect(await archives()).toEqual(["out.cbz"]);
  });

  it("keeps what was changed by a redo when a page is added", async () => {
    await colorize();
    const { config, options } = await redoRun(at("out.cbz"), ["2.png"], { pages: { seed: 7 } });
    await run(config, options);
    await writeFile(at("in/4.png"), await onlyPage(4));
    expect((await colorize()).coloured).toEqual(["4.png"]);
    expect((await content("out.cbz"))["2_colorized.png"]).toContain('"seed":7');
  });

  it("keeps what was changed by a redo when the settings of another page change, and drops it with its own", async () => {
    await colorize();
    const { config, options } = await redoRun(at("out.cbz"), ["2.png"], { pages: { seed: 7 } });
    await run(config, options);
    const asked = (changed: string): RunBatchOptions => ({
      pageConfig: (page) => (page === changed ? { seed: 9 } : {}),
    });
    // What decides about no picture asks for nothing else.
    const nothing = { pageConfig: () => ({ seed: undefined, imageType: "line_art" as const }) };
    expect((await colorize({}, nothing)).coloured).toEqual([]);
    expect((await colorize({}, asked("3.png"))).coloured).toEqual(["3.png"]);
    expect((await content("out.cbz"))["2_colorized.png"]).toContain('"seed":7');
    expect((await colorize({}, asked("2.png"))).coloured).toEqual(["2.png", "3.png"]);
    expect((await content("out.cbz"))["2_colorized.png"]).toContain('"seed":9');
  });

  it("keeps a page in colour that the input has lost, and gets back one that was taken out", async () => {
    await writeFile(at("in/cover.jpg"), await colourPage(5));
    await colorize();
    for (const name of ["cover.jpg", "cover"])
      await expect(redoRun(at("out.cbz"), [name])).rejects.toThrow(/^"cover\.jpg" is in colour already/u);
    await edit("out.cbz", ["cover.jpg"], {});
    expect(await colorize()).toMatchObject({ coloured: [], output: at("out.cbz") });
    expect(Object.keys(await content("out.cbz"))).toContain("cover.jpg");
    await unlink(at("in/cover.jpg"));
    expect(await colorize()).toMatchObject({ coloured: [], output: at("out_1.cbz") });
    expect(Object.keys(await content("out.cbz"))).toContain("cover.jpg");
    expect(Object.keys(await content("out_1.cbz"))).toEqual(pictures(1, 2, 3));
  });

  it("is not overwritten where a page fails of which it has a picture, though overwriting was asked for", async () => {
    await colorize();
    failing = ["2.png"];
    expect(await colorize({ overwrite: true })).toMatchObject({
      output: at("out_1.cbz"),
      warnings: [
        `${at("out.cbz")} has the picture of 2.png, which failed now, and is kept; the result is ${at("out_1.cbz")}`,
      ],
    });
    expect((await colorize({ overwrite: true, seed: 6 })).output).not.toBe(at("out.cbz"));
    expect(Object.keys(await content("out.cbz"))).toEqual(pictures(1, 2, 3));
  });

  it("stays as private as it was when it is replaced", async () => {
    await colorize();
    await chmod(at("out.cbz"), 0o600);
    await writeFile(at("in/4.png"), await onlyPage(4));
    expect((await colorize()).output).toBe(at("out.cbz"));
    expect((await stat(at("out.cbz"))).mode & 0o777).toBe(0o600);
  });

  it.each([
    ["is shown first, where those before were not", false, 1],
    ["is not, where the settings were approved", true, 0],
  ])("gets a new page with a preview, which %s", async (_what, previewMode, previews) => {
    let seen = 0;
    const onPreview: RunBatchOptions["onPreview"] = async () => {
      seen++;
      return { type: "approve" };
    };
    await colorize({ previewMode }, { onPreview });
    await writeFile(at("in/4.png"), await onlyPage(4));
    seen = 0;
    expect(await colorize({ previewMode: true }, { onPreview })).toMatchObject({
      coloured: ["4.png"],
      output: at("out.cbz"),
    });
    expect(seen).toBe(previews);
  });

  it("is kept, with a warning, where all pages come out differently; then the newer one is replaced", async () => {
    await colorize();
    const first = await content("out.cbz");
    expect(await colorize({ seed: 5 })).toEqual({
      coloured: ["1.png", "2.png", "3.png"],
      output: at("out_1.cbz"),
      warnings: [`${at("out.cbz")} was there before and is kept; the result is ${at("out_1.cbz")}`],
    });
    await writeFile(at("in/4.png"), await onlyPage(4));
    expect(await colorize({ seed: 5 })).toEqual({ coloured: ["4.png"], output: at("out_1.cbz"), warnings: [] });
    expect(await content("out.cbz")).toEqual(first);
    expect(await archives()).toEqual(["out.cbz", "out_1.cbz"]);
  });

  it.each([
    ["succeeds", [], pictures(1, 2, 3)],
    ["fails again", ["2.png"], pictures(1, 3)],
  ])("of which a page failed is kept where all come out differently, and the page %s", async (_what, failNow, has) => {
    failing = ["2.png"];
    await colorize();
    const first = await content("out.cbz");
    failing = failNow;
    expect(await colorize({ seed: 7 })).toMatchObject({
      output: at("out_1.cbz"),
      warnings: expect.arrayContaining([
        `${at("out.cbz")} was made with other settings or references and is kept; the result is ${at("out_1.cbz")}`,
      ]) as string[],
    });
    expect(await content("out.cbz")).toEqual(first);
    expect(Object.keys(await content("out_1.cbz")).toSorted()).toEqual(has);
  });

  it("is kept where its folders are to be flattened", async () => {
    await writeFolder(at("in/a"), { "4.png": await onlyPage(4) });
    await colorize({ recursive: true });
    const own = { recursive: true, preserveStructure: false };
    expect((await colorize(own)).output).toBe(at("out_1.cbz"));
    expect(Object.keys(await content("out.cbz"))).toContain("a/4_colorized.png");
    expect(Object.keys(await content("out_1.cbz")).toSorted()).toEqual(pictures(1, 2, 3, 4));
    expect((await colorize(own)).coloured).toEqual([]);
  });

  it("is kept, with its pages taken from it, where the input has lost a page", async () => {
    await colorize();
    const before = await content("out.cbz");
    await unlink(at("in/3.png"));
    expect(await colorize()).toEqual({
      coloured: [],
      output: at("out_1.cbz"),
      warnings: [
        `${at("out.cbz")} has pages that the input no longer has or that can no longer be read and is kept; the result is ${at("out_1.cbz")}`,
      ],
    });
    expect(await content("out.cbz")).toEqual(before);
    expect(Object.keys(await content("out_1.cbz"))).toEqual(pictures(1, 2));
    expect(await colorize()).toEqual({ coloured: [], output: at("out_1.cbz"), warnings: [] });
  });

  it("with a number is known again when somebody has taken the one before it away", async () => {
    await colorize();
    await unlink(at("in/3.png"));
    expect((await colorize()).output).toBe(at("out_1.cbz"));
    await unlink(at("out.cbz"));
    expect(await colorize()).toEqual({ coloured: [], output: at("out_1.cbz"), warnings: [] });
    await writeFile(at("in/4.png"), await onlyPage(4));
    expect(await colorize()).toEqual({ coloured: ["4.png"], output: at("out_1.cbz"), warnings: [] });
    expect(await archives()).toEqual(["out_1.cbz"]);
  });

  it("that was asked for under a name with a number is no numbered one of another name", async () => {
    await colorize({ outputZip: at("out_2.cbz") });
    expect(await colorize()).toMatchObject({ coloured: ["1.png", "2.png", "3.png"], output: at("out.cbz") });
  });

  it("is kept where the input loses a page while the work on another one goes on", async () => {
    await colorize();
    const before = await content("out.cbz");
    failing = ["4.png"];
    await writeFile(at("in/4.png"), await onlyPage(4));
    await colorize();
    expect(await archives()).toContain("out.cbz.cobra-batch");
    await unlink(at("in/3.png"));
    failing = [];
    expect(await colorize()).toEqual({
      coloured: ["4.png"],
      output: at("out_1.cbz"),
      warnings: [
        `${at("out.cbz")} has pages that the input no longer has or that can no longer be read and is kept; the result is ${at("out_1.cbz")}`,
      ],
    });
    expect(await content("out.cbz")).toEqual(before);
    expect(await archives()).toEqual(["out.cbz", "out_1.cbz"]);
  });

  it("that somebody has put files into is kept once: the one beside it is replaced from then on", async () => {
    await colorize();
    await edit("out.cbz", [], { "mine.txt": Buffer.from("mine") });
    await writeFile(at("in/4.png"), await onlyPage(4));
    expect(await colorize()).toEqual({
      coloured: ["4.png"],
      output: at("out_1.cbz"),
      warnings: [
        `${at("out.cbz")} holds files that somebody has put there and is kept; the result is ${at("out_1.cbz")}`,
      ],
    });
    await writeFile(at("in/5.png"), await onlyPage(5));
    expect(await colorize()).toEqual({ coloured: ["5.png"], output: at("out_1.cbz"), warnings: [] });
    expect(await archives()).toEqual(["out.cbz", "out_1.cbz"]);
    expect(await content("out.cbz")).toMatchObject({ "mine.txt": "mine" });
  });

  it("of which a page is redone leaves a page out that is new in the input, and says so", async () => {
    await colorize();
    await writeFile(at("in/4.png"), await onlyPage(4));
    const { config, options } = await redoRun(at("out.cbz"), ["1.png"]);
    expect(await run(config, options)).toEqual({
      coloured: ["1.png"],
      output: at("out.cbz"),
      warnings: ["4.png: new in the input, and not in the archive"],
    });
    expect(Object.keys(await content("out.cbz")).toSorted()).toEqual(pictures(1, 2, 3));
    expect(await archives()).toEqual(["out.cbz"]);
    expect((await colorize()).coloured).toEqual(["4.png"]);
  });

  it("loses no page by a redo where one of the input is in colour now", async () => {
    await colorize();
    const before = await readFile(at("out.cbz"));
    await writeFile(at("in/1.png"), await colourPage(3));
    for (const wanted of ["1.png", "2.png"]) {
      const { config, options } = await redoRun(at("out.cbz"), [wanted]);
      await expect(run(config, options)).rejects.toMatchObject({
        code: "ERR_INPUT_NOT_FOUND",
        message: `1.png of ${at("in")} is in colour now, and ${at("out.cbz")} would lose its picture`,
      });
      expect(await archives()).toEqual(["out.cbz"]);
    }
    expect(await readFile(at("out.cbz"))).toEqual(before);
  });

  it("loses no page by a retry of failed pages where the input has lost one", async () => {
    failing = ["3.png"];
    await colorize();
    const before = await readFile(at("out.cbz"));
    await unlink(at("in/1.png"));
    failing = [];
    const { config, options } = (await retryRun(at("out.cbz"), { failedOnly: true }))!;
    await expect(run(config, options)).rejects.toMatchObject({
      code: "ERR_INPUT_NOT_FOUND",
      message: `1.png of ${at("in")} is no longer a page, and ${at("out.cbz")} would lose its picture`,
    });
    expect(await readFile(at("out.cbz"))).toEqual(before);
  });

  it("is opened again though a kill has left an empty work folder", async () => {
    await colorize();
    await writeFolder(at("out.cbz.cobra-batch"), { "journal.ndjson": Buffer.alloc(0) });
    await writeFile(at("in/4.png"), await onlyPage(4));
    expect(await colorize()).toMatchObject({ coloured: ["4.png"], output: at("out.cbz") });
    expect(await archives()).toEqual(["out.cbz"]);
  });

  it.each(["a:b.cbz", "a\\b.cbz", "a\nb.cbz"])("is opened again whatever its name is: %j", async (name) => {
    const outputZip = at(name);
    await colorize({ outputZip });
    await writeFile(at("in/4.png"), await onlyPage(4));
    expect(await colorize({ outputZip })).toEqual({ coloured: ["4.png"], output: outputZip, warnings: [] });
    const { config, options } = await redoRun(outputZip, ["1.png"]);
    expect(await run(config, options)).toEqual({ coloured: ["1.png"], output: outputZip, warnings: [] });
    expect((await readdir(root)).toSorted()).toEqual([name, "in", "refs"].toSorted());
  });

  it("of another chapter is kept, though both share a page of credits", async () => {
    await colorize();
    const before = await content("out.cbz");
    await writeFolder(at("other"), {
      "1.png": await onlyPage(1),
      "2.png": await onlyPage(12),
      "3.png": await onlyPage(13),
    });
    expect(await colorize({ inputDir: at("other") })).toMatchObject({
      coloured: ["1.png", "2.png", "3.png"],
      output: at("out_1.cbz"),
    });
    expect(await content("out.cbz")).toEqual(before);
  });
});
