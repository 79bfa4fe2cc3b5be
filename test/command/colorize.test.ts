// `cobra-batch colorize` from the shell: folders, ink, events, seeds, bad input, exit codes. Signals are in `signals`;
// from CBZ to CBZ, and what an input without pages says, in `e2e/colorize`.
import { appendFile, cp, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { BatchEvent } from "../../src/core/events.js";
import { entryNames } from "../support/archives.js";
import { chapterFiles, colourPage, linePage, writeChapter, writeFolder } from "../support/chapter.js";
import { runCli } from "../support/cli.js";
import { SMALL_MODEL } from "../support/shared-models.js";

let root: string;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-colorize-"));
});

afterAll(() => rm(root, { recursive: true, force: true }));

describe("a chapter", () => {
  it("goes from folder to folder with a reference folder, every picture a page, folders mirrored", async () => {
    await writeFolder(at("in"), {
      "a/001.png": await linePage(1),
      "b/001.png": await linePage(2),
      "b/010.png": await linePage(3),
    });
    await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
    const result = await runCli([
      "colorize",
      "--input-dir",
      at("in"),
      "--recursive",
      "--output-dir",
      at("out"),
      "--reference-dir",
      at("refs"),
      "--model",
      SMALL_MODEL,
      "--steps",
      "1",
      "--style",
      "line",
    ]);
    expect(result).toMatchObject({ code: 0, stdout: `${at("out")}\n` });
    expect((await readdir(at("out"), { recursive: true })).toSorted()).toEqual([
      ".cobra-batch",
      ".cobra-batch/journal.ndjson",
      "a",
      "a/001_colorized.png",
      "b",
      "b/001_colorized.png",
      "b/010_colorized.png",
      "processing_metadata.json",
    ]);
  });

  it("keeps the page's own ink, or gives the model's picture with --ink model", async () => {
    await writeFolder(at("ink"), { "p.png": await linePage(1) });
    await writeFolder(at("ink-refs"), { "x.jpg": await colourPage(1) });
    const picture = async (
      out: string,
      ...flags: string[]
    ): Promise<{ data: Buffer; info: { width: number; height: number; channels: number } }> => {
      const result = await runCli([
        "colorize",
        at("ink"),
        "--output-dir",
        at(out),
        "--reference-dir",
        at("ink-refs"),
        "--model",
        SMALL_MODEL,
        "--steps",
        "1",
        ...flags,
      ]);
      expect(result).toMatchObject({ code: 0 });
      return sharp(join(at(out), "p_colorized.png"))
        .raw()
        .toBuffer({ resolveWithObject: true });
    };
    const own = await picture("ink-page");
    expect(own.info).toMatchObject({ width: 200, height: 280, channels: 3 });
    const page = await sharp(await linePage(1))
      .raw()
      .toBuffer();
    const black = [...page.keys()].filter((index) => page[index]! <= 20);
    expect(black.length).toBeGreaterThan(1000);
    expect(black.filter((index) => own.data[index] !== page[index])).toEqual([]);
    expect((await picture("ink-model", "--ink", "model")).info).toMatchObject({ width: 96, height: 128, channels: 3 });
  });

  it("takes the chapter as its argument and writes beside it", async () => {
    await writeChapter(at("short.cbz"), 1);
    const result = await runCli(["colorize", at("short.cbz"), "--model", SMALL_MODEL, "--steps", "1", "--quiet"]);
    expect(result).toMatchObject({ code: 0, stdout: `${at("short_colorized.cbz")}\n`, stderr: "" });
  });

  it("gives one JSON event a line, pages in order", async () => {
    await writeChapter(at("json.cbz"), 3);
    const result = await runCli([
      "colorize",
      "--input-zip",
      at("json.cbz"),
      "--output-dir",
      at("json-out"),
      "--model",
      SMALL_MODEL,
      "--steps",
      "2",
      "--json",
    ]);
    const events = result.stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line) as BatchEvent);
    expect(events[0]).toMatchObject({
      schema: 1,
      type: "batch-started",
      pages: 3,
      references: ["ref_a.jpg", "ref_b.jpg"],
      provider: "cpu",
    });
    expect(events.filter((event) => event.type === "page-completed").map((event) => event.page)).toEqual([
      "p1.png",
      "p2.png",
      "p3.png",
    ]);
    expect(
      events.filter((event) => event.type === "page-stage" && event.page === "p1.png" && event.stage === "denoise"),
    ).toHaveLength(2);
    expect(events.at(-1)).toMatchObject({ type: "batch-completed", completed: 3, failed: 0, failures: [] });
    expect(result.stderr).toBe("");
  });

  it("gives the same bytes for the same seed and others for another", async () => {
    const files = await chapterFiles(1);
    await writeFolder(at("seed"), { ...files, "p2.png": files["p1.png"]! });
    await writeFile(at("seed.json"), JSON.stringify({ default: { seed: 7 }, images: { "p2.png": { seed: 8 } } }));
    const pictures = async (out: string, ...flags: string[]): Promise<Buffer[]> => {
      const command = ["colorize", at("seed"), "--output-dir", at(out), "--model", SMALL_MODEL, "--steps", "2"];
      expect(await runCli([...command, ...flags])).toMatchObject({ code: 0 });
      return Promise.all(["p1", "p2"].map((page) => readFile(join(at(out), `${page}_colorized.png`))));
    };
    const [a, sameSeed] = await pictures("seed-a", "--seed", "7");
    const [b, otherSeed] = await pictures("seed-b", "--config", at("seed.json"));
    expect([a!.equals(sameSeed!), a!.equals(b!), b!.equals(otherSeed!)]).toEqual([true, true, false]);
  });
});

