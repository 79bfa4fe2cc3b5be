/**
 * Wrong types into the public API: every exported function and method answers with a coded error, never with a
 * TypeError from inside.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import * as api from "../../src/index.js";
import { paperEngine } from "../support/paper-engine.js";

const VALUES: Readonly<Record<string, unknown>> = { undefined, null: null, 1: 1, '"x"': "x", "{}": {}, "[]": [] };
type Value = keyof typeof VALUES;

/** A call, and the values that are right for it (some are its default, others what it takes). */
type Call = readonly [name: string, call: (value: never) => unknown, takes?: readonly Value[]];

const picture = { width: 1, height: 1, channels: 3, data: new Uint8Array(3) } as const;
let folder: string;
let engine: api.Engine;
let references: api.ReferenceSet;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "arguments-"));
  engine = await api.Engine.open({ workers: 1, verify: false });
  references = engine.references([{ name: "a", image: picture }]);
});
afterAll(async () => {
  references.dispose();
  await engine.close();
  await rm(folder, { recursive: true, force: true });
});

const classifier = new api.ImageClassifier();
const tracked = (): api.StatusTracker => {
  const tracker = new api.StatusTracker();
  tracker.addImage("a");
  return tracker;
};
const configured = new api.ConfigurationHandler();
const settings = (): api.BatchConfigInput => ({ inputDir: join(folder, "in"), outputDir: join(folder, "out") });
const batch = (options?: object): api.BatchProcessor => new api.BatchProcessor(paperEngine(), settings(), options);
const manager = (options: object = {}): api.MemoryManager =>
  new api.MemoryManager({
    needs: { sharedBytes: () => 1, pageBytes: () => 1 },
    arenas: () => [],
    shrinkArenas: async () => undefined,
    ...options,
  });
const lanes = (): api.PageTicket => new api.PageSchedule({ colouring: () => 1 }).enter();
const store = (): api.ReferenceStore => new api.ReferenceStore({ open: () => references, decode: async () => picture });
const raster = (more: object): api.RasterRequest => ({
  page: { ...picture, data: new Uint8Array(3) },
  style: "line",
  seed: 0,
  steps: 1,
  topK: 1,
  ...more,
});

const OPTIONS: readonly Value[] = ["undefined", "{}"];
const NAME: readonly Value[] = ['"x"'];
const COUNT: readonly Value[] = ["1"];

