/**
 * The pages of one batch: which are waiting, where each one is, and how it ended. Every change is reported as an event.
 */
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { performance } from "node:perf_hooks";
import { pageFailure } from "../../colorization/request/page-failure.js";
import { pageSettings, type BatchConfig, type PageConfig, type Style } from "../../config/batch-config.js";
import { BatchProcessingError, ConfigurationError, QueueError, ValidationError } from "../../errors.js";
import { shown } from "../../errors/arguments.js";
import type { SourceEntry, SourceFault } from "../../io/page-source.js";
import { getLogger, logContext } from "../../logging.js";
import { CHANNELS, type PageTurn } from "../../observe/channels.js";
import type { PageColorizer } from "../batch-engine.js";
import type { BatchEventBody, BatchProgress, BatchSummary, PageFailure, PageSuccess } from "../events.js";
import type { BatchPage } from "./batch-page.js";
import { ImageQueue, type ImageQueueItem } from "./image-queue.js";
import type { Adjustments } from "../journal/entries.js";
import { adjustedSettings } from "../journal/history.js";
import type { Scan } from "../input/scan-input.js";
import { keptNames } from "./kept-names.js";
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

/** How a page came out; a picture of the input that could not be used has no page of the queue. */
type Outcome =
  | { readonly page: BatchPage; readonly success: PageSuccess }
  | { readonly page: BatchPage | undefined; readonly failure: PageFailure };

const log = getLogger("batch");

export class BatchPages {
  readonly tracker = new StatusTracker();
  /** Settings that go over all others. */
  adjustments: Adjustments = { all: {}, pages: {} };
  /** The pages that were asked for by name. */
  readonly requests: ImageRequest[] = [];
  /** Pictures that are in colour already. */
  inColor = 0;
  #outcomes: Outcome[] = [];
  readonly #queue = new ImageQueue();
  readonly #planned = new Map<string, PlannedPage>();
  /** The settings that were asked for last: a page is looked at before it is taken, and they give its fingerprint. */
  #settled: { item: ImageQueueItem; adjustments: Adjustments; settings: BatchPage["settings"] } | undefined;
  #startedMs = performance.now();

  constructor(
    readonly engine: Pick<PageColorizer, "styles" | "givesStoredResults">,
    readonly config: BatchConfig,
    readonly emit: (event: BatchEventBody) => void,
    readonly pageConfig: (name: string) => PageConfig = () => ({}),
    readonly redact: (message: string) => string = (message) => message,
  ) {}

  get waiting(): number {
    return this.#queue.size;
  }

  /** Every page has an outcome. */
  get allDone(): boolean {
    return this.#outcomes.length === this.tracker.getSummary().total;
  }

  /** Pages without an outcome. */
  get unfinished(): string[] {
    const done = new Set(
      this.#outcomes.flatMap((outcome) => (outcome.page === undefined ? [] : [outcome.page.entry.name])),
    );
    return [...this.#planned.keys()].filter((name) => !done.has(name));
  }

  get successes(): PageSuccess[] {
    return this.#outcomes.flatMap((outcome) => ("success" in outcome ? [outcome.success] : []));
  }

  /** The pages of `successes`. */
  get completed(): BatchPage[] {
    return this.#outcomes.flatMap((outcome) => ("success" in outcome ? [outcome.page] : []));
  }

  get failures(): PageFailure[] {
    return this.#outcomes.flatMap((outcome) => ("failure" in outcome ? [outcome.failure] : []));
  }

  /** Settings of single pages, of those that have any. */
  get pageConfigs(): Record<string, PageConfig> {
    return Object.fromEntries(
      [...this.#planned.keys()]
        .map((name) => [name, this.pageConfig(name)] as const)
        .filter(([, own]) => Object.keys(own).length > 0),
    );
  }

  /** Queues pages of the input, all or (with an error) none; without a list all line art. */
  add({ source, found, outputNames }: Scan, images?: readonly (string | ImageRequest)[]): ImageQueueItem[] {
    const entries = new Map(source.entries().map((entry) => [entry.name, entry]));
    const named = new Set(this.#planned.keys());
    const requests = (images ?? found.pages.map((entry) => entry.name)).map((image) => {
      const {
        inputPath,
        priority = 0,
        config: own,
      }: ImageRequest = typeof image === "string" ? { inputPath: image } : image;
      const config: PageConfig = { ...this.pageConfig(inputPath), ...own };
      const entry = entries.get(inputPath);
      const outputName = outputNames.get(inputPath);
      if (entry === undefined || outputName === undefined)
        throw new ValidationError(
          "ERR_INPUT_NOT_FOUND",
          `"${inputPath}" is not a picture of ${source.path}; pages are named as they are in the input`,
        );
      if (named.has(inputPath))
        throw new QueueError("ERR_ARGUMENT", `the page "${inputPath}" is added twice; each page is done once a batch`);
      if (!Number.isFinite(priority))
        throw new QueueError(
          "ERR_ARGUMENT",
          `the page "${inputPath}" has priority ${shown(priority)}; a finite number is needed`,
        );
      this.#checkStyle(inputPath, pageSettings(this.config, config).style);
      named.add(inputPath);
      return { entry, outputName, priority, config };
    });
    if (images !== undefined)
      this.requests.push(...images.map((image) => (typeof image === "string" ? { inputPath: image } : image)));
    return requests.map(({ entry, outputName, priority, config }) => {
      const classified = found.classifications.get(entry);
      const item = this.#queue.enqueue({
        inputPath: entry.name,
        outputPath: this.config.outputDir === undefined ? outputName : join(this.config.outputDir, outputName),
        priority,
        ...(Object.keys(config).length === 0 ? {} : { config }),
        ...(classified === undefined
          ? {}
          : { imageType: classified.type, classificationConfidence: classified.confidence }),
      });
      this.#planned.set(entry.name, { entry, outputName, index: this.#planned.size });
      this.tracker.addImage(item.id);
      return item;
    });
  }

  #checkStyle(page: string, style: Style): void {
    const { styles } = this.engine;
    if (!styles.includes(style))
      throw new ConfigurationError(
        "ERR_CONFIG",
        `the page "${page}" wants style "${style}"; the model has ${styles.map((one) => `"${one}"`).join(", ")}`,
      );
  }

