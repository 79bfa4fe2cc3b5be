/** What people ask of a farm's queue: which chapters there are, how far they are, and to hold or drop them. */
import type { Job } from "bullmq";
import type { Redis } from "ioredis";
import { z } from "zod";
import { outputPath } from "../../core/output/work-folder.js";
import { QueueError } from "../../errors.js";
import { FarmQueue, lanesOf, type ChapterJob, type PageJob } from "./farm-queue.js";

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
    return describe(await this.#find(id));
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
    const job = await this.#job(id);
    if (job === undefined) {
      // With `submit --wait` there are pages alone; whoever waits for them is told that they were cancelled.
      const pages = await this.#pagesAlone((page) => page.startsWith(`${id}.`));
      if (pages.length === 0) throw noJob(id);
      await removeAll(pages);
      return;
    }
    await job.updateData({ ...job.data, cancelled: true });
    await job.removeUnprocessedChildren();
    // While a page of it is in hand, the chapter stays until that is done, and then ends without an output.
    await job.remove().catch(() => {});
  }

  /** Takes all chapters out, and pages that somebody waits for. @returns how many chapters there were */
  async drain(): Promise<number> {
    const chapters = await this.list();
    for (const { id } of chapters)
      await this.cancel(id).catch((error: unknown) => {
        if (!(error instanceof QueueError)) throw error; // done in the meantime
      });
    const pages = await this.#pagesAlone(() => true);
    await removeAll(pages);
    return new Set([...chapters.map(({ id }) => id), ...pages.map(({ id }) => id!.split(".")[0])]).size;
  }

  /** What a chapter's job was submitted with. @throws QueueError `ERR_QUEUE_JOB` */
  async data(id: string): Promise<ChapterJob> {
    const { data } = await this.#find(id);
    if (isReadable(data)) return data;
    throw new QueueError(
      "ERR_QUEUE_JOB",
      `job ${id} cannot be read; take it out with \`cobra-batch queue cancel ${id}\`, and submit its chapter again`,
    );
  }

  async #find(id: string): Promise<Job<ChapterJob>> {
    const job = await this.#job(id);
    if (job === undefined) throw noJob(id);
    return job;
  }

  async #job(id: string): Promise<Job<ChapterJob> | undefined> {
    for (const { chapters } of this.#queues) {
      const job = await chapters.getJob(id);
      if (job !== undefined) return job;
    }
    return undefined;
  }

  /** Pages that no worker has in hand and that belong to no chapter in the queue. */
  async #pagesAlone(isMeant: (id: string) => boolean): Promise<Job<PageJob>[]> {
    const found = await Promise.all(this.#queues.map(({ pages }) => pages.getJobs(["prioritized", "wait", "delayed"])));
    return found.flat().filter((job) => job?.id !== undefined && job.parentKey === undefined && isMeant(job.id));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const queue of this.#queues) await queue[Symbol.asyncDispose]();
  }
}

/** One that a worker takes in the meantime is finished. */
async function removeAll(jobs: readonly Job<PageJob>[]): Promise<void> {
  for (const job of jobs) await job.remove().catch(() => {});
}

function noJob(id: string): QueueError {
  return new QueueError(
    "ERR_QUEUE_JOB",
    `there is no job ${id}: it is done, or was never submitted; \`cobra-batch queue list\` lists all that there are`,
  );
}

const readable = z.looseObject({
  config: z.looseObject({ outputDir: z.string().optional(), outputZip: z.string().optional() }),
  model: z.looseObject({ hash: z.string(), name: z.string(), version: z.string() }),
  pageConfigs: z.looseObject({}),
  pages: z.number(),
  priority: z.number(),
  submittedAt: z.string(),
});

/** Whether a job can be described; anybody who reaches Redis can write others. */
function isReadable(data: unknown): data is ChapterJob {
  return readable.safeParse(data).success;
}

async function describe(job: Job<ChapterJob>): Promise<QueuedChapter> {
  const state = await job.getState();
  const { unprocessed = 0 } = await job.getDependenciesCount({ unprocessed: true });
  if (!isReadable(job.data))
    return {
      id: job.id!,
      output: "unknown",
      model: "unknown",
      state: "failed",
      priority: 0,
      submittedAt: new Date(Number(job.timestamp) || 0).toISOString(),
      pages: unprocessed,
      left: unprocessed,
      reason: "the job cannot be read; cancel it, and submit its chapter again",
    };
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
