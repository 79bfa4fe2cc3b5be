/** Administers a farm's queue: lists chapters and their progress, pauses and cancels them. */
import type { Job, JobType } from "bullmq";
import type { Redis } from "ioredis";
import { QueueError } from "../../errors.js";
import { toldProgress } from "./chapter-progress.js";
import { cancelledKey, pausedChapterKey, pausedKey, tellChange } from "./farm-keys.js";
import { FarmQueue, queuesOf, type ChapterJob, type QueuedModel } from "./farm-queue.js";
import {
  findChapter,
  findPages,
  findPagesAlone,
  NO_JSON,
  pageNamesByChapter,
  readJob,
  removeAll,
  type PageAlone,
} from "./find-jobs.js";
import { bullPriority } from "./priority.js";
import {
  describeChapter,
  describeUnreadable,
  describeWaited,
  isReadable,
  type QueuedChapter,
} from "./queued-chapter.js";

/** So long whoever waits for a chapter can learn that it was cancelled. */
const CANCELLED_SECONDS = 24 * 3600;

type ModelQueue = FarmQueue & { readonly model: QueuedModel };

/** All queues of a farm, open. */
export class QueueAdmin implements AsyncDisposable {
  readonly #redis: Redis;
  readonly #name: string;
  readonly #queues: readonly ModelQueue[];

  private constructor(redis: Redis, name: string, queues: readonly ModelQueue[]) {
    this.#redis = redis;
    this.#name = name;
    this.#queues = queues;
  }

  static async open(redis: Redis, name: string): Promise<QueueAdmin> {
    const queues = await queuesOf(redis, name);
    return new QueueAdmin(
      redis,
      name,
      queues.map(({ names, model }) => Object.assign(new FarmQueue(redis, names), { model })),
    );
  }

