// What is done with a run afterwards: failed pages tried again, finished ones done anew, in folders and archives.
import { createHash } from "node:crypto";
import { cp, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Engine } from "../../src/colorization/engine.js";
import { parseBatchConfig, type BatchConfigInput } from "../../src/config/batch-config.js";
import { runBatch } from "../../src/core/run-batch.js";
import type { BatchEvent, BatchSummary } from "../../src/core/events.js";
import { LockedJournal } from "../../src/core/journal/locked-journal.js";
import { approveRun, redoRun, rejectRun, retryRun, type Continuation } from "../../src/core/continue-run.js";
import { openPageSource } from "../../src/io/open-source.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { writeZip } from "../support/archives.js";
import { runCli } from "../support/cli.js";
import { ONE_THREAD, SMALL_MODEL } from "../support/shared-models.js";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 }); // many runs in processes of their own

let root: string;
let engine: Engine;
let pages: Buffer[];
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-repair-"));
  pages = await Promise.all([1, 2, 3].map((seed) => linePage(seed)));
  await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
  await writeFolder(at("in"), {
    "p1.png": pages[0]!,
    "p2.png": pages[1]!,
    "p3.png": pages[2]!,
    "ComicInfo.xml": Buffer.from("<ComicInfo/>"),
  });
  engine = await Engine.open({ model: SMALL_MODEL, session: ONE_THREAD });
});

afterAll(async () => {
  await engine.close();
  await rm(root, { recursive: true, force: true });
});

interface Run {
  readonly done: string[];
  readonly summary: BatchSummary;
}

const settings = (own: Partial<BatchConfigInput>): BatchConfigInput => ({
  inputDir: at("in"),
  referenceImages: [at("refs")],
  numInferenceSteps: 1,
  ...own,
});

async function run(config: BatchConfigInput): Promise<Run> {
  return goOn({ config: parseBatchConfig(config).config, options: {} });
}

async function goOn({ config, options }: Pick<Continuation, "config" | "options">): Promise<Run> {
  const done: string[] = [];
  const onEvent = (event: BatchEvent): void =>
    void (event.type === "page-completed" && event.kept !== true && done.push(`${event.page}@${event.seed}`));
  return { summary: await runBatch(engine, config, { ...options, onEvent }), done };
}

const digest = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

async function folderHashes(folder: string): Promise<Record<string, string>> {
  const names = (await readdir(folder)).filter((name) => !name.startsWith(".") && !name.endsWith(".json"));
  return Object.fromEntries(
    await Promise.all(
      names.toSorted().map(async (name) => [name, digest(await readFile(join(folder, name)))] as const),
    ),
  );
}

async function archiveHashes(path: string): Promise<Record<string, string>> {
  const source = await openPageSource(path);
  try {
    const entries = source.entries().filter(({ name }) => !name.endsWith(".json"));
    return Object.fromEntries(
      await Promise.all(entries.map(async (entry) => [entry.name, digest(await entry.read())] as const)),
    );
  } finally {
    await source.close();
  }
}

/** Writes an archive again with other or further entries. */
async function changeArchive(path: string, changes: Record<string, Uint8Array>): Promise<void> {
  const source = await openPageSource(path);
  const files = new Map<string, Uint8Array>();
  for (const one of source.entries()) files.set(one.name, await one.read());
  await source.close();
  for (const [name, bytes] of Object.entries(changes)) files.set(name, bytes);
  await writeZip(path, Object.fromEntries(files));
}

