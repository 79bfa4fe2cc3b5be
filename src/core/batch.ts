/** One batch as one call: the short way to a `BatchProcessor`. */
import type { Engine } from "../colorization/engine.js";
import type { BatchConfig } from "../config/batch-config.js";
import { BatchProcessor, type BatchProcessorOptions } from "./batch-processor.js";
import type { BatchSummary } from "./events.js";

export interface RunBatchOptions extends BatchProcessorOptions {
  /** Stops gently: no further page is begun, those in colouring are finished, and the summary tells how many are `unfinished`; the same call goes on later. */
  drain?: AbortSignal;
}

/**
 * Colours all pages of an input.
 * @returns how it went; failed pages are in `failures`
 * @throws as `BatchProcessor.startProcessing` does; `drain`'s reason when it was aborted before
 */
export async function runBatch(engine: Engine, config: BatchConfig, { drain, ...options }: RunBatchOptions = {}): Promise<BatchSummary> {
  drain?.throwIfAborted();
  await using processor = new BatchProcessor(engine, config, options);
  const onDrain = (): void => void processor.close();
  drain?.addEventListener("abort", onDrain, { once: true });
  try {
    return await processor.startProcessing();
  } finally {
    drain?.removeEventListener("abort", onDrain);
  }
}
