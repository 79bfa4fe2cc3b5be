/**
 * One batch: an input's pages through decode, colouring, encoding and writing, several on their way at once, written in the
 * input's order. A page that fails does not stop the others.
 */
import { performance } from "node:perf_hooks";
import type { Engine } from "../colorization/engine.js";
import type { PageResult } from "../colorization/page-pipeline.js";
import { bucketName } from "../colorization/buckets.js";
import type { ReferenceSet } from "../colorization/references.js";
import type { BatchConfig } from "../config/batch-config.js";
import { BatchProcessingError, type ErrorCode } from "../errors.js";
import type { DecodedImage } from "../io/image-codec.js";
import { planOutputNames } from "../io/output-names.js";
import { openArchiveSink, openFolderSink, type PageSink } from "../io/page-sink.js";
import { openPageSource, type SourceEntry } from "../io/page-source.js";
import { getLogger } from "../logging.js";
import { stage } from "../workers/stage.js";
import { EVENT_FORMAT_VERSION, type BatchEvent, type BatchSummary, type PageFailure, type PageSuccess } from "./events.js";
import { findPages } from "./find-pages.js";
import { outputFormat } from "./output-format.js";
import { VERSION } from "./version.js";

export interface RunBatchOptions {
  /** Stops the batch: pages in flight are given up between two steps, finished ones stay in a folder; an archive is not written. */
  signal?: AbortSignal;
  /** Told what happens, in order. */
  onEvent?: (event: BatchEvent) => void;
}

/** A page on its way through the stages; what failed travels along as data. */
interface Job {
  readonly index: number;
  readonly entry: SourceEntry;
  readonly outputName: string;
  readonly startedMs: number;
}
type Passed<T> = { job: Job; value: T } | { job: Job; failure: PageFailure };

/** Errors that end the batch instead of one page: the next page would meet them too. */
const FATAL: ReadonlySet<ErrorCode> = new Set(["ERR_OUTPUT_WRITE", "ERR_DEVICE_LOST", "ERR_PROVIDER_UNAVAILABLE", "ERR_SESSION_CREATE", "ERR_RUNTIME_LOAD", "ERR_ADDON_LOAD", "ERR_STATE", "ERR_INTERNAL", "ERR_CONFIG"]);

const log = getLogger("batch");

/**
 * Colours all pages of an input.
 * @returns how it went; failed pages are in `failures`
 * @throws the signal's reason when stopped; errors that keep the whole batch from going on (`ERR_INPUT_*`, `ERR_NO_REFERENCES`,
 * `ERR_OUTPUT_WRITE`, `ERR_MODEL_*`, …)
 */
export async function runBatch(engine: Engine, config: BatchConfig, options: RunBatchOptions = {}): Promise<BatchSummary> {
  const emit = options.onEvent ?? (() => undefined);
  const signal = options.signal ?? new AbortController().signal;
  const startedMs = performance.now();
  signal.throwIfAborted();
  const source = await openPageSource((config.inputDir ?? config.inputZip)!, { recursive: config.recursive });
  let sink: PageSink | undefined;
  try {
    const found = await findPages(engine, source, config, signal);
    const provider = await engine.provider(config.style);
    using references = engine.references(found.references);
    sink = await openSink(config);
    for (const message of found.warnings) emit({ type: "warning", message });
    const early: PageFailure[] = [...source.faults.map(({ name, error }) => ({ page: name, code: error.code, message: error.message })), ...found.failures];
    const total = found.pages.length + early.length;
    const { name, version, trained } = engine.model.manifest;
    emit({ type: "batch-started", formatVersion: EVENT_FORMAT_VERSION, pages: total, references: [...references.names], model: `${name} ${version}`, modelTrained: trained, provider });
    if (!trained) emit({ type: "warning", message: `the model "${name}" is untrained: its colours mean nothing` });
    early.forEach((failure, index) => emit({ type: "page-failed", index: found.pages.length + index, ...failure }));

    const { successes, failures } = await runPages(engine, config, found.pages, references, sink, signal, emit);
    failures.push(...early);
    log.debug({ cache: references.stats() }, "reference cache");
    for (const entry of found.carried) await sink.carry(entry);
    const output = await sink.finish(metadata(engine, config, references, successes, failures));
    const summary: BatchSummary = { total, completed: successes.length, failed: failures.length, output, elapsedMs: performance.now() - startedMs, failures };
    emit({ type: "batch-completed", ...summary });
    return summary;
  } catch (error) {
    await sink?.abort();
    throw error;
  } finally {
    await source.close();
  }
}

function openSink(config: BatchConfig): Promise<PageSink> {
  if (config.outputZip !== undefined) return openArchiveSink(config.outputZip, { overwrite: config.overwrite });
  return openFolderSink(config.outputDir!, { overwrite: config.overwrite });
}

