/** Puts a chapter into the farm's queue: a job for each page, and one for its end that waits for them. */
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import { outputPath } from "../../core/output/work-folder.js";
import { QueueError } from "../../errors.js";
import { resultKey, type StoredRequest } from "../store/result-key.js";
import type { FarmStore } from "../store/farm-store.js";
import { cancelledKey, chapterJobId, pausedChapterKey, tellChange } from "./farm-keys.js";
import { ATTEMPTS, pageOptions } from "./page-options.js";
import { bullPriority } from "./priority.js";
import { type ChapterJob, type FarmQueue, type PageJob, type QueuedModel } from "./farm-queue.js";

/** A chapter that is submitted. */
export interface SubmittedChapter {
  readonly config: BatchConfig;
  readonly pageConfigs: Readonly<Record<string, PageConfig>>;
  readonly model: QueuedModel;
  readonly requests: readonly StoredRequest[];
  /** Pages beside them that cannot be read or stored. Default 0. */
  readonly unreadable?: number;
  /** From 0; higher goes first. */
  readonly priority: number;
  /** The submitter waits for the pages and writes the output itself. Default: a worker does. */
  readonly pagesOnly?: boolean;
}

/** What was put into the queue. */
export interface Submission {
  /** The chapter's job; the pages' jobs begin with it. */
  readonly id: string;
  /** Pages that workers have to do. */
  readonly queued: number;
  /** Pages whose results are in the store already. */
  readonly known: number;
  /** Pages that cannot be read or stored; the chapter goes on without them. */
  readonly unreadable: number;
}

/**
 * Submits a chapter. Failures of earlier tries are forgotten; results are not done again.
 * @throws QueueError `ERR_QUEUE_JOB` for an output that the queue works on
 */
export async function submitChapter(
  queue: FarmQueue,
  store: FarmStore,
  { config, pageConfigs, model, requests, unreadable = 0, priority, pagesOnly = false }: SubmittedChapter,
): Promise<Submission> {
  const id = chapterJobId(outputPath(config)); // one output is written by one job at a time
  const before = await queue.chapters.getJob(id);
  if (before !== undefined) {
    if (!(await before.isFailed()))
      throw new QueueError("ERR_QUEUE_JOB", `${outputPath(config)} is in the queue already, as job ${id}`, {
        remedy: `wait for it, or cancel it with \`cobra-batch queue cancel ${id}\``,
      });
    await before.remove();
  }
  await queue.redis.del(cancelledKey(queue.names.farm, id), pausedChapterKey(queue.names.farm, id));
  const chapter = outputPath(config);
  const todo = new Map<string, PageJob>();
  let known = 0;
  for (const request of inAffinity(requests)) {
    const key = resultKey(request, model.hash);
    if (await store.hasResult(key)) {
      known++;
      continue;
    }
    await store.forgetFailure(key);
    const submitter = { pages: requests.length + unreadable, priority };
    todo.set(key, { key, request, chapter, ...(pagesOnly ? { submitter } : {}) });
  }
  const pages = [...todo.values()].map((data) => ({
    name: "page",
    queueName: queue.names.pages,
    data,
    opts: {
      ...pageOptions(priority),
      jobId: `${id}.${data.key}`,
      ...(pagesOnly ? {} : { ignoreDependencyOnFailure: true }),
    },
  }));
  if (pagesOnly) await queue.pages.addBulk(pages.map(({ name, data, opts }) => ({ name, data, opts })));
  else {
    const data: ChapterJob = {
      config,
      pageConfigs,
      model,
      pages: requests.length + unreadable,
      priority,
      submittedAt: new Date().toISOString(),
      ...(unreadable === 0 ? {} : { unreadable }),
    };
    await queue.flows.add({
      name: "chapter",
      queueName: queue.names.chapters,
      data,
      opts: {
        jobId: id,
        priority: bullPriority(priority),
        attempts: ATTEMPTS,
        backoff: { type: "exponential", delay: 2000 },
        removeOnComplete: true,
      },
      children: pages,
    });
  }
  await tellChange(queue.redis, queue.names.farm, "queue");
  return { id, queued: pages.length, known, unreadable };
}

/** Takes out the pages of a chapter that no worker has begun, where nobody waits for them any more. */
export async function takeOutPages(queue: FarmQueue, id: string): Promise<void> {
  const names = (await queue.pages.getRanges(["prioritized", "wait", "delayed"], 0, -1)) as string[];
  const own = names.filter((name) => name.startsWith(`${id}.`));
  for (const name of own) await queue.pages.remove(name).catch(() => {}); // begun in the meantime
}

/**
 * The pages of a chapter in the order in which workers take them: those of one list of references and one style next to
 * each other, else as in the chapter. The queue itself is first in, first out among equal priorities. So neighbours
 * share keys and values, and no page waits for one that was submitted after it.
 */
function inAffinity(requests: readonly StoredRequest[]): StoredRequest[] {
  const groups = new Map<string, StoredRequest[]>();
  for (const request of requests) {
    const group = JSON.stringify([request.references.map(({ hash }) => hash), request.settings.style]);
    groups.set(group, [...(groups.get(group) ?? []), request]);
  }
  return [...groups.values()].flat();
}
