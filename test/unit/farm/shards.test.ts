// Shards without a server: which shard does what, shards into one output, and joining them.
import { once } from "node:events";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join, relative } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfig, type BatchConfigInput } from "../../../src/config/batch-config.js";
import type { BatchEngine } from "../../../src/core/batch-engine.js";
import { redoRun } from "../../../src/core/continue-run.js";
import { runBatch } from "../../../src/core/run-batch.js";
import { BatchProcessingError, ImageProcessingError, messageOf } from "../../../src/errors.js";
import { assembleShards, outputOfShards } from "../../../src/farm/shards/assemble.js";
import { runShard, type ShardOptions } from "../../../src/farm/shards/run-shard.js";
import { planShards } from "../../../src/farm/shards/shard-plan.js";
import { shardFolder } from "../../../src/farm/shards/shard-folder.js";
import { shardsFolder, workFolder } from "../../../src/core/output/work-folder.js";
import { readShard } from "../../../src/config/shard.js";
import { slurmShard } from "../../../src/farm/shards/slurm-shard.js";
import { openPageSource } from "../../../src/io/open-source.js";
import { chapterFiles, linePage, writeFolder } from "../../support/chapter.js";
import { writeZip } from "../../support/archives.js";
import { hashOf, onPaper, paperEngine } from "../../support/paper-engine.js";

let root: string;
let outputs = 0;
const at = (...names: string[]): string => join(root, ...names);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-shards-"));
  const files = await chapterFiles(7);
  await writeFolder(at("in"), files);
  await writeZip(at("in.cbz"), files);
});
afterAll(() => rm(root, { recursive: true, force: true }));

async function partsOf(input: string, count: number) {
  const source = await openPageSource(input);
  const pictures = source.entries().filter(({ kind }) => kind === "image");
  await source.close();
  return planShards([pictures], count)[0]!;
}

function settings(more: Partial<BatchConfigInput> = {}): BatchConfig {
  return parseBatchConfig({ inputDir: at("in"), outputDir: at(`out-${outputs++}`), ...more }).config;
}

async function runPart(
  config: BatchConfig,
  index: number,
  count: number,
  engine: BatchEngine = paperEngine(),
  options: ShardOptions = {},
) {
  const parts = await partsOf((config.inputDir ?? config.inputZip)!, count);
  return runShard(engine, config, { shard: { index, count }, parts }, options);
}

const pool = () => paperEngine().pool;
const outputOf = ({ outputDir, outputZip }: BatchConfig) => (outputZip === undefined ? { outputDir } : { outputZip });

async function codeOf(work: Promise<unknown>): Promise<string> {
  const error = await work.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  return error instanceof BatchProcessingError ? `${error.code}: ${messageOf(error)}` : String(error);
}

/** Hashes of an output folder's files but the metadata, by name. */
async function hashes(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => !/^\.|metadata/.test(name));
  return Object.fromEntries(
    await Promise.all(names.map(async (name) => [name, hashOf(await readFile(join(folder, name)))] as const)),
  );
}

describe("readShard, slurmShard", () => {
  it("reads shards from 1 and refuses what is none", () => {
    expect(readShard("3/20")).toEqual({ index: 3, count: 20 });
    for (const wrong of ["0/20", "21/20", "3", "3/", "/3", "-1/3", "3/20/1", "a/b", "3/1000000"])
      expect(readShard(wrong), wrong).toBeUndefined();
  });

  it("takes a SLURM array wherever it begins; one with gaps is refused", () => {
    const array = (id: number, min: number, count: number) =>
      slurmShard({
        SLURM_ARRAY_TASK_ID: String(id),
        SLURM_ARRAY_TASK_MIN: String(min),
        SLURM_ARRAY_TASK_COUNT: String(count),
      });
    expect([array(0, 0, 20), array(3, 1, 20)]).toEqual([
      { index: 1, count: 20 },
      { index: 3, count: 20 },
    ]);
    expect(() => array(10, 2, 5)).toThrow(
      expect.objectContaining({ remedy: expect.stringContaining("--shard 10/20") as string }),
    );
    expect(() => slurmShard({})).toThrow(/SLURM_ARRAY_TASK_ID/);
  });
});

