// State that came with a file is as untrusted as the file: journals, metadata and links lead nowhere outside the
// output.
import { execFileSync } from "node:child_process";
import { link, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import { redoRun } from "../../../../src/core/continue-run.js";
import type { JournalEntry, RunRecord } from "../../../../src/core/journal/entries.js";
import { parseEntry } from "../../../../src/core/journal/entry-schema.js";
import { findRun } from "../../../../src/core/journal/find-run.js";
import { journalLine } from "../../../../src/core/journal/journal.js";
import { BatchOutput } from "../../../../src/core/output/batch-output.js";
import { readArchiveMetadata } from "../../../../src/core/output/archive-metadata.js";
import { findEarlierArchives, type WantedArchive } from "../../../../src/core/output/finished-archive.js";
import { checkArchiveTarget } from "../../../../src/core/output/output-guard.js";
import { openArchiveSink } from "../../../../src/io/open-sink.js";

/** What a batch without pages would make. */
const NOTHING: WantedArchive = {
  jobs: () => [],
  fingerprint: () => "f",
  carried: async () => ({ files: [] }),
  hasFaults: false,
  preserveStructure: true,
};

let root: string;
const at = (name: string): string => join(root, name);
beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-untrusted-"));
  await writeFile(at("victim"), "precious");
});
afterEach(async () => {
  expect(await readFile(at("victim"), "utf8")).toBe("precious");
  await rm(root, { recursive: true, force: true });
});

const HASH = "0".repeat(64);
const success = {
  page: "a.png",
  output: "a_colorized.png",
  width: 1,
  height: 1,
  bucket: "",
  seed: 0,
  elapsedMs: 0,
  stageMs: {},
  references: [],
};
const page = {
  type: "page",
  page: "a.png",
  fingerprint: "f",
  inputSha256: HASH,
  outputName: "a_colorized.png",
  success,
  sha256: HASH,
  sizeBytes: 1,
  firstNumber: 0,
};
const record = (config: Partial<BatchConfigInput>): RunRecord =>
  ({ config, pageConfigs: {}, model: { directory: "", name: "m", hash: "h" }, session: {} }) as unknown as RunRecord;
const config = (settings: Partial<BatchConfigInput>): BatchConfig =>
  parseBatchConfig({ inputDir: at("in"), ...settings }).config;
const open = (settings: BatchConfig): Promise<BatchOutput> =>
  BatchOutput.open(settings, { job: "j", record: record(settings), fingerprint: () => "f" });

async function archive(
  name: string,
  metadata: object | undefined,
  files: Record<string, string> = { "a_colorized.png": "a" },
): Promise<string> {
  const sink = await openArchiveSink(at(name));
  for (const [entry, text] of Object.entries(files)) await sink.write(entry, Buffer.from(text));
  return sink.finish(metadata as Record<string, unknown>);
}
const metadata = (run: object | undefined, more: object = {}): object => ({
  inputs: [{ page: "a.png", fingerprint: "f", sha256: HASH }],
  pages: [success],
  failures: [],
  ...(run === undefined ? {} : { run: { record: run, adjustments: { all: {}, pages: {} } } }),
  ...more,
});

describe("a journal's entry", () => {
  it.each([
    ["an archive above", { type: "archive", name: "../victim" }],
    ["an archive anywhere", { type: "archive", name: "/etc/victim" }],
    ["an archive in a folder", { type: "archive", name: "a/victim" }],
    ["a drive", { type: "carried", name: "c:victim", sha256: HASH, sizeBytes: 1, firstNumber: 0 }],
    ["an archive below another name", { type: "archive", name: "../victim/.." }],
    ["a picture above", { ...page, outputName: "a/../../victim" }],
    ["another file above", { type: "carried", name: "../victim", sha256: HASH, sizeBytes: 1, firstNumber: 0 }],
    ["a backslash", { type: "carried", name: "..\\victim", sha256: HASH, sizeBytes: 1, firstNumber: 0 }],
  ])("that names %s is refused by name", (_what, entry) => {
    expect(() => parseEntry(entry, "the journal")).toThrow(
      expect.objectContaining({
        code: "ERR_OUTPUT_UNSAFE",
        message: expect.stringMatching(/^the journal is refused: .*victim/u) as string,
      }) as Error,
    );
  });

  it.each([
    ["null", null],
    ["a number", 5],
    ["an unknown type", { type: "later" }],
    ["layers that are none", { ...page, layers: [{ name: "../../victim", sha256: HASH, sizeBytes: 1 }] }],
    ["a hash that is none", { ...page, sha256: "x" }],
    ["a negative number", { ...page, firstNumber: -1 }],
    ["references that are no list", { type: "run", job: "j", at: "", record: record({ referenceImages: 5 as never }) }],
    ["pages that are null", { type: "died", pages: [null] }],
  ])("that is %s is none", (_what, entry) => {
    expect(parseEntry(entry, "the journal")).toBeUndefined();
  });

  it("keeps options of sessions, but none that names a file", () => {
    const session = {
      provider: "cuda",
      providerOptions: { gpu_mem_limit: "1", trt_engine_cache_path: "/x" },
      config: { "session.intra_op.allow_spinning": "0", "session.optimized_model_filepath": "/x" },
    };
    const entry = parseEntry({ type: "run", job: "j", at: "", record: { ...record({}), session } }, "j");
    expect((entry as Extract<JournalEntry, { type: "run" }>).record.session).toEqual({
      provider: "cuda",
      providerOptions: { gpu_mem_limit: "1" },
      config: { "session.intra_op.allow_spinning": "0" },
    });
  });
});

