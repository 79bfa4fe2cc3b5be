/** Submits a chapter of the queue again. Results that are in the store are not made again; pages that failed are. */
import type { Redis } from "ioredis";
import type { ImagePool } from "../../core/batch-engine.js";
import type { FarmStore } from "../store/farm-store.js";
import { resultKey } from "../store/result-key.js";
import { collectRequests } from "./collect-requests.js";
import { FarmQueue, queueNamesOf } from "./farm-queue.js";
import type { QueueAdmin } from "./queue-admin.js";
import { submitChapter, type Submission } from "./submit-chapter.js";

/** What it is submitted with. */
export interface ResubmitOptions {
  readonly redis: Redis;
  /** Name of the farm. */
  readonly name: string;
  readonly admin: QueueAdmin;
  readonly store: FarmStore;
  readonly pool: ImagePool;
}

/** @throws QueueError `ERR_QUEUE_JOB` for a job that is not there, or works; errors of the chapter's input */
export async function resubmitChapter(
  id: string,
  { redis, name, admin, store, pool }: ResubmitOptions,
): Promise<Submission> {
  const { config, pageConfigs, model, priority } = await admin.data(id);
  await using queue = new FarmQueue(redis, queueNamesOf(name, model));
  const { requests, failures } = await collectRequests(config, {
    pool,
    model,
    pageConfig: (page) => (Object.hasOwn(pageConfigs, page) ? pageConfigs[page]! : {}),
    keep: (bytes) => store.keep(bytes),
    onTooLarge: (request, failure) => store.keepResult(resultKey(request, model.hash), failure),
  });
  const unreadable = failures.length;
  // Awaited here: the queue closes when this function returns.
  return await submitChapter(queue, store, { config, pageConfigs, model, requests, unreadable, priority });
}
