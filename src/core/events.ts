/** What a batch tells while it runs. Every event is plain data and goes out as one NDJSON line with `--json`. */
import type { PageStage } from "../colorization/page-pipeline.js";
import type { ErrorCode } from "../errors.js";

/** Version of the event format; it rises when a field changes its meaning or goes. */
export const EVENT_FORMAT_VERSION = 1;

/** Where a page can fail: while the input is looked through, read and decoded, in a stage of colouring, encoded or written. */
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

/** How the batch went. */
export interface BatchSummary {
  total: number;
  completed: number;
  failed: number;
  /** Pages that were not done because the batch was stopped. */
  unfinished: number;
  /** Folder or archive that was written; an archive appears once no page is unfinished. */
  output: string;
  elapsedMs: number;
  failures: PageFailure[];
}

export type BatchEvent =
  | { type: "batch-started"; formatVersion: typeof EVENT_FORMAT_VERSION; pages: number; references: string[]; model: string; modelTrained: boolean; provider: string }
  /** `page`: the page it is about; without it the batch. */
  | { type: "warning"; message: string; page?: string }
  | { type: "page-started"; page: string; index: number }
  | { type: "page-stage"; page: string; index: number; stage: PageStage; step?: number; steps?: number }
  /** `kept`: an earlier run has done the page. */
  | ({ type: "page-completed"; index: number; kept?: true } & PageSuccess)
  | ({ type: "page-failed"; index: number } & PageFailure)
  | { type: "batch-paused" | "batch-resumed" }
  | ({ type: "batch-stopped" | "batch-completed" } & BatchSummary);
