/** Arguments that are refused where they are given: misspelt options, session options, buffers that moved away. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as api from "../../src/index.js";
import { colourPage, linePage } from "../support/chapter.js";
import { paperEngine } from "../support/paper-engine.js";

let folder: string;
let page: Uint8Array;
let reference: Uint8Array;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "refused-"));
  page = await linePage(1);
  reference = await colourPage(1);
});
afterAll(() => rm(folder, { recursive: true, force: true }));

/** What a call fails with. */
async function codeOf(call: () => unknown): Promise<unknown> {
  try {
    await call();
  } catch (error) {
    return error instanceof api.BatchProcessingError ? error.code : error;
  }
  return "accepted";
}

const picture = { width: 2, height: 2, channels: 3, data: new Uint8Array(12) } as const;
const item = { inputPath: "a", outputPath: "b" };
const wrong = (value: object): never => value as never;

describe("a misspelt option", () => {
  it.each<[string, () => unknown]>([
    ["ImageClassifier", () => new api.ImageClassifier(wrong({ threshold: 1 }))],
    ["openPageSource", () => api.openPageSource(folder, wrong({ recursiv: true }))],
    ["openFolderSink", () => api.openFolderSink(folder, wrong({ overwrit: true }))],
    ["encodeImage", () => api.encodeImage(picture, wrong({ format: "jpeg", qualty: 5 }))],
    ["setupLogging", () => api.setupLogging(wrong({ leve: "DEBUG", console: false }))],
    ["enqueue", () => new api.ImageQueue().enqueue(wrong({ ...item, prio: 1 }))],
  ])("of %s is ERR_ARGUMENT", async (_, call) => {
    expect(await codeOf(call)).toBe("ERR_ARGUMENT");
  });
});

describe("an option of a wrong kind", () => {
  it.each<[string, () => unknown]>([
    ["enqueue config", () => new api.ImageQueue().enqueue(wrong({ ...item, config: "x" }))],
    ["enqueue imageType", () => new api.ImageQueue().enqueue(wrong({ ...item, imageType: "gray" }))],
    ["encodeImage quality", () => api.encodeImage(picture, wrong({ format: "jpeg", quality: Symbol("q") }))],
    ["encodeImage lossless", () => api.encodeImage(picture, wrong({ format: "webp", lossless: "no" }))],
    ["archive comment", () => api.openArchiveSink(join(folder, "a.zip"), wrong({ comment: "text" }))],
    ["archive comment's length", () => api.openArchiveSink(join(folder, "a.zip"), { comment: new Uint8Array(65_536) })],
    ["subscribe", () => api.CHANNELS.page.subscribe("abc" as never)],
    ["makeError class", () => api.makeError("ERR_RUN", "x", {}, "Nonesuch" as never)],
    ["redoRun page", () => api.redoRun(folder, new Set([5]) as never)],
  ])("%s is ERR_ARGUMENT", async (_, call) => {
    expect(await codeOf(call)).toBe("ERR_ARGUMENT");
  });

  it.each([null, NaN, 5, "x", {}])("a signal or options that are %s", async (value) => {
    const memory = new api.MemoryManager({
      needs: { sharedBytes: () => 1, pageBytes: () => 1 },
      arenas: () => [],
      shrinkArenas: async () => undefined,
    });
    const store = new api.ReferenceStore({ open: () => undefined as never, decode: async () => picture });
    const signal = value as never;
    expect(await codeOf(() => memory.holdPicture("n", 1, signal))).toBe("ERR_ARGUMENT");
    expect(await codeOf(() => memory.beginPage("n", [1, 1], { signal }))).toBe("ERR_ARGUMENT");
    expect(await codeOf(() => store.lend([], signal, async () => 1))).toBe("ERR_ARGUMENT");
    if (typeof value !== "object" || value === null)
      expect(await codeOf(() => store.hold([], signal))).toBe("ERR_ARGUMENT");
  });
});

describe("session options", () => {
  it.each([
    { provider: "gpu" },
    { provider: "CPU" },
    { provider: "cpu:0" },
    { provider: null },
    { provider: Object.create(null) },
    { fallback: "yes" },
    { deviceId: "0" },
    { intraOpThreads: "4" },
    { intraOpThreads: 1e9 },
    { interOpThreads: -1 },
    { graphOptimization: "max" },
    { config: "x" },
    { config: { "session.x": 1 } },
    { config: { unknown: "1" } },
    { providerOptions: null },
    { providerOptions: { a: Symbol("x") } },
    { freeDimensions: 5 },
    { logLevel: Object.create(null) },
    { threads: 2 },
  ])("are refused when the engine is opened: %j", async (session) => {
    expect(await codeOf(() => api.Engine.open({ session: session as never }))).toBe("ERR_SESSION_OPTION");
  });

  it("a signal that is none is ERR_ARGUMENT", async () => {
    expect(await codeOf(() => api.Engine.open({ session: { signal: 5 as never } }))).toBe("ERR_ARGUMENT");
  });
});

