/** Callbacks and engines of a program that give what they should not, or nothing at all. */
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { TaskPool } from "../../../src/colorization/tasks/pool.js";
import type { BatchEngine } from "../../../src/core/batch-engine.js";
import { runBatch, type RunBatchOptions } from "../../../src/core/run-batch.js";
import type { BatchSummary } from "../../../src/core/events.js";
import { memorySink } from "../../../src/io/memory-sink.js";
import { memorySource } from "../../../src/io/memory-source.js";
import { openPageSource } from "../../../src/io/open-source.js";
import { colourPage, linePage } from "../../support/chapter.js";
import { paperEngine } from "../../support/paper-engine.js";

let page: Uint8Array;
let reference: Uint8Array;
let folder: string;
const unhandled: unknown[] = [];
const see = (reason: unknown): void => void unhandled.push(reason);

beforeAll(async () => {
  page = await linePage(1);
  reference = await colourPage(1);
  folder = await mkdtemp(join(tmpdir(), "guest-parts-"));
  process.on("unhandledRejection", see);
  process.on("uncaughtException", see);
});
afterEach(async () => {
  await new Promise(setImmediate);
  expect(unhandled.splice(0)).toEqual([]);
});
afterAll(async () => {
  process.off("unhandledRejection", see);
  process.off("uncaughtException", see);
  await rm(folder, { recursive: true, force: true });
});

const source = (bytes = page) => memorySource(["1.png", "2.png", "3.png"].map((name) => ({ name, bytes })));
const references = () => memorySource([{ name: "r.png", bytes: reference }]);

function run(options: RunBatchOptions, engine: BatchEngine = paperEngine()): Promise<BatchSummary> {
  return runBatch(
    engine,
    { numInferenceSteps: 1 },
    { source: source(), references: references(), sink: memorySink(), ...options },
  );
}

/** The engine with other members. */
function engineWith(members: { readonly [Member in keyof BatchEngine]?: unknown }): BatchEngine {
  return { ...paperEngine(), ...members } as BatchEngine;
}

/** The next answer of the call is the right one, all others are `value`. */
function onceRight(right: unknown, value: unknown): () => never {
  let calls = 0;
  return () => (calls++ === 0 ? right : value) as never;
}

const rejecting = (): Promise<never> => Promise.reject(new Error("unseen"));
const NO_COUNTS = [null, undefined, -1, 1.5, NaN, Infinity, true, "2", 2n, Symbol("x"), {}];

describe("pagesInFlight", () => {
  it.each(NO_COUNTS)("that gives %s ends the batch with ERR_ARGUMENT and blames no page", async (value) => {
    for (const pagesInFlight of [() => value as never, onceRight(1, value)]) {
      const failed: unknown[] = [];
      const onEvent = (event: { type: string }): void => void (event.type === "page-failed" && failed.push(event));
      await expect(run({ pagesInFlight, onEvent })).rejects.toMatchObject({
        code: "ERR_ARGUMENT",
        message: expect.stringMatching(/^what pagesInFlight gives is .*; it must be a whole number >= 0$/u),
      });
      expect(failed).toEqual([]);
    }
  });

  it("that gives a promise, even one that rejects, is told so", async () => {
    await expect(run({ pagesInFlight: rejecting as never })).rejects.toMatchObject({ code: "ERR_ARGUMENT" });
  });

  it("that throws ends the batch with that, whenever it is asked", async () => {
    const fault = new Error("the program's own");
    for (const right of [0, 1, 2, 5]) {
      let calls = 0;
      const pagesInFlight = (): number => {
        if (calls++ < right) return 1;
        throw fault;
      };
      await expect(run({ pagesInFlight })).rejects.toBe(fault);
    }
  });

  it("may be 0, which counts as 1", async () => {
    const engine = paperEngine();
    expect(await run({ pagesInFlight: () => 0 }, engine)).toMatchObject({ completed: 3, failed: 0 });
    expect(engine.mostInColouring).toBe(1);
  });
});

describe("redact", () => {
  it.each([undefined, null, 5, {}, rejecting])("that gives no text (%s) is ERR_ARGUMENT", async (value) => {
    const broken = source(new Uint8Array([...page.slice(0, 40), 0]));
    const redact = (): never => (typeof value === "function" ? value() : value) as never;
    const engine = paperEngine((request) => ({
      status: "failed",
      failure: { page: request.name, stage: "decode", code: "ERR_IMAGE_DECODE", message: "broken", remedy: "" },
      warnings: [],
    }));
    await expect(run({ redact, source: broken }, engine)).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
      message: expect.stringMatching(/^what redact gives is /u),
    });
  });
});