const CALLS: readonly Call[] = [
  // classification
  ["new ImageClassifier()", (v) => new api.ImageClassifier(v), OPTIONS],
  ["ImageClassifier thresholds", (v) => new api.ImageClassifier({ thresholds: v }), OPTIONS],
  ["ImageClassifier decision", (v) => new api.ImageClassifier({ decision: v }), ["undefined"]],
  ["ImageClassifier cacheEntries", (v) => new api.ImageClassifier({ cacheEntries: v }), ["undefined", "1"]],
  ["classify", (v) => classifier.classify(v)],
  ["classify name", (v) => classifier.classify(picture, v), ["undefined", '"x"']],
  ["classifyBatch", (v) => classifier.classifyBatch(v), ["[]"]],
  ["classifyBatch entry", async (v) => raised((await classifier.classifyBatch([v]))[0]?.error)],
  ["getClassificationConfidence", (v) => classifier.getClassificationConfidence(v)],
  ["separateLineArtAndReferences", (v) => api.separateLineArtAndReferences(v), ["[]"]],
  ["separateLineArtAndReferences classifier", (v) => api.separateLineArtAndReferences([], v), ["undefined"]],
  // engine
  ["Engine.open", (v) => opened(v), OPTIONS],
  ["new Engine", (v) => Reflect.construct(api.Engine, [v, v, v])],
  ["new ReferenceSet", (v) => Reflect.construct(api.ReferenceSet, [v, v, v, v])],
  ["Engine.open misspelt option", (v) => opened({ modell: v })],
  ["Engine.open model", (v) => opened({ model: v }), ["undefined"]],
  ["Engine.open session", (v) => opened({ session: v }), OPTIONS],
  ["Engine.open workers", (v) => opened({ workers: v }), ["undefined", "1"]],
  ["Engine.open verify", (v) => opened({ verify: v }), ["undefined"]],
  ["Engine.open keepStyles", (v) => opened({ keepStyles: v }), ["undefined"]],
  ["Engine.open referenceCacheBytes", (v) => opened({ referenceCacheBytes: v }), ["undefined", "1"]],
  ["Engine.open memoryBudgetBytes", (v) => opened({ memoryBudgetBytes: v }), ["undefined", "1"]],
  ["Engine.open memoryThreshold", (v) => opened({ memoryThreshold: v }), ["undefined", "1"]],
  ["Engine.open maxQueued", (v) => opened({ maxQueued: v }), ["undefined", "1"]],
  ["Engine.open readBlob", (v) => opened({ readBlob: v }), ["undefined"]],
  ["engine.provider", (v) => engine.provider(v)],
  ["engine.references", (v) => engine.references(v).dispose(), ["[]"]],
  ["engine.references entry", (v) => engine.references([v])],
  ["engine.references image", (v) => engine.references([{ name: "a", image: v }])],
  ["engine.references name", (v) => engine.references([{ name: v, image: picture }]).dispose(), NAME],
  ["engine.colorize references", (v) => engine.colorize(v, raster({}))],
  ["engine.colorize request", (v) => engine.colorize(references, v)],
  ["engine.colorize page", (v) => engine.colorize(references, raster({ page: v }))],
  ["engine.colorize style", (v) => engine.colorize(references, raster({ style: v }))],
  ["engine.colorize seed", (v) => engine.colorize(references, raster({ seed: v, ink: "foo" }))],
  ["engine.colorize steps", (v) => engine.colorize(references, raster({ steps: v, ink: "foo" }))],
  ["engine.colorize topK", (v) => engine.colorize(references, raster({ topK: v, ink: "foo" }))],
  ["engine.colorize ink", (v) => engine.colorize(references, raster({ ink: v, fill: "zz" }))],
  ["engine.colorize fill", (v) => engine.colorize(references, raster({ fill: v, ink: "foo" }))],
  ["engine.colorize hints", (v) => engine.colorize(references, raster({ hints: v, ink: "foo" }))],
  ["engine.colorize hint", (v) => engine.colorize(references, raster({ hints: [v] }))],
  ["engine.colorize pageHints", (v) => engine.colorize(references, raster({ pageHints: v, ink: "foo" }))],
  ["engine.colorize page hint", (v) => engine.colorize(references, raster({ pageHints: [v] }))],
  ["engine.colorize layers", (v) => engine.colorize(references, raster({ layers: v, ink: "foo" }))],
  ["engine.colorize signal", (v) => engine.colorize(references, raster({ signal: v, ink: "foo" }))],
  ["engine.colorize onStage", (v) => engine.colorize(references, raster({ onStage: v, ink: "foo" }))],
  ["engine.colorizeImage", (v) => engine.colorizeImage(v, { references: [] })],
  ["engine.colorizeImage options", (v) => engine.colorizeImage(new Uint8Array(1), v)],
  ["engine.colorizePage", (v) => engine.colorizePage(v)],
  ["engine.colorizePage options", (v) => engine.colorizePage(missing(), v), OPTIONS],
  ["engine.colorizePage signal", (v) => engine.colorizePage(missing(), { signal: v }), ["undefined"]],
  ["engine.colorizePage onProgress", (v) => engine.colorizePage(missing(), { onProgress: v }), ["undefined"]],
  ["colorizePage services", (v) => api.colorizePage(v, missing())],
  ["colorizePage request", (v) => api.colorizePage(services(), v)],
  ["new PageSchedule", (v) => new api.PageSchedule(v)],
  ["PageSchedule colouring", (v) => new api.PageSchedule({ colouring: v })],
  ["lane.booking", (v) => lanes().booking(v)],
  ["lane.colouring", (v) => lanes().colouring(v)],
  ["new ReferenceStore", (v) => new api.ReferenceStore(v)],
  ["store.hold", (v) => store().hold(v), ["[]"]],
  ["store.hold entry", (v) => store().hold([v])],
  ["store.lend", (v) => store().lend(v, undefined, async () => 1), ["[]"]],
  ["store.lend entry", (v) => store().lend([v], undefined, async () => 1)],
  ["store.lend work", (v) => store().lend([], undefined, v)],
  // configuration
  ["parseBatchConfig", (v) => api.parseBatchConfig(v)],
  ["parseBatchConfig label", (v) => api.parseBatchConfig(settings(), v), ["undefined"]],
  ["parseBatchConfig ends", (v) => api.parseBatchConfig(settings(), undefined, v), OPTIONS],
  ["parseBatchConfig otherFaults", (v) => api.parseBatchConfig(settings(), undefined, {}, v), ["undefined", "[]"]],
  ["parseBatchConfig fault", (v) => api.parseBatchConfig(settings(), undefined, {}, [v])],
  ["BatchConfig.parse", (v) => api.BatchConfig.parse(v)],
  ["loadConfigFile", (v) => new api.ConfigurationHandler().loadConfigFile(v)],
  ["getImageConfig", (v) => configured.getImageConfig(v), NAME],
  ["hasImageConfig", (v) => configured.hasImageConfig(v), NAME],
  ["mergeConfigs", (v) => configured.mergeConfigs(v), ["{}"]],
  // batches
  ["BatchProcessor engine", (v) => new api.BatchProcessor(v, settings())],
  ["BatchProcessor settings", (v) => new api.BatchProcessor(paperEngine(), v)],
  ["BatchProcessor options", (v) => new api.BatchProcessor(paperEngine(), settings(), v), OPTIONS],
  ["BatchProcessor misspelt option", (v) => batch({ onEvnt: v })],
  ["BatchProcessor signal", (v) => batch({ signal: v }), ["undefined"]],
  ["BatchProcessor onEvent", (v) => batch({ onEvent: v }), ["undefined"]],
  ["BatchProcessor pageConfig", (v) => batch({ pageConfig: v }), ["undefined"]],
  ["BatchProcessor only", (v) => batch({ only: v }), ["undefined", "[]"]],
  ["BatchProcessor pagesInFlight", (v) => batch({ pagesInFlight: v }), ["undefined"]],
  ["BatchProcessor source", (v) => batch({ source: v }), ["undefined"]],
  ["BatchProcessor sink", (v) => batch({ sink: v }), ["undefined"]],
  ["addImages", (v) => fromMemory().addImages(v)],
  ["addImages entry", (v) => fromMemory().addImages([v])],
  ["approvePreview", (v) => batch().approvePreview(v)],
  ["rejectPreview", (v) => batch().rejectPreview(v)],
  ["runBatch engine", (v) => api.runBatch(v, settings())],
  ["runBatch settings", (v) => api.runBatch(paperEngine(), v)],
  ["runBatch options", (v) => api.runBatch(paperEngine(), settings(), v)],
  ["runBatch drain", (v) => api.runBatch(paperEngine(), settings(), { drain: v })],
  ["runBatch images", (v) => api.runBatch(paperEngine(), settings(), { images: v })],
  ["runBatch onPreview", (v) => api.runBatch(paperEngine(), settings(), { onPreview: v })],
  ["enqueue", (v) => new api.ImageQueue().enqueue(v)],
  ["enqueue inputPath", (v) => new api.ImageQueue().enqueue({ inputPath: v, outputPath: "b" }), NAME],
  ["enqueue outputPath", (v) => new api.ImageQueue().enqueue({ inputPath: "a", outputPath: v }), NAME],
  ["enqueue id", (v) => new api.ImageQueue().enqueue({ ...item, id: v }), ["undefined", '"x"']],
  ["enqueue priority", (v) => new api.ImageQueue().enqueue({ ...item, priority: v }), ["undefined", "1"]],
  [
    "enqueue confidence",
    (v) => new api.ImageQueue().enqueue({ ...item, classificationConfidence: v }),
    ["undefined", "1"],
  ],
  ["requeue", (v) => new api.ImageQueue().requeue(v)],
  ["new StatusTracker", (v) => new api.StatusTracker(v), ["undefined"]],
  ["addImage", (v) => new api.StatusTracker().addImage(v), NAME],
  ["updateStatus", (v) => tracked().updateStatus(v, "processing")],
  ["updateStatus state", (v) => tracked().updateStatus("a", v)],
  ["updateStatus details", (v) => tracked().updateStatus("a", "processing", v), OPTIONS],
  ["removeImage", (v) => tracked().removeImage(v)],
  ["getStatus", (v) => tracked().getStatus(v), NAME],
  ["getImagesByState", (v) => tracked().getImagesByState(v)],
  ["approveRun", (v) => api.approveRun(v)],
  ["approveRun seed", (v) => api.approveRun(folder, v)],
  ["rejectRun", (v) => api.rejectRun(v)],
  ["rejectRun changes", (v) => api.rejectRun(folder, v)],
  ["retryRun", (v) => api.retryRun(v)],
  ["retryRun options", (v) => api.retryRun(folder, v)],
  ["redoRun", (v) => api.redoRun(v, ["a"])],
  ["redoRun pages", (v) => api.redoRun(folder, v)],
  // inputs and outputs
  ["memorySource", (v) => api.memorySource(v)],
  ["memorySource entry", (v) => api.memorySource([v])],
  ["memorySink write", (v) => api.memorySink().write(v, new Uint8Array(1)), NAME],
  ["memorySink write bytes", (v) => api.memorySink().write("a", v)],
  ["memorySink replace", (v) => api.memorySink().replace!(v, new Uint8Array(1)), NAME],
  ["memorySink carry", (v) => api.memorySink().carry(v)],
  ["openPageSource", (v) => api.openPageSource(v)],
  ["openPageSource options", (v) => api.openPageSource(join(folder, "none"), v)],
  ["openPageSource limits", (v) => api.openPageSource(join(folder, "none"), { limits: v })],
  ...sinks().flatMap(([name, open]): Call[] => [
    [`${name} write`, (v) => open((sink) => sink.write(v, new Uint8Array(1))), NAME],
    [`${name} write bytes`, (v) => open((sink) => sink.write("a", v))],
    [`${name} replace`, (v) => open((sink) => sink.replace(v, new Uint8Array(1))), NAME],
    [`${name} replace bytes`, (v) => open((sink) => sink.replace("a", v))],
    [`${name} carry`, (v) => open((sink) => sink.carry(v))],
    [`${name} carry name`, (v) => open((sink) => sink.carry({ ...carried, name: v })), NAME],
    [`${name} carry read`, (v) => open((sink) => sink.carry({ ...carried, read: v }))],
    [`${name} finish`, (v) => open((sink) => sink.finish(v)), OPTIONS],
    [`${name} finish with a value`, (v) => open((sink) => sink.finish({ v, big: 5n }))],
  ]),
  ["openFolderSink", (v) => api.openFolderSink(inFolder(v)), NAME],
  ["openFolderSink options", (v) => api.openFolderSink(join(folder, "sink"), v), OPTIONS],
  ["openArchiveSink", async (v) => (await api.openArchiveSink(inFolder(v))).abort(), NAME],
  ["openArchiveSink options", async (v) => (await api.openArchiveSink(join(folder, "s.zip"), v)).abort(), OPTIONS],
  ["decodeImage", (v) => api.decodeImage(v, "a")],
  ["decodeImage options", (v) => api.decodeImage(new Uint8Array(1), "a", v)],
  ["encodeImage", (v) => api.encodeImage(v, { format: "png" })],
  ["encodeImage options", (v) => api.encodeImage(picture, v)],
  ["encodeImage format", (v) => api.encodeImage(picture, { format: v })],
  // logging and memory
  ["setupLogging", (v) => api.setupLogging(silent(v)), OPTIONS],
  ["setupLogging components", (v) => api.setupLogging({ console: false, components: v }), OPTIONS],
  ["getLogger", (v) => api.getLogger(v), NAME],
  ["configureComponentLogger", (v) => api.configureComponentLogger(v), NAME],
  ["configureComponentLogger level", (v) => api.configureComponentLogger("a", v), ["undefined"]],
  ["withLogContext", (v) => api.withLogContext(v, () => 1), ["{}"]],
  ["withLogContext work", (v) => api.withLogContext({}, v)],
  ["new MemoryManager", (v) => new api.MemoryManager(v)],
  ["MemoryManager needs", (v) => manager({ needs: v })],
  ["MemoryManager arenas", (v) => manager({ arenas: v })],
  ["MemoryManager shrinkArenas", (v) => manager({ shrinkArenas: v })],
  ["addCache", (v) => manager().addCache(v)],
  ["estimateMemoryRequired", (v) => manager().estimateMemoryRequired(v)],
  ["estimateMemoryRequired options", (v) => manager().estimateMemoryRequired([1, 1], v), OPTIONS],
  ["pagesInFlight", (v) => manager().pagesInFlight(v), ["undefined", "1"]],
  ["holdPicture", (v) => manager().holdPicture(v, 1), NAME],
  ["holdPicture bytes", (v) => manager().holdPicture("a", v), COUNT],
  ["beginPage", (v) => manager().beginPage(v, [1, 1]), NAME],
  ["beginPage size", (v) => manager().beginPage("a", v)],
  ["beginPage options", (v) => manager().beginPage("a", [1, 1], v), OPTIONS],
  ["giveBack taken", (v) => manager().giveBack(new Error("a"), v), ["[]"]],
  ["thinOut slot", (v) => manager().thinOut(new Error("a"), v)],
  ["outOfMemory size", (v) => raised(manager().outOfMemory(v, 1, new Error("a")), "ERR_OUT_OF_MEMORY")],
  // packages
  ["openModelPackage", (v) => api.openModelPackage(v)],
  ["openModelPackage options", (v) => api.openModelPackage(folder, v)],
  ["importRelease", (v) => api.importRelease(v)],
  ["importRelease styles", (v) => api.importRelease({ ...release(), styles: v })],
  ["importRelease precision", (v) => api.importRelease({ ...release(), precision: v })],
  ["importRelease directory", (v) => api.importRelease({ ...release(), directory: v })],
  // errors
  ["makeError code", (v) => api.makeError(v, "a")],
  ["remedyFor", (v) => api.remedyFor(v)],
];

