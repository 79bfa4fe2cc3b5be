// A finished output whose input or settings have changed: what stays as it was, and what is said.
import { mkdtemp, readFile, readdir, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import { approveRun, redoRun, rejectRun, retryRun, type Continuation } from "../../../../src/core/continue-run.js";
import { readArchiveMetadata } from "../../../../src/core/output/archive-metadata.js";
import { runBatch, type RunBatchOptions } from "../../../../src/core/run-batch.js";
import { ImageProcessingError } from "../../../../src/errors.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import { colourPage, onlyPage, writeFolder } from "../../../support/chapter.js";
import { onPaper, paperEngine } from "../../../support/paper-engine.js";

let root: string;
let failing: readonly string[];
const at = (name: string): string => join(root, name);

beforeEach(async () => {
  failing = [];
  root = await mkdtemp(join(tmpdir(), "cobra-redone-"));
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
  for (const seed of [1, 2, 3]) await writeFolder(at("in"), { [`${seed}.png`]: await onlyPage(seed) });
});
afterEach(() => rm(root, { recursive: true, force: true }));

interface Ended {
  readonly coloured: readonly string[];
  readonly warnings: readonly string[];
}

async function run({ config, options }: Pick<Continuation, "config"> & { options: RunBatchOptions }): Promise<Ended> {
  const engine = paperEngine((request) => {
    if (failing.includes(request.name))
      throw new ImageProcessingError("ERR_RUN", `${request.name} fails`, { imagePath: request.name });
    return onPaper(request);
  });
  const warnings: string[] = [];
  await runBatch(engine, config, {
    ...options,
    onEvent: (event) => void (event.type === "warning" && warnings.push(event.message)),
  });
  return { coloured: engine.requests.map(({ name }) => name).toSorted(), warnings };
}

function colorize(own: Partial<BatchConfigInput> = {}, options: RunBatchOptions = {}): Promise<Ended> {
  const settings = { inputDir: at("in"), outputZip: at("out.cbz"), referenceImages: [at("refs")], ...own };
  return run({ ...parseBatchConfig(settings), options });
}

async function redo(page: string, output = "out.cbz"): Promise<Ended> {
  return run(await redoRun(at(output), [page]));
}

async function entries(name = "out.cbz"): Promise<Record<string, string>> {
  const source = await openPageSource(at(name));
  try {
    const found = source.entries().filter((entry) => entry.name !== "processing_metadata.json");
    const texts = await Promise.all(found.map(async (entry) => Buffer.from(await entry.read()).toString()));
    return Object.fromEntries(found.map((entry, index) => [entry.name, texts[index]!]));
  } finally {
    await source.close();
  }
}

const archives = async (): Promise<string[]> => (await readdir(root)).filter((name) => name.startsWith("out"));

describe("pages in colour of an archive of which a page is redone", () => {
  it("are still known by it where the input has lost one, which the next run then keeps", async () => {
    await writeFile(at("in/cover.jpg"), await colourPage(5));
    await colorize();
    await unlink(at("in/cover.jpg"));
    await redo("1.png");
    expect((await readArchiveMetadata(at("out.cbz")))!.in_color).toEqual(["cover.jpg"]);
    const ended = await colorize();
    expect(ended.coloured).toEqual([]);
    expect(ended.warnings).toEqual([
      expect.stringMatching(/out\.cbz has pages that the input no longer has.*and is kept/),
    ]);
    expect(Object.keys(await entries())).toContain("cover.jpg");
    expect(await archives()).toEqual(["out.cbz", "out_1.cbz"]);
  });

  it("are not those that the input has got since", async () => {
    await colorize();
    await writeFile(at("in/cover.jpg"), await colourPage(5));
    await redo("1.png");
    expect((await readArchiveMetadata(at("out.cbz")))!.in_color).toBeUndefined();
    expect(Object.keys(await entries())).not.toContain("cover.jpg");
    expect(await colorize()).toEqual({ coloured: [], warnings: [] });
    expect(Object.keys(await entries())).toContain("cover.jpg");
  });

  it("are those of the input where the archive was changed, and a new one is written beside it", async () => {
    await writeFile(at("in/cover.jpg"), await colourPage(5));
    failing = ["3.png"];
    await colorize();
    await writeFile(at("out.cbz"), "somebody's");
    failing = [];
    await run((await retryRun(at("out.cbz"), { failedOnly: true }))!);
    const metadata = (await readArchiveMetadata(at("out_1.cbz")))!;
    expect(metadata.in_color).toEqual(["cover.jpg"]);
    expect(metadata.carried!.files.map(({ name }) => name)).toEqual(["cover.jpg"]);
    expect(Object.keys(await entries("out_1.cbz"))).toContain("cover.jpg");
  });
});

describe("names of an output of which a page is redone", () => {
  // `a/1.png` alone is `1_colorized.png`; beside `b/1.png` both carry their folders.
  it.each([
    ["an archive", { outputZip: "out.cbz" }],
    ["a folder", { outputDir: "out" }],
  ])("stay where a new page would change those of %s", async (_what, output) => {
    await writeFolder(at("in/a"), { "1.png": await onlyPage(11), "2.png": await onlyPage(12) });
    for (const seed of [1, 2, 3]) await unlink(at(`in/${seed}.png`));
    const name = Object.values(output)[0]!;
    const settings = {
      ...(name === "out" ? { outputZip: undefined } : {}),
      ...Object.fromEntries(Object.entries(output).map(([key, value]) => [key, at(value)])),
      recursive: true,
      preserveStructure: false,
    };
    await colorize(settings);
    const pictures = async (): Promise<Record<string, string>> => {
      const found = await entries(name);
      return Object.fromEntries(Object.entries(found).filter(([file]) => file.endsWith(".png")));
    };
    const before = await pictures();
    await writeFolder(at("in/b"), { "1.png": await onlyPage(21) });
    const { coloured } = await redo("a/1.png", name);
    expect(coloured).toEqual(["a/1.png"]);
    const now = await pictures();
    expect(Object.keys(now)).toEqual(Object.keys(before));
    expect(now["2_colorized.png"]).toBe(before["2_colorized.png"]);
    expect(now["1_colorized.png"]).not.toBe(before["1_colorized.png"]);
  });
});

describe("an archive of which several pages are redone", () => {
  it("stays as it is where one fails, which is said, and has the others once that one is done", async () => {
    await colorize();
    const before = await entries();
    failing = ["2.png"];
    const { warnings } = await run(await redoRun(at("out.cbz"), ["1.png", "2.png"]));
    expect(warnings).toEqual([
      `${at("out.cbz")} stays as it is since 2.png failed: the new picture of 1.png will be in it once that is mended`,
    ]);
    expect(await entries()).toEqual(before);
    failing = [];
    expect(await redo("2.png")).toEqual({ coloured: ["2.png"], warnings: [] });
    const now = await entries();
    expect(Object.keys(now)).toEqual(Object.keys(before));
    for (const [page, isNew] of [
      ["1", true],
      ["2", true],
      ["3", false],
    ] as const)
      expect(now[`${page}_colorized.png`] !== before[`${page}_colorized.png`]).toBe(isNew);
    expect(await archives()).toEqual(["out.cbz"]);
  });

  it("has nothing beside it where all of them fail", async () => {
    await colorize();
    failing = ["1.png", "2.png"];
    expect(await run(await redoRun(at("out.cbz"), ["1.png", "2.png"]))).toEqual({ coloured: failing, warnings: [] });
    expect(await archives()).toEqual(["out.cbz"]);
  });
});

describe("a preview that shows all pages", () => {
  it.each([{ outputZip: "out.cbz" }, { outputZip: undefined, outputDir: "out" }])("waits, too: %o", async (output) => {
    for (const seed of [2, 3]) await unlink(at(`in/${seed}.png`));
    const [[key, name]] = Object.entries(output).slice(-1) as [[string, string]];
    const settings = { ...output, [key]: at(name), previewMode: true };
    const isComplete = async (): Promise<boolean> => {
      const path = name === "out" ? at("out/processing_metadata.json") : at(name);
      return readFile(path).then(
        () => true,
        () => false,
      );
    };
    expect((await colorize(settings)).coloured).toEqual(["1.png"]);
    expect(await isComplete()).toBe(false);
    expect((await colorize(settings)).coloured).toEqual([]);
    expect(await isComplete()).toBe(false);
    expect((await run((await approveRun(at(name)))!)).coloured).toEqual([]);
    expect(await isComplete()).toBe(true);
  });

  it("does not wait where the next command asks for none", async () => {
    for (const seed of [2, 3]) await unlink(at(`in/${seed}.png`));
    await colorize({ previewMode: true });
    expect((await colorize()).coloured).toEqual([]);
    expect(await archives()).toEqual(["out.cbz"]);
  });
});

describe("a preview whose page is not what was shown any more", () => {
  it.each([
    ["changed", async (): Promise<void> => writeFile(at("in/1.png"), await onlyPage(9))],
    ["gone", (): Promise<void> => unlink(at("in/1.png"))],
  ])("is not approved: %s", async (_what, change) => {
    await colorize({ previewMode: true });
    const before = await readdir(at("out.cbz.cobra-batch"));
    await change();
    await expect(approveRun(at("out.cbz")).then((approved) => run(approved!))).rejects.toMatchObject({
      code: "ERR_STATE",
      message: "1.png has changed or gone from the input since the preview",
    });
    expect(await readdir(at("out.cbz.cobra-batch"))).toEqual(before);
    const { coloured } = await run(await rejectRun(at("out.cbz")));
    expect(coloured).toHaveLength(1);
    expect((await run((await approveRun(at("out.cbz")))!)).coloured.length).toBeGreaterThan(0);
    expect(await archives()).toEqual(["out.cbz"]);
  });
});

describe("pictures of an archive that are replaced for their settings", () => {
  const hinted = (page: string): RunBatchOptions => ({
    pageConfig: (name) => (name === page ? { colorHints: [{ x: 4, y: 4, color: "#ff0000" }] } : {}),
  });
  const replaced = "replaced the picture of 2.png: its settings or references differ from the run before";

  it("are named where a page's hints are left out the next time", async () => {
    await colorize({}, hinted("2.png"));
    expect(await colorize()).toEqual({ coloured: ["2.png"], warnings: [replaced] });
    expect(await colorize()).toEqual({ coloured: [], warnings: [] });
  });

  it("are not where a page was corrected, or changed by redo", async () => {
    await colorize();
    await writeFile(at("in/2.png"), await onlyPage(9));
    expect(await colorize()).toEqual({ coloured: ["2.png"], warnings: [] });
    expect((await redo("1.png")).warnings).toEqual([]);
    await writeFile(at("in/4.png"), await onlyPage(4));
    expect(await colorize()).toEqual({ coloured: ["4.png"], warnings: [] });
  });
});
