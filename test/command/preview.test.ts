// A preview: the first pages, then the batch waits. As a program sees it (BatchProcessor) and as commands (exit code 3,
// approve, reject).
import { mkdtemp, readdir, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { Engine } from "../../src/colorization/engine.js";
import { parseBatchConfig, type BatchConfigInput } from "../../src/config/batch-config.js";
import { BatchProcessor, type BatchProcessorOptions } from "../../src/core/batch-processor.js";
import { runBatch } from "../../src/core/run-batch.js";
import type { BatchEvent } from "../../src/core/events.js";
import { colourPage, linePage, writeFolder } from "../support/chapter.js";
import { runCli, type CliResult } from "../support/cli.js";
import { SMALL_MODEL } from "../support/shared-models.js";

vi.setConfig({ testTimeout: 300_000, hookTimeout: 120_000 }); // many runs in processes of their own

let root: string;
let engine: Engine;
let outputs = 0;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-preview-"));
  await writeFolder(at("refs"), { "x.jpg": await colourPage(1) });
  const pages = await Promise.all([1, 2, 3].map((seed) => linePage(seed)));
  await writeFolder(at("in"), { "p1.png": pages[0]!, "p2.png": pages[1]!, "p3.png": pages[2]! });
  await writeFolder(at("faulty"), { "p1.png": Buffer.from("no picture"), "p2.png": pages[1]!, "p3.png": pages[2]! });
  engine = await Engine.open({ model: SMALL_MODEL, session: { intraOpThreads: 1 } });
});

afterAll(async () => {
  await engine.close();
  await rm(root, { recursive: true, force: true });
});

function settings(own: Partial<BatchConfigInput> = {}): BatchConfigInput {
  return {
    inputDir: at("in"),
    outputDir: at(`out-${outputs++}`),
    referenceImages: [at("refs")],
    numInferenceSteps: 1,
    previewMode: true,
    ...own,
  } as BatchConfigInput;
}

function processor(
  own: Partial<BatchConfigInput> = {},
  options: BatchProcessorOptions = {},
): { batch: BatchProcessor; events: BatchEvent[]; out: string } {
  const { config } = parseBatchConfig(settings(own));
  const events: BatchEvent[] = [];
  const onEvent = (event: BatchEvent): void => (events.push(event), options.onEvent?.(event));
  return {
    batch: new BatchProcessor(engine, config, { ...options, onEvent }),
    events,
    out: (config.outputDir ?? config.outputZip)!,
  };
}

async function ready(batch: BatchProcessor): Promise<void> {
  for await (const event of batch.events()) if (event.type === "preview-ready") return;
}

const pictures = async (folder: string): Promise<string[]> =>
  (await readdir(folder)).filter((name) => name.endsWith(".png")).toSorted();
const completed = (events: readonly BatchEvent[]): [string, number][] =>
  events.flatMap((event) => (event.type === "page-completed" && event.kept !== true ? [[event.page, event.seed]] : []));

