// Chapters of one name in a hot folder: whose output is continued, and who gets one of its own.
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { parseBatchConfig } from "../../../src/config/batch-config.js";
import { runBatch } from "../../../src/core/run-batch.js";
import { openPageSource } from "../../../src/io/open-source.js";
import { ownOutput, type ChapterOutput } from "../../../src/farm/watch/chapter-output.js";
import type { ReadyChapter } from "../../../src/farm/watch/hot-folder.js";
import { writeZip } from "../../support/archives.js";
import { colourPage, linePage } from "../../support/chapter.js";
import { paperEngine } from "../../support/paper-engine.js";

let root: string;
const at = (...names: string[]): string => join(root, ...names);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-own-output-"));
  await mkdir(at("refs"));
  await writeFile(at("refs", "a.jpg"), await colourPage(1));
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function coloured(kind: ReadyChapter["kind"], name: string): Promise<ChapterOutput> {
  const path = at("in", name);
  const input = kind === "folder" ? { inputDir: path } : { inputZip: path };
  const output =
    kind === "archive"
      ? { outputZip: at("out", "ch_colorized.cbz") }
      : { outputDir: kind === "folder" ? at("out", `${name}_colorized`) : at("out") };
  const { config } = parseBatchConfig({ ...input, ...output, referenceImages: [at("refs")] });
  const own = await ownOutput({ path, kind }, config);
  await runBatch(paperEngine(), { ...config, ...own.paths }, own.openInput ? { openInput: own.openInput } : {});
  return own;
}

async function pages(...seeds: number[]): Promise<void> {
  await rm(at("in"), { recursive: true, force: true });
  await mkdir(at("in", "ch"), { recursive: true });
  for (const [index, seed] of seeds.entries()) await writeFile(at("in", "ch", `${index}.png`), await linePage(seed));
}

it("continues a folder that has grown, and mixes no other with it", async () => {
  const numbers: number[] = [];
  for (const seeds of [[1, 2], [1, 2, 3], [4], [4], [1, 2, 3]]) {
    await pages(...seeds);
    numbers.push((await coloured("folder", "ch")).number);
  }
  expect(numbers).toEqual([0, 0, 1, 1, 0]);
  const results = (await readdir(at("out", "ch_1_colorized"))).filter((name) => name.endsWith(".png"));
  expect(results).toEqual(["0_colorized.png"]);
});

it("colours corrected pages again in their places while most pages are the same", async () => {
  const numbers: number[] = [];
  for (const seeds of [
    [1, 2, 3],
    [1, 5, 3],
    [6, 5, 7],
    [1, 5],
  ]) {
    await pages(...seeds);
    numbers.push((await coloured("folder", "ch")).number);
  }
  // One of three; two of three; a page that is gone would leave its result behind.
  expect(numbers).toEqual([0, 0, 1, 2]);
  const results = (await readdir(at("out", "ch_colorized"))).filter((name) => name.endsWith(".png"));
  expect(results).toEqual(["0_colorized.png", "1_colorized.png", "2_colorized.png"]);
});

it("keeps the results of single pictures of one name", async () => {
  await mkdir(at("in"));
  const numbers: number[] = [];
  for (const seed of [1, 2, 1, 2]) {
    await writeFile(at("in", "scan.png"), await linePage(seed));
    numbers.push((await coloured("picture", "scan.png")).number);
  }
  expect(numbers).toEqual([0, 1, 0, 1]);
  expect(await readFile(at("out", "scan_1_colorized.png"), "utf8")).toContain("scan_1.png");
});

it("knows an archive's chapter by its pages in colour and other files too", async () => {
  await mkdir(at("in"));
  await mkdir(at("out"));
  const line = await linePage(1);
  const [cover, corrected, other, another] = await Promise.all([2, 3, 4, 5].map((seed) => colourPage(seed)));
  const chapters: [expected: number, files: Record<string, Uint8Array>][] = [
    [0, { "0.png": cover!, "1.png": line, "2.png": other!, "ComicInfo.xml": Buffer.from("old") }],
    [0, { "0.png": corrected!, "1.png": line, "2.png": other!, "ComicInfo.xml": Buffer.from("new") }],
    [1, { "0.png": corrected!, "1.png": line, "2.png": other! }], // a file that is gone would stay in the result
    [2, { "0.png": cover!, "1.png": another!, "2.png": line }], // no page of it
    [3, { "0.png": other!, "1.png": corrected! }], // all in colour
    [4, { "0.png": another!, "1.png": cover! }],
  ];
  const numbers: number[] = [];
  for (const [, files] of chapters) {
    await writeZip(at("in", "ch.cbz"), files);
    numbers.push((await coloured("archive", "ch.cbz")).number);
  }
  expect(numbers).toEqual(chapters.map(([expected]) => expected));
  const result = await openPageSource(at("out", "ch_colorized.cbz"));
  const read = async (name: string): Promise<Buffer> =>
    Buffer.from(
      await result
        .entries()
        .find((entry) => entry.name === name)!
        .read(),
    );
  expect(await read("0.png")).toEqual(corrected);
  expect((await read("ComicInfo.xml")).toString()).toBe("new");
  await result.close();
});
