/** What a batch tells while it runs. Every event is plain data and goes out as one NDJSON line with `--json`. */
import type { PageStage } from "../colorization/cobra/page-stages.js";
import type { PageConfig, PageSettings } from "../config/batch-config.js";
import type { ErrorCode } from "../errors.js";

/**
 * Version of the event format, `schema` in each line of `--json`; it rises when a field changes its meaning or goes.
 */
export const EVENT_FORMAT_VERSION = 1;

/**
 * Where a page can fail: while the input is looked through, read and decoded, in a stage of colouring, encoded or
 * written.
 */
export type FailureStage = "scan" | "decode" | PageStage | "encode" | "write";

/** Why a page failed. */
export interface PageFailure {
  /** Name of the page inside its source. */
  page: string;
  stage: FailureStage;
  /** Stable code; see `ERROR_CODES`. */
  code: ErrorCode;
  message: string;
  /** What to do about it. */
  remedy: string;
}

/** One finished page. */
export interface PageSuccess {
  page: string;
  /** Where the picture is: a path, or the entry's name in the archive. */
  output: string;
  /** Where its layers are, from the bottom up, with `layers` "png"; paths or entries as `output`. */
  layers?: string[];
  /** Pixels of the written picture. */
  width: number;
  height: number;
  /** Page size of the model that was used, "WxH". */
  bucket: string;
  /** Parts it was coloured in, where its shape fits no page size of the model (strips, spreads). */
  tiles?: number;
  seed: number;
  /** Wall time from decode to written. */
  elapsedMs: number;
  /** Wall time of the stages. */
  stageMs: Record<string, number>;
  /** Reference patches that were used, "name#patch", in quadrant order. */
  references: string[];
}

/** One picture of a grid of seeds. */
export interface SeedPicture {
  readonly page: string;
  readonly seed: number;
  /** Where the picture is. */
  readonly output: string;
}

/** What waits for approval. */
export interface PreviewResult {
  /**
   * The pages that were done, in the batch's order, `output` being where the picture lies now; empty with a grid of
   * seeds.
   */
  readonly pages: readonly PageSuccess[];
  /** Pages that were tried for it and failed. */
  readonly failures: readonly PageFailure[];
  /** The batch's settings it was made with; a page may have its own over them. */
  readonly settings: PageSettings;
  /** With `previewSeeds`: the same page with several seeds, one by one and together on one sheet. */
  readonly seeds?: { readonly sheet: string; readonly pictures: readonly SeedPicture[] };
}

/** How many pages are where. `total` is the sum of the others. */
export interface BatchProgress {
  total: number;
  completed: number;
  failed: number;
  /** Pages without an outcome: not begun, on their way, or left because the batch was stopped. */
  unfinished: number;
}

/** How the batch went. */
export interface BatchSummary extends BatchProgress {
  /** Folder or archive that was written; an archive appears once no page is unfinished. */
  output: string;
  elapsedMs: number;
  failures: PageFailure[];
  /** A preview that waits for approval, where that is why pages are unfinished. */
  preview?: PreviewResult;
}

/** What happened, without the batch it happened in. */
export type BatchEventBody =
  /** Once, before all others but warnings. `pages` is the number of pages, `provider` where the networks run. */
  | {
      type: "batch-started";
      pages: number;
      references: string[];
      model: string;
      modelTrained: boolean;
      provider: string;
    }
  /** Something that is allowed but that people should know. `page`: the page it is about; without it the batch. */
  | { type: "warning"; message: string; page?: string }
  /** A page is taken from the queue. `index` is its position in the batch, from 0. */
  | { type: "page-started"; page: string; index: number }
  /** A page goes into a stage of colouring; `step` of `steps` while denoising. */
  | { type: "page-stage"; page: string; index: number; stage: PageStage; step?: number; steps?: number }
  /** A page's picture is written, pages in the queue's order. `kept`: an earlier run has done it. */
  | ({ type: "page-completed"; index: number; kept?: true; progress: BatchProgress } & PageSuccess)
  /** A page has failed; the others go on. */
  | ({ type: "page-failed"; index: number; progress: BatchProgress } & PageFailure)
  /** A preview is done and waits for `approvePreview()` or `rejectPreview()`. */
  | { type: "preview-ready"; preview: PreviewResult }
  /** The batch goes on; `settings` are what the approval adds, such as the seed chosen of a grid. */
  | { type: "preview-approved"; settings: PageConfig }
  /** The preview's pages are back in the queue and are done again with these settings. */
  | { type: "preview-rejected"; pages: string[]; settings: PageConfig; progress: BatchProgress }
  | { type: "batch-paused" | "batch-resumed" }
  /** The last: the batch was stopped before its end, or is complete. */
  | ({ type: "batch-stopped" | "batch-completed" } & BatchSummary);

/** An event. `job` is the batch's id, the same in all its events and in its journal. */
export type BatchEvent = { job: string } & BatchEventBody;