describe("a preview in a program", () => {
  it("does the first page and waits; approvePreview() goes on with all pages", async () => {
    const { batch, events, out } = processor();
    expect([batch.isPreviewMode(), batch.isWaitingForPreviewApproval()]).toEqual([true, false]);
    expect(() => batch.getPreviewResult()).toThrow(
      expect.objectContaining({ name: "BatchProcessingError", code: "ERR_STATE" }),
    );
    const run = batch.startProcessing();
    await ready(batch);
    expect([batch.isWaitingForPreviewApproval(), await pictures(out)]).toEqual([true, ["p1_colorized.png"]]);
    expect(batch.getPreviewResult()).toMatchObject({
      pages: [{ page: "p1.png", seed: 0, output: join(out, "p1_colorized.png") }],
      failures: [],
      settings: { seed: 0 },
    });
    expect(batch.getStatus()).toMatchObject({ state: "running", summary: { completed: 1, pending: 2 } });
    batch.approvePreview();
    expect(await run).toMatchObject({ completed: 3, unfinished: 0 });
    expect(completed(events)).toEqual([
      ["p1.png", 0],
      ["p2.png", 0],
      ["p3.png", 0],
    ]);
    expect(() => batch.approvePreview()).toThrow(expect.objectContaining({ code: "ERR_STATE" }));
    expect(() => batch.rejectPreview()).toThrow(expect.objectContaining({ code: "ERR_STATE" }));
  });

  it("rejectPreview() puts the page back in the queue, to run again with other settings, not like it (there: the page was lost)", async () => {
    const { batch, events, out } = processor();
    const run = batch.startProcessing();
    await ready(batch);
    const first = await readFile(join(out, "p1_colorized.png"));
    expect(() => batch.rejectPreview({ seed: -1 })).toThrow(expect.objectContaining({ code: "ERR_CONFIG" }));
    batch.rejectPreview({ seed: 7, topK: 1 });
    await ready(batch);
    expect(batch.getStatus().summary).toMatchObject({ total: 3, completed: 1, pending: 2 });
    expect(batch.getPreviewResult()).toMatchObject({
      pages: [{ page: "p1.png", seed: 7 }],
      settings: { seed: 7, topK: 1 },
    });
    expect(await pictures(out)).toEqual(["p1_colorized.png"]);
    expect(first.equals(await readFile(join(out, "p1_colorized.png")))).toBe(false);
    batch.approvePreview();
    expect(await run).toMatchObject({ total: 3, completed: 3 });
    expect(completed(events)).toEqual([
      ["p1.png", 0],
      ["p1.png", 7],
      ["p2.png", 7],
      ["p3.png", 7],
    ]);
    expect(events.filter(({ type }) => type.startsWith("preview")).map(({ type }) => type)).toEqual([
      "preview-ready",
      "preview-rejected",
      "preview-ready",
      "preview-approved",
    ]);
    expect(events.find((event) => event.type === "preview-rejected")).toMatchObject({
      pages: ["p1.png"],
      progress: { total: 3, completed: 0, failed: 0, unfinished: 3 },
    });
    expect(await pictures(out)).toEqual(["p1_colorized.png", "p2_colorized.png", "p3_colorized.png"]);
  });

  it("shows pages that can be coloured: a broken first page is reported and the next one taken", async () => {
    const { batch } = processor({ inputDir: at("faulty"), previewPages: 2 });
    const run = batch.startProcessing();
    await ready(batch);
    expect(batch.getPreviewResult()).toMatchObject({
      pages: [{ page: "p2.png" }, { page: "p3.png" }],
      failures: [{ page: "p1.png", code: "ERR_IMAGE_DECODE" }],
    });
    batch.approvePreview();
    expect(await run).toMatchObject({ completed: 2, failed: 1 });
  });

  it("left by close(), cancelProcessing() or runBatch waits for a later run, which shows the same pictures", async () => {
    const own = settings();
    const { batch } = processor(own);
    const run = batch.startProcessing();
    await ready(batch);
    await batch.close();
    expect(await run).toMatchObject({ completed: 1, unfinished: 2, preview: { pages: [{ page: "p1.png" }] } });

    const cancelled = processor(own);
    const second = cancelled.batch.startProcessing();
    await ready(cancelled.batch);
    await cancelled.batch.cancelProcessing();
    expect(await second).toMatchObject({ completed: 1, preview: { pages: [{ page: "p1.png" }] } });
    expect(completed(cancelled.events)).toEqual([]);

    const { config } = parseBatchConfig(own);
    expect(await runBatch(engine, config)).toMatchObject({ unfinished: 2, preview: { pages: [{ page: "p1.png" }] } });
    const fault = new Error("nobody there");
    await expect(runBatch(engine, config, { onPreview: () => Promise.reject(fault) })).rejects.toBe(fault);
    const decisions = [{ type: "reject", settings: { seed: 2 } }, { type: "approve" }] as const;
    let asked = 0;
    expect(await runBatch(engine, config, { onPreview: async () => decisions[asked++] })).toMatchObject({
      completed: 3,
      unfinished: 0,
    });
    expect(await runBatch(engine, config)).toMatchObject({ completed: 3, unfinished: 0 }); // approved is approved
  });
});

