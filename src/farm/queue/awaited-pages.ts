/**
 * Pages that this process has put into the queue and waits for. The queue's events tell of them; they are also looked
 * after now and then, since events are lost where Redis is, and a page whose job Redis has lost is queued again.
 */
import { QueueEvents, type JobsOptions } from "bullmq";
import { pageFailure } from "../../colorization/request/page-failure.js";
import { PageNotStartedError } from "../../colorization/request/page-schedule.js";
import type { PageProgress, PageResult } from "../../colorization/request/page-request.js";
import { QueueError } from "../../errors.js";
import { abortable } from "../../concurrency/abortable.js";
import { onAbort } from "../../concurrency/on-abort.js";
import { storedResult, type FarmStore } from "../store/farm-store.js";
import { cancelledKey, PREFIX, tellChange } from "./farm-keys.js";
import type { FarmQueue, PageJob } from "./farm-queue.js";
import { parseProgress } from "./page-progress.js";
import { pageOptions } from "./page-options.js";

/** Between two looks at a page of which no event tells anything. */
const LOOK_MS = 5000;
/** So often a page is put back that the queue has lost. */
const MOST_LOSSES = 2;

/** A page to be waited for. */
export interface AwaitedPage {
  /** The chapter's job; ids of its pages begin with it. */
  readonly chapter: string;
  readonly data: PageJob;
  /** From 0; higher goes first. */
  readonly priority: number;
  readonly signal: AbortSignal | undefined;
  readonly onProgress: ((progress: PageProgress) => void) | undefined;
  /** The chapter was cancelled in the queue. */
  readonly onCancelled: () => void;
}

/** One page on its way. */
class Waiting {
  isActive = false;
  /** Nobody waits for it any more, and no worker has begun it. */
  withdrawn = false;
  /** Why its job failed, without a result. */
  failed: string | undefined;
  #wake: (() => void) | undefined;

  constructor(readonly page: AwaitedPage) {}

  wake(): void {
    this.#wake?.();
  }

  /** Waits for news, at most so long. */
  async news(): Promise<void> {
    const { signal } = this.page;
    await new Promise<void>((resolve) => {
      const end = (): void => {
        clearTimeout(timer);
        forget();
        this.#wake = undefined;
        resolve();
      };
      const timer = setTimeout(end, LOOK_MS);
      const forget = onAbort(signal, end);
      this.#wake = end;
    });
  }
}

export class AwaitedPages implements AsyncDisposable {
  readonly #queue: FarmQueue;
  readonly #store: FarmStore;
  readonly #events: QueueEvents;
  /** By the ids of their jobs; equal pages of one chapter share one. */
  readonly #waiting = new Map<string, Set<Waiting>>();

