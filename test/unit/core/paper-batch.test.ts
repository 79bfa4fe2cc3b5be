// A batch driven by a stand-in for the engine: what it asks for, how it takes results, failures and faults.
import { mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { pageRequestSchema } from "../../../src/colorization/request/page-request.js";
import { parseBatchConfig, type BatchConfigInput, type PageConfig } from "../../../src/config/batch-config.js";
import { BatchProcessor, type BatchProcessorOptions } from "../../../src/core/batch-processor.js";
import type { BatchEvent } from "../../../src/core/events.js";
import { findRun } from "../../../src/core/journal/find-run.js";
import { runBatch } from "../../../src/core/run-batch.js";
import { ResourceError } from "../../../src/errors.js";
import { memorySink } from "../../../src/io/memory-sink.js";
import { memorySource } from "../../../src/io/memory-source.js";
import { openPageSource } from "../../../src/io/open-source.js";
import type { PageSource } from "../../../src/io/page-source.js";
import { colourPage, linePage, writeFolder } from "../../support/chapter.js";
import { hashOf, onPaper, paperEngine, type PaperEngine } from "../../support/paper-engine.js";

let root: string;
let outputs = 0;
let reference: Buffer;
let page: Buffer;
const at = (name: string): string => join(root, name);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-paper-"));
  reference = await colourPage(1);
  page = await linePage(1);
  const names = Array.from({ length: 8 }, (_, index) => `p${index + 1}.png`);
  await writeFolder(at("in"), Object.fromEntries(names.map((name) => [name, page])));
  await writeFolder(at("refs"), { "a.jpg": reference });
});

afterAll(() => rm(root, { recursive: true, force: true }));

function batchOf(
  engine: PaperEngine,
  settings: Partial<BatchConfigInput> = {},
  options: BatchProcessorOptions = {},
): { batch: BatchProcessor; events: BatchEvent[]; out: string } {
  const out = at(`out-${outputs++}`);
  const events: BatchEvent[] = [];
  const { config } = parseBatchConfig({
    inputDir: at("in"),
    outputDir: out,
    referenceImages: [at("refs")],
    ...settings,
  });
  const onEvent = (event: BatchEvent): void => (events.push(event), options.onEvent?.(event));
  return { batch: new BatchProcessor(engine, config, { ...options, onEvent }), events, out };
}

const completed = (events: readonly BatchEvent[]): string[] =>
  events.flatMap((event) => (event.type === "page-completed" ? [event.page] : []));

