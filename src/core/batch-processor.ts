/**
 * One batch that can be steered: an input's pages through decode, colouring, encoding and writing, several on their way at once,
 * written in the queue's order. A page that fails does not stop the others.
 */
import { randomUUID } from "node:crypto";
import type { Engine } from "../colorization/engine.js";
import { outputSettings, type BatchConfig, type PageConfig, type PageSettings } from "../config/batch-config.js";
import { BatchProcessingError, messageOf } from "../errors.js";
import { getLogger, withLogContext } from "../logging.js";
import { BatchOutput } from "./batch-output.js";
import { BatchPages, type ImageRequest } from "./batch-pages.js";
import { EventStream } from "./event-stream.js";
import { EVENT_FORMAT_VERSION, type BatchEvent, type BatchSummary } from "./events.js";
import { findFinishedArchive } from "./finished-archive.js";
import { pageFingerprint } from "./fingerprint.js";
import type { ImageQueueItem } from "./image-queue.js";
import { flowPages } from "./page-flow.js";
import { admission, nextState, type ProcessorAction, type ProcessorState } from "./processor-state.js";
import { runMetadata } from "./run-metadata.js";
import { scanInput, type Scan } from "./scan.js";
import type { ImageStatus, StatusSummary } from "./status-tracker.js";

export interface BatchProcessorOptions {
  /** Gives the batch up between two denoising steps: `startProcessing` rejects with the signal's reason. */
  signal?: AbortSignal;
  /** Told what happens, in order. */
  onEvent?: (event: BatchEvent) => void;
  /** Settings of single pages, by their names in the input, over the batch's; what `addImages` is given for a page goes over both. */
  pageConfig?: (name: string) => PageConfig;
  /** Does all pages anew, also those that an earlier run has finished. Default false: a batch goes on where it was. */
  fresh?: boolean;
}

/** Where a batch is. */
export interface ProcessorStatus {
  readonly state: ProcessorState;
  readonly summary: StatusSummary;
  readonly images: readonly ImageStatus[];
}

const log = getLogger("batch");

/**
 * Colours the pages of one input, once. Made for one engine, which it uses and does not own. `close()` finishes the pages in
 * colouring and leaves the others, `destroy()` gives all up; both may be called twice and at any time.
 */
export class BatchProcessor implements AsyncDisposable {
  /** Names the batch: `job` on its log lines. */
  readonly id: string = randomUUID();
  readonly #engine: Engine;
  readonly #config: BatchConfig;
  readonly #options: BatchProcessorOptions;
  readonly #pages: BatchPages;
  readonly #events = new EventStream<BatchEvent>();
  readonly #stop = new AbortController();
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
  /** Set where the caller's own `cancelProcessing` stops the batch: then the run has a summary and not an error. */
  #cancelReason: unknown;