describe("a journal that came with a download", () => {
  it("does not name what is replaced, in the folder or outside of it", async () => {
    for (const name of ["../victim", "victim"]) {
      const output = config({ outputZip: at("x.cbz") });
      await mkdir(at("x.cbz.cobra-batch"), { recursive: true });
      await writeFile(
        at("x.cbz.cobra-batch/journal.ndjson"),
        journalLine({ type: "archive", name, sha256: HASH, sizeBytes: 8, firstNumber: 0 }),
      );
      if (name !== "victim") {
        await expect(open(output)).rejects.toMatchObject({ code: "ERR_OUTPUT_UNSAFE" });
        continue;
      }
      const opened = await open(output);
      expect(await opened.finish([], [], { failures: [] })).toEqual({ written: at("x.cbz") });
    }
  });

  it.each(["journal.ndjson", "lease", ".pages", "preview/sheet.png"])("has no link or pipe as %s", async (name) => {
    const work = at("x.cbz.cobra-batch");
    for (const make of [
      (path: string): Promise<void> => symlink(at("victim"), path),
      async (path: string): Promise<void> => void execFileSync("mkfifo", [path]),
    ]) {
      await mkdir(join(work, "preview"), { recursive: true });
      await make(join(work, name));
      await expect(open(config({ outputZip: at("x.cbz") }))).rejects.toMatchObject({ code: "ERR_OUTPUT_UNSAFE" });
      if (name === "journal.ndjson")
        await expect(findRun(at("x.cbz"))).rejects.toMatchObject({ code: "ERR_OUTPUT_UNSAFE" });
      await rm(work, { recursive: true });
    }
    await mkdir(at("elsewhere"));
    await symlink(at("elsewhere"), work);
    await expect(open(config({ outputZip: at("x.cbz") }))).rejects.toMatchObject({ code: "ERR_OUTPUT_UNSAFE" });
    expect(await readdir(at("elsewhere"))).toEqual([]);
  });
});

