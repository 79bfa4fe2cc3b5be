/** The scenarios of `bench`, each with its lower bound. Both of a round get the same pictures. */
import { open, readdir, readFile, rm } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { join } from "node:path";
import type { RasterImage } from "../../binding/raster.js";
import { Engine } from "../../colorization/engine.js";
import type { TaskPool } from "../../colorization/tasks/pool.js";
import type { BatchConfigInput } from "../../config/batch-config.js";
import { SETTINGS } from "../../config/settings.js";
import { buildNullPackage } from "../../convert/null-model.js";
import { encodeStage } from "../../core/pages/page-flow.js";
import { runBatch } from "../../core/run-batch.js";
import { makeError } from "../../errors.js";
import { openArchiveSink } from "../../io/open-sink.js";
import { CHANNELS } from "../../observe/channels.js";
import { mapConcurrent } from "../../concurrency/map-concurrent.js";
import type { MeasuredPages } from "../measure/pages.js";
import type { ScenarioName } from "./scenario-names.js";
import { sharp } from "../../io/image/sharp.js";

export type { ScenarioName } from "./scenario-names.js";

/** What a scenario works with. */
export interface ScenarioParts {
  readonly pages: MeasuredPages;
  readonly pool: TaskPool;
  readonly folder: string;
  readonly model: string | undefined;
  /** Abandons a batch in progress. */
  readonly signal: AbortSignal;
}

/** One measurement of both. */
export interface RoundResult {
  readonly ms: number;
  readonly floorMs: number;
  readonly pages: number;
}

/** Measures a scenario and its floor once. @param floorFirst which comes first */
export type Round = (floorFirst: boolean) => Promise<RoundResult>;

/** A scenario that is ready. */
export interface OpenScenario {
  readonly round: Round;
  close(): Promise<void>;
}

/** Most pages of a round. */
const MOST_PAGES = 16;
/** Pages of a round of "null": a chapter, so that its references weigh what they do in one. */
const NULL_PAGES = 32;
/** Of what the model draws beside a page: Cobra's page size, enlarged. */
const PICTURE = { width: 960, height: 1536 } as const;
const PNG = { format: "png", compressionLevel: 6 } as const;

/** Reads the pages and makes a scenario ready. */
export async function openScenario(name: ScenarioName, parts: ScenarioParts): Promise<OpenScenario> {
  const count = name === "null" ? NULL_PAGES : Math.min(MOST_PAGES, 2 * parts.pages.count);
  const input = await parts.pages.input(count, "folder");
  if (name === "run" || name === "null") return openBatch(name, parts, input, count);
  const files = await filesOf(input.inputDir!);
  const { ours, floor } = await simple(name, parts, files);
  return { round: pairOf(ours, floor, files.length), close: async () => {} };
}

/** A scenario whose floor is measured apart. */
function pairOf(ours: () => Promise<unknown>, floor: () => Promise<unknown>, pages: number): Round {
  return async (floorFirst) => {
    const before = floorFirst ? await timeOf(floor) : undefined;
    const ms = await timeOf(ours);
    return { ms, floorMs: before ?? (await timeOf(floor)), pages };
  };
}

async function timeOf(work: () => Promise<unknown>): Promise<number> {
  const startMs = performance.now();
  await work();
  return performance.now() - startMs;
}

async function filesOf(folder: string): Promise<Uint8Array[]> {
  const names = (await readdir(folder)).sort();
  return Promise.all(names.map((name) => readFile(join(folder, name))));
}

async function drained(results: AsyncIterable<unknown>): Promise<void> {
  const iterator = results[Symbol.asyncIterator]();
  while ((await iterator.next()).done !== true) continue;
}

/** All at once that cores are there for. */
async function each<T>(items: readonly T[], work: (item: T) => Promise<unknown>): Promise<void> {
  await drained(mapConcurrent(items, work, { concurrency: availableParallelism() }));
}

async function simple(
  name: Exclude<ScenarioName, "run" | "null">,
  { pool, folder }: ScenarioParts,
  files: readonly Uint8Array[],
): Promise<{ ours: () => Promise<unknown>; floor: () => Promise<unknown> }> {
  const own = (bytes: Uint8Array): Uint8Array => Uint8Array.from(bytes); // what goes to a thread is gone here
  const sharpDecode = (): Promise<void> => each(files, (bytes) => sharp(bytes).raw().toBuffer());
  if (name === "decode")
    return { ours: () => each(files, (bytes) => pool.decode(own(bytes), "page")), floor: sharpDecode };
  if (name === "classify")
    return { ours: () => each(files, (bytes) => pool.classify(own(bytes), "page")), floor: sharpDecode };
  if (name === "archive") {
    const path = join(folder, "archive.zip");
    return { ours: () => writeArchive(path, files), floor: () => writePlain(path, files) };
  }
  const pages = await decoded(pool, files);
  const copy = (image: RasterImage): RasterImage => ({ ...image, data: own(image.data) });
  if (name === "encode")
    return {
      ours: () => drained(mapConcurrent(pages, (page) => pool.encode(copy(page), PNG), encodeStage(pool))),
      floor: () =>
        each(pages, ({ data, width, height, channels }) =>
          sharp(data, { raw: { width, height, channels } }).png({ compressionLevel: 6 }).toBuffer(),
        ),
    };
  const picture = await modelPicture(files[0]!);
  return {
    ours: () =>
      each(pages, (page) => pool.run("composeInk", { page: copy(page), picture: copy(picture), fill: "model" })),
    floor: () =>
      each(pages, async ({ data, width, height, channels }) => {
        const { width: from, height: high } = picture;
        const enlarged = await sharp(picture.data, { raw: { width: from, height: high, channels: 3 } })
          .resize(width, height, { fit: "fill" })
          .raw()
          .toBuffer();
        const page = {
          input: Buffer.from(data.buffer, data.byteOffset, data.byteLength),
          raw: { width, height, channels },
          blend: "multiply",
        } as const;
        await sharp(enlarged, { raw: { width, height, channels: 3 } })
          .composite([page])
          .raw()
          .toBuffer();
      }),
  };
}