describe("a preview in commands", () => {
  const flags = (): string[] => ["--model", SMALL_MODEL, "--threads", "1", "--quiet"];

  it("ends with exit code 3 and says how it goes on; reject makes it again, approve does the rest, in a folder", async () => {
    const out = at("cli-out");
    const command = [
      "colorize",
      at("in"),
      "--reference-dir",
      at("refs"),
      "--output-dir",
      out,
      "--steps",
      "1",
      "--preview",
      "--model",
      SMALL_MODEL,
      "--threads",
      "1",
    ];
    const first = await runCli(command);
    expect(first).toMatchObject({ code: 3, stdout: `${join(out, "p1_colorized.png")}\n` });
    expect(first.stderr).toMatch(new RegExp(`node \\S+main\\.js approve ${out}`));
    expect(first.stderr).toMatch(new RegExp(`node \\S+main\\.js reject ${out} --set`));
    const before = await readFile(join(out, "p1_colorized.png"));
    expect(await runCli([...command, "--quiet"])).toMatchObject({ code: 3 });
    expect(before.equals(await readFile(join(out, "p1_colorized.png")))).toBe(true);
    expect(await runCli(["reject", out, "--set", "seed=5", "--set", "top_k=1", ...flags()])).toMatchObject({ code: 3 });
    expect(before.equals(await readFile(join(out, "p1_colorized.png")))).toBe(false);
    expect(await runCli(["approve", out, ...flags()])).toMatchObject({ code: 0, stdout: `${out}\n`, stderr: "" });
    expect(await pictures(out)).toEqual(["p1_colorized.png", "p2_colorized.png", "p3_colorized.png"]);
    const { pages } = JSON.parse(await readFile(join(out, "processing_metadata.json"), "utf8")) as {
      pages: { seed: number }[];
    };
    expect(pages.map(({ seed }) => seed)).toEqual([5, 5, 5]);
    const again = await runCli(command);
    expect(again.code).toBe(0);
    expect(again.stderr.match(/finished earlier\)/g)).toHaveLength(3);
    expect((await runCli(["reject", out, ...flags()])).stderr).toContain("[ERR_STATE]");
  });

  it("goes on with the devices and the size of batches that it was begun with; flags say otherwise", async () => {
    const out = at("lanes-out");
    const begin = [
      "colorize",
      at("in"),
      "--reference-dir",
      at("refs"),
      "--output-dir",
      out,
      "--steps",
      "1",
      "--preview",
    ];
    const lanes = ["--devices", "cpu,cpu", "--max-batch", "2"];
    expect(await runCli([...begin, ...lanes, "--model", SMALL_MODEL])).toMatchObject({ code: 3 });
    const devicesOf = async (args: string[]): Promise<Set<string | undefined>> => {
      const { stdout } = await runCli([...args, "--json"]);
      const events = stdout
        .trim()
        .split("\n")
        .map((text) => JSON.parse(text) as { type: string; stage?: string; device?: string });
      return new Set(
        events.flatMap(({ type, stage, device }) => (type === "page-stage" && stage === "lines" ? [device] : [])),
      );
    };
    // Named on the line of a page's stages where there are several.
    expect(await devicesOf(["reject", out])).toContain("cpu");
    const [journal] = (await readdir(out, { recursive: true })).filter((name) => name.endsWith("journal.ndjson"));
    const text = await readFile(join(out, journal!), "utf8");
    expect(text).toContain('"lanes":{"devices":["cpu","cpu"],"maxBatch":2}');
    expect(await devicesOf(["approve", out, "--devices", "cpu"])).toEqual(new Set([undefined]));
  });

  it("may be a grid of seeds on one sheet, of which approve --seed takes one for all pages, into an archive", async () => {
    const out = at("grid.cbz");
    const shown = await runCli([
      "colorize",
      at("in"),
      "--reference-dir",
      at("refs"),
      "--output-zip",
      out,
      "--steps",
      "1",
      "--preview",
      "--preview-seeds",
      "3",
      ...flags(),
    ]);
    const sheet = join(`${out}.cobra-batch`, "preview", "sheet.png");
    expect(shown).toMatchObject({ code: 3, stdout: `${sheet}\n` });
    expect(await pictures(join(sheet, ".."))).toEqual([
      "p1_colorized_seed0.png",
      "p1_colorized_seed1.png",
      "p1_colorized_seed2.png",
      "sheet.png",
    ]);
    expect(await sharp(sheet).metadata()).toMatchObject({ width: 3 * 372 + 12, channels: 3 });
    for (const args of [[], ["--seed", "9"]])
      expect(await runCli(["approve", out, ...args, ...flags()])).toMatchObject({
        code: 64,
        stderr: expect.stringContaining("0, 1, 2") as string,
      });
    const chosen = await readFile(join(sheet, "..", "p1_colorized_seed1.png"));
    expect(await runCli(["approve", out, "--seed", "1", ...flags()])).toMatchObject({ code: 0, stdout: `${out}\n` });
    const { openPageSource } = await import("../../src/io/open-source.js");
    const source = await openPageSource(out);
    const picture = await source
      .entries()
      .find(({ name }) => name === "p1_colorized.png")!
      .read();
    await source.close();
    expect(chosen.equals(picture)).toBe(true);
    expect((await readdir(root)).filter((name) => name.startsWith("grid"))).toEqual(["grid.cbz"]);
  });

  it("answers what cannot be with a clear error", async () => {
    const cases: [string[], Partial<CliResult>, RegExp][] = [
      [["approve", at("nowhere")], { code: 1 }, /no such folder or archive.*\[ERR_RUN_NOT_FOUND\]/],
      [["approve", at("in")], { code: 1 }, /holds no journal.*\[ERR_RUN_NOT_FOUND\]/],
      [["reject", at("in"), "--set", "sead=1"], { code: 64 }, /write seed in place of sead.*\[ERR_CONFIG\]/],
      [["reject", at("in"), "--set", "seed"], { code: 64 }, /key=value/],
      [["reject", at("in"), "--set", "outputDir=x"], { code: 64 }, /cannot be changed here/],
      [["reject", at("in"), "--set", "seed=-1"], { code: 64 }, /seed.*-1/],
    ];
    for (const [args, result, text] of cases) {
      const answer = await runCli(args);
      expect(answer.stderr).toMatch(text);
      expect(answer).toMatchObject(result);
    }
  });
});
