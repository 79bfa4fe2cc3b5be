/**
 * What is done to one page of a batch, stage by stage, and what a failure of it means: for the page, or for the whole
 * batch.
 */
import { bucketName } from "../../colorization/cobra/buckets.js";
import type { Engine } from "../../colorization/engine.js";
import type { PageRequest, PageResult } from "../../colorization/cobra/pipeline.js";
import type { OutputSettings, PageSettings } from "../../config/batch-config.js";
import type { BatchProcessingError } from "../../errors.js";
import { isPageFailure } from "../../errors/facts.js";
import type { DecodedImage, ImageInfo } from "../../io/image/image-codec.js";
import { formatOfName } from "../../io/image/output-format.js";
import type { SourceEntry } from "../../io/page-source.js";
import type { BatchEventBody, FailureStage, PageFailure, PageSuccess } from "../events.js";
import { sha256 } from "./fingerprint.js";
import type { ImageQueueItem } from "./image-queue.js";
import { loadHints } from "../input/page-overrides.js";
import type { PageReferences } from "../input/page-references.js";

/** A page on its way through the stages. */
export interface PageJob {
  /** As it waited in the queue. */
  readonly item: ImageQueueItem;
  readonly id: string;
  /** Position of the page in the batch, from 0. */
  readonly index: number;
  readonly entry: SourceEntry;
  /** Relative name of the picture in the output. */
  readonly outputName: string;
  readonly settings: PageSettings;
  readonly startedMs: number;
  /** Where the page is, for the report when it fails there. */
  stage: FailureStage;
  /** Of the page's file; empty before it is read. */
  inputSha256: string;
  /** What the picture was made with where that is not what the settings say: one that is left as it is. */
  fingerprint?: string;
}

/**
 * What came out of a stage for a page: a value, the page's failure, the result or failure an earlier run has left, or
 * nothing because the batch stopped before it.
 */
export type Passed<T> = { readonly job: PageJob } & (
  | { readonly value: T }
  | { readonly error: BatchProcessingError }
  | { readonly kept: PageSuccess }
  | { readonly failedBefore: PageFailure }
  | { readonly left: true }
);

/** What a page needs from its batch. */
export interface PageContext {
  readonly engine: Engine;
  readonly references: PageReferences;
  readonly output: OutputSettings;
  readonly emit: (event: BatchEventBody) => void;
  /** What is known of a page before it is read: what has come of one that is not to be done, or that it is left. */
  readonly known: (job: PageJob) => Promise<Passed<never> | undefined>;
  /** The result of a page that an earlier run has finished. */
  readonly finished: (job: PageJob) => Promise<PageSuccess | undefined>;
  /** Told before a page is decoded. Throws for one that is set aside. */
  readonly begin: (job: PageJob) => void;
  /** Told when a page goes into a stage. */
  readonly onStage: (job: PageJob) => void;
}

/** A coloured page and what its file said of itself. */
export interface ColouredPage {
  readonly result: PageResult;
  readonly info: ImageInfo;
}

/** A page's picture, ready to be written. */
export interface EncodedPage {
  readonly bytes: Uint8Array;
  /** Files of `LAYER_NAMES` beside the picture, in that order; absent where none are asked for or the page has none. */
  readonly layers?: readonly Uint8Array[];
  readonly facts: Pick<PageSuccess, "width" | "height" | "bucket" | "tiles" | "stageMs" | "references">;
}

/** Runs one stage of a page; a failure of the page becomes data, anything worse ends the batch. */
export async function attempt<T>(job: PageJob, signal: AbortSignal, work: () => Promise<T>): Promise<Passed<T>> {
  try {
    return { job, value: await work() };
  } catch (error) {
    if (signal.aborted || !isPageFailure(error)) throw error;
    return { job, error };
  }
}

/** The same for a page that comes out of another stage; what has failed or is left goes by. */
export async function proceed<A, B>(
  item: Passed<A>,
  signal: AbortSignal,
  work: (job: PageJob, value: A) => Promise<B>,
): Promise<Passed<B>> {
  return "value" in item ? attempt(item.job, signal, () => work(item.job, item.value)) : item;
}

/**
 * Reads a page and, where `room` says that there is room for its picture, decodes it in a worker, unless an earlier run
 * has finished it.
 */
