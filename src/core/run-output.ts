/** The output of a run, and what is known about earlier runs there. */
import type { PageConfig, PageSettings } from "../config/batch-config.js";
import type { SinkMetadata } from "../io/names/output-rules.js";
import type { SourceEntry } from "../io/page-source.js";
import type { PageFailure, PageSuccess, PreviewResult } from "./events.js";
import type { Notice } from "../errors/notice.js";
import type { CarriedOrigins, PageKey, PreviewState } from "./journal/entries.js";
import type { CrashPolicy } from "./journal/crash-evidence.js";
import type { RunHistory } from "./journal/history.js";
import type { BatchPage, EncodedPage } from "./pages/batch-page.js";

/** Metadata of a run with the pages that have failed. */
export type RunMetadata = SinkMetadata & {
  readonly failures: readonly unknown[];
  readonly carried?: CarriedOrigins | undefined;
  readonly in_color?: readonly string[] | undefined;
};

/** Where the output is, or the pages whose pictures are not as they were written. */
export type Finished = { readonly written: string } | { readonly damaged: readonly BatchPage[] };

/** A page, before or after it was read: then its hash is known. */
export type PageIdentity = Pick<BatchPage, "entry" | "settings"> & Partial<Pick<BatchPage, "inputSha256">>;

/** One run's output. `BatchOutput` keeps a journal; `SinkOutput` hands everything to a sink. */
export interface RunOutput {
  /** What people should know about earlier runs. */
  readonly warnings: readonly Notice[];
  readonly history: RunHistory;
  /** Hash of a page's settings together with all else, but the page itself, that decides its picture. */
  fingerprint(settings: PageSettings): string;
  keyOf(page: BatchPage): PageKey;
  /** The result of a page that an earlier run has finished from the same file with the same settings. */
  finished(page: BatchPage): Promise<PageSuccess | undefined>;
  /** The result that a page has, whatever it was made with. */
  standing(page: BatchPage): Promise<PageSuccess | undefined>;
  /** How a page is done next, after what happened while it was in progress. */
  crashPolicy(page: PageIdentity): CrashPolicy;
  /** Notes that work on a page begins. */
  begin(page: BatchPage): void;
  /** Notes that a page goes into its next stage. */
  enterStage(page: BatchPage): void;
  /** Writes a page's picture; from here on the page is finished. */
  write(page: BatchPage, encoded: EncodedPage): Promise<PageSuccess>;
  /** Notes that a page has failed. */
  fail(page: BatchPage, failure: PageFailure): Promise<void>;
  /** Notes pictures of the input that could not be used at all. */
  noteFaults(failures: readonly PageFailure[]): Promise<void>;
  /** What people should know about the results that were written, once. */
  takeNotices(): Notice[];
  /**
   * Completes the output, or returns the pages to do again. `keepOthers`: other files of it stay as they are.
   * `comment`: of an archive that is the input.
   */
  finish(
    pages: readonly BatchPage[],
    carried: readonly SourceEntry[],
    metadata: RunMetadata,
    keepOthers?: boolean,
    comment?: Uint8Array,
  ): Promise<Finished>;
  /** Tells what has failed although the batch is not at its end. */
  report(metadata: RunMetadata): Promise<void>;
  /** Ends an unfinished run. Never rejects. */
  stop(): Promise<void>;
}

/** An output that can hold a preview until it is decided about. */
export interface PreviewOutput extends RunOutput {
  /** Pictures belong to a preview that may be rejected. */
  previewing: boolean;
  /** Folder for what belongs to the run and not to its result. */
  readonly workFolder: string;
  /** Where a page's picture lies now. */
  pictureOf(success: PageSuccess): string;
  /** Notes where a preview is, and settings of all pages that are changed with it. */
  notePreview(
    state: PreviewState,
    notes?: { readonly result?: PreviewResult; readonly settings?: PageConfig },
  ): Promise<void>;
}
