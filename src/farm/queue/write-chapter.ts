/** Puts a chapter together whose pages are done: writes its output from the results in the store. */
import { UnrecoverableError, type Job } from "bullmq";
import { pageFailure } from "../../colorization/request/page-failure.js";
import type { PageResult } from "../../colorization/request/page-request.js";
import type { BatchEngine } from "../../core/batch-engine.js";
import { outputPath } from "../../core/output/work-folder.js";
import { runBatch } from "../../core/run-batch.js";
import { BatchProcessingError } from "../../errors.js";
import { getLogger, withLogContext } from "../../logging.js";
import { sha256 } from "../../platform/sha256.js";
import { storedResult, type FarmStore } from "../store/farm-store.js";
import { resultKey, withHashes } from "../store/result-key.js";
import { storedEngine } from "../stored-engine.js";
import type { ChapterFault, ChapterJob } from "./farm-queue.js";

/** Of the pages of a chapter that failed, so many are kept with its job. */
const MOST_FAILURES = 20;

const log = getLogger("worker");

export interface ChapterTools {
  readonly engine: BatchEngine;
  readonly store: FarmStore;
  readonly signal: AbortSignal;
}

/**
 * Writes a chapter's output, with all pages that there are. What failed is kept with the job.
 * @throws UnrecoverableError where pages failed or are gone; BatchProcessingError where the output cannot be written
 */
export async function writeChapter(job: Job<ChapterJob>, { engine, store, signal }: ChapterTools): Promise<void> {
  const { config, pageConfigs, model, cancelled } = job.data;
  if (cancelled === true) return;
  const path = outputPath(config);
  const summary = await withLogContext({ job: path }, () =>
    runBatch(
      storedEngine({
        model: { directory: "", hash: model.hash, manifest: model },
        provider: "the farm",
        inFlight: engine.pool.maxThreads,
        pool: engine.pool,
        find: async (request) => {
          const stored = await withHashes(request, sha256);
          return (await storedResult(store, resultKey(stored, model.hash))) ?? lost(request.name);
        },
      }),
      config,
      { signal, pageConfig: (page) => (Object.hasOwn(pageConfigs, page) ? pageConfigs[page]! : {}) },
    ),
  );
  log.info({ output: path, completed: summary.completed, failed: summary.failed }, "chapter done");
  const gone = job.data.pages - summary.total;
  if (gone > 0) {
    const fault: ChapterFault = {
      code: "ERR_QUEUE_JOB",
      message: `${gone} of ${job.data.pages} pages went from the input after it was submitted, and the output lacks them`,
      remedy: "put them back or let them go",
    };
    await job.updateData({ ...job.data, fault });
    throw new UnrecoverableError(fault.message);
  }
  if (summary.failed > 0) {
    await job.updateData({ ...job.data, failures: summary.failures.slice(0, MOST_FAILURES) });
    throw new UnrecoverableError(
      `${summary.failed} of ${summary.total} pages failed: ${summary.failures
        .slice(0, 3)
        .map(({ page, code }) => `${page} (${code})`)
        .join(", ")}`,
    );
  }
}

function lost(page: string): PageResult {
  const error = new BatchProcessingError(
    "ERR_QUEUE_JOB",
    `the store has no result of ${page}: it changed after the chapter was submitted, or its result was removed`,
    { remedy: "submit the chapter again" },
  );
  return { status: "failed", failure: pageFailure(page, "decode", error), warnings: [] };
}