async function runPages(
  engine: Engine,
  config: BatchConfig,
  pages: readonly SourceEntry[],
  references: ReferenceSet,
  sink: PageSink,
  signal: AbortSignal,
  emit: (event: BatchEvent) => void,
): Promise<{ successes: PageSuccess[]; failures: PageFailure[] }> {
  const names = planOutputNames(pages.map((entry) => entry.name), { preserveStructure: config.preserveStructure });
  const cores = engine.pool.maxThreads;
  const decoded = stage(
    jobs(pages, names),
    (job, context) => {
      emit({ type: "page-started", page: job.entry.name, index: job.index });
      return attempt(job, context.signal, async () => engine.pool.decode(await job.entry.read(), job.entry.name, { signal: context.signal }));
    },
    { concurrency: Math.min(2, cores), signal },
  );
  const coloured = stage(decoded, (item, context) => next(item, context.signal, (job, value) => colour(engine, config, references, job, value, context.signal, emit)), { concurrency: config.maxConcurrent, signal });
  const encoded = stage(coloured, (item, context) => next(item, context.signal, (job, value) => encode(engine, job, value, context.signal)), { concurrency: cores, signal });

  const successes: PageSuccess[] = [];
  const failures: PageFailure[] = [];
  for await (const item of encoded) {
    if ("failure" in item) {
      failures.push(item.failure);
      emit({ type: "page-failed", index: item.job.index, ...item.failure });
      continue;
    }
    const { bytes, facts } = item.value;
    const output = await sink.write(item.job.outputName, bytes);
    const success: PageSuccess = { page: item.job.entry.name, output, ...facts, seed: config.seed, elapsedMs: performance.now() - item.job.startedMs };
    successes.push(success);
    emit({ type: "page-completed", index: item.job.index, ...success });
  }
  return { successes, failures };
}

function* jobs(pages: readonly SourceEntry[], names: readonly string[]): Generator<Job> {
  for (const [index, entry] of pages.entries()) yield { index, entry, outputName: names[index]!, startedMs: performance.now() };
}

/** Runs one stage of a page; a failure of the page becomes data, anything worse ends the batch. */
async function attempt<T>(job: Job, signal: AbortSignal, work: () => Promise<T>): Promise<Passed<T>> {
  try {
    return { job, value: await work() };
  } catch (error) {
    if (signal.aborted || !(error instanceof BatchProcessingError) || FATAL.has(error.code)) throw error;
    log.warn({ page: job.entry.name, code: error.code }, error.message);
    return { job, failure: { page: job.entry.name, code: error.code, message: error.message } };
  }
}

function next<A, B>(item: Passed<A>, signal: AbortSignal, work: (job: Job, value: A) => Promise<B>): Promise<Passed<B>> {
  return "failure" in item ? Promise.resolve(item) : attempt(item.job, signal, () => work(item.job, item.value));
}

async function colour(engine: Engine, config: BatchConfig, references: ReferenceSet, job: Job, page: DecodedImage, signal: AbortSignal, emit: (event: BatchEvent) => void): Promise<{ result: PageResult; density: number | undefined }> {
  const result = await engine.colorize(references, {
    page: page.image,
    style: config.style,
    seed: config.seed,
    steps: config.numInferenceSteps,
    topK: config.topK,
    ink: config.ink,
    signal,
    onStage: (name, step, steps) => emit({ type: "page-stage", page: job.entry.name, index: job.index, stage: name, ...(step === undefined || steps === undefined ? {} : { step, steps }) }),
  });
  return { result, density: page.info.density };
}

type PageFacts = Pick<PageSuccess, "width" | "height" | "bucket" | "stageMs" | "references">;

async function encode(engine: Engine, job: Job, { result }: { result: PageResult; density: number | undefined }, signal: AbortSignal): Promise<{ bytes: Uint8Array; facts: PageFacts }> {
  const { width, height } = result.image;
  const facts: PageFacts = { width, height, bucket: bucketName(result.bucket), stageMs: result.stageMs, references: result.references.map(({ label }) => label) };
  return { bytes: await engine.pool.encode(result.image, { format: outputFormat(job.outputName), signal }, job.entry.name), facts };
}

function metadata(engine: Engine, config: BatchConfig, references: ReferenceSet, successes: readonly PageSuccess[], failures: readonly PageFailure[]): Record<string, unknown> {
  const { name, version, trained } = engine.model.manifest;
  return {
    created_at: new Date().toISOString(),
    cobra_version: VERSION,
    model: { name, version, trained, hash: engine.model.hash },
    settings: { style: config.style, seed: config.seed, numInferenceSteps: config.numInferenceSteps, topK: config.topK, ink: config.ink },
    references: references.names,
    pages: successes,
    failures,
  };
}