describe("planShards", () => {
  it("gives every page to exactly one shard, in runs, each with at most a page more than its share", () => {
    const chapters = fc.array(
      fc
        .array(fc.nat(1e6), { maxLength: 30 })
        .map((sizes) => sizes.map((sizeBytes, i) => ({ name: `${i}`, sizeBytes }))),
      { maxLength: 6 },
    );
    fc.assert(
      fc.property(chapters, fc.integer({ min: 1, max: 40 }), (given, count) => {
        const parts = planShards(given, count);
        const pages = given.flatMap((pictures, chapter) =>
          pictures.map(({ name, sizeBytes }) => ({
            sizeBytes,
            shard: parts[chapter]!.shardsOf(pictures).get(name)!,
          })),
        );
        const bytes = pages.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
        const weights = pages.map(({ sizeBytes }) =>
          bytes === 0 ? 1 / pages.length : 0.5 / pages.length + sizeBytes / bytes / 2,
        );
        const heaviest = Math.max(0, ...weights);
        const loads = Array.from({ length: count }, () => 0);
        for (const [index, { shard }] of pages.entries()) {
          expect(shard).toBeGreaterThanOrEqual(pages[index - 1]?.shard ?? 1);
          loads[shard - 1]! += weights[index]!;
        }
        for (const load of loads) expect(load).toBeLessThanOrEqual(1 / count + heaviest + 1e-9);
        expect(planShards(given, count).map(({ shards }) => shards)).toEqual(parts.map(({ shards }) => shards));
      }),
    );
  });

  it("shares a chapter's pages evenly, however large its references are", () => {
    const page = (name: string) => ({ name, sizeBytes: 10 });
    const pages = ["1", "2", "3", "4"].map(page);
    const references = ["a", "b"].map((name) => ({ name, sizeBytes: 1_000 }));
    for (const pictures of [
      [...pages, ...references],
      [...references, ...pages],
    ]) {
      const [parts] = planShards([pictures], 2);
      expect(parts!.shards).toEqual([1, 2]);
      expect([...parts!.shardsOf(pages).values()]).toEqual([1, 1, 2, 2]);
    }
  });

  it("cuts a chapter only where a shard ends", () => {
    const chapter = (pages: number) => Array.from({ length: pages }, (_, i) => ({ name: `${i}`, sizeBytes: 10 }));
    expect(planShards([chapter(4), chapter(4), chapter(4)], 3).map(({ shards }) => shards)).toEqual([[1], [2], [3]]);
  });
});

