/** A page of a batch: what the batch keeps in addition to the page's request and its result. */
import type { PageSettings } from "../../config/batch-config.js";
import type { BatchProcessingError } from "../../errors.js";
import type { SourceEntry } from "../../io/page-source.js";
import type { FailureStage, PageFailure, PageSuccess } from "../events.js";
import type { ImageQueueItem } from "./image-queue.js";

export interface BatchPage {
  /** As it waited in the queue. */
  readonly item: ImageQueueItem;
  readonly id: string;
  /** Position of the page in the batch, from 0. */
  readonly index: number;
  readonly entry: SourceEntry;
  /** Relative name of the picture in the output. */
  readonly outputName: string;
  readonly settings: PageSettings;
  readonly startedMs: number;
  /** Where the page is, for the report when it fails there. */
  stage: FailureStage;
  /** Of the page's file; empty before it is read. */
  inputSha256: string;
  /** What the picture was made with if that is not what the settings say: one that is left as it is. */
  fingerprint?: string;
}

/** A page's picture, ready to be written. */
export interface EncodedPage {
  readonly bytes: Uint8Array;
  /** Files of `LAYER_NAMES` beside the picture, in that order; absent if none are asked for or the page has none. */
  readonly layers?: readonly Uint8Array[];
  readonly facts: Pick<PageSuccess, "width" | "height" | "bucket" | "tiles" | "stageMs" | "references">;
}

/**
 * What came of a page: its picture, its failure, the result or failure an earlier run has left, or nothing because the
 * batch stopped before it.
 */
export type PageOutcome = { readonly page: BatchPage } & (
  | { readonly encoded: EncodedPage; readonly warnings: readonly string[] }
  | { readonly error: BatchProcessingError; readonly warnings: readonly string[] }
  | { readonly kept: PageSuccess }
  | { readonly failedBefore: PageFailure }
  | { readonly left: true }
);