describe("a stand-in for the engine", () => {
  const { pool } = paperEngine();
  it.each([
    ["engine.styles", { styles: "line" }],
    ["engine.model", { model: 5 }],
    ["engine.model.hash", { model: { directory: "" } }],
    ["engine.model.manifest", { model: { directory: "", hash: "0", manifest: null } }],
    ["engine.pool", { pool: undefined }],
    ["engine.pool.maxThreads", { pool: { ...pool, maxThreads: undefined } }],
    ["engine.memory", { memory: null }],
    ["engine.memory.pagesInFlight", { memory: {} }],
    ["engine.memory.pagesInFlight()", { memory: { pagesInFlight: () => "3" } }],
    ["engine.memory.pagesInFlight()", { memory: { pagesInFlight: rejecting } }],
    ["engine.referenceStore", { referenceStore: [] }],
    ["engine.referenceStore.hold()", { referenceStore: { hold: () => ({}) } }],
    ["engine.referenceStore.hold()", { referenceStore: { hold: rejecting } }],
    ["engine.sessionOptions", { sessionOptions: null }],
    ["engine.provider()", { provider: async () => undefined }],
    ["engine.colorizePage()", { colorizePage: async () => undefined }],
    ["engine.colorizePage()", { colorizePage: () => ({}) }],
    ["engine.colorizePage()", { colorizePage: async () => ({ status: "completed", data: "x", warnings: [] }) }],
    ["engine.pool.decode()", { pool: { ...pool, decode: async () => ({}) } }],
    ["engine.pool.decode()", { pool: { ...pool, decode: () => undefined } }],
    ["engine.pool.classify()", { pool: { ...pool, classify: async () => null } }],
  ])("whose %s is wrong is ERR_ARGUMENT and blames no page (%#)", async (what, members) => {
    const failed: unknown[] = [];
    const onEvent = (event: { type: string }): void => void (event.type === "page-failed" && failed.push(event));
    await expect(run({ onEvent }, engineWith(members))).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
      message: expect.stringContaining(what),
    });
    expect(failed).toEqual([]);
  });
});

it("an openInput that gives no source is ERR_ARGUMENT", async () => {
  const openInput = async (): Promise<never> => ({}) as never;
  const settings = { inputDir: folder, numInferenceSteps: 1 };
  await expect(
    runBatch(paperEngine(), settings, { openInput, references: references(), sink: memorySink() }),
  ).rejects.toMatchObject({ code: "ERR_ARGUMENT", message: expect.stringContaining("what openInput gives.entries") });
});

describe("a closed pool is no file's fault", () => {
  it.each(["references", "pages"])("where the pictures are %s: the batch ends with ERR_STATE", async (what) => {
    const pool = new TaskPool({ maxThreads: 1 });
    await pool.close();
    const given = what === "references" ? {} : { references: undefined as never };
    await expect(run(given, engineWith({ pool }))).rejects.toMatchObject({ code: "ERR_STATE" });
  });
});

describe("a part that never answers", () => {
  const never = (): Promise<never> => new Promise(() => undefined);
  const silent = <Part extends object>(part: Part, method: string, asked: () => void): Part =>
    new Proxy(part, {
      get(target, name) {
        if (name === method) return () => (asked(), never());
        const own: unknown = Reflect.get(target, name, target);
        return typeof own === "function" ? (own.bind(target) as unknown) : own;
      },
    });
  const reason = new Error("enough");
  const parts: [string, (asked: () => void) => RunBatchOptions & { engine?: BatchEngine }][] = [
    ["openInput", (asked) => ({ source: undefined as never, openInput: () => (asked(), never()) })],
    [
      "entry.read",
      (asked) => {
        const made = source();
        return { source: { ...made, entries: () => made.entries().map((entry) => silent(entry, "read", asked)) } };
      },
    ],
    ["sink.write", (asked) => ({ sink: silent(memorySink(), "write", asked) })],
    ["sink.finish", (asked) => ({ sink: silent(memorySink(), "finish", asked) })],
    ["sink.abort", (asked) => ({ sink: silent(silent(memorySink(), "write", asked), "abort", () => undefined) })],
    ["engine.colorizePage", (asked) => ({ engine: silent(paperEngine(), "colorizePage", asked) })],
    ["engine.provider", (asked) => ({ engine: silent(paperEngine(), "provider", asked) })],
  ];

  it.concurrent.each(parts)("does not keep an aborted batch from ending: %s", async (_, make) => {
    const controller = new AbortController();
    const { engine, ...options } = make(() => controller.abort(reason));
    const settings = "openInput" in options ? { inputDir: folder, numInferenceSteps: 1 } : { numInferenceSteps: 1 };
    const given = { source: source(), references: references(), sink: memorySink(), ...options };
    await expect(runBatch(engine ?? paperEngine(), settings, { ...given, signal: controller.signal })).rejects.toBe(
      reason,
    );
  });

  it("leaves the output free for the next batch", async () => {
    const controller = new AbortController();
    const outputDir = join(folder, "out");
    const settings = { outputDir, numInferenceSteps: 1 };
    const given = { source: source(), references: references() };
    const engine = silent(paperEngine(), "colorizePage", () => controller.abort(reason));
    await expect(runBatch(engine, settings, { ...given, signal: controller.signal })).rejects.toBe(reason);
    expect(await runBatch(paperEngine(), settings, given)).toMatchObject({ completed: 3 });
    expect((await readdir(outputDir)).filter((name) => name.endsWith(".png"))).toHaveLength(3);
  });
});

it("the source that openInput gives is closed once", async () => {
  const input = join(folder, "in");
  await mkdir(input);
  await writeFile(join(input, "1.png"), page);
  let closed = 0;
  const openInput: RunBatchOptions["openInput"] = async (path) => {
    const opened = await openPageSource(path);
    return {
      ...opened,
      path: opened.path,
      faults: opened.faults,
      entries: () => opened.entries(),
      close: () => (closed++, opened.close()),
    };
  };
  await runBatch(
    paperEngine(),
    { inputDir: input, numInferenceSteps: 1 },
    { openInput, references: references(), sink: memorySink() },
  );
  expect(closed).toBe(1);
});
