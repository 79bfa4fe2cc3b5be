/** Controls one batch: state, pause, cancel, preview, events. `run-pages.ts` does its work. */
import { randomUUID } from "node:crypto";
import { types } from "node:util";
import {
  type BatchConfig,
  type BatchConfigInput,
  configError,
  PAGE_SETTINGS,
  type PageConfig,
  settingFaults,
} from "../config/batch-config.js";
import { LaterSignal } from "../concurrency/later-signal.js";
import { onAbort } from "../concurrency/on-abort.js";
import { BatchProcessingError, messageOf } from "../errors.js";
import { checkObject } from "../errors/arguments.js";
import { getLogger } from "../logging.js";
import { withIds } from "../observe/with-ids.js";
import type { BatchEngine } from "./batch-engine.js";
import { checkedConfig, type BatchProcessorOptions } from "./batch-options.js";
import { checkedEngine } from "./checked-engine.js";
import { checkedParts } from "./checked-parts.js";
import { checkedImages } from "./pages/asked-images.js";
import { BatchPages, type ImageRequest } from "./pages/batch-pages.js";
import { withoutLink } from "./output/work-folder.js";
import { runPages } from "./run-pages.js";
import { EventStream } from "./event-stream.js";
import type { BatchEvent, BatchEventBody, BatchSummary, PreviewResult } from "./events.js";
import type { ImageQueueItem } from "./pages/image-queue.js";
import { PreviewGate } from "./preview/preview.js";
import { admission, nextState, type ProcessorAction, type ProcessorState } from "./processor-state.js";
import { scanInput, type Scan } from "./input/scan-input.js";
import type { ImageStatus, StatusSummary } from "./pages/status-tracker.js";

export type { BatchProcessorOptions };

/** Where a batch is. */
export interface ProcessorStatus {
  /** The batch's id, as in its events and its journal. */
  readonly job: string;
  readonly state: ProcessorState;
  readonly summary: StatusSummary;
  readonly images: readonly ImageStatus[];
}

/** So long the parts of a batch that was given up may take to end: its engine, its sources and its sink. */
const LEAVE_MS = 3_000;

const log = getLogger("batch");

/**
 * Colours the pages of one input, once. It uses an engine, or anything else that colours pages, and does not own it.
 * `close()` finishes the pages in progress and leaves the others, `destroy()` abandons all; both may be called at any
 * time, and more than once.
 */
export class BatchProcessor implements AsyncDisposable {
  /** The batch's id: in its events, its journal and on its log lines. */
  readonly job: string = randomUUID();
  readonly #engine: BatchEngine;
  readonly #config: BatchConfig;
  readonly #options: BatchProcessorOptions;
  readonly #pages: BatchPages;
  readonly #events = new EventStream<BatchEvent>();
  readonly #stop = new AbortController();
  /** Aborted when no part is waited for any more. */
  readonly #left = new LaterSignal(this.#stop.signal, LEAVE_MS);
  readonly #gate = new PreviewGate();
  #forgetSignal = (): void => undefined;
  readonly #onAbort = (): void => {
    const reason: unknown = this.#options.signal?.reason;
    this.#giveUp(reason);
    if (this.#run === undefined) void this.#release({ reason });
  };
  #state: ProcessorState = "idle";
  #wakeOnChange: (() => void)[] = [];
  #scan: Promise<Scan> | undefined;
  #run: Promise<BatchSummary> | undefined;
  #ending: Promise<void> | undefined;
  /** Set if the caller's own `cancelProcessing` stops the batch: then the run has a summary and not an error. */
  #cancelReason: unknown;
  #hasListenerFailed = false;

