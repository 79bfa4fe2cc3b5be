// What a result was made from beside its line art: pages in colour already, other files, a comment. A change of one of
// them is noticed by the same command.
import { mkdtemp, readdir, readFile, rm, unlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import { redoRun } from "../../../../src/core/continue-run.js";
import { runBatch } from "../../../../src/core/run-batch.js";
import { openArchiveSink } from "../../../../src/io/open-sink.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import { writeZip } from "../../../support/archives.js";
import { colourPage, linePage, writeFolder } from "../../../support/chapter.js";
import { paperEngine } from "../../../support/paper-engine.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-changed-input-"));
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
  await writeFolder(at("in"), {
    "0.png": await colourPage(2),
    "1.png": await linePage(1),
    "2.png": await linePage(2),
    "ComicInfo.xml": Buffer.from("old"),
  });
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Runs the command; resolves to the pages that were coloured, and where the result is. */
async function colorize(own: Partial<BatchConfigInput> = {}): Promise<{ coloured: string[]; output: string }> {
  const engine = paperEngine();
  const settings = { inputDir: at("in"), outputZip: at("out.cbz"), referenceImages: [at("refs")], ...own };
  const summary = await runBatch(engine, parseBatchConfig(settings).config);
  return { coloured: engine.requests.map(({ name }) => name).toSorted(), output: summary.output! };
}

async function entries(path: string): Promise<Record<string, Buffer>> {
  const source = await openPageSource(path);
  try {
    const found = await Promise.all(
      source.entries().map(async (entry) => [entry.name, Buffer.from(await entry.read())] as const),
    );
    return Object.fromEntries(found.filter(([name]) => name !== "processing_metadata.json"));
  } finally {
    await source.close();
  }
}

const DONE_BEFORE = { coloured: [], output: expect.stringMatching(/out\.cbz$/u) as string };

