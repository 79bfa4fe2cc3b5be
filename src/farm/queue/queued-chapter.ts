/** A chapter in the queue as people and programs see it. Anybody who reaches Redis can have written it. */
import type { Job } from "bullmq";
import { z } from "zod";
import { outputPath } from "../../core/output/work-folder.js";
import type { ChapterJob, PageJob, QueuedModel } from "./farm-queue.js";
import { parseFailure } from "./job-failure.js";

/** A chapter in the queue. */
export interface QueuedChapter {
  readonly id: string;
  readonly output: string;
  readonly model: string;
  readonly state: "waiting" | "paused" | "assembling" | "failed";
  readonly priority: number;
  readonly submittedAt: string;
  /** Pages of the chapter. */
  readonly pages: number;
  /** Of them those that workers have still to do. */
  readonly left: number;
  /** Why the job has failed. */
  readonly reason?: string;
  /** What to do about it, at a terminal. */
  readonly remedy?: string;
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
export function isReadable(data: unknown): data is ChapterJob {
  return readable.safeParse(data).success;
}

/** @param paused workers take nothing */
export async function describeChapter(job: Job<ChapterJob>, paused: boolean): Promise<QueuedChapter> {
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
      reason: "the job cannot be read",
      remedy: `take it out with \`cobra-batch queue cancel ${job.id!}\`, and submit its chapter again`,
    };
  const { config, model, pages, priority, submittedAt } = job.data;
  return {
    id: job.id!,
    output: outputPath(config),
    model: `${model.name} ${model.version}`,
    state: state === "failed" ? "failed" : state === "active" ? "assembling" : paused ? "paused" : "waiting",
    priority,
    submittedAt,
    pages,
    left: unprocessed,
    ...(state === "failed" ? parseFailure(job.failedReason, job.id!) : {}),
  };
}

const readablePage = z.looseObject({
  chapter: z.string(),
  submitter: z.looseObject({ pages: z.number(), priority: z.number() }),
});

/** A chapter of which the queue has pages alone, because its submitter waits and puts it together. */
export interface WaitedChapter {
  readonly id: string;
  readonly model: QueuedModel;
  /** Any of its pages. */
  readonly page: Job<PageJob>;
  /** So many of them are in the queue. */
  readonly left: number;
  readonly paused: boolean;
}

/** A chapter that its submitter waits for. */
export function describeWaited({ id, model, page, left, paused }: WaitedChapter): QueuedChapter {
  const { chapter, submitter } = readablePage.safeParse(page.data).data ?? {
    chapter: "unknown",
    submitter: { pages: left, priority: 0 },
  };
  return {
    id,
    output: chapter,
    model: `${model.name} ${model.version}`,
    state: paused ? "paused" : "waiting",
    priority: submitter.priority,
    submittedAt: new Date(Number(page.timestamp) || 0).toISOString(),
    pages: submitter.pages,
    left,
  };
}
