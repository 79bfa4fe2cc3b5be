// What is written where, page by page: own files are replaced, others kept, damaged pictures never packed.
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, truncate, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import type { RunRecord } from "../../../../src/core/journal/entries.js";
import { BatchOutput, type BatchOutputOptions } from "../../../../src/core/output/batch-output.js";
import { failuresFile, removeRemains } from "../../../../src/core/output/work-folder.js";
import type { BatchPage, EncodedPage } from "../../../../src/core/pages/batch-page.js";
import { LAYER_NAMES } from "../../../../src/io/names/output-names.js";
import type { SourceEntry } from "../../../../src/io/page-source.js";
import { openPageSource } from "../../../../src/io/open-source.js";

let root: string;
const at = (name: string): string => join(root, name);
beforeEach(async () => (root = await mkdtemp(join(tmpdir(), "cobra-output-"))));
afterEach(() => rm(root, { recursive: true, force: true }));

const config = (settings: Partial<BatchConfigInput>): BatchConfig =>
  parseBatchConfig({ inputDir: at("in"), ...settings }).config;
const open = (settings: BatchConfig, options: Partial<BatchOutputOptions> = {}): Promise<BatchOutput> =>
  BatchOutput.open(settings, {
    job: "j",
    record: {
      config: settings,
      pageConfigs: {},
      model: { directory: "", name: "", hash: "" },
      session: {},
    } as RunRecord,
    fingerprint: ({ seed }) => `seed ${seed}`,
    ...options,
  });
const job = (name: string, seed = 0): BatchPage =>
  ({
    entry: { name },
    outputName: name.replace(/\.png$/u, "_colorized.png"),
    settings: { seed },
    startedMs: 0,
    stage: "decode",
    inputSha256: "1".repeat(64),
  }) as unknown as BatchPage;
const facts = { width: 1, height: 1, bucket: "", stageMs: {}, references: [] };
const picture = (text: string, layers?: string): EncodedPage => ({
  bytes: Buffer.from(text),
  facts,
  ...(layers === undefined ? {} : { layers: LAYER_NAMES.map((name) => Buffer.from(`${layers} ${name}`)) }),
});
const text = (name: string): Promise<string> => readFile(at(name), "utf8");
const visible = async (folder: string): Promise<string[]> =>
  (await readdir(at(folder))).filter((name) => !name.startsWith(".")).toSorted();

describe("failures.json", () => {
  const report = (failures: object[]): { cobra_version: string; failures: object[] } => ({
    cobra_version: "1",
    failures,
  });

  it("of the user is kept, and the run's has a name beside it, which goes when nothing failed", async () => {
    await mkdir(at("out"));
    await writeFile(at("out/failures.json"), '{"cobra_version": "is my own note"}');
    const settings = config({ outputDir: at("out") });
    const first = await open(settings);
    await first.report(report([{ page: "a.png" }]));
    await first.report(report([{ page: "a.png" }, { page: "b.png" }]));
    expect(await visible("out")).toEqual(["failures.json", "failures_1.json"]);
    expect(JSON.parse(await text("out/failures_1.json"))).toMatchObject({ failures: [{ page: "a.png" }, {}] });
    expect(await failuresFile(settings)).toBe(at("out/failures_1.json"));
    await first.report(report([]));
    await first.stop();
    expect(await visible("out")).toEqual(["failures.json"]);
    expect(await text("out/failures.json")).toBe('{"cobra_version": "is my own note"}');
  });
});