  constructor(queue: FarmQueue, store: FarmStore) {
    this.#queue = queue;
    this.#store = store;
    this.#events = new QueueEvents(queue.names.pages, { connection: queue.redis, prefix: PREFIX });
    this.#events.on("error", () => {}); // told by the connection of the queue
    const each = (id: string, told: (one: Waiting) => void): void => this.#waiting.get(id)?.forEach(told);
    this.#events.on("active", ({ jobId }) => each(jobId, (one) => (one.isActive = true)));
    this.#events.on("waiting", ({ jobId }) => each(jobId, (one) => (one.isActive = false)));
    this.#events.on("delayed", ({ jobId }) => each(jobId, (one) => (one.isActive = false)));
    this.#events.on("progress", ({ jobId, data }) => {
      const progress = parseProgress(data);
      if (progress === undefined) return;
      each(jobId, (one) => {
        one.isActive = true;
        one.page.onProgress?.(progress);
      });
    });
    this.#events.on("failed", ({ jobId, failedReason }) =>
      each(jobId, (one) => {
        one.failed = failedReason;
        one.wake();
      }),
    );
    this.#events.on("completed", ({ jobId }) => each(jobId, (one) => one.wake()));
    this.#events.on("removed", ({ jobId }) => each(jobId, (one) => one.wake()));
  }

  /**
   * Queues a page and waits until a worker has done it.
   * @throws the signal's reason; PageNotStartedError where the page was withdrawn or its chapter cancelled; errors of
   *   the store
   */
  async run(page: AwaitedPage): Promise<PageResult> {
    const id = jobId(page);
    const one = new Waiting(page);
    const all = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, all.add(one));
    const adding = this.#begin(page);
    try {
      await abortable(adding, page.signal);
      return await this.#wait(one);
    } finally {
      all.delete(one);
      if (all.size === 0) this.#waiting.delete(id);
      if (page.signal?.aborted === true || one.withdrawn) void adding.then(() => this.#remove(id)).catch(() => {});
    }
  }

  async #begin(page: AwaitedPage): Promise<void> {
    if (!(await this.#isCancelled(page.chapter))) return this.#add(page);
    page.onCancelled();
    throw new PageNotStartedError();
  }

  async #wait(one: Waiting): Promise<PageResult> {
    const { page } = one;
    const { key, request } = page.data;
    for (let lost = 0; ;) {
      page.signal?.throwIfAborted();
      const result = await storedResult(this.#store, key);
      if (result !== undefined) return result;
      if (one.failed !== undefined)
        return failed(request.name, `no worker could do the page ${request.name}: ${one.failed}`);
      if (one.withdrawn) throw new PageNotStartedError();
      if (!(await abortable(this.#isQueued(page), page.signal)) && !one.withdrawn) {
        const late = await storedResult(this.#store, key);
        if (late !== undefined) return late;
        if (await abortable(this.#isCancelled(page.chapter), page.signal)) {
          page.onCancelled();
          throw new PageNotStartedError();
        }
        if (one.failed === undefined && lost++ >= MOST_LOSSES)
          return failed(request.name, `the queue has lost the page ${request.name} again and again`);
        if (one.failed === undefined) await abortable(this.#add(page), page.signal);
      }
      await one.news();
    }
  }

  /** Takes back the pages of a chapter that no worker has begun. */
  withdraw(chapter: string): void {
    for (const one of this.#of(chapter)) {
      if (one.isActive) continue;
      const take = (): void => {
        one.withdrawn = true;
        one.wake();
      };
      // A queue that is away cannot say what it thinks of it; the page is taken out when it is back.
      if (this.#queue.redis.status !== "ready") take();
      else void this.#remove(jobId(one.page)).then((isOut) => isOut && take());
    }
  }

  /** Gives the pages of a chapter that wait another priority. */
  async prioritize(chapter: string, priority: number): Promise<void> {
    for (const one of this.#of(chapter)) {
      const job = await this.#queue.pages.getJob(jobId(one.page));
      if (job === undefined) continue;
      const { submitter } = job.data;
      if (submitter !== undefined) await job.updateData({ ...job.data, submitter: { ...submitter, priority } });
      await job.changePriority({ priority: pageOptions(priority).priority }).catch(() => {}); // taken meanwhile
    }
    await tellChange(this.#queue.redis, this.#queue.names.farm, "queue");
  }

  #of(chapter: string): Waiting[] {
    return [...this.#waiting.values()].flatMap((all) => [...all]).filter((one) => one.page.chapter === chapter);
  }

  async #add(page: AwaitedPage): Promise<void> {
    const options: JobsOptions = { ...pageOptions(page.priority), jobId: jobId(page) };
    await this.#queue.pages.add("page", page.data, options);
    await tellChange(this.#queue.redis, this.#queue.names.farm, "queue");
  }

  async #isQueued(page: AwaitedPage): Promise<boolean> {
    return (await this.#queue.pages.getJob(jobId(page))) !== undefined;
  }

  async #isCancelled(chapter: string): Promise<boolean> {
    return (await this.#queue.redis.exists(cancelledKey(this.#queue.names.farm, chapter))) === 1;
  }

  /** @returns false for one that a worker has begun */
  async #remove(id: string): Promise<boolean> {
    const removed = await this.#queue.pages.remove(id).catch(() => 0);
    await tellChange(this.#queue.redis, this.#queue.names.farm, "queue");
    return removed === 1;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#events.close().catch(() => {});
  }
}

function jobId({ chapter, data }: AwaitedPage): string {
  return `${chapter}.${data.key}`;
}

function failed(page: string, why: string): PageResult {
  const error = new QueueError("ERR_QUEUE_JOB", why, { remedy: "try the page again" });
  return { status: "failed", failure: pageFailure(page, "decode", error), warnings: [] };
}