describe("a batch without an engine", () => {
  it("asks for each page with a plain value and writes what it gets", async () => {
    const engine = paperEngine();
    const { batch, out } = batchOf(engine, { seed: 7, outputFormat: "webp", quality: 80 });
    await batch.addImages(["p1.png", { inputPath: "p2.png", config: { seed: 9 } }]);
    expect(await batch.startProcessing()).toMatchObject({ completed: 2, failed: 0 });
    const [first, second] = engine.requests;
    expect(pageRequestSchema.parse(structuredClone(first))).toEqual(structuredClone(first));
    expect(first).toMatchObject({
      name: "p1.png",
      settings: { seed: 7, style: "line + shadow", numInferenceSteps: 10, topK: 3 },
      output: { format: "webp", quality: 80, lossless: false },
      references: [{ name: "a.jpg", hash: hashOf(reference) }],
    });
    expect("bytes" in first!.page && hashOf(first!.page.bytes)).toBe(hashOf(page));
    expect(second!.settings.seed).toBe(9);
    expect(JSON.parse(await readFile(join(out, "p1_colorized.webp"), "utf8"))).toMatchObject({ name: "p1.png" });
    expect(engine.held).toEqual([]);
  });

  it("writes pages in order whoever is done first, and goes on where an earlier batch was", async () => {
    let release!: () => void;
    const fifth = new Promise<void>((resolve) => (release = resolve));
    const slow = paperEngine(async (request) => {
      if (request.name === "p5.png") release();
      if (request.name === "p1.png") await fifth;
      return onPaper(request);
    });
    const { batch, events, out } = batchOf(slow);
    await batch.startProcessing();
    expect(completed(events)).toEqual(["p1.png", "p2.png", "p3.png", "p4.png", "p5.png", "p6.png", "p7.png", "p8.png"]);
    const again = paperEngine();
    expect(await batchOf(again, { outputDir: out }).batch.startProcessing()).toMatchObject({ completed: 8 });
    expect(again.requests).toEqual([]);
  });

  it("has no more pages processing than maxConcurrent, from their colouring until they are written", async () => {
    const engine = paperEngine(async (request) => {
      await new Promise((resolve) => setImmediate(resolve));
      most = Math.max(most, batch.getStatus().summary.processing);
      return onPaper(request);
    });
    let most = 0;
    const { batch } = batchOf(engine, { maxConcurrent: 1 });
    await batch.startProcessing();
    expect([engine.mostInColouring, most]).toEqual([1, 1]);
  });

  it("keeps a page's failure to that page, with its warnings, and tries it again the next time", async () => {
    const failing = paperEngine((request) =>
      request.name === "p2.png"
        ? {
            status: "failed",
            failure: { page: "p2.png", stage: "lines", code: "ERR_RUN", message: "no ink", remedy: "buy some" },
            warnings: ["the pen is dry"],
          }
        : onPaper(request),
    );
    const { batch, events, out } = batchOf(failing);
    const summary = await batch.startProcessing();
    expect(summary).toMatchObject({ completed: 7, failed: 1 });
    expect(summary.failures).toMatchObject([{ page: "p2.png", stage: "lines", code: "ERR_RUN", message: "no ink" }]);
    expect(events).toContainEqual(expect.objectContaining({ type: "warning", page: "p2.png" }));
    const again = paperEngine();
    await batchOf(again, { outputDir: out }).batch.startProcessing();
    expect(again.requests.map(({ name }) => name)).toEqual(["p2.png"]);
  });

  it("ends with an error that the next page would meet too; finished pages stay", async () => {
    const fault = new ResourceError("ERR_DEVICE_LOST", "the table was carried away");
    const engine = paperEngine((request) => {
      if (request.name === "p3.png") throw fault;
      return onPaper(request);
    }, 1);
    const { batch, out } = batchOf(engine, { maxConcurrent: 1 });
    await expect(batch.startProcessing()).rejects.toBe(fault);
    expect((await readdir(out)).filter((name) => name.endsWith(".png")).length).toBeGreaterThanOrEqual(1);
  });

  it("begins nothing while it is paused, and leaves what waits when it is closed", async () => {
    const { batch, events } = batchOf(
      paperEngine((request) => onPaper(request), 1),
      { maxConcurrent: 1 },
      {
        onEvent: (event) => {
          if (event.type === "page-stage" && event.page === "p2.png") batch.pauseProcessing();
        },
      },
    );
    const run = batch.startProcessing();
    while (!completed(events).includes("p2.png")) await new Promise((resolve) => setTimeout(resolve, 5));
    expect(batch.getStatus()).toMatchObject({ state: "paused", summary: { completed: 2, processing: 0 } });
    await batch.close();
    expect(await run).toMatchObject({ completed: 2, unfinished: 6 });
  });

  it("takes pages from memory and gives results to memory; nothing is written to disk", async () => {
    const engine = paperEngine();
    const sink = memorySink();
    const files = ["10", "9"].map((name) => ({ name: `${name}.png`, bytes: new Uint8Array(page) }));
    const source = memorySource([...files, { name: "info.xml", bytes: new Uint8Array([60]) }]);
    const references = memorySource([{ name: "a.jpg", bytes: reference }]);
    for (let round = 0; round < 2; round++)
      expect(
        await runBatch(engine, { seed: 4 }, { source, references, sink: round === 0 ? sink : memorySink() }),
      ).toMatchObject({ total: 2, completed: 2, output: "memory" });
    expect([...sink.files.keys()]).toEqual(["9_colorized.png", "10_colorized.png", "info.xml"]);
    expect(sink.metadata).toMatchObject({ settings: { seed: 4 }, references: ["a.jpg"], failures: [] });
    expect(engine.requests).toHaveLength(4);
    expect(files[0]!.bytes.byteLength).toBe(page.byteLength);
  });

  it("colours a page though a reference of another source has its name, and not a reference that lies among the pages", async () => {
    const engine = paperEngine();
    const source = memorySource([
      { name: "1.png", bytes: page },
      { name: "2.png", bytes: reference },
    ]);
    const references = memorySource([
      { name: "1.png", bytes: reference },
      { name: "2.png", bytes: reference },
    ]);
    expect(await runBatch(engine, { recolor: true }, { source, references, sink: memorySink() })).toMatchObject({
      total: 1,
      completed: 1,
    });
    expect(engine.requests.map(({ name }) => name)).toEqual(["1.png"]);
  });

  it("has its input opened in another way, closes it, and keeps the journal of the settings' input", async () => {
    const engine = paperEngine();
    const asked: string[] = [];
    let open = 0;
    const openInput = async (path: string): Promise<PageSource> => {
      asked.push(path);
      open++;
      const source = await openPageSource(path);
      const entries = source.entries().filter(({ name }) => name !== "p1.png");
      return { ...source, path, faults: [], entries: () => entries, close: async () => void open-- };
    };
    const { batch, out } = batchOf(engine, {}, { openInput });
    expect(await batch.startProcessing()).toMatchObject({ total: 7, completed: 7 });
    expect([asked, open]).toEqual([[at("in")], 0]);
    expect((await findRun(out)).record.config.inputDir).toBe(at("in"));
    const wrong = { openInput: 1 } as unknown as BatchProcessorOptions;
    expect(() => batchOf(engine, {}, wrong)).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
  });

  it("leaves pages alone that are in colour already, and colours them where that is asked for", async () => {
    const cover = await colourPage(3);
    const source = memorySource([
      { name: "001.png", bytes: page },
      { name: "cover.jpg", bytes: cover },
    ]);
    const references = memorySource([{ name: "a.jpg", bytes: reference }]);
    const run = async (settings: BatchConfigInput, own: PageConfig = {}) => {
      const engine = paperEngine();
      const sink = memorySink();
      const events: BatchEvent[] = [];
      const summary = await runBatch(engine, settings, {
        source,
        references,
        sink,
        pageConfig: (name) => (name === "cover.jpg" ? own : {}),
        onEvent: (event) => events.push(event),
      });
      return { summary, sink, events, asked: engine.requests.map(({ name }) => name) };
    };
    const { summary, sink, events, asked } = await run({});
    expect([asked, summary]).toMatchObject([["001.png"], { total: 1, completed: 1, inColor: 1 }]);
    expect(Buffer.compare(sink.files.get("cover.jpg")!, cover)).toBe(0);
    expect(sink.metadata).toMatchObject({ in_color: ["cover.jpg"] });
    expect(events).toContainEqual(expect.objectContaining({ type: "page-kept-in-color", page: "cover.jpg" }));
    expect((await run({ recolor: true })).asked).toEqual(["001.png", "cover.jpg"]);
    expect((await run({}, { imageType: "line_art" })).asked).toEqual(["001.png", "cover.jpg"]);
    expect((await run({ imageType: "line_art" })).summary).toMatchObject({ completed: 2, inColor: 0 });
    const said = await run({}, { imageType: "colored" });
    expect([said.asked, said.summary.inColor]).toEqual([["001.png"], 1]);
    expect(said.events).toContainEqual(expect.objectContaining({ type: "page-kept-in-color", page: "cover.jpg" }));
  });

  it("counts a picture that is said to be in colour and is a reference too as that alone", async () => {
    const source = memorySource([
      { name: "001.png", bytes: page },
      { name: "a.jpg", bytes: reference },
    ]);
    const references = memorySource([{ name: "a.jpg", bytes: reference }]);
    const pageConfig = (name: string): PageConfig => ({ imageType: name === "a.jpg" ? "colored" : "line_art" });
    const sink = memorySink();
    const summary = await runBatch(paperEngine(), {}, { source, references, sink, pageConfig });
    expect([summary, [...sink.files.keys()]]).toMatchObject([{ total: 1, inColor: 0 }, ["001_colorized.png", "a.jpg"]]);
  });

  it("names what earlier runs have left among the input in warnings, and neither copies nor counts it", async () => {
    await writeFolder(at("drawer"), {
      "p1.png": page,
      "psd/p1_colorized.psd": Buffer.from("8BPS\0\x01"),
      "psd/scans.rar": Buffer.from("Rar!\x1a\x07\0"),
    });
    await writeFile(at("drawer/psd/processing_metadata.json"), JSON.stringify({ cobra_version: "1", pages: [] }));
    const settings = { inputDir: at("drawer"), recursive: true };
    for (const [seed, zip] of ["drawer/one.cbz", "drawer/two.cbz", "three.cbz"].entries()) {
      const { batch, events } = batchOf(paperEngine(), { ...settings, seed, outputDir: undefined, outputZip: at(zip) });
      expect(await batch.startProcessing()).toMatchObject({ total: 1, completed: 1, failed: 0 });
      const told = events.flatMap((event) => (event.type === "warning" ? [event.message] : []));
      const archives = ["one.cbz is", "one.cbz, two.cbz are"][seed - 1];
      expect(told).toEqual([
        "psd is the output of an earlier run; 1 picture and 1 other file there were ignored",
        ...(archives === undefined ? [] : [`${archives} the output of an earlier run, and not copied`]),
      ]);
      const written = await openPageSource(at(zip));
      expect(written.entries().map(({ name }) => name)).toEqual(["p1_colorized.png", "processing_metadata.json"]);
      await written.close();
    }
  });

  it("names folders of pictures that it leaves out as recursive is off, but for its references", async () => {
    await writeFolder(at("shelf"), { "p1.png": page, "ch2/p1.png": page, "refs/a.jpg": reference });
    const { batch, events } = batchOf(paperEngine(), { inputDir: at("shelf"), referenceImages: [at("shelf/refs")] });
    expect(await batch.startProcessing()).toMatchObject({ total: 1, completed: 1 });
    expect(events.filter(({ type }) => type === "warning")).toMatchObject([
      {
        message: `the pictures in a folder inside ${at("shelf")} are left out: ch2`,
        remedy: "to colour them too, use --recursive or recursive: true",
      },
    ]);
  });

  it("takes neither results of earlier runs nor references among the input's folders for pages", async () => {
    await writeFolder(at("series"), { "ch1/p1.png": page, "references/r.png": page });
    await batchOf(paperEngine(), {
      inputDir: at("series/ch1"),
      outputDir: at("series/ch1_colorized"),
    }).batch.startProcessing();
    await symlink(at("series"), at("linked"));
    for (const inputDir of ["series", "linked"]) {
      const engine = paperEngine();
      const { batch, events } = batchOf(engine, {
        inputDir: at(inputDir),
        recursive: true,
        referenceImages: [at("refs"), at("series/references")],
      });
      expect(await batch.startProcessing()).toMatchObject({ total: 1, completed: 1 });
      expect(engine.requests.map(({ name }) => name)).toEqual(["ch1/p1.png"]);
      expect(events.filter(({ type }) => type === "warning")).toMatchObject([
        { message: expect.stringContaining("ch1_colorized is the output of an earlier run; 1 picture") as string },
      ]);
    }
    const inside = batchOf(paperEngine(), { inputDir: at("linked"), outputDir: at("series/out"), recursive: true });
    await expect(inside.batch.startProcessing()).rejects.toMatchObject({ code: "ERR_CONFIG" });
    const same = batchOf(paperEngine(), { inputDir: at("linked"), outputDir: at("series") });
    await expect(same.batch.startProcessing()).rejects.toMatchObject({ code: "ERR_CONFIG" });
  });

  it("ends, to be gone on with, where the input vanishes, and burns no page", async () => {
    await writeFolder(
      at("mounted"),
      Object.fromEntries(Array.from({ length: 9 }, (_, index) => [`p${index}.png`, page])),
    );
    const engine = paperEngine(async (request) => {
      await rm(at("mounted"), { recursive: true, force: true });
      return onPaper(request);
    });
    const { batch, events, out } = batchOf(engine, { inputDir: at("mounted"), maxConcurrent: 1 });
    await expect(batch.startProcessing()).rejects.toMatchObject({ code: "ERR_INPUT_GONE" });
    expect(events.filter(({ type }) => type === "page-failed")).toEqual([]);
    expect(await readdir(out)).not.toContain("failures.json");
  });

  it("says so where no reference has a colour to give", async () => {
    const sink = memorySink();
    const events: BatchEvent[] = [];
    const gray = memorySource([{ name: "gray.png", bytes: page }]);
    const source = memorySource([{ name: "1.png", bytes: page }]);
    await runBatch(paperEngine(), {}, { source, references: gray, sink, onEvent: (event) => events.push(event) });
    expect(events).toContainEqual(
      expect.objectContaining({ type: "warning", message: expect.stringContaining("gray.png") as string }),
    );
  });

  it("refuses what is no engine, source, sink or settings, with a code", async () => {
    const engine = paperEngine();
    const [source, sink] = [memorySource([{ name: "1.png", bytes: page }]), memorySink()];
    const refused: [Promise<unknown>, string][] = [
      [runBatch(engine, {}), "ERR_CONFIG"],
      [runBatch(engine, null as never), "ERR_CONFIG"],
      [runBatch(null as never, {}), "ERR_ARGUMENT"],
      [runBatch({} as never, {}), "ERR_ARGUMENT"],
      [runBatch(engine, {}, { source: {} as never, sink }), "ERR_ARGUMENT"],
      [runBatch(engine, {}, { source, sink: [] as never }), "ERR_ARGUMENT"],
      [runBatch(engine, { inputDir: at("in") }, { source, sink }), "ERR_CONFIG"],
      [runBatch(engine, { previewMode: true }, { source, sink }), "ERR_CONFIG"],
      [
        runBatch(engine, {}, { source, sink, references: memorySource([{ name: "a.png", bytes: new Uint8Array(9) }]) }),
        "ERR_NO_REFERENCES",
      ],
    ];
    for (const [result, code] of refused) await expect(result).rejects.toMatchObject({ code });
    for (const files of [undefined, 7, [null], [{ name: "1.png" }], [{ name: "../1.png", bytes: page }]])
      expect(() => memorySource(files as never)).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
    const twice = [1, 2].map(() => ({ name: "1.png", bytes: page }));
    expect(() => memorySource(twice)).toThrow(/given twice/);
    expect(() => memorySource([])).toThrow(expect.objectContaining({ code: "ERR_INPUT_EMPTY" }));
  });

  it("holds references of single pages from the first page to the last that has them", async () => {
    await writeFolder(at("own"), { "b.jpg": await colourPage(2) });
    const seen: string[][][] = [];
    const engine = paperEngine((request) => {
      seen.push(structuredClone(engine.held));
      return onPaper(request);
    });
    const { batch } = batchOf(
      engine,
      { maxConcurrent: 1 },
      { pageConfig: (name) => (name === "p1.png" ? { referenceImages: [at("own")] } : {}) },
    );
    await batch.startProcessing();
    expect(engine.requests[0]!.references.map(({ name }) => name)).toEqual(["b.jpg"]);
    expect([seen[0], seen.at(-1)]).toEqual([[["a.jpg"], ["b.jpg"]], [["a.jpg"]]]);
    expect(engine.held).toEqual([]);
  });
});