  /** Starts the clock; pictures of the input that cannot be used are failed pages from the beginning. */
  begin(faults: readonly SourceFault[]): void {
    this.#startedMs = performance.now();
    for (const { name, error } of faults) {
      const id = randomUUID();
      this.tracker.addImage(id);
      this.tracker.updateStatus(id, "processing");
      this.#addFailure(
        undefined,
        id,
        this.#planned.size + this.#outcomes.length,
        pageFailure(name, "scan", error),
        error,
      );
    }
  }

  #settings(item: ImageQueueItem, adjustments = this.adjustments): BatchPage["settings"] {
    const before = this.#settled;
    if (before?.item === item && before.adjustments === adjustments) return before.settings;
    const settings = pageSettings(this.config, { ...item.config, ...adjustedSettings(adjustments, item.inputPath) });
    this.#settled = { item, adjustments, settings };
    return settings;
  }

  /** What waits and with which settings, left where it is. */
  waitingPages(adjustments = this.adjustments): Pick<BatchPage, "entry" | "settings">[] {
    return [...this.#queue].map((item) => ({
      entry: this.#planned.get(item.inputPath)!.entry,
      settings: this.#settings(item, adjustments),
    }));
  }

  /** The page that `next` would give, left where it is. */
  peek(): Pick<BatchPage, "entry" | "settings"> | undefined {
    const item = this.#queue.peek();
    return item === undefined ? undefined : this.#page(item);
  }

  /** Pages keep the names that an earlier run of the same output gave them, as far as `keptNames` says. */
  keepNames(nameOf: (page: string) => string | undefined, only: ReadonlySet<string> | undefined): void {
    const given = new Map([...this.#planned].map(([page, { outputName }]) => [page, outputName]));
    for (const [page, outputName] of keptNames(given, nameOf, only))
      this.#planned.set(page, { ...this.#planned.get(page)!, outputName });
  }

  /** Takes the next page out of the queue; undefined when none waits. */
  next(): BatchPage | undefined {
    const item = this.#queue.dequeue();
    return item === undefined ? undefined : this.#page(item);
  }

  /** A page is started: it is read and decoded, and then waits for its colouring. */
  taken({ entry, index, settings: { referenceImages: _list, colorHints: _hints, ...settings } }: BatchPage): void {
    this.#tell({ page: entry.name, state: "started" });
    this.emit({ type: "page-started", page: entry.name, index, settings });
  }

  /** A page's colouring begins: from now on it is being processed. */
  colouring({ id }: BatchPage): void {
    if (this.tracker.getStatus(id)?.state === "pending") this.tracker.updateStatus(id, "processing");
  }

  /** The pages that wait, in their order, to be tried without being taken. */
  *trials(): Generator<BatchPage> {
    for (const item of this.#queue) yield this.#page(item);
  }

  #page(item: ImageQueueItem): BatchPage {
    const { entry, outputName, index } = this.#planned.get(item.inputPath)!;
    return {
      item,
      id: item.id,
      index,
      entry,
      outputName,
      settings: this.#settings(item),
      startedMs: performance.now(),
      stage: "decode",
      inputSha256: "",
    };
  }

  /** @param kept an earlier run has done it */
  complete(page: BatchPage, success: PageSuccess, kept: boolean): void {
    this.colouring(page);
    this.tracker.updateStatus(page.id, "completed", { outputPath: success.output });
    this.#outcomes.push({ page, success });
    const { output, bucket, seed, elapsedMs, stageMs } = success;
    this.#tell({ page: success.page, ...(kept ? { state: "kept" } : { state: "completed", elapsedMs, stageMs }) });
    const where = { page: success.page, output };
    log.info(
      kept ? where : { ...where, bucket, seed, ms: Math.round(elapsedMs), stageMs: wholeMs(stageMs) },
      kept ? "page kept from an earlier run" : "page done",
    );
    this.emit({
      type: "page-completed",
      index: page.index,
      progress: this.progress,
      ...success,
      ...(kept ? { kept } : {}),
    });
  }

  fail(page: BatchPage, error: BatchProcessingError): PageFailure {
    this.colouring(page);
    return this.#addFailure(page, page.id, page.index, pageFailure(page.entry.name, page.stage, error), error);
  }

  /** A page that has failed before and is not tried again. */
  failedBefore(page: BatchPage, failure: PageFailure): void {
    this.colouring(page);
    const { code, message, remedy } = failure;
    this.#addFailure(page, page.id, page.index, failure, new BatchProcessingError(code, message, { remedy }));
  }

  #addFailure(
    page: BatchPage | undefined,
    id: string,
    index: number,
    given: PageFailure,
    error: BatchProcessingError,
  ): PageFailure {
    const failure = { ...given, message: this.redact(given.message) };
    const { stage, code, remedy } = failure;
    log.error({ page: failure.page, stage, code, remedy }, `page failed: ${error.message}`);
    this.#tell({ page: failure.page, state: "failed", code });
    this.tracker.updateStatus(id, "failed", { error });
    this.#outcomes.push({ page, failure });
    this.emit({ type: "page-failed", index, progress: this.progress, ...failure });
    return failure;
  }

  #tell(turn: PageTurn): void {
    if (CHANNELS.page.isWatched && this.engine.givesStoredResults !== true)
      CHANNELS.page.publish({ ...logContext(), ...turn });
  }

  /** What came of some pages. */
  outcomesOf(pages: readonly BatchPage[]): { successes: PageSuccess[]; failures: PageFailure[] } {
    const asked = new Set(pages);
    const own = this.#outcomes.filter(({ page }) => page !== undefined && asked.has(page));
    return {
      successes: own.flatMap((one) => ("success" in one ? [one.success] : [])),
      failures: own.flatMap((one) => ("failure" in one ? [one.failure] : [])),
    };
  }

  /** Puts pages back in front of the queue, to be done again from the beginning, in the same order. */
  putBack(pages: readonly BatchPage[]): void {
    const again = new Set(pages);
    this.#outcomes = this.#outcomes.filter(({ page }) => page === undefined || !again.has(page));
    for (const { item } of pages.toReversed()) {
      this.tracker.removeImage(item.id);
      this.#queue.requeue(item);
      this.tracker.addImage(item.id);
    }
  }

  /** Empties the queue; what has no outcome yet is cancelled. */
  cancelRest(): void {
    this.#queue.clear();
    for (const { id, state } of this.tracker.getAllStatuses()) {
      if (state === "pending" || state === "processing") this.tracker.updateStatus(id, "cancelled");
    }
  }

  get progress(): BatchProgress {
    const { total, completed, failed } = this.tracker.getSummary();
    return { total, completed, failed, unfinished: total - completed - failed };
  }

  /** @param output what was written; default: what was asked for */
  summary(output = this.config.outputDir ?? this.config.outputZip ?? ""): BatchSummary {
    return {
      ...this.progress,
      inColor: this.inColor,
      output,
      elapsedMs: performance.now() - this.#startedMs,
      failures: this.failures,
    };
  }
}

function wholeMs(stageMs: Readonly<Record<string, number>>): Record<string, number> {
  return Object.fromEntries(Object.entries(stageMs).map(([stage, ms]) => [stage, Math.round(ms)]));
}