describe("a work folder", () => {
  it("goes at the end, but for what a user has put there", async () => {
    const settings = config({ outputZip: at("out.cbz") });
    const first = await open(settings);
    await first.write(job("a.png"), picture("a"));
    await writeFile(at("out.cbz.cobra-batch/notes.txt"), "mine");
    await first.finish([job("a.png")], [], { failures: [] });
    expect(await readdir(at("out.cbz.cobra-batch"))).toEqual(["notes.txt"]);
    expect((await readdir(root)).toSorted()).toEqual(["out.cbz", "out.cbz.cobra-batch"]);
  });

  it.each([false, true])("keeps a user's files among the run's own; fresh %s", async (fresh) => {
    const work = (name: string): string => at(`out.cbz.cobra-batch/${name}`);
    const mine = [".pages/a_colorized.psd", ".pages/sub/mine.txt", "preview/mine.txt", "failures_7.json"];
    const settings = config({ outputZip: at("out.cbz") });
    const first = await open(settings);
    await first.write(job("a.png"), picture("a", "layer"));
    await first.report({ cobra_version: "1", failures: [{ page: "b.png" }] });
    for (const folder of [".pages/sub", "preview"]) await mkdir(work(folder), { recursive: true });
    for (const name of mine) await writeFile(work(name), "mine");
    for (const name of ["preview/sheet.png", "preview/a_colorized_seed3.png"]) await writeFile(work(name), "own");
    await first.stop();
    const last = await open(settings, { fresh });
    if (fresh) await last.write(job("a.png"), picture("a"));
    await last.finish([job("a.png")], [], { failures: [] });
    const left = await readdir(at("out.cbz.cobra-batch"), { recursive: true, withFileTypes: true });
    const files = left.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name));
    expect(files.toSorted()).toEqual(mine.map(work).toSorted());
    for (const name of mine) expect(await text(`out.cbz.cobra-batch/${name}`)).toBe("mine");
    expect((await readdir(root)).toSorted()).toEqual(["out.cbz", "out.cbz.cobra-batch"]);
  });

  it("goes although a user's folder has the name under which it is removed, and that folder stays", async () => {
    await mkdir(at("out.cbz.cobra-batch.done"));
    await writeFile(at("out.cbz.cobra-batch.done/keep.txt"), "mine");
    const settings = config({ outputZip: at("out.cbz") });
    const first = await open(settings);
    await first.write(job("a.png"), picture("a"));
    await first.finish([job("a.png")], [], { failures: [] });
    expect((await readdir(root)).toSorted()).toEqual(["out.cbz", "out.cbz.cobra-batch.done"]);
    await removeRemains(settings);
    expect(await text("out.cbz.cobra-batch.done/keep.txt")).toBe("mine");
    await rm(at("out.cbz.cobra-batch.done/keep.txt"));
    await writeFile(at("out.cbz.cobra-batch.done/journal.ndjson"), "");
    await removeRemains(settings);
    expect(await readdir(root)).toEqual(["out.cbz"]);
  });
});

describe("a file that is carried over", () => {
  it("does not go through a link out of the output: a warning, and the rest is copied", async () => {
    await mkdir(at("victim"));
    await mkdir(at("out"));
    await symlink(at("victim"), at("out/sub"));
    const entry = (name: string): SourceEntry => ({
      name,
      kind: "other",
      sizeBytes: 1,
      read: async () => new Uint8Array(1),
    });
    for (const overwrite of [false, true]) {
      const output = await open(config({ outputDir: at("out"), overwrite }));
      await output.finish([], [entry("sub/a.txt"), entry("b.txt")], { failures: [] });
      expect(output.takeNotices()).toEqual([
        {
          message: expect.stringMatching(/^sub\/a\.txt is not copied to the output: .*outside the output/u) as string,
          remedy: expect.any(String) as string,
        },
      ]);
      expect(await readdir(at("victim"))).toEqual([]);
      expect(await visible("out")).toEqual(["b.txt", "processing_metadata.json", "sub"]);
    }
  });
});