  /** All chapters, in the order of their submission. */
  async list(): Promise<QueuedChapter[]> {
    const found = await Promise.all(
      this.#queues.map(async (queue) =>
        Promise.all(
          ((await queue.chapters.getRanges(CHAPTER_STATES, 0, -1)) as string[]).map(async (id) => {
            const job = await readJob(queue.chapters, id);
            return job === undefined ? undefined : this.#describe(id, job, queue);
          }),
        ),
      ),
    );
    const chapters = found.flat().filter((one) => one !== undefined);
    return [...chapters, ...(await this.#waited())].toSorted((a, b) => (a.submittedAt < b.submittedAt ? -1 : 1));
  }

  /** @throws QueueError `ERR_QUEUE_JOB` for a job that is not there */
  async show(id: string): Promise<QueuedChapter> {
    const found = await findChapter(this.#queues, id);
    if (found !== undefined) return this.#describe(id, found.job, found.queue);
    const waited = (await this.#waited()).find((one) => one.id === id);
    if (waited === undefined) throw noJob(id);
    return waited;
  }

  async #describe(id: string, job: Job<ChapterJob> | typeof NO_JSON, queue: FarmQueue): Promise<QueuedChapter> {
    return job === NO_JSON ? describeUnreadable(id) : describeChapter(job, queue, await this.#isHeld(id));
  }

  /** Whether workers take nothing of a chapter. */
  async #isHeld(id: string): Promise<boolean> {
    return (await this.#redis.exists(pausedKey(this.#name), pausedChapterKey(this.#name, id))) > 0;
  }

  /** Whether workers take nothing. */
  async isPaused(): Promise<boolean> {
    return (await this.#redis.exists(pausedKey(this.#name))) === 1;
  }

  /** Workers take nothing more; pages in progress are finished. */
  async pause(): Promise<void> {
    await this.#redis.set(pausedKey(this.#name), "1"); // for models that come to the farm later
    for (const { pages, chapters } of this.#queues) await Promise.all([pages.pause(), chapters.pause()]);
    await this.#told();
  }

  /** Workers go on. */
  async resume(): Promise<void> {
    await this.#redis.del(pausedKey(this.#name));
    for (const { pages, chapters } of this.#queues) await Promise.all([pages.resume(), chapters.resume()]);
    await this.#told();
  }

  /**
   * Workers take nothing more of a chapter, whoever puts it together; pages in progress are finished.
   * @throws QueueError `ERR_QUEUE_JOB`
   */
  async pauseChapter(id: string): Promise<void> {
    await this.show(id);
    await this.#redis.set(pausedChapterKey(this.#name, id), "1");
    await this.#told();
  }

  /**
   * Workers go on with a chapter that was paused.
   * @throws QueueError `ERR_QUEUE_JOB`
   */
  async resumeChapter(id: string): Promise<void> {
    await this.show(id);
    await this.#redis.del(pausedChapterKey(this.#name, id));
    // Those that workers have put back; one that is put back just now is looked after by its worker.
    for (const page of await findPages(this.#queues, id, ["delayed"])) await page.promote().catch(() => {});
    await this.#told();
  }

  /**
   * Takes a chapter out. Pages that workers are working on are finished, and their results stay in the store.
   * @throws QueueError `ERR_QUEUE_JOB`
   */
  async cancel(id: string): Promise<void> {
    await this.#redis.del(pausedChapterKey(this.#name, id));
    const found = await findChapter(this.#queues, id);
    if (found?.job === NO_JSON) {
      await found.queue.chapters.remove(id);
      return this.#told();
    }
    const job = found?.job;
    if (job === undefined) {
      // With `submit --wait` there are pages alone; whoever waits for them is told that they were cancelled.
      const pages = await findPagesAlone(this.#queues, (page) => page.startsWith(`${id}.`));
      if (pages.length === 0 && !(await this.#waited()).some((one) => one.id === id)) throw noJob(id);
      await this.#cancelWaited(id, pages);
      return;
    }
    await job.updateData({ ...job.data, cancelled: true });
    await job.removeUnprocessedChildren();
    // While a page of it is in progress, the chapter stays until that is done, and then ends without an output.
    await job.remove().catch(() => {});
    await this.#told();
  }

  /** Whoever waits for a chapter is told that it was cancelled, and puts none of its pages back. */
  async #cancelWaited(id: string, pages: readonly PageAlone[]): Promise<void> {
    await this.#redis.set(cancelledKey(this.#name, id), "1", "EX", CANCELLED_SECONDS);
    await removeAll(pages);
    await this.#told();
  }

  /**
   * Gives a chapter and its pages that wait another priority.
   * @throws QueueError `ERR_QUEUE_JOB`
   */
  async prioritize(id: string, priority: number): Promise<void> {
    const job = await this.#job(id);
    const pages = await findPages(this.#queues, id, ["prioritized", "wait", "delayed"]);
    if (job === undefined && pages.length === 0) throw noJob(id);
    if (job !== undefined) {
      await job.updateData({ ...job.data, priority });
      // Its pages are still to be done, or it is being put together: then it has no place in the order.
      await job.changePriority({ priority: bullPriority(priority) }).catch(() => {});
    }
    for (const page of pages) {
      const { submitter } = page.data;
      if (submitter !== undefined) await page.updateData({ ...page.data, submitter: { ...submitter, priority } });
      await page.changePriority({ priority: bullPriority(priority) }).catch(() => {}); // one that was taken meanwhile
    }
    await this.#told();
  }

  #told(): Promise<void> {
    return tellChange(this.#redis, this.#name, "queue");
  }

  /** Takes all chapters out, and pages that somebody waits for. @returns how many chapters there were */
  async drain(): Promise<number> {
    const chapters = await this.list();
    for (const { id } of chapters)
      await this.cancel(id).catch((error: unknown) => {
        if (!(error instanceof QueueError)) throw error; // done in the meantime
      });
    const pages = await findPagesAlone(this.#queues, () => true);
    await removeAll(pages);
    return new Set([...chapters.map(({ id }) => id), ...pages.map(({ id }) => id.split(".", 1)[0])]).size;
  }

  /** What a chapter's job was submitted with. @throws QueueError `ERR_QUEUE_JOB` */
  async data(id: string): Promise<ChapterJob> {
    const job = await this.#job(id);
    if (job === undefined) {
      const isWaited = (await this.#waited()).some((one) => one.id === id);
      if (!isWaited) throw noJob(id);
      throw new QueueError(
        "ERR_QUEUE_JOB",
        `the submitter of job ${id} is still waiting for it and submits it again if necessary`,
      );
    }
    if (isReadable(job.data)) return job.data;
    throw unreadable(id);
  }

  /** @throws QueueError `ERR_QUEUE_JOB` for one that cannot be read */
  async #job(id: string): Promise<Job<ChapterJob> | undefined> {
    const found = await findChapter(this.#queues, id);
    if (found?.job === NO_JSON) throw unreadable(id);
    return found?.job;
  }

  /** Chapters of which the queue has pages alone. */
  async #waited(): Promise<QueuedChapter[]> {
    const found = await Promise.all(
      this.#queues.map(async (queue) => {
        const { pages, chapters, model } = queue;
        return Promise.all(
          [...(await pageNamesByChapter(queue))].map(async ([id, own]) => {
            if ((await readJob(chapters, id)) !== undefined) return undefined;
            const page = await readJob(pages, own[0]!);
            // Done, or of a chapter that is done, in the meantime.
            if (page === undefined || (page !== NO_JSON && page.parentKey !== undefined)) return undefined;
            const [paused, progress] = await Promise.all([this.#isHeld(id), toldProgress(this.#redis, this.#name, id)]);
            return describeWaited({
              id,
              model,
              page: page === NO_JSON ? undefined : page,
              left: own.length,
              paused,
              progress,
            });
          }),
        );
      }),
    );
    return found.flat().filter((one) => one !== undefined);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const queue of this.#queues) await queue[Symbol.asyncDispose]();
  }
}

const CHAPTER_STATES: JobType[] = ["waiting-children", "prioritized", "wait", "active", "delayed", "failed"];

function unreadable(id: string): QueueError {
  const { remedy } = describeUnreadable(id);
  return new QueueError("ERR_QUEUE_JOB", `job ${id} cannot be read`, { remedy });
}

function noJob(id: string): QueueError {
  return new QueueError("ERR_QUEUE_JOB", `there is no job ${id}: it is done, or was never submitted`, {
    remedy: "`cobra-batch queue list` lists all of them",
  });
}