describe("bad input", () => {
  it("does the good pages and reports the truncated one and the text that is called a picture", async () => {
    const broken = (await linePage(9)).subarray(0, 700);
    await writeChapter(at("broken.cbz"), 2, { "p0.png": broken, "p3.png": Buffer.from("just text") });
    const result = await runCli([
      "colorize",
      "--input-zip",
      at("broken.cbz"),
      "--output-zip",
      at("broken-out.cbz"),
      "--model",
      SMALL_MODEL,
      "--steps",
      "1",
    ]);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/failed: p0\.png: .*damaged or cut off.*\[ERR_IMAGE_DECODE\]/);
    expect(result.stderr).toMatch(/failed: p3\.png: .*plain text.*\[ERR_IMAGE_DECODE\]/);
    expect(result.stderr).toContain("2 of 4 pages coloured, 2 failed");
    expect(await entryNames(at("broken-out.cbz"))).toEqual(
      expect.arrayContaining(["p1_colorized.png", "p2_colorized.png"]),
    );
  });

  it("does the same with a reference folder, where pages are not told apart first", async () => {
    await writeFolder(at("mixed"), { "1.png": await linePage(1), "2.png": Buffer.from("text") });
    await writeFolder(at("mixed-refs"), { "x.jpg": await colourPage(1), "y.jpg": Buffer.from("no picture") });
    const result = await runCli([
      "colorize",
      at("mixed"),
      "--reference-dir",
      at("mixed-refs"),
      "--output-dir",
      at("mixed-out"),
      "--model",
      SMALL_MODEL,
      "--steps",
      "1",
    ]);
    expect(result.code).toBe(2);
    expect(result.stderr).toMatch(/warning: reference y\.jpg is left out/);
    expect(await readdir(at("mixed-out"))).toContain("1_colorized.png");
  });

  it("refuses an output where a file is in the way, with exit code 1", async () => {
    await writeFile(at("blocked"), "");
    await writeChapter(at("blocked.cbz"), 1);
    const result = await runCli(["colorize", at("blocked.cbz"), "--output-dir", at("blocked"), "--model", SMALL_MODEL]);
    expect(result.stderr).toMatch(/a file or a broken link is in the way.*\[ERR_OUTPUT_WRITE\]/);
    expect(result.code).toBe(1);
  });

  it("refuses a model with one byte changed, naming the file", async () => {
    await cp(SMALL_MODEL, at("damaged"), { recursive: true });
    const file = (await readdir(at("damaged"))).find((name) => name.endsWith(".onnx"))!;
    const bytes = await readFile(join(at("damaged"), file));
    bytes[bytes.length >> 1]! ^= 1;
    await writeFile(join(at("damaged"), file), bytes);
    await writeChapter(at("fine.cbz"), 1);
    const result = await runCli(["colorize", at("fine.cbz"), "--model", at("damaged")]);
    expect(result.code).toBe(1);
    expect(result.stderr).toContain(file);
    expect(result.stderr).toContain("[ERR_MODEL_FILE]");
    await appendFile(join(at("damaged"), "manifest.json"), "}");
    expect((await runCli(["model", "info", at("damaged")])).stderr).toContain("[ERR_MODEL_MANIFEST]");
    expect((await runCli(["model", "info", at("no-model")])).stderr).toContain("[ERR_MODEL_NOT_FOUND]");
  });

  it.each([
    [["colorize", "--input-dirr", "x"], /unknown option '--input-dirr'/],
    [["colorize", "x.cbz", "--steps", "many"], /whole number/],
    [
      ["colorize", "x.cbz", "--steps", "0"],
      /--steps: must be a whole number from 1 to 999, [^\n]*, not 0 \[ERR_CONFIG\]/,
    ],
    [["colorize", "x.cbz", "--ink", "blue"], /ink.*\[ERR_CONFIG\]/],
    [["colorize", "x.cbz", "--style", "shadow"], /style.*\[ERR_CONFIG\]/],
    [["colorize"], /no input is named; .*such as chapter\.cbz/],
    [["colorise"], /unknown command 'colorise'/],
  ])("answers wrong flags %j with exit code 64", async (args, message) => {
    const result = await runCli(args);
    expect(result.stderr).toMatch(message);
    expect(result.code).toBe(64);
  });
});