describe("redo", () => {
  it("puts exactly the page's picture anew, in a folder; a rerun of the first command keeps it", async () => {
    const own = settings({ outputDir: at("redo") });
    await run(own);
    const before = await folderHashes(at("redo"));
    const redone = await goOn(await redoRun(at("redo"), ["p2.png"], { pages: { seed: 9 } }));
    expect(redone).toMatchObject({ done: ["p2.png@9"], summary: { completed: 3, failed: 0 } });
    const after = await folderHashes(at("redo"));
    expect(after).toEqual({ ...before, "p2_colorized.png": expect.any(String) as string });
    expect(after["p2_colorized.png"]).not.toBe(before["p2_colorized.png"]);
    const { pages: told } = JSON.parse(await readFile(at("redo/processing_metadata.json"), "utf8")) as {
      pages: { seed: number }[];
    };
    expect(told.map(({ seed }) => seed)).toEqual([0, 9, 0]);
    expect((await run(own)).done).toEqual([]);
    expect(await folderHashes(at("redo"))).toEqual(after);
    expect((await goOn(await redoRun(at("redo"), [at("redo/p2_colorized.png")]))).done).toEqual(["p2.png@10"]); // the next seed
  });

  it("that was killed between the journal's line and the picture's name puts the picture in the same place the next time", async () => {
    const own = settings({ outputDir: at("redo-killed") });
    await run(own);
    const old = await readFile(at("redo-killed/p2_colorized.png"));
    await goOn(await redoRun(at("redo-killed"), ["p2.png"], { pages: { seed: 3 } }));
    const names = await readdir(at("redo-killed"));
    const redone = await readFile(at("redo-killed/p2_colorized.png"));
    await writeFile(at("redo-killed/p2_colorized.png"), old); // as such a kill leaves it
    expect((await run(own)).done).toEqual(["p2.png@3"]);
    expect(await readdir(at("redo-killed"))).toEqual(names);
    expect(redone.equals(await readFile(at("redo-killed/p2_colorized.png")))).toBe(true);
  });

  it("leaves pages alone whose input has changed since", async () => {
    await cp(at("in"), at("in-changed"), { recursive: true });
    await run(settings({ inputDir: at("in-changed"), outputDir: at("redo-changed") }));
    await writeFile(at("in-changed/p3.png"), pages[0]!);
    await rm(at("in-changed/p1.png"));
    await writeFile(at("in-changed/p1.png"), "no picture any more");
    const before = await folderHashes(at("redo-changed"));
    expect(await goOn(await redoRun(at("redo-changed"), ["p2.png"]))).toMatchObject({
      done: ["p2.png@1"],
      summary: { completed: 3, failed: 0 },
    });
    const after = await folderHashes(at("redo-changed"));
    expect([after["p1_colorized.png"], after["p3_colorized.png"]]).toEqual([
      before["p1_colorized.png"],
      before["p3_colorized.png"],
    ]);
  });

  it("rewrites a finished archive and keeps its other entries byte for byte, in their order; nothing stays beside it", async () => {
    await cp(at("in"), at("in-archive"), { recursive: true });
    const own = settings({ inputDir: at("in-archive"), outputZip: at("redo.cbz") });
    await run(own);
    const before = await archiveHashes(at("redo.cbz"));
    const { run: told } = JSON.parse(
      Buffer.from(await entry(at("redo.cbz"), "processing_metadata.json")).toString(),
    ) as { run: { record: { config: object } } };
    expect(JSON.stringify(told)).not.toContain(root);
    await writeFile(at("in-archive/ComicInfo.xml"), "<Changed/>");
    expect(await goOn(await redoRun(at("redo.cbz"), ["p3_colorized.png"], { pages: { seed: 4 } }))).toMatchObject({
      done: ["p3.png@4"],
      summary: { completed: 3, output: at("redo.cbz") },
    });
    const after = await archiveHashes(at("redo.cbz"));
    expect(Object.keys(after)).toEqual(Object.keys(before));
    expect(after).toEqual({ ...before, "p3_colorized.png": expect.any(String) as string });
    expect(after["p3_colorized.png"]).not.toBe(before["p3_colorized.png"]);
    expect((await readdir(root)).filter((name) => name.startsWith("redo.cbz") || name.startsWith(".cobra"))).toEqual([
      "redo.cbz",
    ]);
    expect(await run(own)).toMatchObject({ done: [], summary: { output: at("redo.cbz") } });
  });

  it("keeps what a user has put into the archive, and the archive itself where the page's picture was changed", async () => {
    const path = at("edited.cbz");
    await run(settings({ outputZip: path }));
    await changeArchive(path, { "notes.txt": Buffer.from("mine"), "bonus.png": pages[0]! });
    const added = await archiveHashes(path);
    expect(await goOn(await redoRun(path, ["p3.png"], { pages: { seed: 4 } }))).toMatchObject({ done: ["p3.png@4"] });
    const again = await archiveHashes(path);
    expect(again).toEqual({ ...added, "p3_colorized.png": expect.any(String) as string });
    expect(Object.keys(again)).toHaveLength(6);
    await changeArchive(path, { "p1_colorized.png": pages[1]! });
    expect(await goOn(await redoRun(path, ["p2.png"], { pages: { seed: 4 } }))).toMatchObject({ done: ["p2.png@4"] });
    const touched = await archiveHashes(path);
    expect(touched["p1_colorized.png"]).toBe(digest(pages[1]!)); // another page's change stays where it is
    const before = await readFile(path);
    const warnings: string[] = [];
    const redone = await redoRun(path, ["p1.png"], { pages: { seed: 5 } });
    const { output } = await runBatch(engine, redone.config, {
      ...redone.options,
      onEvent: (event) => void (event.type === "warning" && warnings.push(event.message)),
    });
    expect(output).toBe(at("edited_1.cbz"));
    expect(warnings).toContainEqual(
      expect.stringMatching(/edited\.cbz holds "p1_colorized\.png".* and is kept; the result is .*edited_1\.cbz$/),
    );
    expect(before.equals(await readFile(path))).toBe(true);
    expect(await archiveHashes(output!)).toEqual({ ...touched, "p1_colorized.png": expect.any(String) as string });
  });

  it("says which page is meant where a name is wrong, and touches nothing", async () => {
    await run(settings({ outputZip: at("names.cbz") }));
    const before = await readFile(at("names.cbz"));
    for (const [name, text, remedy = expect.any(String) as string] of [
      ["p22.png", /has no page "p22\.png"$/, "did you mean p2.png?"],
      ["nothing like it", /its pages are p1\.png, p2\.png, p3\.png/],
    ] as const) {
      await expect(redoRun(at("names.cbz"), ["p1.png", name])).rejects.toMatchObject({
        code: "ERR_INPUT_NOT_FOUND",
        message: expect.stringMatching(text) as string,
        remedy,
      });
    }
    expect(before.equals(await readFile(at("names.cbz")))).toBe(true);
    expect((await readdir(root)).filter((name) => name.startsWith("names"))).toEqual(["names.cbz"]);
  });
});

