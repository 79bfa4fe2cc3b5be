/**
 * The interface that a batch needs to colour its pages. An `Engine` is one; so is a test double, or a proxy for
 * workers on other machines.
 */
import type { SessionOptions } from "../binding/index.js";
import type { LaneOptions } from "../colorization/engine-options.js";
import type { PageOptions } from "../colorization/request/colorize-page.js";
import type { TaskPool } from "../colorization/tasks/pool.js";
import type { PageRequest, PageResult } from "../colorization/request/page-request.js";
import type { HoldOptions, ReferenceFile } from "../colorization/reference-store.js";
import type { Style } from "../config/batch-config.js";

/** Colours pages from plain values. */
export interface PageColorizer {
  /** Styles that pages may have. */
  readonly styles: readonly Style[];
  /** Whether pages are coloured elsewhere and were counted there. Default false. */
  readonly givesStoredResults?: boolean;
  /** Where the networks of a style run, such as "cpu". */
  provider(style: Style): Promise<string>;
  /**
   * Colours one page, or says why it failed. Rejects with the signal's reason, and with errors that the next page
   * would meet too. One that colours elsewhere runs its work in `options.ticket.colouring`, so that a paused batch
   * begins nothing.
   */
  colorizePage(request: PageRequest, options: PageOptions): Promise<PageResult>;
}

/** Keeps references at hand for pages that name them by hash. */
export interface ReferenceHolder {
  hold(files: readonly ReferenceFile[], options?: HoldOptions): Disposable;
}

/** Work on pictures around the pages: reading references, telling pages from coloured pictures, drawing sheets. */
export type ImagePool = Pick<TaskPool, "maxThreads" | "decode" | "classify" | "encode" | "run">;

/** How many pages are worth having in colouring at once. */
export interface PageBudget {
  pagesInFlight(topK?: number): number;
  /** Drops what is kept for later pages and can be made again. */
  clearCache?(): unknown;
}

/** What events, metadata and journals say about the model. */
export interface ModelFacts {
  /** Where the package is; empty for one that is elsewhere. */
  readonly directory: string;
  /** SHA-256 that names the model. */
  readonly hash: string;
  readonly manifest: { readonly name: string; readonly version: string; readonly trained: boolean };
}

/** Everything a batch needs to colour its pages. */
export interface BatchEngine extends PageColorizer {
  readonly model: ModelFacts;
  readonly pool: ImagePool;
  readonly memory: PageBudget;
  readonly referenceStore: ReferenceHolder;
  /** Where and how the networks run, kept in the journal for later commands. */
  readonly sessionOptions: SessionOptions;
  /** The named devices and the named size of batches, kept as well. Default: none were named. */
  readonly laneOptions?: LaneOptions | undefined;
}
