/**
 * A worker of the farm: takes pages from the queue and colours them, and puts chapters together whose pages are done.
 * Everything may be done twice without harm: results are named by what they are made of, and outputs have a journal
 * and a lease.
 */
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { DelayedError, Worker, type Job } from "bullmq";
import type { Redis } from "ioredis";
import type { PageProgress, PageResult } from "../../colorization/request/page-request.js";
import { pageFailure } from "../../colorization/request/page-failure.js";
import type { BatchEngine } from "../../core/batch-engine.js";
import type { CrashNotePad } from "../../core/journal/crash-marks.js";
import { BatchProcessingError, isPageFailure, messageOf } from "../../errors.js";
import { getLogger, withLogContext } from "../../logging.js";
import { CHANNELS } from "../../observe/channels.js";
import type { StoredRequest } from "../store/result-key.js";
import type { FarmStore } from "../store/farm-store.js";
import { crashPolicyOf, WorkerMarks } from "./crash-record.js";
import type { PageOutcome } from "./chapter-progress.js";
import { pausedChapterKey, PREFIX } from "./farm-keys.js";
import type { ChapterFault, ChapterJob, QueueNames, PageJob } from "./farm-queue.js";
import { ExclusiveGate } from "./exclusive-gate.js";
import { ProgressTeller } from "./page-progress.js";
import { writeChapter } from "./write-chapter.js";

/** What a worker works with. It owns none of it. */
export interface FarmWorkerOptions {
  readonly engine: BatchEngine;
  readonly store: FarmStore;
  readonly redis: Redis;
  readonly names: QueueNames;
  /** Pages taken from the queue at once. */
  readonly pagesAtOnce: number;
  /** A page whose worker has been silent for so long goes to another one. Default 60,000. */
  readonly lockMs?: number;
  /** Opens the crash notes of this process. Default: none are written. */
  readonly openCrashNotes?: (path: string) => CrashNotePad;
  /** Told how long a page has waited in the queue. */
  readonly onWait?: (ms: number) => void;
}

/** A page that a worker is working on. */
export interface WorkingPage {
  readonly page: string;
  /** The chapter's output, for people. */
  readonly chapter: string;
  readonly stage: PageProgress["stage"];
  readonly step?: number;
  readonly steps?: number;
}

const DEFAULT_LOCK_MS = 60_000;
/**
 * How often a page may lose its worker before the queue gives it up. Losing a worker is no fault of the page: crashes
 * are counted by their notes, and kills do not count.
 */
const MOST_STALLS = 1000;
/** Time in which Redis must have taken back what a worker that ends was working on. */
const GIVE_BACK_MS = 3000;
/**
 * A page of a paused chapter waits so long before a worker looks at it again; resuming the chapter ends the waiting.
 */
const PAUSED_MS = 600_000;
/** References of so many chapters stay at hand. */
const HELD_LISTS = 4;

const log = getLogger("worker");

export class FarmWorker {
  readonly #options: FarmWorkerOptions;
  readonly #pages: Worker<PageJob>;
  readonly #chapters: Worker<ChapterJob>;
  readonly #gate = new ExclusiveGate();
  readonly #marks: WorkerMarks;
  readonly #stop = new AbortController();
  readonly #held = new Map<string, Disposable>();
  /** By the keys of their results. */
  readonly #working = new Map<string, WorkingPage>();
  #pagesDone = 0;
  #pagesFailed = 0;
  #drained = false;
  /** Pausing ends when the pages in progress do; only then can a worker take pages again. */
  #draining: Promise<unknown> = Promise.resolve();
  /** Told where what it works on has changed; "done" where a page is done or has failed. */
  onChange: ((what: "begun" | "moved" | "done") => void) | undefined;