describe("retry", () => {
  it("tries the failed pages again, with other settings where asked; metadata and failures.json follow", async () => {
    await writeFolder(at("in-failed"), {
      "p1.png": pages[0]!,
      "p2.png": Buffer.from("no picture"),
      "p3.png": pages[2]!,
    });
    const own = settings({ inputDir: at("in-failed"), outputZip: at("failed.cbz") });
    await run(own);
    expect((await goOn((await retryRun(at("failed.cbz"), { failedOnly: true }))!)).summary).toMatchObject({
      completed: 2,
      failed: 1,
      failures: [{ page: "p2.png" }],
    });
    expect(await readdir(at("failed.cbz.cobra-batch"))).toContain("failures.json");
    await writeFile(at("in-failed/p2.png"), pages[1]!);
    const again = await retryRun(at("failed.cbz"), { failedOnly: true, changes: { pages: { seed: 6 } } });
    expect(await goOn(again!)).toMatchObject({
      done: ["p2.png@6"],
      summary: { completed: 3, failed: 0, output: at("failed.cbz") },
    });
    expect((await readdir(root)).filter((name) => name.startsWith("failed"))).toEqual(["failed.cbz"]);
    expect(await retryRun(at("failed.cbz"), { failedOnly: true })).toBeUndefined();
    expect(await runCli(["retry", at("failed.cbz"), "--failed"])).toMatchObject({
      code: 0,
      stderr: expect.stringContaining("no page") as string,
    });
  });

  it("knows an archive's failed pages by the archive alone, and keeps the others' pictures", async () => {
    const inputDir = at("in-lone");
    await writeFolder(inputDir, { "p1.png": pages[0]!, "p2.png": Buffer.from("no picture"), "p3.png": pages[2]! });
    for (const again of [
      async () => retryRun(at("lone.cbz"), { failedOnly: true }),
      async () => retryRun(at("lone.cbz")),
      async () => redoRun(at("lone.cbz"), ["p2.png"], { pages: { seed: 0 } }),
    ]) {
      await writeFile(join(inputDir, "p2.png"), "no picture");
      await run(settings({ inputDir, outputZip: at("lone.cbz") }));
      const before = await archiveHashes(at("lone.cbz"));
      await rm(at("lone.cbz.cobra-batch"), { recursive: true });
      await changeArchive(at("lone.cbz"), { "notes.txt": Buffer.from("mine") });
      await rename(join(inputDir, "p1.png"), at("p1.png"));
      await expect(again()).rejects.toMatchObject({ code: "ERR_INPUT_NOT_FOUND" });
      await rename(at("p1.png"), join(inputDir, "p1.png"));
      await writeFile(join(inputDir, "p2.png"), pages[1]!);
      expect(await goOn((await again())!)).toMatchObject({
        done: ["p2.png@0"],
        summary: { completed: 3, failed: 0, output: at("lone.cbz") },
      });
      expect(await archiveHashes(at("lone.cbz"))).toEqual({
        ...before,
        "notes.txt": digest(Buffer.from("mine")),
        "p2_colorized.png": expect.any(String) as string,
      });
      expect((await readdir(root)).filter((name) => name.startsWith("lone"))).toEqual(["lone.cbz"]);
      await rm(at("lone.cbz"));
    }
  });
});