describe("runShard and assembleShards", () => {
  for (const kind of ["folder", "archive"] as const)
    it(`of ${kind === "folder" ? "a folder" : "an archive"}: three shards, in any order and twice, give what one process gives`, async () => {
      const ends = (name: string): BatchConfigInput =>
        kind === "folder"
          ? { inputDir: at("in"), outputDir: at(name) }
          : { inputZip: at("in.cbz"), outputZip: at(`${name}.cbz`) };
      const whole = parseBatchConfig(ends(`whole-${kind}`)).config;
      const shared = parseBatchConfig(ends(`shared-${kind}`)).config;
      await runBatch(paperEngine(), whole);
      const engines = [paperEngine(), paperEngine(), paperEngine()];
      for (const index of [3, 1, 2, 1]) await runPart(shared, index, 3, engines[index - 1]);
      expect(engines.map(({ requests }) => requests.length).reduce((a, b) => a + b)).toBe(7);
      for (const { requests } of engines) expect(requests.length).toBeGreaterThan(0);
      const summary = await assembleShards(outputOf(shared), pool());
      expect(summary).toMatchObject({ completed: 7, failed: 0, unfinished: 0 });
      if (kind === "folder") expect(await hashes(at("shared-folder"))).toEqual(await hashes(at("whole-folder")));
      else {
        const [a, b] = await Promise.all(
          ["whole", "shared"].map(async (name) => {
            const source = await openPageSource(at(`${name}-archive.cbz`));
            const entries = source.entries().filter((entry) => !entry.name.includes("metadata"));
            const found = await Promise.all(entries.map(async (entry) => [entry.name, hashOf(await entry.read())]));
            await source.close();
            return found;
          }),
        );
        expect(b).toEqual(a);
        expect((await readdir(root)).filter((name) => name.includes("shared-archive"))).toEqual(["shared-archive.cbz"]);
      }
      expect(await outputOfShards((shared.outputDir ?? shared.outputZip)!)).toBeUndefined();
      // A shard that comes late finds its pages in the output.
      const late = paperEngine();
      expect(await runPart(shared, 2, 3, late)).toBeUndefined();
      expect(late.requests).toEqual([]);
    });

  it("names the shards that are missing, and those that lack pages", async () => {
    const config = settings();
    const stop = new AbortController();
    const onEvent: ShardOptions["onEvent"] = ({ type }) => {
      if (type === "page-completed") stop.abort(new Error("enough"));
    };
    const engine = paperEngine(async (request, { signal }) => {
      if (request.name === "p7.png") await once(signal!, "abort");
      signal?.throwIfAborted();
      return onPaper(request);
    });
    expect(await codeOf(runPart(config, 2, 2, engine, { signal: stop.signal, onEvent }))).toMatch(/enough/);
    expect(await codeOf(assembleShards(outputOf(config), pool()))).toMatch(
      /^ERR_SHARDS_INCOMPLETE: .*shard 2\/2 lacks \d of \d pages; shard 1 of 2 is missing/,
    );
  });

  it("a failed page is a failure of the output, and the other pages are there", async () => {
    const config = settings();
    const engine = paperEngine((request) => {
      if (request.name === "p2.png")
        throw new ImageProcessingError("ERR_IMAGE_DECODE", "p2.png is torn", { imagePath: "p2.png" });
      return onPaper(request);
    });
    for (const index of [1, 2]) await runPart(config, index, 2, engine);
    const summary = await assembleShards(outputOf(config), pool());
    expect(summary).toMatchObject({ completed: 6, failed: 1 });
    expect(summary.failures[0]).toMatchObject({ page: "p2.png", code: "ERR_IMAGE_DECODE" });
  });

  it("does not join shards of other settings, pages or references, nor pictures that were damaged", async () => {
    await writeFolder(at("own"), { "p1.png": await linePage(1), "p2.png": await linePage(2) });
    await writeFolder(at("own-refs"), { "a.jpg": (await chapterFiles(1))["ref_a.jpg"]! });
    const config = settings({ inputDir: at("own"), referenceImages: [at("own-refs")] });
    const assemble = () => codeOf(assembleShards(outputOf(config), pool()));
    const both = async (): Promise<void> => {
      for (const index of [1, 2]) await runPart(config, index, 2);
    };
    await both();
    await runPart({ ...config, seed: 5 }, 2, 2);
    expect(await assemble()).toMatch(/shard 2\/2 was made with other settings/);
    await both();
    await writeFile(at("own", "p1.png"), await linePage(3));
    expect(await assemble()).toMatch(/the page p1.png changed after shard 1\/2 had run/);
    await both();
    await writeFile(at("own-refs", "b.jpg"), (await chapterFiles(1))["ref_b.jpg"]!);
    expect(await assemble()).toMatch(/own-refs is not what it was when the shards ran/);
    await both();
    const [picture] = (await readdir(shardFolder(config, { index: 1, count: 2 }))).filter((name) =>
      name.endsWith("png"),
    );
    await writeFile(join(shardFolder(config, { index: 1, count: 2 }), picture!), "damaged");
    expect(await assemble()).toMatch(/is gone or damaged; run shard 1\/2 again/);
    await both();
    await runPart(config, 1, 3);
    expect(await assemble()).toMatch(/^ERR_CONFIG: .*shards of 2 and of 3/);
    await rm(join(shardsFolder(config), "1-of-3"), { recursive: true });
    expect(await assembleShards(outputOf(config), pool())).toMatchObject({ completed: 2 });
  });
});

