/** One batch as one call: the short way to a `BatchProcessor`. */
import { onAbort } from "../concurrency/on-abort.js";
import type { BatchEngine } from "./batch-engine.js";
import type { BatchConfigInput } from "../config/batch-config.js";
import { checkFunction, checkList, checkObject, checkSignal } from "../errors/arguments.js";
import type { ImageRequest } from "./pages/batch-pages.js";
import { BatchProcessor, type BatchProcessorOptions } from "./batch-processor.js";
import type { BatchSummary, PreviewResult } from "./events.js";
import type { PreviewDecision } from "./preview/preview.js";

/** What steers a batch of one call. */
export interface RunBatchOptions extends BatchProcessorOptions {
  /**
   * Stops gently: no further page is started, those in progress are finished, and the summary says how many are
   * `unfinished`; the same call continues later.
   */
  drain?: AbortSignal;
  /** The pages to do. Default: all line art of the input. */
  images?: readonly (string | ImageRequest)[];
  /**
   * Decides about a preview; undefined leaves it waiting and ends the batch: the summary has it as `preview`, and the
   * same call, or the command `cobra-batch approve`, continues later. Default: leaves it. `signal` is aborted when the
   * batch ends otherwise.
   */
  onPreview?: (preview: PreviewResult, signal: AbortSignal) => Promise<PreviewDecision | undefined>;
}

/**
 * Colours all pages of an input.
 * @param engine an `Engine`, or anything else that colours pages
 * @param settings complete settings, or those that differ from the defaults; without input paths if a `source` is
 * given, without output paths if a `sink` is
 * @returns how it went; failed pages are in `failures`
 * @throws as `BatchProcessor.startProcessing` does; `drain`'s reason when it was aborted before; what `onPreview`
 * throws
 */
export async function runBatch(
  engine: BatchEngine,
  settings: BatchConfigInput,
  given: RunBatchOptions = {},
): Promise<BatchSummary> {
  checkObject("the options of runBatch", given);
  const { drain, images, onPreview = async () => undefined, ...options } = given;
  checkSignal("drain", drain);
  checkFunction("onPreview", onPreview);
  checkFunction("onEvent", options.onEvent, true);
  if (images !== undefined) checkList("images", images);
  drain?.throwIfAborted();
  const ended = new AbortController();
  const decide = async (preview: PreviewResult): Promise<void> => {
    try {
      const decision = await onPreview(preview, ended.signal);
      if (!processor.isWaitingForPreviewApproval()) return;
      if (decision === undefined) void processor.close();
      else if (decision.type === "approve")
        processor.approvePreview(decision.seed === undefined ? {} : { seed: decision.seed });
      else processor.rejectPreview(decision.settings);
    } catch (error) {
      void processor.destroy(error);
    }
  };
  const onEvent: BatchProcessorOptions["onEvent"] = (event) => {
    const told: unknown = options.onEvent?.(event);
    if (event.type === "preview-ready") void decide(event.preview);
    return told as void; // a promise of an async one
  };
  await using processor = new BatchProcessor(engine, settings, { ...options, onEvent });
  const forgetDrain = onAbort(drain, () => {
    ended.abort(drain?.reason);
    void processor.close();
  });
  try {
    if (images !== undefined) await processor.addImages(images);
    return await processor.startProcessing();
  } finally {
    ended.abort();
    forgetDrain();
  }
}