/**
 * Not in the table: functions that take no argument (`runtimeInfo`, `liveCounts`, `memorySink`), predicates that take
 * anything (`isOutOfMemory`, `isPageFailure`, `isRetryable`, `messageOf`, `systemCode`), zod schemas (their errors are
 * zod's), values (`DEFAULT_THRESHOLDS`, `INKS`, ...), error classes and `PageNotStartedError` (they are thrown, and
 * take what any `Error` takes), and `CHANNELS` (Node's diagnostics channels).
 */
const EXEMPT: readonly string[] = [
  "runtimeInfo",
  "liveCounts",
  "memorySink",
  "PageNotStartedError",
  "isOutOfMemory",
  "isPageFailure",
  "isRetryable",
  "messageOf",
  "systemCode",
];

type UseSink = (use: (sink: api.PageSink) => Promise<unknown>) => Promise<void>;

function sinks(): readonly (readonly [string, UseSink])[] {
  let made = 0;
  const using =
    (open: () => Promise<api.PageSink>): UseSink =>
    async (use) => {
      const sink = await open();
      try {
        await use(sink);
      } finally {
        await sink.abort();
      }
    };
  return [
    ["a folder sink", using(() => api.openFolderSink(join(folder, `sink-${made++}`)))],
    ["an archive sink", using(() => api.openArchiveSink(join(folder, `sink-${made++}.zip`)))],
  ];
}