describe("a buffer that was transferred", () => {
  const detached = (): Uint8Array => {
    const bytes = new Uint8Array(page);
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    return bytes;
  };
  const source = () => api.memorySource([{ name: "1.png", bytes: page }]);

  it("is ERR_ARGUMENT as a list, as a file in memory, and as what an entry gives", async () => {
    expect(await codeOf(() => api.memorySource(detached() as never))).toBe("ERR_ARGUMENT");
    expect(await codeOf(() => api.separateLineArtAndReferences(detached() as never))).toBe("ERR_ARGUMENT");
    expect(await codeOf(() => api.memorySource([{ name: "1.png", bytes: detached() }]))).toBe("ERR_ARGUMENT");
    const bytes = new Uint8Array(page);
    const [entry] = api.memorySource([{ name: "1.png", bytes }]).entries();
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] });
    expect(await codeOf(() => entry!.read())).toBe("ERR_ARGUMENT");
    const made = source();
    const entries = made.entries().map((one) => ({ ...one, read: async () => detached() as Uint8Array<ArrayBuffer> }));
    const references = { ...made, entries: () => entries };
    const given = { source: source(), references, sink: api.memorySink() };
    await expect(api.runBatch(paperEngine(), {}, given)).rejects.toThrow(/memory was not transferred/u);
  });
});

describe("a proxy of bytes", () => {
  const proxy = <T extends object>(value: T): T => new Proxy(value, {});

  it("is ERR_ARGUMENT wherever bytes are taken", async () => {
    await using engine = await api.Engine.open();
    const request = { name: "1.png", page: { bytes: proxy(page) }, references: [] };
    const raster = { ...picture, data: proxy(picture.data) };
    for (const call of [
      () => engine.colorizeImage(proxy(page), { references: [reference] }),
      () => engine.colorizeImage(page, { references: [proxy(reference)] }),
      () => engine.colorizePage(request),
      () => new api.ImageClassifier().classify(proxy(page)),
      () => api.decodeImage(proxy(page), "1.png"),
      () => api.encodeImage(raster, { format: "png" }),
      () => api.memorySource([{ name: "1.png", bytes: proxy(page) }]),
      () => api.memorySink().write("1.png", proxy(page)),
    ])
      expect(await codeOf(call), String(call)).toBe("ERR_ARGUMENT");
  });
});

describe("a promise in the place of a picture", () => {
  it("is refused, and that it rejects is nobody's concern", async () => {
    await using engine = await api.Engine.open();
    const failing = (): never => Promise.reject(new Error("no picture")) as never;
    expect(await codeOf(() => engine.colorizeImage(failing(), { references: [reference] }))).toBe("ERR_ARGUMENT");
    expect(await codeOf(() => api.memorySource([{ name: "1.png", bytes: failing() }]))).toBe("ERR_ARGUMENT");
    await expect(api.memorySink().write("1.png", failing())).rejects.toThrow(
      / is Promise \{ <rejected> Error: no picture [^\n]*; it must be a Uint8Array or Buffer$/,
    );
  });
});

describe("the pages of a batch", () => {
  const parts = () => ({
    source: api.memorySource([{ name: "1.png", bytes: page }]),
    references: api.memorySource([{ name: "r.png", bytes: reference }]),
    sink: api.memorySink(),
  });

  it("may be any iterable", async () => {
    for (const images of [new Set(["1.png"]), ["1.png"].values()])
      expect(await api.runBatch(paperEngine(), {}, { ...parts(), images: images as never })).toMatchObject({
        completed: 1,
      });
  });

  it.each([null, undefined, 5, {}, { inputPath: 5 }, { inputPath: "1.png", config: "x" }])(
    "are names and requests, and not %j",
    async (image) => {
      const images = [image] as never;
      expect(await codeOf(() => api.runBatch(paperEngine(), {}, { ...parts(), images }))).toBe("ERR_ARGUMENT");
    },
  );

  it("have no archive to name where a sink takes them", async () => {
    expect(await codeOf(() => api.runBatch(paperEngine(), { zipOutputName: "abc" }, parts()))).toBe("ERR_CONFIG");
  });
});