  /**
   * @param settings complete settings, or those that differ from the defaults
   * @throws ConfigurationError `ERR_CONFIG` for bad settings; ValidationError `ERR_ARGUMENT` for something that is not
   * an engine, source or sink
   */
  constructor(engine: BatchEngine, settings: BatchConfigInput, options: BatchProcessorOptions = {}) {
    const config = checkedConfig(engine, settings, options);
    const end = { giveUp: (reason: unknown) => this.#giveUp(reason), left: this.#left.signal };
    this.#engine = checkedEngine(engine, end);
    this.#config = config;
    this.#options = checkedParts(options, end);
    const { pageConfig, redact } = this.#options;
    this.#pages = new BatchPages(this.#engine, config, (event) => this.#emit(event), pageConfig, redact);
    if (options.signal?.aborted === true) this.#onAbort();
    else this.#forgetSignal = onAbort(options.signal, this.#onAbort);
  }

  /**
   * Adds pages to the queue, before the start. Without a list all line art of the input; that is also what the start
   * does when nothing was added.
   * @returns the waiting pages
   * @throws ValidationError `ERR_INPUT_NOT_FOUND` for a name the input does not have; QueueError `ERR_ARGUMENT` for a
   * page that was added already; ConfigurationError `ERR_CONFIG` for bad settings; BatchProcessingError `ERR_STATE`
   * after the start; errors of the input
   */
  async addImages(images?: readonly (string | ImageRequest)[]): Promise<readonly ImageQueueItem[]> {
    this.#assertNotStarted();
    const named = images === undefined ? undefined : checkedImages(images);
    const scan = await this.#scanned();
    this.#assertNotStarted();
    return this.#pages.add(scan, named);
  }

  /**
   * Colours the pages that wait. Once.
   * @returns how it went: failed pages are in `failures`; after `close()` or `cancelProcessing()` some are `unfinished`
   * @throws the signal's or `destroy`'s reason; `ERR_STATE` when it was started or ended before; errors that keep the
   * whole batch from going on (`ERR_INPUT_*`, `ERR_NO_REFERENCES`, `ERR_OUTPUT_WRITE`, `ERR_MODEL_*`, …)
   */
  async startProcessing(): Promise<BatchSummary> {
    this.#options.signal?.throwIfAborted();
    if (nextState(this.#state, "start") === undefined)
      throw new BatchProcessingError("ERR_STATE", `the batch is ${this.#state} and cannot start`, {
        remedy: "make a new BatchProcessor for another run",
      });
    this.#act("start");
    this.#run = withIds({ job: this.job }, () => this.#process());
    return this.#run;
  }

  /**
   * Starts no further page until `resumeProcessing()`; pages in progress are finished. Before the start: the start then
   * waits.
   */
  pauseProcessing(): void {
    this.#act("pause");
  }

  /** Continues after `pauseProcessing()`. */
  resumeProcessing(): void {
    this.#act("resume");
  }

  /**
   * Abandons the pages in progress between two denoising steps and leaves the others; resolves when nothing runs any
   * more. Finished pages stay.
   */
  async cancelProcessing(): Promise<void> {
    this.#cancelReason ??= new BatchProcessingError("ERR_STATE", "the batch was cancelled");
    this.#giveUp(this.#cancelReason);
    await this.#ended();
  }

  /** Whether the first pages are shown before the others are done (`previewMode` of the settings). */
  isPreviewMode(): boolean {
    return this.#config.previewMode;
  }

  /** Whether a preview is done and the batch waits for `approvePreview()`, `rejectPreview()` or an end. */
  isWaitingForPreviewApproval(): boolean {
    return this.#gate.waiting;
  }

  /** The preview that waits, or the last one that was decided. Throws `ERR_STATE` before there is one. */
  getPreviewResult(): PreviewResult {
    const { result } = this.#gate;
    if (result === undefined) {
      throw new BatchProcessingError(
        "ERR_STATE",
        this.#config.previewMode
          ? "there is no preview yet; the event preview-ready says when there is one"
          : "the batch has no preview, because previewMode is not set",
        this.#config.previewMode ? {} : { remedy: "set previewMode" },
      );
    }
    return result;
  }

  /**
   * The batch continues with all pages and the preview's settings.
   * @param choice of a grid of seeds the one for all pages
   * @throws BatchProcessingError `ERR_STATE` when no preview waits, `ERR_ARGUMENT` for a seed that is not shown
   */
  approvePreview(choice: { seed?: number } = {}): void {
    checkObject("the choice", choice);
    const { seed } = choice;
    this.#gate.approve(seed);
  }

  /**
   * The preview's pages go back into the queue, are done again and wait again.
   * @param settings what is changed, for these pages and all others, over all other settings. Default: the next seed,
   * as the same settings would give the same picture
   * @throws BatchProcessingError `ERR_STATE` when no preview waits; ConfigurationError `ERR_CONFIG` for bad settings
   */
  rejectPreview(settings?: PageConfig): void {
    if (settings !== undefined) checkObject("settings", settings);
    const faults = settingFaults(settings ?? {}, PAGE_SETTINGS);
    if (faults.length > 0) throw configError(faults);
    this.#gate.reject(settings);
  }

  /** Where the batch is: its state, the counts, and each page. A snapshot. */
  getStatus(): ProcessorStatus {
    const { tracker } = this.#pages;
    return { job: this.job, state: this.#state, summary: tracker.getSummary(), images: tracker.getAllStatuses() };
  }

  /**
   * What happens from this call on, for a `for await` loop; call it before the start to miss nothing. It ends with the
   * batch and throws what ends the batch early. A slow reader loses nothing and slows nothing down: what it has not
   * read is kept for it.
   */
  events(): AsyncIterableIterator<BatchEvent> {
    return this.#events.subscribe();
  }

  /** Begins no further page, waits for those in colouring, and ends the batch. */
  close(): Promise<void> {
    this.#act("close");
    return this.#ended();
  }

  /**
   * Gives everything up, waits until nothing runs, and ends the batch; a running `startProcessing` rejects with
   * `reason`.
   */
  destroy(reason: unknown = new BatchProcessingError("ERR_STATE", "the batch processor was destroyed")): Promise<void> {
    this.#giveUp(reason);
    return this.#ended();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertNotStarted(): void {
    if (this.#state !== "idle" && this.#state !== "held")
      throw new BatchProcessingError("ERR_STATE", `the batch is ${this.#state}`, {
        remedy: "add pages before the start, or to a new BatchProcessor",
      });
  }

  #act(action: ProcessorAction): void {
    const state = nextState(this.#state, action) ?? this.#state;
    if (state === this.#state) return;
    this.#state = state;
    if (action === "pause" && state === "paused") this.#emit({ type: "batch-paused" });
    if (action === "resume" && state === "running") this.#emit({ type: "batch-resumed" });
    if (this.#stopped()) this.#gate.leave();
    for (const wake of this.#wakeOnChange.splice(0)) wake();
  }

  #giveUp(reason: unknown): void {
    this.#act("cancel");
    this.#stop.abort(reason);
  }

  /** No page may be begun any more. */
  #stopped(): boolean {
    return admission(this.#state) === "leave";
  }

  #emit(body: BatchEventBody): void {
    const event: BatchEvent = { time: new Date().toISOString(), job: this.job, ...body };
    const told: unknown = this.#options.onEvent?.(event);
    if (types.isPromise(told)) told.catch((reason: unknown) => this.#listenerFailed(reason));
    this.#events.emit(event);
  }

  /** An async `onEvent` rejected: the first time the batch rejects with that. */
  #listenerFailed(reason: unknown): void {
    if (this.#hasListenerFailed) return;
    this.#hasListenerFailed = true;
    this.#giveUp(reason);
  }

  /** Waits while the batch is paused; false when no page may be begun any more. */
  async #admitted(): Promise<boolean> {
    for (;;) {
      const decision = admission(this.#state);
      if (decision !== "wait") return decision === "begin";
      await new Promise<void>((resolve) => this.#wakeOnChange.push(resolve));
    }
  }

  /** Pages in flight at most: as configured, else as many as memory and cores are good for at the start. */
  #pagesInFlight(): () => number {
    const { maxConcurrent, topK } = this.#config;
    const pages = maxConcurrent ?? this.#engine.memory.pagesInFlight(topK);
    return () => pages;
  }

  #ended(): Promise<void> {
    this.#ending ??= (async () => {
      await this.#run?.catch(() => undefined);
      await this.#release();
    })();
    return this.#ending;
  }

  async #release(fault?: { reason: unknown }): Promise<void> {
    this.#pages.cancelRest();
    try {
      await (await this.#scan?.catch(() => undefined))?.source.close();
    } finally {
      this.#forgetSignal();
      this.#left[Symbol.dispose]();
    }
    this.#events.end(fault);
  }

  #scanned(): Promise<Scan> {
    this.#scan ??= scanInput(this.#engine.pool, this.#config, this.#stop.signal, this.#options);
    return this.#scan;
  }

  async #process(): Promise<BatchSummary> {
    const pages = this.#pages;
    const { fresh = false, only } = this.#options;
    try {
      const { pagesInFlight = this.#pagesInFlight() } = this.#options;
      const control = {
        signal: this.#stop.signal,
        pagesInFlight,
        countUntilWritten: this.#config.maxConcurrent !== undefined && this.#options.pagesInFlight === undefined,
        admitted: () => this.#admitted(),
      };
      const scan = await this.#scanned();
      const written = await runPages({
        engine: this.#engine,
        config: await withoutLink(this.#config),
        pages,
        scan,
        sink: this.#options.sink,
        gate: this.#gate,
        control,
        job: this.job,
        fresh,
        only: only && new Set(only),
        decision: this.#options.decision,
        stopped: () => this.#stopped(),
      });
      return await this.#finish(written);
    } catch (error) {
      if (this.#cancelReason !== undefined && error === this.#cancelReason) return await this.#finish();
      log.error(
        { code: error instanceof BatchProcessingError ? error.code : undefined, err: error },
        `batch ended early: ${messageOf(error)}`,
      );
      if (this.#stop.signal.aborted) this.#emit({ type: "batch-stopped", ...pages.summary() });
      this.#act("fail");
      await this.#release({ reason: error });
      throw error;
    }
  }

  async #finish(written?: string): Promise<BatchSummary> {
    this.#act("complete");
    const preview = written === undefined ? this.#gate.left : undefined;
    const summary = { ...this.#pages.summary(written), ...(preview === undefined ? {} : { preview }) };
    const { failures: _failures, preview: _preview, elapsedMs, ...counts } = summary;
    log.info(
      { ...counts, ms: Math.round(elapsedMs) },
      written !== undefined ? "batch finished" : preview === undefined ? "batch stopped" : "preview waits for approval",
    );
    this.#emit({ type: written === undefined ? "batch-stopped" : "batch-completed", ...summary });
    await this.#release();
    return summary;
  }
}