  constructor(engine: Engine, config: BatchConfig, options: BatchProcessorOptions = {}) {
    this.#engine = engine;
    this.#config = config;
    this.#options = options;
    this.#pages = new BatchPages(engine, config, (event) => this.#emit(event), options.pageConfig);
    if (options.signal?.aborted === true) this.#onAbort();
    else options.signal?.addEventListener("abort", this.#onAbort, { once: true });
  }

  /**
   * Adds pages to the queue, before the start. Without a list all line art of the input; that is also what the start does when
   * nothing was added.
   * @returns the pages as they wait
   * @throws ValidationError `ERR_INPUT_NOT_FOUND` for a name the input does not have; QueueError `ERR_ARGUMENT` for a page that was added
   * already; ConfigurationError `ERR_CONFIG` for bad settings; BatchProcessingError `ERR_STATE` after the start; errors of the input
   */
  async addImages(images?: readonly (string | ImageRequest)[]): Promise<readonly ImageQueueItem[]> {
    this.#assertNotStarted();
    const scan = await this.#scanned();
    this.#assertNotStarted();
    return this.#pages.add(scan, images);
  }

  /**
   * Colours the pages that wait. Once.
   * @returns how it went: failed pages are in `failures`; after `close()` or `cancelProcessing()` some are `unfinished`
   * @throws the signal's or `destroy`'s reason; `ERR_STATE` when it was started or ended before; errors that keep the whole batch from
   * going on (`ERR_INPUT_*`, `ERR_NO_REFERENCES`, `ERR_OUTPUT_WRITE`, `ERR_MODEL_*`, …)
   */
  async startProcessing(): Promise<BatchSummary> {
    this.#options.signal?.throwIfAborted();
    if (nextState(this.#state, "start") === undefined) throw new BatchProcessingError("ERR_STATE", `the batch is ${this.#state} and cannot start; make a new BatchProcessor for another run`);
    this.#act("start");
    this.#run = withLogContext({ job: this.id }, () => this.#process());
    return this.#run;
  }

  /** Begins no further page until `resumeProcessing()`; pages in colouring are finished. Before the start: the start then waits. */
  pauseProcessing(): void {
    this.#act("pause");
  }

  /** Goes on after `pauseProcessing()`. */
  resumeProcessing(): void {
    this.#act("resume");
  }

  /** Gives the pages in colouring up between two denoising steps and leaves the others; resolves when nothing runs any more. Finished pages stay. */
  async cancelProcessing(): Promise<void> {
    this.#cancelReason ??= new BatchProcessingError("ERR_STATE", "the batch was cancelled");
    this.#giveUp(this.#cancelReason);
    await this.#ended();
  }

  getStatus(): ProcessorStatus {
    const { tracker } = this.#pages;
    return { state: this.#state, summary: tracker.getSummary(), images: tracker.getAllStatuses() };
  }

  /**
   * What happens from this call on, for a `for await` loop; call it before the start to miss nothing. It ends with the batch and throws
   * what ends the batch early. A slow reader loses nothing and slows nothing down: what it has not read is kept for it.
   */
  events(): AsyncIterableIterator<BatchEvent> {
    return this.#events.subscribe();
  }

  /** Begins no further page, waits for those in colouring, and ends the batch. */
  close(): Promise<void> {
    this.#act("close");
    return this.#ended();
  }

  /** Gives everything up, waits until nothing runs, and ends the batch; a running `startProcessing` rejects with `reason`. */
  destroy(reason: unknown = new BatchProcessingError("ERR_STATE", "the batch processor was destroyed")): Promise<void> {
    this.#giveUp(reason);
    return this.#ended();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  #assertNotStarted(): void {
    if (this.#state !== "idle" && this.#state !== "held") throw new BatchProcessingError("ERR_STATE", `the batch is ${this.#state}; add pages before the start, or to a new BatchProcessor`);
  }

  #act(action: ProcessorAction): void {
    const state = nextState(this.#state, action) ?? this.#state;
    if (state === this.#state) return;
    this.#state = state;
    if (action === "pause" && state === "paused") this.#emit({ type: "batch-paused" });
    if (action === "resume" && state === "running") this.#emit({ type: "batch-resumed" });
    for (const wake of this.#wakeOnChange.splice(0)) wake();
  }

  #giveUp(reason: unknown): void {
    this.#act("cancel");
    this.#stop.abort(reason);
  }

  #emit(event: BatchEvent): void {
    this.#options.onEvent?.(event);
    this.#events.emit(event);
  }

  /** Waits while the batch is paused; false when no page may be begun any more. */
  async #admitted(): Promise<boolean> {
    for (;;) {
      const decision = admission(this.#state);
      if (decision !== "wait") return decision === "begin";
      await new Promise<void>((resolve) => this.#wakeOnChange.push(resolve));
    }
  }

  #ended(): Promise<void> {
    this.#ending ??= (async () => {
      await this.#run?.catch(() => undefined);
      await this.#release();
    })();
    return this.#ending;
  }

  async #release(fault?: { reason: unknown }): Promise<void> {
    this.#options.signal?.removeEventListener("abort", this.#onAbort);
    this.#pages.cancelRest();
    await (await this.#scan?.catch(() => undefined))?.source.close();
    this.#events.end(fault);
  }

  #scanned(): Promise<Scan> {
    this.#scan ??= scanInput(this.#engine, this.#config, this.#stop.signal);
    return this.#scan;
  }

  async #process(): Promise<BatchSummary> {
    const pages = this.#pages;
    let output: BatchOutput | undefined;
    try {
      const scan = await this.#scanned();
      const whole = pages.waiting === 0;
      if (whole) pages.add(scan);
      const faults = whole ? [...scan.source.faults, ...scan.found.failures] : [];
      const provider = await this.#engine.provider(this.#config.style);
      using references = this.#engine.references(scan.found.references);
      const { hash } = this.#engine.model;
      const written = outputSettings(this.#config);
      const fresh = this.#options.fresh ?? false;
      const fingerprint = (settings: PageSettings): string => pageFingerprint({ ...settings, ...written }, hash, references.hash);
      const before = fresh || faults.length > 0 ? undefined : await findFinishedArchive(this.#config, pages.waitingPages(), fingerprint);
      if (before !== undefined) {
        this.#announce(scan.found.warnings, references.names, provider, pages.waiting);
        for (let job = pages.next(); job !== undefined; job = pages.next()) pages.complete(job, before.pages.get(job.entry.name)!, true);
        return await this.#finish(before.path);
      }
      output = await BatchOutput.open(this.#config, { fresh, fingerprint });
      this.#announce([...scan.found.warnings, ...output.warnings], references.names, provider, pages.waiting + faults.length);
      pages.begin(faults);
      const control = { signal: this.#stop.signal, maxConcurrent: this.#config.maxConcurrent, admitted: () => this.#admitted(), next: () => pages.next() };
      for await (const item of flowPages({ engine: this.#engine, references, output: written, emit: pages.emit, finished: (job) => output!.finished(job) }, control)) {
        if ("value" in item) pages.complete(item.job, await output.write(item.job, item.value), false);
        else if ("kept" in item) pages.complete(item.job, item.kept, true);
        else if ("error" in item) pages.fail(item.job, item.error);
      }
      log.debug({ cache: references.stats() }, "reference cache");
      this.#stop.signal.throwIfAborted();
      if (!pages.allDone) {
        await output.stop();
        return await this.#finish();
      }
      const inputs = pages.completed.map(({ entry, settings, inputSha256 }) => ({ page: entry.name, fingerprint: fingerprint(settings), sha256: inputSha256 }));
      const metadata = runMetadata(this.#engine, this.#config, references.names, pages.successes, pages.failures, inputs);
      return await this.#finish(await output.finish(pages.completed, scan.found.carried, metadata));
    } catch (error) {
      await output?.stop();
      if (this.#cancelReason !== undefined && error === this.#cancelReason) return await this.#finish();
      log.error({ code: error instanceof BatchProcessingError ? error.code : undefined, err: error }, `batch ended early: ${messageOf(error)}`);
      if (this.#stop.signal.aborted) this.#emit({ type: "batch-stopped", ...pages.summary() });
      this.#act("fail");
      await this.#release({ reason: error });
      throw error;
    }
  }

  #announce(warnings: readonly string[], references: readonly string[], provider: string, pages: number): void {
    for (const message of warnings) this.#emit({ type: "warning", message });
    const { name, version, trained } = this.#engine.model.manifest;
    log.info({ pages, references, model: `${name} ${version}`, provider, output: this.#config.outputDir ?? this.#config.outputZip }, "batch started");
    for (const message of warnings) log.warn(message);
    this.#emit({ type: "batch-started", formatVersion: EVENT_FORMAT_VERSION, pages, references: [...references], model: `${name} ${version}`, modelTrained: trained, provider });
    if (!trained) this.#emit({ type: "warning", message: `the model "${name}" is untrained: its colours mean nothing` });
  }

  async #finish(written?: string): Promise<BatchSummary> {
    this.#act("complete");
    const summary = this.#pages.summary(written);
    const { failures: _failures, elapsedMs, ...counts } = summary;
    log.info({ ...counts, ms: Math.round(elapsedMs) }, written === undefined ? "batch stopped" : "batch finished");
    this.#emit({ type: written === undefined ? "batch-stopped" : "batch-completed", ...summary });
    await this.#release();
    return summary;
  }
}
