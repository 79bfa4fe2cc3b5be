// What somebody has changed or put into an output stays, whichever command goes on with it, also where the first one
// had --overwrite: each way to begin, each place of the edit, each command after it.
import { mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../src/config/batch-config.js";
import { approveRun, redoRun, rejectRun, retryRun, type Continuation } from "../../src/core/continue-run.js";
import { runBatch } from "../../src/core/run-batch.js";
import { BatchProcessingError, ImageProcessingError } from "../../src/errors.js";
import { openPageSource } from "../../src/io/open-source.js";
import { writeZip } from "../support/archives.js";
import { colourPage, onlyPage, writeFolder } from "../support/chapter.js";
import { onPaper, paperEngine } from "../support/paper-engine.js";

let root: string;
let failing: string;
const at = (name: string): string => join(root, name);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-user-edits-"));
  failing = "3.png";
  await writeFolder(at("refs"), { "a.jpg": await colourPage(1) });
  for (const seed of [1, 2, 3]) await writeFolder(at("in"), { [`${seed}.png`]: await onlyPage(seed) });
});
afterEach(() => rm(root, { recursive: true, force: true }));

async function run({ config, options }: Pick<Continuation, "config"> & Partial<Continuation>): Promise<void> {
  const engine = paperEngine((request) => {
    if (request.name === failing) throw new ImageProcessingError("ERR_RUN", "fails", { imagePath: request.name });
    return onPaper(request);
  });
  await runBatch(engine, config, options);
}

type Kind = "folder" | "archive";
const output = (kind: Kind): string => at(kind === "folder" ? "out" : "out.cbz");

async function colorize(kind: Kind, own: Partial<BatchConfigInput> = {}): Promise<void> {
  const named = kind === "folder" ? { outputDir: output(kind) } : { outputZip: output(kind) };
  const settings = { inputDir: at("in"), referenceImages: [at("refs")], ...named, ...own };
  await run({ config: parseBatchConfig(settings).config });
}

const COMMANDS: Record<string, (kind: Kind) => Promise<void>> = {
  approve: async (kind) => goOn(await approveRun(output(kind))),
  reject: async (kind) => goOn(await rejectRun(output(kind))),
  "redo of the edited page": async (kind) => goOn(await redoRun(output(kind), ["1.png"])),
  "redo of another page": async (kind) => goOn(await redoRun(output(kind), ["2.png"])),
  retry: async (kind) => goOn(await retryRun(output(kind))),
  "retry --failed": async (kind) => goOn(await retryRun(output(kind), { failedOnly: true })),
  colorize: (kind) => colorize(kind),
  "colorize with another seed": (kind) => colorize(kind, { seed: 9 }),
};
async function goOn(next: Continuation | undefined): Promise<void> {
  if (next !== undefined) await run(next);
}

/** Edits an output as a user does: a picture is retouched, and a file is put where a failed page has none. */
async function edit(kind: Kind): Promise<void> {
  if (kind === "folder") {
    for (const page of [1, 3]) await writeFile(join(output(kind), `${page}_colorized.png`), `mine ${page}`);
    return;
  }
  const source = await openPageSource(output(kind));
  const entries = await Promise.all(
    source.entries().map(async (entry) => [entry.name, Buffer.from(await entry.read())] as const),
  );
  await source.close();
  const added = { "1_colorized.png": Buffer.from("mine 1"), "notes.txt": Buffer.from("mine 3") };
  await writeZip(output(kind), { ...Object.fromEntries(entries), ...added });
}

/** All that lies in outputs, files of archives included. */
async function everything(): Promise<string[]> {
  const texts: string[] = [];
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    if (!entry.isFile() || path.startsWith(at("in"))) continue;
    if (!path.endsWith(".cbz")) texts.push(await readFile(path, "utf8"));
    else {
      const source = await openPageSource(path);
      for (const one of source.entries()) texts.push(Buffer.from(await one.read()).toString());
      await source.close();
    }
  }
  return texts;
}

/** A command that has nothing to do here says so; all else is a fault. */
async function does(command: string, kind: Kind): Promise<void> {
  await COMMANDS[command]!(kind).catch((error: unknown) => {
    if (!(error instanceof BatchProcessingError)) throw error;
  });
}

const BEGINNINGS: Record<string, Partial<BatchConfigInput>> = {
  "the first command": {},
  "--overwrite": { overwrite: true },
  "--preview, which was approved": { previewMode: true },
  "--preview --overwrite, which was approved": { previewMode: true, overwrite: true },
};

describe.each(["folder", "archive"] as const)("a user's edits of a %s stay", (kind) => {
  it.each(
    Object.keys(BEGINNINGS).flatMap((begun) => Object.keys(COMMANDS).map((command) => [begun, command] as const)),
  )("after %s: %s, twice", async (begun, command) => {
    const settings = BEGINNINGS[begun]!;
    await colorize(kind, settings);
    if (settings.previewMode === true) await goOn(await approveRun(output(kind)));
    await edit(kind);
    for (const nowFails of ["3.png", ""]) {
      failing = nowFails;
      await does(command, kind);
      expect(await everything()).toEqual(expect.arrayContaining(["mine 1", "mine 3"]));
    }
  });
});

it.each(Object.keys(COMMANDS))("a retouched picture of a preview with --overwrite stays: %s", async (command) => {
  await colorize("folder", { previewMode: true, overwrite: true });
  await writeFile(at("out/1_colorized.png"), "mine 1");
  await does(command, "folder");
  expect(await everything()).toContain("mine 1");
});
