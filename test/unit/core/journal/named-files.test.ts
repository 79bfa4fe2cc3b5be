// Records of a run that were copied or downloaded may name any file of this computer. They are read with what they name
// only where they lie as they were written; of others, all files must be known by hash or named.
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { parseBatchConfig, type BatchConfigInput } from "../../../../src/config/batch-config.js";
import { approveRun, redoRun, rejectRun, retryRun } from "../../../../src/core/continue-run.js";
import { runBatch } from "../../../../src/core/run-batch.js";
import type { JournalEntry, RunRecord } from "../../../../src/core/journal/entries.js";
import { findRun } from "../../../../src/core/journal/find-run.js";
import { journalLine } from "../../../../src/core/journal/journal.js";
import { isPlace, placeOf, type Place } from "../../../../src/core/journal/place.js";
import { ImageProcessingError } from "../../../../src/errors.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import { sha256 } from "../../../../src/platform/sha256.js";
import { colourPage, linePage, writeFolder } from "../../../support/chapter.js";
import { paperEngine } from "../../../support/paper-engine.js";

let root: string;
let page: Buffer;
const at = (name: string): string => join(root, name);

beforeEach(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-named-"));
  page = await linePage(1);
  for (const folder of ["private", "named"]) await writeFolder(at(folder), { "001.png": page });
  await writeFolder(at("refs"), { "r.jpg": await colourPage(1) });
});
afterEach(() => rm(root, { recursive: true, force: true }));

/** Settings of the paper engine's chapter. */
const chapter = (own: Partial<BatchConfigInput>): BatchConfigInput => ({
  inputDir: at("named"),
  referenceImages: [at("refs")],
  ...own,
});
const failing = () =>
  paperEngine(({ name }) => {
    throw new ImageProcessingError("ERR_RUN", `${name} fails`, { imagePath: name });
  });

interface Foreign {
  readonly inputSha256?: string;
  readonly config?: Partial<BatchConfigInput>;
  readonly record?: Partial<RunRecord>;
  readonly more?: readonly JournalEntry[];
  readonly place?: Place;
}

/** An output folder with a journal that names the private folder, and a failed page. */
async function download(name: string, { inputSha256, config: own, record, more = [], place }: Foreign = {}) {
  const work = at(`${name}/.cobra-batch`);
  await mkdir(work, { recursive: true });
  const { config } = parseBatchConfig({ inputDir: at("private"), outputDir: at(name), ...own });
  const failure = { page: "001.png", stage: "decode", code: "ERR_RUN", message: "m", remedy: "r" } as const;
  const model = { directory: at("model-that-came-along"), name: "m", hash: "h" };
  const entries: JournalEntry[] = [
    {
      type: "run",
      job: "j",
      at: new Date(0).toISOString(),
      record: { config, pageConfigs: {}, model, session: {}, ...record },
      ...(place && { place }),
    },
    { type: "failed", page: "001.png", fingerprint: "f", inputSha256: inputSha256 ?? (await sha256(page)), failure },
    { type: "preview", state: "waiting", result: { pages: [], failures: [] } as never },
    ...more,
  ];
  await writeFile(join(work, "journal.ndjson"), entries.map(journalLine).join(""));
  return at(name);
}