export async function openPage(
  { engine, known, finished, begin, emit }: PageContext,
  job: PageJob,
  signal: AbortSignal,
  room: (bytes: Uint8Array) => Promise<void>,
): Promise<Passed<DecodedImage>> {
  const before = await known(job);
  if (before !== undefined) return before;
  const opened = await attempt(job, signal, async () => {
    const bytes = await job.entry.read();
    job.inputSha256 = await sha256(bytes);
    const kept = await finished(job);
    if (kept !== undefined) return kept;
    begin(job);
    await room(bytes);
    return engine.pool.decode(bytes, job.entry.name, { signal, keepGray: true });
  });
  if (!("value" in opened)) return opened;
  if (!("image" in opened.value)) return { job, kept: opened.value };
  const { info } = opened.value;
  if (info.pages > 1)
    emit({
      type: "warning",
      page: job.entry.name,
      message: `${job.entry.name} holds ${info.pages} ${info.format === "tiff" ? "pages" : "frames"}; only the first is coloured, save the others as files of their own`,
    });
  return { job, value: opened.value };
}

/** Colours a decoded page; cancelled between denoising steps. */
export async function colourPage(
  { engine, references, emit, output, onStage }: PageContext,
  job: PageJob,
  page: DecodedImage,
  signal: AbortSignal,
): Promise<ColouredPage> {
  const { numInferenceSteps: steps, referenceImages: _lent, colorHints, ...settings } = job.settings;
  const pageHints = colorHints === undefined ? undefined : await loadHints(engine, colorHints, page.image, signal);
  const request: PageRequest = {
    page: page.image,
    ...settings,
    steps,
    layers: output.layers !== undefined,
    signal,
    pageHints,
    onStage: (stage, step, of = steps) => {
      if (job.stage !== stage) {
        job.stage = stage;
        onStage(job);
      }
      emit({
        type: "page-stage",
        page: job.entry.name,
        index: job.index,
        stage,
        ...(step === undefined ? {} : { step, steps: of }),
      });
    },
  };
  return {
    result: await references.lend(job.settings, signal, (set) => engine.colorize(set, request)),
    info: page.info,
  };
}

/**
 * Encodes a coloured page in a worker, in the format of its output's name, with the page's resolution and colour
 * profile.
 */
export async function encodePage(
  { engine, output, onStage }: PageContext,
  job: PageJob,
  { result, info }: ColouredPage,
  signal: AbortSignal,
): Promise<EncodedPage> {
  job.stage = "encode";
  onStage(job);
  const { width, height } = result.image;
  const facts = {
    width,
    height,
    bucket: bucketName(result.bucket),
    ...(result.tiles > 1 ? { tiles: result.tiles } : {}),
    stageMs: result.stageMs,
    references: result.references.map(({ label }) => label),
  };
  const { quality, compressionLevel } = output;
  const format = formatOfName(job.outputName) ?? "png";
  // The same size on paper, also where the model's own picture has fewer pixels than the page.
  const density = info.density === undefined ? undefined : info.density * (width / info.width);
  if (format === "psd") {
    const { color, ink, page } = result.layers ?? {};
    const layers =
      color && ink && page
        ? [
            { name: "Original", image: page, blend: "normal" as const },
            { name: "Colour", image: color, blend: "normal" as const },
            { name: "Ink", image: ink, blend: "multiply" as const },
          ]
        : [{ name: "Picture", image: result.image, blend: "normal" as const }];
    return {
      bytes: await engine.pool.run(
        "encodePsd",
        { document: { image: result.image, layers, density }, name: job.entry.name, tagged: info.icc !== undefined },
        { signal },
      ),
      facts,
    };
  }
  // What came without loss goes without, unless a quality is asked for.
  const lossless = output.lossless || (info.isLossless && info.format === format && quality === undefined);
  const options = {
    format,
    lossless,
    compressionLevel,
    density,
    icc: info.icc,
    signal,
    ...(quality === undefined ? {} : { quality }),
  };
  const bytes = await engine.pool.encode(result.image, options, job.entry.name);
  if (output.layers !== "png" || result.layers === undefined) return { bytes, facts };
  const layers = await engine.pool.run(
    "encodeLayers",
    {
      layers: result.layers,
      options: { compressionLevel, density, tagged: info.icc !== undefined },
      name: job.entry.name,
    },
    { signal },
  );
  return { bytes, layers, facts };
}