describe("an archive that is there", () => {
  it("stays where no page, or not each of its pages, can be coloured again, and where it is another chapter's", async () => {
    const inputDir = at("in-kept");
    await writeFolder(inputDir, { "p1.png": pages[0]!, "p2.png": pages[1]!, "p3.png": Buffer.from("no picture") });
    const own = settings({ inputDir, outputZip: at("kept.cbz") });
    await run(own);
    const before = await readFile(at("kept.cbz"));
    for (const names of [["p2.png"], ["p1.png", "p2.png"]]) {
      for (const name of names) await writeFile(join(inputDir, name), "no picture");
      expect((await run(own)).summary).toMatchObject({ failed: 1 + names.length });
      expect(before.equals(await readFile(at("kept.cbz")))).toBe(true);
    }
    await writeFile(at("mine.cbz"), "mine");
    await run(settings({ inputDir, outputZip: at("mine.cbz"), overwrite: true }));
    expect(await readFile(at("mine.cbz"), "utf8")).toBe("mine");
    // Another chapter, with a page of credits that both have.
    await writeFolder(at("in-other"), { "p1.png": pages[2]!, "p2.png": pages[1]! });
    const other = await run(settings({ inputDir: at("in-other"), outputZip: at("kept.cbz") }));
    expect(other.summary.output).toBe(at("kept_1.cbz"));
    expect(before.equals(await readFile(at("kept.cbz")))).toBe(true);
  });

  it("is replaced by that of the same chapter, also from another place", async () => {
    await writeFolder(at("in-before"), { "p1.png": pages[0]!, "p2.png": Buffer.from("no picture") });
    await run(settings({ inputDir: at("in-before"), outputZip: at("moved.cbz") }));
    await writeFolder(at("in-after"), { "p1.png": pages[0]!, "p2.png": pages[1]! });
    const { done, summary } = await run(settings({ inputDir: at("in-after"), outputZip: at("moved.cbz") }));
    expect([done, summary.output]).toEqual([["p2.png@0"], at("moved.cbz")]);
    expect((await readdir(root)).filter((name) => name.startsWith("moved"))).toEqual(["moved.cbz"]);
  });
});

describe("a run that cannot be gone on with", () => {
  it("is an ERR_RUN_NOT_FOUND without a journal, an ERR_OUTPUT_LOCKED while it runs, an ERR_STATE without a preview", async () => {
    for (const output of [at("in"), at("nowhere"), at("in/p1.png")]) {
      for (const act of [approveRun, rejectRun, retryRun])
        await expect(act(output)).rejects.toMatchObject({ name: "BatchProcessingError", code: "ERR_RUN_NOT_FOUND" });
      await expect(redoRun(output, ["p1.png"])).rejects.toMatchObject({ code: "ERR_RUN_NOT_FOUND" });
    }
    await run(settings({ outputDir: at("plain") }));
    for (const act of [approveRun, rejectRun])
      await expect(act(at("plain"))).rejects.toMatchObject({
        code: "ERR_STATE",
        remedy: expect.stringContaining("--preview") as string,
      });
    const journal = await LockedJournal.open(at("plain/.cobra-batch"), at("plain"));
    await expect(redoRun(at("plain"), ["p1.png"])).rejects.toMatchObject({
      code: "ERR_OUTPUT_LOCKED",
      message: expect.stringMatching(new RegExp(`process ${process.pid} .*since`)) as string,
    });
    const locked = await runCli(["redo", at("plain"), "p1.png"]);
    expect(locked).toMatchObject({ code: 75, stderr: expect.stringContaining(`process ${process.pid}`) as string });
    await journal.close();
  });
});

async function entry(path: string, name: string): Promise<Uint8Array> {
  const source = await openPageSource(path);
  try {
    return await source
      .entries()
      .find((one) => one.name === name)!
      .read();
  } finally {
    await source.close();
  }
}