describe("records from elsewhere", () => {
  it.each([
    ["retry", (output: string) => retryRun(output, { failedOnly: true })],
    ["redo", (output: string) => redoRun(output, ["001.png"])],
  ])("%s refuses an input whose pages they do not know, and takes one that is named", async (name, run) => {
    for (const inputSha256 of ["0".repeat(64), ""]) {
      const output = await download(`foreign-${name}`, { inputSha256 });
      await expect(run(output)).rejects.toMatchObject({
        code: "ERR_CONFIG",
        message: expect.stringMatching(/copied or downloaded, .*private, with pages /) as string,
        remedy: expect.stringContaining("--set inputDir=") as string,
      });
      const changes = { batch: { inputDir: at("named") } };
      const named =
        name === "retry" ? await retryRun(output, { changes }) : await redoRun(output, ["001.png"], changes);
      expect(named?.config.inputDir).toBe(at("named"));
    }
  });

  it("are believed about a page that they know by its hash, and about no other", async () => {
    const output = await download("known");
    expect((await retryRun(output, { failedOnly: true }))?.config.inputDir).toBe(at("private"));
    for (const all of [() => retryRun(output), () => rejectRun(output)])
      await expect(all()).rejects.toMatchObject({ remedy: expect.stringContaining("--set inputDir=") as string });
    await expect(approveRun(output)).rejects.toMatchObject({
      remedy: expect.stringMatching(/^run the colorize command again/) as string,
    });
  });

  it.each<[string, Foreign, RegExp, remedy?: string]>([
    [
      "references",
      { config: { referenceImages: ["/etc"] } },
      /the reference \/etc$/,
      "name the references with --set referenceDir=…",
    ],
    ["references of a page", { record: { pageConfigs: { "*": { referenceImages: ["/etc"] } } } }, /reference \/etc$/],
    ["hints of a page", { record: { pageConfigs: { "*": { colorHints: "/etc/x.png" } } } }, /hints \/etc\/x\.png$/],
    [
      "references of an added page",
      { record: { added: [{ inputPath: "001.png", config: { referenceImages: ["/etc"] } }] } },
      /reference \/etc$/,
    ],
    [
      "references that were changed later",
      { more: [{ type: "adjust", page: "001.png", settings: { referenceImages: ["/etc"] } }] },
      /reference \/etc$/,
    ],
  ])(
    "do not name %s",
    async (_what, foreign, message, remedy = "run the colorize command again, which names all files") => {
      const output = await download("files", foreign);
      const run = retryRun(output, { failedOnly: true, changes: { batch: { inputDir: at("named") } } });
      await expect(run).rejects.toMatchObject({
        code: "ERR_CONFIG",
        message: expect.stringMatching(message) as string,
        remedy,
      });
    },
  );

  it("take references that are named, and never a model that came along", async () => {
    const output = await download("refs-named", { config: { referenceImages: ["/etc"] } });
    const changes = { batch: { inputDir: at("named"), referenceImages: [at("refs")] } };
    const run = await retryRun(output, { changes });
    expect(run?.config.referenceImages).toEqual([at("refs")]);
    expect(run?.record.model.directory).toBe("");
  });

  it("stay so when a page was done again with a named input", async () => {
    const output = await download("stays");
    const run = await retryRun(output, { failedOnly: true, changes: { batch: { referenceImages: [at("refs")] } } });
    await runBatch(paperEngine(), run!.config, run!.options);
    expect((await findRun(output)).isFromHere).toBe(false);
  });
});

it("colorize leaves out changed settings that name files, and says so; other changes stay", async () => {
  const own = chapter({ outputDir: at("out") });
  await runBatch(paperEngine(), own);
  const changes = { referenceImages: [at("refs")], seed: 7 };
  const run = await redoRun(at("out"), ["001.png"], { pages: changes });
  await runBatch(paperEngine(), run.config, run.options);
  await cp(at("out"), at("copy"), { recursive: true });
  const engine = paperEngine();
  const warnings: string[] = [];
  await runBatch(
    engine,
    { ...own, outputDir: at("copy") },
    {
      onEvent: (event) => void (event.type === "warning" && warnings.push(`${event.message}; ${event.remedy}`)),
    },
  );
  expect(engine.requests.map(({ settings }) => settings.seed)).toEqual([7]);
  expect(warnings).toContainEqual(expect.stringMatching(/copied or downloaded.*001\.png.*name them again/));
  expect((await findRun(at("copy"))).history.adjustments.pages).toEqual({ "001.png": { seed: 7 } });
  expect((await findRun(at("out"))).history.adjustments.pages).toEqual({ "001.png": changes });
});

describe("records that lie where they were written", () => {
  it("need no flag, also when the only page was repaired since", async () => {
    await runBatch(failing(), chapter({ outputDir: at("out") }));
    await writeFile(at("named/001.png"), await linePage(2));
    const run = await retryRun(at("out"), { failedOnly: true });
    expect(await runBatch(paperEngine(), run!.config, run!.options)).toMatchObject({ completed: 1, failed: 0 });
    await writeFile(at("named/001.png"), await linePage(3));
    const again = await redoRun(at("out"), ["001.png"]);
    expect(await runBatch(paperEngine(), again.config, again.options)).toMatchObject({ completed: 1, failed: 0 });
  });

  it("need none as an archive either, with a page of changed hints; the archive does not say where it was made", async () => {
    await runBatch(paperEngine(), chapter({ outputZip: at("out.cbz") }));
    await writeFile(at("named/001.png"), await linePage(2));
    await writeFile(at("hints.png"), await hintPicture());
    for (const colorHints of [at("hints.png"), undefined]) {
      const run = await redoRun(at("out.cbz"), ["001.png"], {
        pages: colorHints === undefined ? { seed: 5 } : { colorHints },
      });
      const engine = paperEngine();
      expect(await runBatch(engine, run.config, run.options)).toMatchObject({ completed: 1, failed: 0 });
      expect(engine.requests[0]?.hints).toMatchObject({ name: at("hints.png") });
      expect(await metadataOf(at("out.cbz"))).not.toContain(root);
    }
    expect((await findRun(at("out.cbz"))).isFromHere).toBe(true);
  });

  it("are known after the output was moved, and not in a copy of it", async () => {
    await runBatch(failing(), chapter({ outputDir: at("out") }));
    await rename(at("out"), at("moved"));
    expect((await findRun(at("moved"))).isFromHere).toBe(true);
    await cp(at("moved"), at("copy"), { recursive: true });
    expect((await findRun(at("copy"))).isFromHere).toBe(false);
  });

  it("are known by one mark, and not without any", async () => {
    const marks = (await placeOf(at("named")))!;
    expect(await isPlace({ path: "x", folder: marks.folder }, at("named"))).toBe(true);
    expect(await isPlace({ path: marks.path }, at("named"))).toBe(true);
    expect(await isPlace({ path: "x" }, at("named"))).toBe(false);
    expect(await isPlace(undefined, at("named"))).toBe(false);
    expect(await isPlace(marks, at("nowhere"))).toBe(false);
    expect(JSON.stringify(marks)).not.toContain("named");
  });
});