describe("a picture in a folder", () => {
  it("takes the place of the one that this output wrote, whatever has changed; a changed or foreign file is kept", async () => {
    const settings = config({ outputDir: at("out") });
    await mkdir(at("out"));
    await writeFile(at("out/c_colorized.png"), "mine");
    const first = await open(settings);
    for (const name of ["a.png", "b.png", "c.png"]) await first.write(job(name), picture(`${name} 0`));
    await first.stop();
    await writeFile(at("out/b_colorized.png"), "touched up");
    const second = await open(settings);
    for (const name of ["a.png", "b.png", "c.png"]) await second.write(job(name, 1), picture(`${name} 1`));
    expect(await visible("out")).toEqual([
      "a_colorized.png",
      "b_colorized.png",
      "b_colorized_1.png",
      "c_colorized.png",
      "c_colorized_1.png",
    ]);
    expect([
      await text("out/a_colorized.png"),
      await text("out/b_colorized.png"),
      await text("out/c_colorized.png"),
    ]).toEqual(["a.png 1", "touched up", "mine"]);
    expect([await text("out/b_colorized_1.png"), await text("out/c_colorized_1.png")]).toEqual(["b.png 1", "c.png 1"]);
    expect(second.takeNotices()).toEqual([
      {
        message: expect.stringMatching(
          /b_colorized\.png was changed after it was written and is kept; .*b_colorized_1\.png$/u,
        ) as string,
      },
      { message: expect.stringMatching(/^replaced 2 pictures from an earlier run/u) as string },
    ]);
    expect(second.takeNotices()).toEqual([]);
    await second.stop();
    const third = await open(settings, { fresh: true });
    await third.write(job("a.png", 1), picture("a.png 1"));
    expect(third.takeNotices()).toEqual([]);
    await third.write(job("b.png", 1), picture("b.png 2"));
    expect(await visible("out")).toHaveLength(5);
    await third.stop();
  });

  it("says once which files of other settings stay beside it: another format's, and layers", async () => {
    const settings = config({ outputDir: at("out") });
    const inFormat = (name: string, extension: string): BatchPage =>
      Object.assign(job(name, 2), { outputName: name.replace(/\.png$/u, `_colorized.${extension}`) });
    const first = await open(settings);
    for (const name of ["a.png", "b.png", "c.png"]) await first.write(job(name), picture(`${name} 0`, name));
    await first.stop();
    await writeFile(at("out/c_colorized.png"), "touched up");
    const second = await open(settings);
    await second.write(job("a.png", 1), picture("a.png 1"));
    await second.write(inFormat("b.png", "webp"), picture("b.png 2", "b.png"));
    await second.write(inFormat("c.png", "webp"), picture("c.png 2", "other"));
    expect(second.takeNotices().at(-1)).toEqual({
      message: `files that were written with other settings lie beside the new pictures: ${[
        at("out/a_colorized_layers"),
        at("out/b_colorized.png"),
      ].join(", ")}`,
      remedy: "remove them if you do not need them",
    });
    expect(second.takeNotices()).toEqual([]);
    await second.stop();
    expect(await text("out/b_colorized.png")).toBe("b.png 0");
  });

  it.each([false, true])("never takes the place of a reference; overwrite %s", async (overwrite) => {
    const written = config({ outputDir: at("out"), overwrite });
    const first = await open(written);
    for (const name of ["a.png", "b.png"]) await first.write(job(name), picture(name));
    await first.stop();
    await writeFile(at("out/mine_colorized.png"), "mine");
    const references = ["a_colorized.png", "mine_colorized.png"].map((name) => at(`out/${name}`));
    for (const referenceImages of [references, [at("out")]]) {
      await rm(at("out/b_colorized_1.png"), { force: true });
      const settings = config({ outputDir: at("out"), overwrite, referenceImages });
      const again = await open(settings);
      const names = ["a.png", "mine.png", ...(referenceImages.length === 1 ? [] : ["b.png"])];
      for (const name of names) await again.write(job(name, 1), picture(`${name} 1`));
      expect([await text("out/a_colorized.png"), await text("out/mine_colorized.png")]).toEqual(["a.png", "mine"]);
      expect(await text("out/mine_colorized_1.png")).toBe("mine.png 1");
      expect(await text("out/b_colorized.png")).toBe("b.png 1");
      const told = again.takeNotices().map(({ message }) => message);
      expect(told.some((message) => /a_colorized\.png is a reference of this run and is kept/u.test(message))).toBe(
        !overwrite && referenceImages.length > 1,
      );
      await again.stop();
    }
  });

  it("is the same file when the same bytes are there already, as a run leaves them that lost its lease", async () => {
    await mkdir(at("out"));
    await writeFile(at("out/a_colorized.png"), "same");
    const output = await open(config({ outputDir: at("out") }));
    await output.write(job("a.png"), picture("same"));
    expect(await visible("out")).toEqual(["a_colorized.png"]);
    await output.stop();
  });

  it("has its layers replaced with it, unless one of them was changed", async () => {
    const settings = config({ outputDir: at("out"), layers: "png" });
    const first = await open(settings);
    for (const name of ["a.png", "b.png"]) await first.write(job(name), picture(name, "0"));
    await first.stop();
    await writeFile(at("out/b_colorized_layers/2_color.png"), "retouched");
    const second = await open(settings);
    for (const name of ["a.png", "b.png"]) await second.write(job(name, 1), picture(`${name} 1`, "1"));
    expect(await visible("out")).toEqual([
      "a_colorized.png",
      "a_colorized_layers",
      "b_colorized.png",
      "b_colorized_1.png",
      "b_colorized_1_layers",
      "b_colorized_layers",
    ]);
    expect([
      await text("out/a_colorized_layers/2_color.png"),
      await text("out/b_colorized_layers/2_color.png"),
    ]).toEqual(["1 2_color.png", "retouched"]);
    await second.stop();
  });

  it("does not follow a link out of the output", async () => {
    await mkdir(at("elsewhere"));
    await mkdir(at("out"));
    await symlink(at("elsewhere"), at("out/sub"));
    const output = await open(config({ outputDir: at("out") }));
    for (const name of ["sub/a.png", "sub/deep/a.png"])
      await expect(output.write(job(name), picture("a"))).rejects.toMatchObject({ code: "ERR_OUTPUT_UNSAFE" });
    expect(await readdir(at("elsewhere"))).toEqual([]);
    await output.stop();
  });
});