describe("an archive", () => {
  it.each<[what: string, change: () => Promise<void>, preview?: boolean]>([
    ["a page in colour is changed", async () => writeFile(at("in/0.png"), await colourPage(3))],
    ["a page in colour is added", async () => writeFile(at("in/3.png"), await colourPage(3))],
    ["a file is changed", () => writeFile(at("in/ComicInfo.xml"), "new")],
    ["a file is added", () => writeFile(at("in/notes.txt"), "new")],
    ["a file is removed", () => unlink(at("in/ComicInfo.xml"))],
    ["a file is changed of a chapter with a preview", () => writeFile(at("in/ComicInfo.xml"), "new"), true],
  ])("is written anew, without colouring, where %s", async (_what, change, preview = false) => {
    await colorize();
    const own = { previewMode: preview };
    expect(await colorize(own)).toEqual(DONE_BEFORE);
    const before = await entries(at("out.cbz"));
    await change();
    expect(await colorize(own)).toEqual(DONE_BEFORE);
    const names = (await readdir(at("in"))).filter((name) => !/^[12]\.png$/u.test(name));
    const carried = await Promise.all(names.map(async (name) => [name, await readFile(at(`in/${name}`))] as const));
    const { "1_colorized.png": first, "2_colorized.png": second } = before;
    expect(await entries(at("out.cbz"))).toEqual({
      "1_colorized.png": first,
      "2_colorized.png": second,
      ...Object.fromEntries(carried),
    });
    expect((await readdir(root)).toSorted()).toEqual(["in", "out.cbz", "refs"]);
    expect(await colorize(own)).toEqual(DONE_BEFORE);
  });

  it("is written anew where the input's comment is changed", async () => {
    const input = async (comment: string): Promise<void> => {
      const sink = await openArchiveSink(at("in.cbz"), { overwrite: true, comment: Buffer.from(comment) });
      await sink.write("1.png", await linePage(1));
      await sink.finish();
    };
    const own = { inputDir: undefined, inputZip: at("in.cbz") };
    for (const comment of ["old", "new"]) {
      await input(comment);
      await colorize(own);
      const source = await openPageSource(at("out.cbz"));
      expect(Buffer.from(source.comment!).toString()).toBe(comment);
      await source.close();
    }
    expect(await readdir(root)).not.toContain("out_1.cbz");
  });

  it("is kept where somebody has put something into it: the new one has a name beside it", async () => {
    await colorize();
    const mine = { ...(await entries(at("out.cbz"))), "mine.txt": Buffer.from("mine") };
    const metadata = await openPageSource(at("out.cbz"));
    const described = await metadata
      .entries()
      .find(({ name }) => name === "processing_metadata.json")!
      .read();
    await metadata.close();
    await writeZip(at("out.cbz"), { ...mine, "processing_metadata.json": described });
    await writeFile(at("in/ComicInfo.xml"), "new");
    const again = { coloured: [], output: expect.stringMatching(/out_1\.cbz$/u) as string };
    expect(await colorize()).toEqual(again);
    expect(await entries(at("out.cbz"))).toEqual(mine);
    expect((await entries(at("out_1.cbz")))["ComicInfo.xml"]!.toString()).toBe("new");
    expect(await colorize()).toEqual(again);
  });

  it("is not replaced by another chapter of which every page is in colour", async () => {
    const chapter = async (name: string, seed: number): Promise<string> =>
      writeFolder(at(name), { "1.png": await colourPage(seed) });
    const first = { inputDir: await chapter("first", 5) };
    const second = { inputDir: await chapter("second", 6) };
    await colorize(first);
    const before = await entries(at("out.cbz"));
    const output = expect.stringMatching(/out_1\.cbz$/u) as string;
    expect(await colorize(second)).toEqual({ coloured: [], output });
    expect(await entries(at("out.cbz"))).toEqual(before);
    expect(await entries(at("out_1.cbz"))).toEqual({ "1.png": await readFile(at("second/1.png")) });
    expect(await colorize(first)).toEqual(DONE_BEFORE);
    expect(await colorize(second)).toEqual({ coloured: [], output });
  });

  it("is replaced where a copy has a number, since the metadata have its name", async () => {
    await writeFile(at("in/processing_metadata.json"), "{}");
    await colorize();
    const before = Object.keys(await entries(at("out.cbz")));
    expect(before).toContain("processing_metadata_1.json");
    for (const text of ["new", "newer"]) {
      await writeFile(at("in/ComicInfo.xml"), text);
      expect(await colorize()).toEqual(DONE_BEFORE);
    }
    const now = await entries(at("out.cbz"));
    expect(Object.keys(now).toSorted()).toEqual(before.toSorted());
    expect(now["ComicInfo.xml"]!.toString()).toBe("newer");
  });

  it("remembers through a redo of a page what its other files were made from", async () => {
    await colorize();
    await writeFile(at("in/ComicInfo.xml"), "new");
    const { config, options } = await redoRun(at("out.cbz"), ["1.png"]);
    await runBatch(paperEngine(), config, options);
    expect((await entries(at("out.cbz")))["ComicInfo.xml"]!.toString()).toBe("old");
    expect(await colorize()).toEqual(DONE_BEFORE);
    expect((await entries(at("out.cbz")))["ComicInfo.xml"]!.toString()).toBe("new");
  });
});

it("a folder gets changed and added files, and pages in colour, with the same command", async () => {
  const own = { outputZip: undefined, outputDir: at("out") };
  await colorize(own);
  await writeFile(at("in/0.png"), await colourPage(3));
  await writeFile(at("in/3.png"), await colourPage(4));
  await writeFile(at("in/ComicInfo.xml"), "new");
  expect(await colorize(own)).toMatchObject({ coloured: [] });
  for (const name of ["0.png", "3.png", "ComicInfo.xml"])
    expect(await readFile(at(`out/${name}`))).toEqual(await readFile(at(`in/${name}`)));
  expect(await readdir(at("out"))).not.toContain("0_1.png");
});