describe("an archive's metadata", () => {
  it.each([
    ["layers outside", metadata(record({ inputDir: "in" }), { pages: [{ ...success, layers: ["../../victim"] }] })],
    [
      "layers of another page",
      metadata(record({ inputDir: "in" }), { pages: [{ ...success, layers: ["b_layers/1_original.png"] }] }),
    ],
    ["a picture outside", metadata(record({ inputDir: "in" }), { pages: [{ ...success, output: "../victim" }] })],
    ["an absolute input", metadata(record({ inputDir: "/etc" }))],
    ["an absolute reference", metadata(record({ inputDir: "in", referenceImages: ["/etc"] }))],
    [
      "an absolute reference of a page that was added",
      metadata({
        ...record({ inputDir: "in" }),
        added: [{ inputPath: "a.png", config: { referenceImages: ["/etc"] } }],
      }),
    ],
    [
      "an absolute picture of hints among its changes",
      metadata(undefined, {
        run: {
          record: record({ inputDir: "in" }),
          adjustments: { all: {}, pages: { "a.png": { colorHints: "/etc" } } },
        },
      }),
    ],
  ])("that names %s is refused by redo, and passed over by colorize", async (_what, value) => {
    const path = await archive("x.cbz", value, { "a_colorized.png": "a" });
    await expect(readArchiveMetadata(path)).rejects.toMatchObject({ code: "ERR_OUTPUT_UNSAFE" });
    await expect(redoRun(path, ["a.png"])).rejects.toMatchObject({
      code: "ERR_OUTPUT_UNSAFE",
      message: expect.stringContaining(path) as string,
    });
    expect(await findEarlierArchives(config({ outputZip: path }), NOTHING)).toEqual({ outdated: [] });
    expect((await readdir(root)).toSorted()).toEqual(["victim", "x.cbz"]);
  });

  it.each([
    ["null among its inputs", { inputs: [null], pages: [], failures: [] }],
    ["no inputs", { pages: [] }],
    ["a list", { toJSON: () => [] }],
  ])("with %s is no metadata: a coded error for redo, a fresh start for colorize", async (_what, value) => {
    const path = await archive("x.cbz", value);
    expect(await readArchiveMetadata(path)).toBeUndefined();
    await expect(redoRun(path, ["a.png"])).rejects.toMatchObject({ code: "ERR_RUN_NOT_FOUND" });
    expect(await findEarlierArchives(config({ outputZip: path }), NOTHING)).toEqual({ outdated: [] });
  });

  it.each([
    ["nested a million deep", `${"[".repeat(1e6)}${"]".repeat(1e6)}`],
    ["no JSON", "{"],
    ["of two truths", '{"inputs":[],"inputs":[],"pages":[],"failures":[]}'],
  ])("that is %s is no metadata", async (_what, text) => {
    const path = await archive("x.cbz", undefined, { "a_colorized.png": "a", "processing_metadata.jsom": text });
    const bytes = await readFile(path, "latin1");
    await writeFile(path, bytes.replaceAll("processing_metadata.jsom", "processing_metadata.json"), "latin1");
    expect(await readArchiveMetadata(path)).toBeUndefined();
  });

  it("with settings that are none is a coded error", async () => {
    const path = await archive("x.cbz", metadata(record({ inputDir: "in", seed: "x" as never })));
    await expect(redoRun(path, ["a.png"])).rejects.toThrow(
      /what it says of its settings is not valid \(seed: must be/u,
    );
  });

  it("that was made elsewhere gives an input only where its pages are those that the archive was made of", async () => {
    await mkdir(at("private"));
    await writeFile(at("private/a.png"), "somebody's picture");
    await mkdir(at("downloads"));
    const path = await archive("downloads/x.cbz", metadata(record({ inputDir: "../private" })), {
      "a_colorized.png": "a",
    });
    await expect(redoRun(path, ["a.png"])).rejects.toMatchObject({
      code: "ERR_CONFIG",
      message: expect.stringMatching(
        /x\.cbz was copied, downloaded or moved to another folder, .*private, with pages /u,
      ) as string,
      remedy: expect.stringContaining("--set inputDir") as string,
    });
    expect(await readdir(at("downloads"))).toEqual(["x.cbz"]);
  });
});

describe("an output archive", () => {
  it("is never a file that the run reads, in any spelling and through any link", async () => {
    await mkdir(at("sub"));
    await symlink(at("victim"), at("link.cbz"));
    await link(at("victim"), at("hard.cbz"));
    const reading = record({ inputZip: at("victim") });
    for (const path of ["victim", "link.cbz", "hard.cbz", "sub/../victim", "./sub/..//victim"])
      await expect(checkArchiveTarget(`${root}/${path}`, reading)).rejects.toMatchObject({ code: "ERR_CONFIG" });
    for (const own of [
      record({ inputDir: at("sub"), referenceImages: [at("victim")] }),
      { ...record({ inputDir: at("sub") }), pageConfigs: { a: { referenceImages: [at("victim")] } } },
      { ...record({ inputDir: at("sub") }), added: [{ inputPath: "a", config: { colorHints: at("victim") } }] },
    ])
      await expect(checkArchiveTarget(at("link.cbz"), own)).rejects.toMatchObject({ code: "ERR_CONFIG" });
    await expect(checkArchiveTarget(at("new.cbz"), reading)).resolves.toBeUndefined();
    // A file of a folder that is read is one too, but for archives: earlier results may lie there.
    await writeFile(at("sub/page.png"), "a page");
    await symlink(at("sub/page.png"), at("page.cbz"));
    for (const folder of [
      record({ inputDir: at("sub") }),
      record({ inputZip: at("x"), referenceImages: [at("sub")] }),
    ]) {
      for (const path of ["sub/page.png", "page.cbz", "sub/../sub/page.png"])
        await expect(checkArchiveTarget(`${root}/${path}`, folder)).rejects.toMatchObject({ code: "ERR_CONFIG" });
      await archive("sub/old.cbz", undefined);
      await expect(checkArchiveTarget(at("sub/old.cbz"), folder)).resolves.toBeUndefined();
    }
    await expect(
      open(config({ inputDir: undefined, inputZip: at("victim"), outputZip: at("hard.cbz"), overwrite: true })),
    ).rejects.toMatchObject({
      code: "ERR_CONFIG",
    });
    expect((await readdir(root)).filter((name) => name.endsWith(".cobra-batch"))).toEqual([]);
  });

  it("has no .. in its path, so that the work folder lies where the archive does", async () => {
    for (const path of ["none/../new.cbz", "./none/.././/new.cbz"])
      expect(config({ outputZip: `${root}/${path}` }).outputZip).toBe(at("new.cbz"));
    expect(config({ outputDir: `${root}/none/../out` }).outputDir).toBe(at("out"));
    expect(config({ outputZip: "./a..b.cbz" }).outputZip).toBe("./a..b.cbz");
    const output = await open(config({ outputZip: `${root}/none/../new.cbz` }));
    expect(output.workFolder).toBe(at("new.cbz.cobra-batch"));
    expect((await readdir(root)).toSorted()).toEqual(["new.cbz.cobra-batch", "victim"]);
    await output.stop();
  });
});
