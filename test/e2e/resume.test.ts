// A rerun of the same batch goes on where it was: what is kept, what is done again, and what stays of failures.
import { cp, mkdtemp, readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { Engine } from "../../src/colorization/engine.js";
import { parseBatchConfig, type BatchConfigInput } from "../../src/config/batch-config.js";
import { runBatch, type RunBatchOptions } from "../../src/core/run-batch.js";
import type { BatchEvent, BatchSummary } from "../../src/core/events.js";
import { openPageSource } from "../../src/io/open-source.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { ONE_THREAD, SMALL_MODEL } from "../support/shared-models.js";

let root: string;
let engine: Engine;
let pages: Buffer[];
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-resume-"));
  pages = await Promise.all([1, 2, 3, 4].map((seed) => linePage(seed)));
  await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
  engine = await Engine.open({ model: SMALL_MODEL, session: ONE_THREAD });
});

afterAll(async () => {
  await engine.close();
  await rm(root, { recursive: true, force: true });
});

interface Run {
  done: string[];
  kept: string[];
  summary: BatchSummary;
}

/** Runs a batch; `done` are the pages it has coloured, `kept` those of an earlier run. */
async function run(settings: Partial<BatchConfigInput>, options: RunBatchOptions = {}): Promise<Run> {
  const { config } = parseBatchConfig({ referenceImages: [at("refs")], numInferenceSteps: 1, ...settings });
  const completed: Extract<BatchEvent, { type: "page-completed" }>[] = [];
  const onEvent = (event: BatchEvent): void => {
    if (event.type === "page-completed") completed.push(event);
    options.onEvent?.(event);
  };
  const summary = await runBatch(engine, config, { ...options, onEvent });
  return {
    done: completed.filter(({ kept }) => !kept).map(({ page }) => page),
    kept: completed.filter(({ kept }) => kept).map(({ page }) => page),
    summary,
  };
}

/** Drains while the page number `count` is being coloured: it is finished, the later ones are left. */
async function runPart(settings: Partial<BatchConfigInput>, count: number): Promise<Run> {
  const drain = new AbortController();
  const part = await run(
    { ...settings, maxConcurrent: 1 },
    {
      drain: drain.signal,
      onEvent: (event) => event.type === "page-stage" && event.stage === "prepare" && --count === 0 && drain.abort(),
    },
  );
  expect(part.summary.unfinished).toBeGreaterThan(0);
  return part;
}

async function chapter(name: string, files: Record<string, Uint8Array> = {}): Promise<string> {
  return writeFolder(at(name), {
    "p1.png": pages[0]!,
    "p2.png": pages[1]!,
    "p3.png": pages[2]!,
    "p4.png": pages[3]!,
    "ComicInfo.xml": Buffer.from("<ComicInfo/>"),
    ...files,
  });
}

const visible = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => !name.startsWith(".")).toSorted();
const entryNames = async (path: string): Promise<string[]> => {
  const source = await openPageSource(path);
  await source.close();
  return source
    .entries()
    .map(({ name }) => name)
    .toSorted();
};
const PICTURES = ["p1_colorized.png", "p2_colorized.png", "p3_colorized.png", "p4_colorized.png"];
const ALL = ["ComicInfo.xml", ...PICTURES, "processing_metadata.json"];