  /** Starts to work at once. */
  constructor(options: FarmWorkerOptions) {
    this.#options = options;
    const { engine, redis, names, pagesAtOnce, lockMs = DEFAULT_LOCK_MS, store, openCrashNotes } = options;
    this.#marks = new WorkerMarks(openCrashNotes?.(store.crashFile(randomBytes(8).toString("hex"))));
    const common = {
      connection: redis,
      prefix: PREFIX,
      lockDuration: lockMs,
      // Renewed at half of it, as long as the event loop runs; nothing that colours holds it up.
      stalledInterval: Math.ceil(lockMs / 2),
      maxStalledCount: MOST_STALLS,
    };
    this.#pages = new Worker<PageJob>(names.pages, (job, token) => this.#page(job, token), {
      ...common,
      concurrency: pagesAtOnce,
    });
    this.#chapters = new Worker<ChapterJob>(
      names.chapters,
      (job, token) =>
        writeChapter(job, { engine, store, signal: this.#stop.signal }).catch((error: unknown) =>
          this.#chapterFailed(job, token, error),
        ),
      { ...common, concurrency: 1 },
    );
    for (const worker of [this.#pages, this.#chapters]) {
      worker.on("error", (error) => log.debug({ error: messageOf(error) }, "the queue reports an error"));
      worker.on("stalled", (job) => log.warn({ job }, "a page has lost its worker and goes to another"));
    }
  }

  /** Pages in progress. */
  get working(): WorkingPage[] {
    return [...this.#working.values()];
  }

  /** Pages since it was started. */
  get counts(): { readonly pagesDone: number; readonly pagesFailed: number } {
    return { pagesDone: this.#pagesDone, pagesFailed: this.#pagesFailed };
  }

  /** Takes no more pages and chapters, and finishes those in progress; or takes them again. */
  drain(drained: boolean): void {
    if (drained === this.#drained) return;
    this.#drained = drained;
    // Not `pause(true)`: a worker that waits for a job would still take the next one that comes.
    const apply = (): Promise<unknown> =>
      Promise.all([this.#pages, this.#chapters].map(async (worker) => (drained ? worker.pause() : worker.resume())));
    this.#draining = this.#draining.then(apply).catch((error: unknown) => {
      log.warn({ error: messageOf(error) }, "draining failed");
    });
    log.info({ drained }, drained ? "takes no more pages" : "takes pages again");
  }

  /**
   * Takes no more pages, and waits for those in progress, at most that long; the rest goes back to the queue. Where
   * Redis does not take it back, other workers have it once its locks are over.
   * @returns whether Redis took it back; if not, its connections stay open
   */
  async close(drainMs: number): Promise<boolean> {
    const closed = Promise.all([this.#pages.close(), this.#chapters.close()]);
    const timer = setTimeout(() => this.#stop.abort(new Error("the worker ends")), drainMs);
    const ended = new AbortController();
    const late = sleep(drainMs + GIVE_BACK_MS, false, { signal: ended.signal }).catch(() => false);
    const inTime = await Promise.race([closed.then(() => true), late]).finally(() => {
      clearTimeout(timer);
      ended.abort();
    });
    for (const held of this.#held.values()) held[Symbol.dispose]();
    this.#marks.close();
    if (!inTime) log.warn("the queue does not answer; pages in progress go to other workers when their locks are over");
    return inTime;
  }

  async #page(job: Job<PageJob>, token: string | undefined): Promise<PageOutcome> {
    if (await this.#isPaused(job)) return this.#putBack(job, token);
    const { key, request, chapter } = job.data;
    const { store, onWait } = this.#options;
    if (await store.hasResult(key)) return ["done", Date.now()]; // by a worker that was gone before it could say so
    if (job.attemptsStarted <= 1) onWait?.(Date.now() - job.timestamp);
    const page = { name: request.name, key };
    const crashPolicy = job.attemptsStarted > 1 ? await crashPolicyOf(store, page) : ({ kind: "normal" } as const);
    if (crashPolicy.kind === "quarantined") {
      const error = new BatchProcessingError(
        "ERR_PAGE_CRASHED",
        `the page "${request.name}" has crashed workers twice, the last time in the stage "${crashPolicy.stage}", and is quarantined; the other pages continue`,
      );
      return this.#keep(page, { status: "failed", failure: pageFailure(request.name, "decode", error), warnings: [] });
    }
    return withLogContext({ job: chapter, page: request.name }, () =>
      this.#gate.run(crashPolicy.kind === "alone", async () => {
        try {
          return await this.#keep(page, await this.#colour(page, job));
        } catch (error) {
          if (this.#stop.signal.aborted) return await this.#giveBack(job, token, error);
          const isLast = job.attemptsMade + 1 >= (job.opts.attempts ?? 1);
          if (!isLast && !isPageFailure(error)) throw error; // another try may be better
          const fault =
            error instanceof BatchProcessingError ? error : new BatchProcessingError("ERR_INTERNAL", messageOf(error));
          return await this.#keep(page, {
            status: "failed",
            failure: pageFailure(request.name, isPageFailure(error) ? "encode" : "decode", fault),
            warnings: [],
          });
        } finally {
          this.#marks.leave(page);
          this.#working.delete(key);
          this.onChange?.("moved");
        }
      }),
    );
  }

  async #colour(page: { name: string; key: string }, job: Job<PageJob>): Promise<PageResult> {
    const { request, chapter } = job.data;
    this.#stop.signal.throwIfAborted();
    this.#marks.enter(page, "decode");
    this.#working.set(page.key, { page: page.name, chapter, stage: "decode" });
    this.onChange?.("begun");
    if (CHANNELS.page.isWatched) CHANNELS.page.publish({ page: page.name, state: "started" });
    this.#hold(request);
    const startedMs = performance.now();
    using teller = new ProgressTeller(job);
    const onProgress = (progress: PageProgress): void => {
      const { stage, step, steps } = progress;
      this.#marks.enter(page, stage);
      const counted = step === undefined || steps === undefined ? {} : { step, steps };
      this.#working.set(page.key, { page: page.name, chapter, stage, ...counted });
      this.onChange?.("moved");
      teller.tell(progress);
    };
    const result = await this.#options.engine.colorizePage(request, { signal: this.#stop.signal, onProgress });
    if (CHANNELS.page.isWatched)
      CHANNELS.page.publish(
        result.status === "failed"
          ? { page: page.name, state: "failed", code: result.failure.code }
          : { page: page.name, state: "completed", elapsedMs: performance.now() - startedMs, stageMs: result.stageMs },
      );
    return result;
  }

  async #keep({ name, key }: { name: string; key: string }, result: PageResult): Promise<PageOutcome> {
    await this.#options.store.keepResult(key, result);
    if (result.status === "failed") this.#pagesFailed++;
    else this.#pagesDone++;
    this.onChange?.("done");
    if (result.status === "failed")
      log.error({ page: name, code: result.failure.code }, `page failed: ${result.failure.message}`);
    else log.info({ page: name, bucket: result.bucket }, "page done");
    return [result.status === "failed" ? "failed" : "done", Date.now()];
  }

  async #isPaused({ id }: Job<PageJob>): Promise<boolean> {
    const { redis, names } = this.#options;
    return (await redis.exists(pausedChapterKey(names.farm, id!.split(".", 1)[0]!))) === 1;
  }

  /** Leaves a page of a chapter that is paused. */
  async #putBack(job: Job<PageJob>, token: string | undefined): Promise<never> {
    await job.moveToDelayed(Date.now() + PAUSED_MS, token);
    // Resumed in the meantime, by somebody who did not see this page.
    if (!(await this.#isPaused(job))) await job.promote().catch(() => {});
    throw new DelayedError();
  }

  /** What people are told of a chapter that failed is kept with its job. */
  async #chapterFailed(job: Job<ChapterJob>, token: string | undefined, error: unknown): Promise<never> {
    if (!this.#stop.signal.aborted && error instanceof BatchProcessingError) {
      const { code, message, remedy } = error;
      const fault: ChapterFault = { code, message, remedy };
      await job.updateData({ ...job.data, fault });
    }
    return this.#giveBack(job, token, error);
  }

  /** A job that this worker could not end goes back to the queue. Any other error is the job's. */
  async #giveBack(job: Job, token: string | undefined, error: unknown): Promise<never> {
    if (!this.#stop.signal.aborted) throw error;
    await job.moveToDelayed(Date.now(), token);
    throw new DelayedError();
  }

  /** Keeps references, with their keys and values, for the pages that follow. */
  #hold({ references }: StoredRequest): void {
    const list = JSON.stringify(references);
    const { engine, store } = this.#options;
    const held =
      this.#held.get(list) ??
      engine.referenceStore.hold(references.map((one) => ({ ...one, read: () => store.read(one.hash, true) })));
    this.#held.delete(list);
    this.#held.set(list, held);
    for (const [old, hold] of [...this.#held].slice(0, Math.max(0, this.#held.size - HELD_LISTS))) {
      this.#held.delete(old);
      hold[Symbol.dispose]();
    }
  }
}
