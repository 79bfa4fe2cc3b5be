/** What a run's journal says, entry by entry; `run-history.ts` tells what they mean together. */
import type { SessionOptions } from "../../binding/index.js";
import type { BatchConfig, PageConfig } from "../../config/batch-config.js";
import type { FailureStage, PageFailure, PageSuccess, PreviewResult } from "../events.js";

/** A file that is about to get its name. Whether it did is told by the file itself. */
export interface FileRecord {
  readonly sha256: string;
  readonly sizeBytes: number;
  /** Number of the first name that was free: 2 for `name_2.png`. The file has this or a later number. */
  readonly firstNumber: number;
}

/** A page as it was done or tried: its name, the fingerprint of its settings, the hash of its file. */
export interface PageKey {
  readonly page: string;
  readonly fingerprint: string;
  readonly inputSha256: string;
}

/** What a run was asked for, so that a later command can go on with it. Paths are absolute. */
export interface RunRecord {
  readonly config: BatchConfig;
  /** Settings of single pages, by their names in the input. */
  readonly pageConfigs: Readonly<Record<string, PageConfig>>;
  /** The pages where not all of the input were asked for. */
  readonly added?: readonly { readonly inputPath: string; readonly priority?: number; readonly config?: PageConfig }[];
  readonly model: { readonly directory: string; readonly name: string; readonly hash: string };
  readonly session: SessionOptions;
}

/** Settings that were changed after a run had begun; they go over all others. */
export interface Adjustments {
  readonly all: PageConfig;
  readonly pages: Readonly<Record<string, PageConfig>>;
}

/** `waiting` for approval; a rejected one is made again and then waits. */
export type PreviewState = "waiting" | "approved" | "rejected";

/** A file of a page's layers, in the folder beside its picture. */
export interface LayerRecord {
  readonly name: string;
  readonly sha256: string;
  readonly sizeBytes: number;
}

/**
 * A page's picture, and its layers where it has files of them: written before the picture gets its name. `fingerprint`
 * and `inputSha256` say what it was made of; `preview`: it may be rejected still.
 */
export type PageEntry = {
  readonly type: "page";
  readonly outputName: string;
  readonly success: PageSuccess;
  readonly layers?: readonly LayerRecord[];
  readonly preview?: true;
} & PageKey &
  FileRecord;

export type JournalEntry =
  /** A run begins. */
  | { readonly type: "run"; readonly job: string; readonly at: string; readonly record: RunRecord }
  | PageEntry
  /** A page is taken in hand, or (where it is suspected of ending the process) goes into its next stage. */
  | ({ readonly type: "begin"; readonly stage: FailureStage } & PageKey)
  /** A page has failed. */
  | ({ readonly type: "failed"; readonly failure: PageFailure } & PageKey)
  /** The process of the run before was gone without a word while these pages were in hand. */
  | { readonly type: "died"; readonly pages: readonly (PageKey & { readonly stage: FailureStage })[] }
  /** Pages that were set aside may be tried again. */
  | { readonly type: "retry"; readonly pages: readonly string[] }
  /** Settings are changed: of one page, or of all. */
  | { readonly type: "adjust"; readonly page?: string; readonly settings: PageConfig }
  /** A preview's fate; `settings` are changed for all pages with it. */
  | {
      readonly type: "preview";
      readonly state: PreviewState;
      readonly result?: PreviewResult;
      readonly settings?: PageConfig;
    }
  /** Another file of the input, taken over. */
  | ({ readonly type: "carried"; readonly name: string } & FileRecord)
  /** The output archive. */
  | { readonly type: "archive"; readonly name: string };