describe("rerunning the same command", () => {
  it("goes on in a folder: finished pages are kept, unfinished ones done again, nothing twice, nothing lost", async () => {
    const settings = { inputDir: await chapter("in-folder"), outputDir: at("out-folder") };
    const first = await runPart(settings, 2);
    const times = await Promise.all(
      first.done.map(async (_page, index) => (await stat(at(`out-folder/${PICTURES[index]}`))).mtimeMs),
    );
    const second = await run(settings);
    expect([...second.kept]).toEqual(first.done);
    expect([...second.kept, ...second.done].toSorted()).toEqual(["p1.png", "p2.png", "p3.png", "p4.png"]);
    expect(second.summary).toMatchObject({ total: 4, completed: 4, failed: 0, unfinished: 0 });
    expect(
      await Promise.all(
        first.done.map(async (_page, index) => (await stat(at(`out-folder/${PICTURES[index]}`))).mtimeMs),
      ),
    ).toEqual(times);
    expect(await visible(at("out-folder"))).toEqual(ALL);
    const third = await run(settings);
    expect(third).toMatchObject({ done: [], kept: ["p1.png", "p2.png", "p3.png", "p4.png"] });
    expect(await visible(at("out-folder"))).toEqual(ALL);
    const metadata = JSON.parse(await readFile(at("out-folder/processing_metadata.json"), "utf8")) as {
      pages: { page: string }[];
    };
    expect(metadata.pages.map(({ page }) => page)).toEqual(["p1.png", "p2.png", "p3.png", "p4.png"]);
  });

  it("goes on with an archive: pages wait in a work folder, which goes when the archive is there", async () => {
    const settings = { inputDir: await chapter("in-archive"), outputZip: at("out.cbz") };
    const first = await runPart(settings, 1);
    expect((await readdir(root)).filter((name) => name.startsWith("out.cbz"))).toEqual(["out.cbz.cobra-batch"]);
    expect(await run(settings)).toMatchObject({ kept: first.done, summary: { completed: 4, output: at("out.cbz") } });
    expect((await readdir(root)).filter((name) => name.startsWith("out.cbz"))).toEqual(["out.cbz"]);
    expect(await entryNames(at("out.cbz"))).toEqual(ALL);
  });

  it("does nothing where the archive is there already, under its own name or a number, unless something differs", async () => {
    const settings = { inputDir: await chapter("in-there"), outputZip: at("there.cbz") };
    await writeFile(at("there.cbz"), "somebody's");
    await run(settings);
    const { mtimeMs } = await stat(at("there_1.cbz"));
    expect(await run(settings)).toMatchObject({
      done: [],
      kept: ["p1.png", "p2.png", "p3.png", "p4.png"],
      summary: { completed: 4, output: at("there_1.cbz") },
    });
    expect((await stat(at("there_1.cbz"))).mtimeMs).toBe(mtimeMs);
    await writeFile(at("in-there/p2.png"), pages[0]!);
    expect((await run(settings)).summary.output).toBe(at("there_1.cbz"));
    expect((await run(settings, { fresh: true })).summary.output).toBe(at("there_2.cbz"));
    expect((await readdir(root)).filter((name) => name.startsWith("there")).toSorted()).toEqual([
      "there.cbz",
      "there_1.cbz",
      "there_2.cbz",
    ]);
  });

  it("keeps nothing with --fresh, with other settings, or with another reference", async () => {
    const settings = { inputDir: await chapter("in-fresh"), outputDir: at("out-fresh"), overwrite: true };
    expect((await run(settings)).done).toHaveLength(4);
    expect((await run(settings, { fresh: true })).done).toHaveLength(4);
    expect((await run({ ...settings, seed: 1 })).done).toHaveLength(4);
    await writeFolder(at("other-refs"), {
      "x.jpg": await readFile(at("refs/x.jpg")),
      "y.jpg": await readFile(at("refs/x.jpg")),
    });
    expect((await run({ ...settings, referenceImages: [at("other-refs")] })).done).toHaveLength(4);
    expect(await visible(at("out-fresh"))).toEqual(ALL);
  });

  it("does a page again whose input has changed or whose picture is gone or damaged", async () => {
    const settings = { inputDir: await chapter("in-changed"), outputDir: at("out-changed"), overwrite: true };
    await run(settings);
    await writeFile(at("in-changed/p2.png"), pages[0]!);
    await rm(at("out-changed/p3_colorized.png"));
    const picture = await readFile(at("out-changed/p4_colorized.png"));
    await writeFile(at("out-changed/p4_colorized.png"), picture.fill(0, 100, 101));
    expect(await run(settings)).toMatchObject({ kept: ["p1.png"], done: ["p2.png", "p3.png", "p4.png"] });
    expect(await visible(at("out-changed"))).toEqual(ALL);
  });

  it("leaves files of others alone: an existing file gets _1 unless overwrite, and that name is kept", async () => {
    await writeFolder(at("out-foreign"), {
      "p1_colorized.png": Buffer.from("mine"),
      "ComicInfo.xml": Buffer.from("mine"),
    });
    const settings = { inputDir: await chapter("in-foreign"), outputDir: at("out-foreign") };
    const first = await runPart(settings, 2);
    expect(await run(settings)).toMatchObject({ kept: first.done });
    await run(settings);
    expect(await visible(at("out-foreign"))).toEqual([
      "ComicInfo.xml",
      "ComicInfo_1.xml",
      "p1_colorized.png",
      "p1_colorized_1.png",
      ...PICTURES.slice(1),
      "processing_metadata.json",
    ]);
    expect(await readFile(at("out-foreign/p1_colorized.png"), "utf8")).toBe("mine");
  });

  it("goes on after a journal with a torn and a damaged line, and says so", async () => {
    const settings = { inputDir: await chapter("in-torn"), outputDir: at("out-torn"), overwrite: true };
    await run(settings);
    const path = at("out-torn/.cobra-batch/journal.ndjson");
    const lines = (await readFile(path, "utf8")).split("\n").filter((line) => line.includes('"entry":{"type":"page"'));
    await writeFile(path, [lines[0], lines[1]!.replace("p2", "p9"), lines[2], lines[3]!.slice(0, 50)].join("\n"));
    const warnings: string[] = [];
    const again = await run(settings, { onEvent: (event) => event.type === "warning" && warnings.push(event.message) });
    expect(again).toMatchObject({ kept: ["p1.png", "p3.png"], done: ["p2.png", "p4.png"] });
    expect(warnings).toContainEqual(expect.stringMatching(/skipped 1 corrupt line in .*journal\.ndjson/));
  });
});

