/** The pages of one batch: which wait, where each is, and what came out. Every change is told as an event. */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import type { Engine } from "../colorization/engine.js";
import { pageSettings, type BatchConfig, type PageConfig, type Style } from "../config/batch-config.js";
import { ConfigurationError, QueueError, ValidationError, type BatchProcessingError } from "../errors.js";
import type { SourceEntry, SourceFault } from "../io/page-source.js";
import { getLogger } from "../logging.js";
import type { BatchEvent, BatchSummary, FailureStage, PageFailure, PageSuccess } from "./events.js";
import { ImageQueue, type ImageQueueItem } from "./image-queue.js";
import { pageFailure } from "./page-failure.js";
import type { PageJob } from "./page-work.js";
import type { Scan } from "./scan.js";
import { StatusTracker } from "./status-tracker.js";

/** A page to add. */
export interface ImageRequest {
  /** The page's name in the input, with forward slashes. */
  inputPath: string;
  /** Higher goes first. Default 0. */
  priority?: number;
  /** Settings of this page alone, over the batch's. */
  config?: PageConfig;
}

interface PlannedPage {
  readonly entry: SourceEntry;
  /** Relative name of the result. */
  readonly outputName: string;
  /** Position in the batch. */
  readonly index: number;
}

const log = getLogger("batch");

export class BatchPages {
  readonly tracker = new StatusTracker();
  readonly successes: PageSuccess[] = [];
  /** The pages of `successes`. */
  readonly completed: PageJob[] = [];
  readonly failures: PageFailure[] = [];
  readonly #queue = new ImageQueue();
  readonly #planned = new Map<string, PlannedPage>();
  #startedMs = performance.now();

  constructor(
    readonly engine: Engine,
    readonly config: BatchConfig,
    readonly emit: (event: BatchEvent) => void,
    readonly pageConfig: (name: string) => PageConfig = () => ({}),
  ) {}

  get waiting(): number {
    return this.#queue.size;
  }

  /** Every page has an outcome. */
  get allDone(): boolean {
    return this.successes.length + this.failures.length === this.tracker.getSummary().total;
  }

  /** Queues pages of the input, all or (with an error) none; without a list all line art. */
  add({ source, found, outputNames }: Scan, images?: readonly (string | ImageRequest)[]): ImageQueueItem[] {
    const entries = new Map(source.entries().map((entry) => [entry.name, entry]));
    const named = new Set(this.#planned.keys());
    const requests = (images ?? found.pages.map((entry) => entry.name)).map((image) => {
      const { inputPath, priority = 0, config: own }: ImageRequest = typeof image === "string" ? { inputPath: image } : image;
      const config: PageConfig = { ...this.pageConfig(inputPath), ...own };
      const entry = entries.get(inputPath);
      const outputName = outputNames.get(inputPath);
      if (entry === undefined || outputName === undefined) throw new ValidationError("ERR_INPUT_NOT_FOUND", `"${inputPath}" is no picture of ${source.path}; pages are named as they are in the input`);
      if (named.has(inputPath)) throw new QueueError("ERR_ARGUMENT", `the page "${inputPath}" is added twice; each page is done once a batch`);
      if (!Number.isFinite(priority)) throw new QueueError("ERR_ARGUMENT", `the page "${inputPath}" has priority ${priority}; a finite number is needed`);
      this.#checkStyle(inputPath, pageSettings(this.config, config).style);
      named.add(inputPath);
      return { entry, outputName, priority, config };
    });
    return requests.map(({ entry, outputName, priority, config }) => {
      const classified = found.classifications.get(entry);
      const item = this.#queue.enqueue({
        inputPath: entry.name,
        outputPath: this.config.outputDir === undefined ? outputName : join(this.config.outputDir, outputName),
        priority,
        ...(Object.keys(config).length === 0 ? {} : { config }),
        ...(classified === undefined ? {} : { imageType: classified.type, classificationConfidence: classified.confidence }),
      });
      this.#planned.set(entry.name, { entry, outputName, index: this.#planned.size });
      this.tracker.addImage(item.id);
      return item;
    });
  }

  #checkStyle(page: string, style: Style): void {
    const { styles } = this.engine;
    if (!styles.includes(style)) throw new ConfigurationError("ERR_CONFIG", `the page "${page}" wants style "${style}"; the model has ${styles.map((one) => `"${one}"`).join(", ")}`);
  }

  /** Starts the clock; pictures of the input that cannot be used are failed pages from the beginning. */
  begin(faults: readonly SourceFault[]): void {
    this.#startedMs = performance.now();
    for (const { name, error } of faults) {
      const id = randomUUID();
      this.tracker.addImage(id);
      this.tracker.updateStatus(id, "processing");
      this.#addFailure(id, this.#planned.size + this.failures.length, name, "scan", error);
    }
  }

  /** What waits and with which settings, left where it is. */
  waitingPages(): Pick<PageJob, "entry" | "settings">[] {
    return [...this.#queue].map((item) => ({ entry: this.#planned.get(item.inputPath)!.entry, settings: pageSettings(this.config, item.config) }));
  }

  /** The next page, now processing; undefined when none waits. */
  next(): PageJob | undefined {
    const item = this.#queue.dequeue();
    if (item === undefined) return undefined;
    const { entry, outputName, index } = this.#planned.get(item.inputPath)!;
    this.tracker.updateStatus(item.id, "processing");
    this.emit({ type: "page-started", page: entry.name, index });
    return { id: item.id, index, entry, outputName, settings: pageSettings(this.config, item.config), startedMs: performance.now(), stage: "decode", inputSha256: "" };
  }

  /** @param kept an earlier run has done it */
  complete(job: PageJob, success: PageSuccess, kept: boolean): void {
    this.tracker.updateStatus(job.id, "completed", { outputPath: success.output });
    this.successes.push(success);
    this.completed.push(job);
    const { page, output, bucket, seed, elapsedMs, stageMs } = success;
    log.info(kept ? { page, output } : { page, output, bucket, seed, ms: Math.round(elapsedMs), stageMs: wholeMs(stageMs) }, kept ? "page kept from an earlier run" : "page done");
    this.emit({ type: "page-completed", index: job.index, ...success, ...(kept ? { kept } : {}) });
  }

  fail(job: PageJob, error: BatchProcessingError): void {
    this.#addFailure(job.id, job.index, job.entry.name, job.stage, error);
  }

  #addFailure(id: string, index: number, page: string, stage: FailureStage, error: BatchProcessingError): void {
    this.tracker.updateStatus(id, "failed", { error });
    const failure = pageFailure(page, stage, error);
    log.error({ page, stage, code: error.code, remedy: failure.remedy }, `page failed: ${error.message}`);
    this.failures.push(failure);
    this.emit({ type: "page-failed", index, ...failure });
  }

  /** Empties the queue; what has no outcome yet is cancelled. */
  cancelRest(): void {
    this.#queue.clear();
    for (const { id, state } of this.tracker.getAllStatuses()) {
      if (state === "pending" || state === "processing") this.tracker.updateStatus(id, "cancelled");
    }
  }

  /** @param output what was written; default: what was asked for */
  summary(output = (this.config.outputDir ?? this.config.outputZip)!): BatchSummary {
    const { total } = this.tracker.getSummary();
    const [completed, failed] = [this.successes.length, this.failures.length];
    return { total, completed, failed, unfinished: total - completed - failed, output, elapsedMs: performance.now() - this.#startedMs, failures: this.failures };
  }
}

function wholeMs(stageMs: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(stageMs).map(([stage, ms]) => [stage, Math.round(ms)]));
}
