/** A chapter in the queue as people and programs see it. Anybody who reaches Redis can have written it. */
import type { Job } from "bullmq";
import { z } from "zod";
import { errorCode, pageFailure, type PageFailure } from "../../core/events.js";
import type { ErrorCode } from "../../errors.js";
import { outputPath } from "../../core/output/work-folder.js";
import { progressOf, type ChapterProgress } from "./chapter-progress.js";
import type { ChapterJob, FarmQueue, PageJob, QueuedModel } from "./farm-queue.js";

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
  /** Pages that are coloured. */
  readonly done: number;
  /** Pages that have failed. */
  readonly failed: number;
  /** Pages with an outcome a minute, over the last ten minutes. */
  readonly pagesPerMinute: number;
  /** Why the job has failed. */
  readonly reason?: string;
  /** The error's code, where it is known and not that of a page. */
  readonly code?: ErrorCode;
  /** What to do about it, said to people at a terminal. */
  readonly remedy?: string;
  /** The first pages that failed. */
  readonly failures?: readonly PageFailure[];
}

const text = z.string();
const faultSchema = z.object({ code: errorCode, message: text, remedy: text });

const readable = z.looseObject({
  config: z.looseObject({ outputDir: z.string().optional(), outputZip: z.string().optional() }),
  model: z.looseObject({ hash: z.string(), name: z.string(), version: z.string() }),
  pageConfigs: z.looseObject({}),
  pages: z.number(),
  priority: z.number(),
  submittedAt: z.string(),
  unreadable: z.number().optional(),
  fault: faultSchema.optional(),
  failures: z.array(pageFailure).optional(),
});

/** Whether a job can be described; anybody who reaches Redis can write others. */
export function isReadable(data: unknown): data is ChapterJob {
  return readable.safeParse(data).success;
}

/** @param paused workers take nothing of it */
export async function describeChapter(
  job: Job<ChapterJob>,
  { chapters, redis }: Pick<FarmQueue, "chapters" | "redis">,
  paused: boolean,
): Promise<QueuedChapter> {
  const state = await job.getState();
  const { unprocessed = 0, ignored = 0 } = await job.getDependenciesCount({ unprocessed: true, ignored: true });
  if (!isReadable(job.data)) return describeUnreadable(job.id!, Number(job.timestamp) || 0, unprocessed);
  const { config, model, pages, priority, submittedAt, unreadable = 0 } = job.data;
  // The values alone, and not their keys: a chapter may have thousands.
  const returned = await redis.hvals(chapters.toKey(`${job.id}:processed`));
  const { pagesPerMinute, ...counts } = progressOf(returned);
  const failed = Math.min(pages, counts.failed + ignored + unreadable);
  return {
    id: job.id!,
    output: outputPath(config),
    model: `${model.name} ${model.version}`,
    state: state === "failed" ? "failed" : state === "active" ? "assembling" : paused ? "paused" : "waiting",
    priority,
    submittedAt,
    pages,
    left: unprocessed,
    // Pages whose results were there before have no jobs.
    done: Math.max(0, pages - unprocessed - failed),
    failed,
    pagesPerMinute,
    ...(state === "failed" ? whyFailed(job) : {}),
  };
}

/** A job that cannot be read. @param submittedMs when, milliseconds since 1970, if known */
export function describeUnreadable(id: string, submittedMs = 0, left = 0): QueuedChapter {
  return {
    id,
    output: "unknown",
    model: "unknown",
    state: "failed",
    priority: 0,
    submittedAt: new Date(submittedMs).toISOString(),
    pages: left,
    left,
    ...NO_PROGRESS,
    reason: "the job cannot be read",
    code: "ERR_QUEUE_JOB",
    remedy: `take it out with \`cobra-batch queue cancel ${id}\`, and submit its chapter again`,
  };
}

const NO_PROGRESS = { done: 0, failed: 0, pagesPerMinute: 0 } as const;

function whyFailed({
  id,
  data,
  failedReason,
}: Job<ChapterJob>): Pick<QueuedChapter, "reason" | "code" | "remedy" | "failures"> {
  const { fault, failures } = data;
  const again = `\`cobra-batch queue retry ${id}\``;
  if (failures !== undefined)
    return {
      reason: failedReason,
      remedy: `do what the failures of its pages say, then ${again}; the output has all other pages`,
      failures,
    };
  if (fault === undefined) return { reason: failedReason, remedy: again };
  return { reason: `${fault.message} [${fault.code}]`, code: fault.code, remedy: `${fault.remedy}; then ${again}` };
}

const readablePage = z.looseObject({
  chapter: z.string(),
  submitter: z.looseObject({ pages: z.number(), priority: z.number() }),
});

/** A chapter of which the queue has pages alone, because its submitter waits and puts it together. */
export interface WaitedChapter {
  readonly id: string;
  readonly model: QueuedModel;
  /** Any of its pages that can be read. */
  readonly page: Job<PageJob> | undefined;
  /** So many of them are in the queue. */
  readonly left: number;
  readonly paused: boolean;
  /** What its submitter has told. */
  readonly progress: ChapterProgress | undefined;
}

/** A chapter that its submitter waits for. */
export function describeWaited({ id, model, page, left, paused, progress }: WaitedChapter): QueuedChapter {
  const { chapter, submitter } = readablePage.safeParse(page?.data).data ?? {
    chapter: "unknown",
    submitter: { pages: left, priority: 0 },
  };
  return {
    id,
    output: chapter,
    model: `${model.name} ${model.version}`,
    state: paused ? "paused" : "waiting",
    priority: submitter.priority,
    submittedAt: new Date(Number(page?.timestamp) || 0).toISOString(),
    pages: submitter.pages,
    left,
    ...(progress ?? NO_PROGRESS),
  };
}