describe("shards whose references are named by a relative path", () => {
  it("are joined like others", async () => {
    await writeFolder(at("relative"), { "r.png": await linePage(9) });
    const config = settings({ referenceImages: [relative(process.cwd(), at("relative"))] });
    for (const index of [1, 2]) await runPart(config, index, 2);
    expect(await codeOf(assembleShards(outputOf(config), pool()))).toBe("undefined");
    expect(Object.keys(await hashes(config.outputDir!))).not.toEqual([]);
  });
});

it("shards of a finished archive that gained a page all colour their pages, and are joined beside it", async () => {
  const input = await writeFolder(at("gains"), await chapterFiles(4));
  const config = settings({ inputDir: input, outputDir: undefined, outputZip: at("gains.cbz") });
  await runBatch(paperEngine(), config);
  for (const index of [1, 2]) expect(await runPart(config, index, 2)).toBeUndefined();
  await writeFile(join(input, "p9.png"), await linePage(9));
  for (const index of [1, 2]) expect((await runPart(config, index, 2))!.completed).toBeGreaterThan(0);
  await expect(redoRun(at("gains.cbz"), ["p1.png"])).rejects.toMatchObject({ code: "ERR_STATE" });
  const { output, completed } = await assembleShards(outputOf(config), pool());
  const pages = (await readdir(input)).filter((name) => /^p\d/u.test(name)).length;
  expect({ output, completed }).toEqual({ output: at("gains_1.cbz"), completed: pages });
  expect((await readdir(root)).filter((name) => name.startsWith("gains"))).toEqual([
    "gains",
    "gains.cbz",
    "gains_1.cbz",
  ]);
});

describe("results of shards", () => {
  it.each<[string, boolean]>([
    ["a folder", false],
    ["an archive", true],
  ])("stay where joining ends before the first page: %s", async (_what, isArchive) => {
    const input = await writeFolder(at(`ends-${outputs}`), await chapterFiles(4));
    const output = isArchive ? { outputDir: undefined, outputZip: at(`ends-${outputs}.cbz`) } : {};
    const config = settings({ inputDir: input, ...output });
    for (const index of [1, 2]) await runPart(config, index, 2);
    const folders = await readdir(shardsFolder(config));
    const stop = new AbortController();
    const onEvent: ShardOptions["onEvent"] = ({ type }) => void (type === "batch-started" && stop.abort());
    await expect(assembleShards(outputOf(config), pool(), { signal: stop.signal, onEvent })).rejects.toThrow();
    expect(await readdir(shardsFolder(config))).toEqual(folders);
    const first = shardFolder(config, { index: 1, count: 2 });
    const picture = join(
      first,
      (await readdir(first)).find((name) => name.endsWith(".png"))!,
    );
    const bytes = await readFile(picture);
    await writeFile(picture, bytes.subarray(1));
    await expect(assembleShards(outputOf(config), pool())).rejects.toMatchObject({ code: "ERR_SHARDS_INCOMPLETE" });
    expect(await readdir(shardsFolder(config))).toEqual(folders);
    await writeFile(picture, bytes);
    expect((await assembleShards(outputOf(config), pool())).unfinished).toBe(0);
    expect(await readdir(shardsFolder(config)).catch(() => "gone")).toBe("gone");
    if (isArchive) expect(await readdir(root)).not.toContain(basename(workFolder(config)));
  });

  it("are joined though the input is again as the finished archive has it", async () => {
    const input = await writeFolder(at("again"), await chapterFiles(4));
    const config = settings({ inputDir: input, outputDir: undefined, outputZip: at("again.cbz") });
    await runBatch(paperEngine(), config);
    const name = (await readdir(input)).find((one) => /^p\d/u.test(one))!;
    const before = await readFile(join(input, name));
    await writeFile(join(input, name), await linePage(9));
    expect(await runPart(config, 1, 2)).toBeDefined();
    await writeFile(join(input, name), before);
    for (const index of [2, 1]) expect(await runPart(config, index, 2)).toBeDefined();
    expect((await assembleShards(outputOf(config), pool())).output).toBe(at("again.cbz"));
    expect((await readdir(root)).filter((one) => one.startsWith("again"))).toEqual(["again", "again.cbz"]);
  });
});
