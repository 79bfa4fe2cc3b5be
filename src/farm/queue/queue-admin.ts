/** What people ask of a farm's queue: which chapters there are, how far they are, and to hold or drop them. */
import type { Job } from "bullmq";
import type { Redis } from "ioredis";
import { outputPath } from "../../core/output/work-folder.js";
import { QueueError } from "../../errors.js";
import { FarmQueue, lanesOf, type ChapterJob } from "./farm-queue.js";

/** A chapter in the queue. */
export interface QueuedChapter {
  readonly id: string;
  readonly output: string;
  readonly model: string;
  readonly state: "waiting" | "assembling" | "failed";
  readonly priority: number;
  readonly submittedAt: string;
  /** Pages of the chapter. */
  readonly pages: number;
  /** Of them those that workers have still to do. */
  readonly left: number;
  /** Why the job has failed. */
  readonly reason?: string;
}

/** All queues of a farm, open. */
export class QueueAdmin implements AsyncDisposable {
  readonly #queues: readonly FarmQueue[];

  private constructor(queues: readonly FarmQueue[]) {
    this.#queues = queues;
  }

  static async open(redis: Redis, name: string): Promise<QueueAdmin> {
    return new QueueAdmin((await lanesOf(redis, name)).map(({ lane }) => new FarmQueue(redis, lane)));
  }

  /** All chapters, in the order of their submission. */
  async list(): Promise<QueuedChapter[]> {
    const found = await Promise.all(
      this.#queues.map(async ({ chapters }) =>
        Promise.all(
          (await chapters.getJobs(["waiting-children", "prioritized", "wait", "active", "delayed", "failed"])).map(
            (job) => describe(job),
          ),
        ),
      ),
    );
    return found.flat().toSorted((a, b) => (a.submittedAt < b.submittedAt ? -1 : 1));
  }

  /** @throws QueueError `ERR_QUEUE_JOB` for a job that is not there */
  async show(id: string): Promise<QueuedChapter> {
    return describe((await this.#find(id)).job);
  }

  /** Workers take nothing more; what they have in hand is finished. */
  async pause(): Promise<void> {
    for (const { pages, chapters } of this.#queues) await Promise.all([pages.pause(), chapters.pause()]);
  }

  /** Workers go on. */
  async resume(): Promise<void> {
    for (const { pages, chapters } of this.#queues) await Promise.all([pages.resume(), chapters.resume()]);
  }

  /**
   * Takes a chapter out. Pages that workers have in hand are finished, and their results stay in the store.
   * @throws QueueError `ERR_QUEUE_JOB`
   */
  async cancel(id: string): Promise<void> {
    const { job } = await this.#find(id);
    await job.updateData({ ...job.data, cancelled: true });
    await job.removeUnprocessedChildren();
    // While a page of it is in hand, the chapter stays until that is done, and then ends without an output.
    await job.remove().catch(() => {});
  }

  /** Takes all chapters out. @returns how many there were */
  async drain(): Promise<number> {
    const chapters = await this.list();
    for (const { id } of chapters) await this.cancel(id);
    return chapters.length;
  }

  /** What a chapter's job was submitted with. @throws QueueError `ERR_QUEUE_JOB` */
  async data(id: string): Promise<ChapterJob> {
    return (await this.#find(id)).job.data;
  }

  async #find(id: string): Promise<{ readonly job: Job<ChapterJob> }> {
    for (const { chapters } of this.#queues) {
      const job = await chapters.getJob(id);
      if (job !== undefined) return { job };
    }
    throw new QueueError(
      "ERR_QUEUE_JOB",
      `there is no job ${id}: it is done, or was never submitted; \`cobra-batch queue list\` lists all that there are`,
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const queue of this.#queues) await queue[Symbol.asyncDispose]();
  }
}

async function describe(job: Job<ChapterJob>): Promise<QueuedChapter> {
  const state = await job.getState();
  const { unprocessed = 0 } = await job.getDependenciesCount({ unprocessed: true });
  const { config, model, pages, priority, submittedAt } = job.data;
  return {
    id: job.id!,
    output: outputPath(config),
    model: `${model.name} ${model.version}`,
    state: state === "failed" ? "failed" : state === "active" ? "assembling" : "waiting",
    priority,
    submittedAt,
    pages,
    left: unprocessed,
    ...(state === "failed" ? { reason: job.failedReason } : {}),
  };
}