it("redo of an archive is refused where the input has lost another of its pages", async () => {
  await writeFolder(at("two"), { "001.png": page, "002.png": await linePage(2) });
  await runBatch(paperEngine(), chapter({ inputDir: at("two"), outputZip: at("two.cbz") }));
  const before = await readFile(at("two.cbz"));
  await rm(at("two/002.png"));
  await expect(redoRun(at("two.cbz"), ["001.png"])).rejects.toMatchObject({
    code: "ERR_INPUT_NOT_FOUND",
    message: expect.stringMatching(/two has no 002\.png, /) as string,
    remedy: expect.stringMatching(/^put it back/) as string,
  });
  expect(await readFile(at("two.cbz"))).toEqual(before);
});

describe("a finished archive", () => {
  const finished = async (): Promise<string> => {
    await runBatch(paperEngine(), chapter({ outputZip: at("done.cbz") }));
    return at("done.cbz");
  };
  const beside = async (): Promise<string[]> =>
    (await readdir(root)).filter((name) => name.startsWith("done")).toSorted();

  it("has no preview to approve or reject, and stays as it was", async () => {
    const path = await finished();
    const before = await readFile(path);
    await expect(approveRun(path)).rejects.toMatchObject({ code: "ERR_STATE" });
    await expect(rejectRun(path)).rejects.toMatchObject({ code: "ERR_STATE" });
    expect(await beside()).toEqual(["done.cbz"]);
    expect((await runBatch(failing(), chapter({ outputZip: path }))).failed).toBe(0); // nothing is coloured again
    expect(await readFile(path)).toEqual(before);
  });

  it("counts where a kill has left a journal without a line beside it", async () => {
    const path = await finished();
    await mkdir(`${path}.cobra-batch`);
    await writeFile(`${path}.cobra-batch/journal.ndjson`, "");
    expect(await retryRun(path)).toBeUndefined();
    expect((await runBatch(failing(), chapter({ outputZip: path }))).failed).toBe(0);
    const { config, options } = await redoRun(path, ["001.png"]);
    await runBatch(paperEngine(), config as BatchConfigInput, options);
    expect(await beside()).toEqual(["done.cbz"]);
  });
});

async function hintPicture(): Promise<Buffer> {
  const background = { r: 0, g: 0, b: 0, alpha: 0 };
  return sharp({ create: { width: 8, height: 8, channels: 4, background } })
    .png()
    .toBuffer();
}

async function metadataOf(path: string): Promise<string> {
  const source = await openPageSource(path);
  try {
    const entry = source.entries().find(({ name }) => name === "processing_metadata.json")!;
    return Buffer.from(await entry.read()).toString();
  } finally {
    await source.close();
  }
}

it("an archive that was moved to another folder by itself says all that must be named", async () => {
  const { config } = parseBatchConfig(chapter({ outputZip: at("out.cbz") }));
  await runBatch(paperEngine(), config);
  await mkdir(at("library"));
  await rename(at("out.cbz"), at("library/out.cbz"));
  const moved = at("library/out.cbz");
  const refusal = (remedy: string): object => ({
    code: "ERR_CONFIG",
    message: expect.stringContaining(`${moved} was copied, downloaded or moved to another folder`) as string,
    remedy,
  });
  const input = "name the input with --set inputDir=… or --set inputZip=…";
  await expect(redoRun(moved, ["001.png"])).rejects.toMatchObject(
    refusal(`name the references with --set referenceDir=…, and ${input}`),
  );
  const batch = { referenceImages: [at("refs")] };
  await expect(redoRun(moved, ["001.png"], { batch })).rejects.toMatchObject(refusal(input));
  const named = await redoRun(moved, ["001.png"], { batch: { ...batch, inputDir: at("named") } });
  expect(await runBatch(paperEngine(), named.config, named.options)).toMatchObject({ completed: 1, output: moved });
});