const carried: api.SourceEntry = { name: "b.xml", kind: "other", sizeBytes: 1, read: async () => new Uint8Array(1) };
const item = { inputPath: "a", outputPath: "b" };
const missing = (): api.PageRequestInput => ({ name: "a", page: { path: join(folder, "none.png") } });
const inFolder = (value: unknown): never => (value === "x" ? join(folder, "x") : value) as never;
const silent = (value: unknown): never =>
  (value !== null && typeof value === "object" && !Array.isArray(value) ? { console: false } : value) as never;
const release = (): api.ImportReleaseOptions => ({
  cobra: folder,
  pixart: folder,
  prompt: folder,
  directory: join(folder, "package"),
  styles: ["line"],
  precision: "float32",
});

async function opened(options: unknown): Promise<void> {
  await (await api.Engine.open(options as never)).close();
}

function fromMemory(): api.BatchProcessor {
  const bytes = Uint8Array.from(Buffer.from("\x89PNG\r\n\x1a\n", "latin1"));
  const source = api.memorySource([{ name: "a.png", bytes }]);
  return new api.BatchProcessor(paperEngine(), {}, { source, references: source, sink: api.memorySink() });
}

function services(): api.PageServices {
  return {
    colorizer: engine,
    pool: engine.pool,
    memory: engine.memory,
    references: engine.referenceStore,
    schedule: new api.PageSchedule({ colouring: () => 1 }),
  };
}