describe("a picture in an archive's work folder", () => {
  it.each([
    ["cut", (path: string): Promise<void> => truncate(path, 2)],
    ["changed", (path: string): Promise<void> => writeFile(path, "b.pnG")],
    ["gone", (path: string): Promise<void> => rm(path)],
  ])("that is %s is done again and never packed", async (_how, damage) => {
    const output = await open(config({ outputZip: at("x.cbz") }));
    const jobs = [job("a.png"), job("b.png")];
    for (const one of jobs) await output.write(one, picture(one.entry.name));
    await damage(at("x.cbz.cobra-batch/.pages/b_colorized.png"));
    expect(await output.finish(jobs, [], { failures: [] })).toEqual({ damaged: [jobs[1]] });
    expect(await readdir(root)).toEqual(["x.cbz.cobra-batch"]);
    await output.write(jobs[1]!, picture("b.png"));
    expect(await output.finish(jobs, [], { failures: [] })).toEqual({ written: at("x.cbz") });
    expect(await readdir(root)).toEqual(["x.cbz"]);
  });
});

describe("a folder of an output that is a link to another place", () => {
  it("refuses each of its pages, and what lies there is not touched", async () => {
    await mkdir(at("out"));
    await mkdir(at("victim"));
    await writeFile(at("victim/b_colorized.png"), "theirs");
    await symlink(at("victim"), at("out/sub"));
    const output = await open(config({ outputDir: at("out"), overwrite: true }));
    for (const name of ["sub/a.png", "sub/b.png", "sub/c.png"])
      await expect(output.write(job(name), picture(name))).rejects.toMatchObject({ code: "ERR_OUTPUT_UNSAFE" });
    await output.write(job("d.png"), picture("d"));
    expect(await readdir(at("victim"))).toEqual(["b_colorized.png"]);
    expect(await text("victim/b_colorized.png")).toBe("theirs");
    await output.stop();
  });
});

describe("an archive of a run with failed pages", () => {
  const finish = async (settings: BatchConfig, failures: unknown[]): Promise<string> => {
    const output = await open(settings);
    const jobs = [job("a.png")];
    await output.write(jobs[0]!, picture("a"));
    const finished = await output.finish(jobs, [], { cobra_version: "1", failures });
    return "written" in finished ? finished.written : "";
  };

  it("is replaced where it was given another name together with its work folder", async () => {
    await finish(config({ outputZip: at("x.cbz") }), ["b.png"]);
    for (const name of ["x.cbz", "x.cbz.cobra-batch"]) await rename(at(name), at(name.replace("x", "y")));
    expect(await finish(config({ outputZip: at("y.cbz") }), [])).toBe(at("y.cbz"));
    expect(await readdir(root)).toEqual(["y.cbz"]);
  });

  it("is replaced by the next run while it is as it was written, and kept when somebody changed it", async () => {
    const settings = config({ outputZip: at("x.cbz") });
    expect(await finish(settings, ["b.png"])).toBe(at("x.cbz"));
    expect(await finish(settings, ["b.png"])).toBe(at("x.cbz"));
    await cp(at("x.cbz"), at("copy"));
    await writeFile(at("x.cbz"), "somebody's");
    expect(await finish(settings, ["b.png"])).toBe(at("x_1.cbz"));
    expect(await finish(settings, [])).toBe(at("x_1.cbz"));
    expect(await text("x.cbz")).toBe("somebody's");
    await rename(at("copy"), at("x.cbz"));
    const source = await openPageSource(at("x_1.cbz"));
    expect(source.entries().map(({ name }) => name)).toEqual(["a_colorized.png", "processing_metadata.json"]);
    await source.close();
  });
});