function decoded(pool: TaskPool, files: readonly Uint8Array[]): Promise<RasterImage[]> {
  return Promise.all(files.map(async (bytes) => (await pool.decode(Uint8Array.from(bytes), "page")).image));
}

/** A picture of the size that the model's have. */
async function modelPicture(bytes: Uint8Array): Promise<RasterImage> {
  const { width, height } = PICTURE;
  const data = await sharp(bytes)
    .resize(width, height, { fit: "fill" })
    .toColourspace("srgb")
    .removeAlpha()
    .tint("#d0a080")
    .raw()
    .toBuffer();
  return { width, height, channels: 3, data: new Uint8Array(data) };
}

/** The null model's picture of a page, as ink is laid over it in the batch. */
async function nullPicture(engine: Engine, bytes: Uint8Array): Promise<RasterImage> {
  using references = engine.references([]);
  const { image: page } = await engine.pool.decode(Uint8Array.from(bytes), "page");
  const request = {
    page,
    style: "line",
    seed: 0,
    steps: SETTINGS.numInferenceSteps.default,
    topK: 1,
    ink: "model",
  } as const;
  const { image, bucket } = await engine.colorize(references, request);
  const { width, height } = bucket;
  const data = await sharp(image.data, { raw: { width: image.width, height: image.height, channels: 3 } })
    .resize(width, height, { fit: "fill", kernel: "nearest" }) // the upsampler, which only enlarges, is not asked
    .raw()
    .toBuffer();
  return { width, height, channels: 3, data: new Uint8Array(data) };
}

async function writeArchive(path: string, files: readonly Uint8Array[]): Promise<void> {
  const sink = await openArchiveSink(path, { overwrite: true });
  for (const [index, bytes] of files.entries()) await sink.write(`${index}.png`, bytes);
  await sink.finish();
  await rm(path);
}

async function writePlain(path: string, files: readonly Uint8Array[]): Promise<void> {
  const file = await open(path, "w");
  for (const bytes of files) await file.write(bytes);
  await file.sync();
  await file.close();
  await rm(path);
}

async function openBatch(
  name: "run" | "null",
  { folder, model, pages, signal }: ScenarioParts,
  input: BatchConfigInput,
  count: number,
): Promise<OpenScenario> {
  const nullModel = join(folder, "null-model");
  if (name === "null") await buildNullPackage(nullModel);
  const engine = await Engine.open(name === "null" ? { model: nullModel } : model === undefined ? {} : { model });
  const batch = async (): Promise<RoundResult> => {
    let networkMs = 0;
    const end = CHANNELS.networkRun.subscribe(({ runMs }) => (networkMs += runMs));
    const output = join(folder, "output");
    try {
      const startMs = performance.now();
      const summary = await runBatch(engine, { ...input, outputDir: output }, { signal });
      const ms = performance.now() - startMs;
      const [failure] = summary.failures;
      if (failure !== undefined)
        throw makeError(failure.code, failure.message, { imagePath: failure.page, remedy: failure.remedy });
      return { ms, floorMs: networkMs, pages: count };
    } finally {
      end();
      await rm(output, { recursive: true, force: true });
    }
  };
  const close = (): Promise<void> => engine.close();
  if (name === "run") return { round: batch, close };
  const files = await filesOf((await pages.input(count, "folder")).inputDir!);
  const picture = await nullPicture(engine, files[0]!);
  // The batch's own threads, which are there, and enough calls that none of them waits for the next one.
  const { pool: threads } = engine;
  const alone = async (): Promise<void> => {
    const work = async (bytes: Uint8Array): Promise<void> => {
      const { image: page } = await threads.decode(Uint8Array.from(bytes), "page");
      const own = { ...picture, data: Uint8Array.from(picture.data) };
      const coloured = await threads.run("composeInk", { page, picture: own, fill: "model" });
      await threads.encode(coloured, PNG);
    };
    await drained(mapConcurrent(files, work, { concurrency: 2 * threads.maxThreads }));
  };
  return { round: pairOf(batch, alone, count), close };
}