/** Throws an error that a call gives back. */
function raised(error: unknown, but?: string): void {
  if (error !== undefined && (error as { code?: string }).code !== but) throw error;
}

for (const [name, call, takes = []] of CALLS)
  describe(name, () => {
    it.each(Object.entries(VALUES))("%s", async (label, value) => {
      let error: unknown;
      try {
        await call(value as never);
      } catch (caught) {
        error = caught;
      }
      if (takes.includes(label)) expect(error).toBeUndefined();
      else {
        expect(error).toBeInstanceOf(api.BatchProcessingError);
        expect(Object.keys(api.ERROR_TABLE)).toContain((error as api.BatchProcessingError).code);
        expect((error as api.BatchProcessingError).code).not.toBe("ERR_INTERNAL");
      }
    });
  });

/** What JSON or a template string cannot show, and what only looks like a list. */
const STRANGE: Readonly<Record<string, unknown>> = {
  "a symbol": Symbol("s"),
  "a bigint": 5n,
  "an object without a prototype": Object.create(null),
  "an object that has no text": { toString: 5, valueOf: 5 },
  "an object that holds itself": Object.defineProperty({}, "self", {
    enumerable: true,
    get(this: unknown) {
      return this;
    },
  }),
  "a list that is none": { [Symbol.iterator]: 5 },
  "a map": new Map(),
  "text in an object": Object("x"),
};

describe("a value that is hard to show", () => {
  it.each(Object.entries(STRANGE))("%s", async (_, value) => {
    const uncoded: string[] = [];
    for (const [name, call] of CALLS)
      try {
        await call(value as never);
      } catch (error) {
        const { code } = error as api.BatchProcessingError;
        if (!(error instanceof api.BatchProcessingError) || code === "ERR_INTERNAL") uncoded.push(`${name}: ${error}`);
      }
    expect(uncoded).toEqual([]);
  });
});

it("has every function and class that is exported", () => {
  const called = [...CALLS.map(([, call]) => call), opened].map(String).join("\n");
  const left = Object.entries(api)
    .filter(([, value]) => typeof value === "function" && !isErrorClass(value))
    .map(([name]) => name)
    .filter((name) => !EXEMPT.includes(name) && !new RegExp(`\\b${name}\\b`, "u").test(called));
  expect(left).toEqual([]);
});

function isErrorClass(value: unknown): boolean {
  return (value as { prototype?: unknown }).prototype instanceof Error;
}
