/** The entries of a run's journal. `history.ts` says what they mean together. */
import type { SessionOptions } from "../../binding/index.js";
import type { LaneOptions } from "../../colorization/engine-options.js";
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import type { ExitCause } from "./crash-evidence.js";
import type { Place } from "./place.js";
import type { FailureStage, PageFailure, PageSuccess, PreviewResult } from "../events.js";

/** A file that is about to get its name. Whether it got it, the file itself tells by its hash. */
export interface FileRecord {
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Number of its name: 2 for `name_2.png`. Where another process took that name first, a later one. */
  readonly firstNumber: number;
}

/** A page and what its picture is made of: its name, the fingerprint of its settings, the SHA-256 of its file. */
export interface PageKey {
  readonly page: string;
  readonly fingerprint: string;
  readonly inputSha256: string;
}

/** What a run was asked for, so that a later command can continue it. Paths are absolute. */
export interface RunRecord {
  readonly config: BatchConfig;
  /** Settings of single pages, by their names in the input. */
  readonly pageConfigs: Readonly<Record<string, PageConfig>>;
  /** The pages where not all of the input were asked for. */
  readonly added?: readonly { readonly inputPath: string; readonly priority?: number; readonly config?: PageConfig }[];
  readonly model: { readonly directory: string; readonly name: string; readonly hash: string };
  readonly session: SessionOptions;
  /** Which devices, and how many pages a run, where that was named. */
  readonly lanes?: LaneOptions;
}

/** Settings that were changed after a run had begun. They take precedence over all others. */
export interface Adjustments {
  readonly all: PageConfig;
  readonly pages: Readonly<Record<string, PageConfig>>;
}

/** State of a preview. A rejected one is made again and then waits for approval. */
export type PreviewState = "waiting" | "approved" | "rejected";

/**
 * One layer of a page, a file in the folder beside its picture. `written`: its hash as the run wrote it, where somebody
 * has changed it in an archive since.
 */
export interface LayerRecord {
  readonly name: string;
  readonly sha256: string;
  readonly sizeBytes: number;
  readonly written?: string;
}

/**
 * A page's picture, and its layers if they are files. Written before the picture gets its name. `preview`: it is
 * shown for approval and may be rejected. `written`: the picture's hash as the run wrote it, where somebody has changed
 * it in an archive since.
 */
export type PageEntry = {
  readonly type: "page";
  readonly outputName: string;
  readonly success: PageSuccess;
  readonly layers?: readonly LayerRecord[];
  readonly preview?: true;
  readonly written?: string;
} & PageKey &
  FileRecord;

/** Another file of the input, copied to the output. */
export type CarriedEntry = { readonly type: "carried"; readonly name: string } & FileRecord;

/** What an archive was made from beside the pages that were coloured. */
export interface CarriedOrigins {
  /** Files that were carried over as they are, among them pages in colour already. A file that cannot be read: "". */
  readonly files: readonly { readonly name: string; readonly sha256: string }[];
  /** SHA-256 of the input's comment. Absent if it has none. */
  readonly comment?: string | undefined;
}

/** Somebody has put files into it; it has pages that the input no longer has; it was copied or moved. */
export type KeptReason = "files" | "pages" | "copied";

/** The output archive, about to get its name. Journals of version 0.1.0 have the name alone. */
export type ArchiveEntry = {
  readonly type: "archive";
  readonly name: string;
  /** SHA-256 of the files that its pages were made from. Default: those of the run before. */
  readonly inputs?: readonly string[];
  /** It may hold what somebody has put there: whatever replaces it keeps that. */
  readonly keepOthers?: true;
  /** Why it is not replaced though it is this output's own. */
  readonly kept?: KeptReason | undefined;
  /**
   * It was written instead of the archive that was asked to be replaced, which had pictures of pages that failed: what
   * that one was then.
   */
  readonly instead?: Pick<FileRecord, "sha256" | "sizeBytes"> | undefined;
  /** Pages whose pictures were no longer in it when it was opened again. */
  readonly gone?: readonly string[];
  /** Its pages that were in colour already. Journals of version 0.1.0 do not say. */
  readonly inColor?: readonly string[] | undefined;
  readonly carried?: CarriedOrigins | undefined;
} & Partial<FileRecord>;

/** A page that was in progress when a process ended. */
export type PageInHand = PageKey & { readonly stage: FailureStage };

export type JournalEntry =
  /** A run begins. `place` marks where the record was written; without it, it was taken over from elsewhere. */
  | {
      readonly type: "run";
      readonly job: string;
      readonly at: string;
      readonly record: RunRecord;
      readonly place?: Place | undefined;
    }
  /** Earlier results no longer count as done (`fresh`). Their files are still known as this output's own. */
  | { readonly type: "forget" }
  | PageEntry
  /** Work on a page begins. Of a page that is done alone, each of its stages. */
  | ({ readonly type: "begin" } & PageInHand)
  /** A page has failed. */
  | ({ readonly type: "failed"; readonly failure: PageFailure } & PageKey)
  /**
   * The process of the run before ended without giving its lease back, while these pages were in progress. Without
   * `cause` it is unknown; `alone`: no other page was in progress.
   */
  | {
      readonly type: "died";
      readonly cause?: ExitCause;
      /** The signal of a crash. */
      readonly signal?: string;
      readonly alone?: boolean;
      readonly pages: readonly PageInHand[];
    }
  /** Failed pages, also those that were quarantined, may be tried again. */
  | { readonly type: "retry"; readonly pages: readonly string[] }
  /** Settings are changed: of one page, or of all. */
  | { readonly type: "adjust"; readonly page?: string; readonly settings: PageConfig }
  /** A preview's state; `settings` are changed for all pages with it. */
  | {
      readonly type: "preview";
      readonly state: PreviewState;
      readonly result?: PreviewResult;
      readonly settings?: PageConfig;
    }
  | CarriedEntry
  | ArchiveEntry;
