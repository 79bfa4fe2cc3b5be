/** Waits until workers have done a page. */
import { setTimeout as sleep } from "node:timers/promises";
import { pageFailure } from "../../colorization/request/page-failure.js";
import type { PageResult } from "../../colorization/request/page-request.js";
import { QueueError } from "../../errors.js";
import { storedResult, type FarmStore } from "../store/farm-store.js";
import type { FarmQueue } from "./farm-queue.js";

/** Between two looks into the store, from a page's first to a page that takes minutes. */
const LOOKS_MS = [50, 100, 200, 500, 1000] as const;
/** So many looks without a result, and it is asked whether the page is still queued. */
const ASK_EVERY = 10;

export interface AwaitedPage {
  readonly queue: FarmQueue;
  readonly store: FarmStore;
  /** The chapter's job. */
  readonly id: string;
  readonly key: string;
  readonly name: string;
  readonly signal: AbortSignal | undefined;
}

/** Rejects with the signal's reason. A page that has left the queue without a result has failed. */
export async function awaitResult({ queue, store, id, key, name, signal }: AwaitedPage): Promise<PageResult> {
  for (let look = 0; ; look++) {
    signal?.throwIfAborted();
    const result = await storedResult(store, key);
    if (result !== undefined) return result;
    if (look % ASK_EVERY === ASK_EVERY - 1 && (await queue.pages.getJob(`${id}.${key}`)) === undefined) {
      const late = await storedResult(store, key);
      if (late !== undefined) return late;
      const error = new QueueError(
        "ERR_QUEUE_JOB",
        `the page ${name} is no longer in the queue and has no result: it was cancelled`,
        { remedy: "submit the chapter again" },
      );
      return { status: "failed", failure: pageFailure(name, "decode", error), warnings: [] };
    }
    await sleep(LOOKS_MS[Math.min(look, LOOKS_MS.length - 1)]!, undefined, signal === undefined ? {} : { signal });
  }
}