describe("failed pages", () => {
  it("stand in failures.json with stage, code and remedy, and are tried again by the next run, which replaces its archive", async () => {
    const input = await chapter("in-failed", { "p2.png": Buffer.from("no picture") });
    const settings = { inputDir: input, outputZip: at("failed.cbz") };
    expect((await run(settings)).summary).toMatchObject({ completed: 3, failed: 1 });
    const failures = JSON.parse(await readFile(at("failed.cbz.cobra-batch/failures.json"), "utf8")) as unknown;
    expect(failures).toMatchObject({
      failures: [{ page: "p2.png", stage: "decode", code: "ERR_IMAGE_DECODE", remedy: expect.any(String) as string }],
    });
    expect(await entryNames(at("failed.cbz"))).toEqual(ALL.filter((name) => !name.startsWith("p2")));
    await writeFile(join(input, "p2.png"), pages[1]!);
    expect(await run(settings)).toMatchObject({
      done: ["p2.png"],
      kept: ["p1.png", "p3.png", "p4.png"],
      summary: { output: at("failed.cbz") },
    });
    expect(await entryNames(at("failed.cbz"))).toEqual(ALL);
    expect((await readdir(root)).filter((name) => name.startsWith("failed"))).toEqual(["failed.cbz"]);
  });

  it("stand beside the pictures of a folder until none is left", async () => {
    const input = await chapter("in-failed-folder", { "p2.png": Buffer.from("no picture") });
    const settings = { inputDir: input, outputDir: at("failed-folder") };
    await run(settings);
    expect(await visible(at("failed-folder"))).toContain("failures.json");
    await cp(join(input, "p1.png"), join(input, "p2.png"));
    await run(settings);
    expect(await visible(at("failed-folder"))).toEqual(ALL);
  });
});

describe("two runs on one output", () => {
  it("are refused: the second says who holds it", async () => {
    const settings = { inputDir: await chapter("in-two"), outputDir: at("out-two") };
    let second: Promise<unknown> | undefined;
    await run(settings, {
      onEvent: (event) => event.type === "batch-started" && (second ??= run(settings).catch((error: unknown) => error)),
    });
    expect(await second).toMatchObject({
      code: "ERR_OUTPUT_LOCKED",
      message: expect.stringContaining(`process ${process.pid} on`) as string,
    });
  });
});
