/**
 * The workers of a farm as an engine: each page becomes a job of the queue, and its result comes out of the store. No
 * model is loaded here.
 */
import type { PageOptions } from "../../colorization/request/colorize-page.js";
import type { PageRequest, PageResult } from "../../colorization/request/page-request.js";
import type { Style } from "../../config/batch-config.js";
import type { BatchEngine, ImagePool } from "../../core/batch-engine.js";
import { resultKey, withHashes } from "../store/result-key.js";
import type { FarmStore } from "../store/farm-store.js";
import { AwaitedPages } from "./awaited-pages.js";
import { ChapterTeller, type PageCounts } from "./chapter-progress.js";
import { cancelledKey, chapterJobId } from "./farm-keys.js";
import type { FarmQueue, QueuedModel } from "./farm-queue.js";
import { KeptReferences } from "./kept-references.js";

/** What the workers are reached with. It owns none of it. */
export interface FarmColorizerOptions {
  readonly queue: FarmQueue;
  readonly store: FarmStore;
  readonly model: QueuedModel;
  /** Styles that the model has weights for. */
  readonly styles: readonly Style[];
  /** Work around the pages: sorting the input, reading references. */
  readonly pool: ImagePool;
  /** Pages that are worth having in the queue at once. */
  readonly pagesInFlight: () => number;
}

/** A chapter that this process puts together. */
export interface FarmChapter {
  /** Tells it from all others, also after a restart. */
  readonly name: string;
  /** What people call it. */
  readonly label: string;
  readonly pages: number;
  /** From 0; higher goes first. Asked for each page. */
  readonly priority: () => number;
  /** How far it is, for whoever looks at the queue. Default: it is not told. */
  readonly progress?: () => PageCounts;
  /** It was cancelled in the queue. */
  readonly onCancelled?: () => void;
}

/** The workers as an engine for one chapter. */
export interface ChapterEngine {
  /** The chapter's job, as `queue list` shows it. */
  readonly id: string;
  readonly engine: BatchEngine;
  /** Takes back the pages that no worker has begun; they are left. */
  withdraw(): void;
  /** The priority has changed. */
  prioritize(): Promise<void>;
  /** No page of it is asked for any more. */
  end(): Promise<void>;
}

export class FarmColorizer implements AsyncDisposable {
  readonly #options: FarmColorizerOptions;
  readonly #pages: AwaitedPages;

  constructor(options: FarmColorizerOptions) {
    this.#options = options;
    this.#pages = new AwaitedPages(options.queue, options.store);
  }

  /** The engine for a chapter. That it was cancelled before does not count. */
  chapter({ name, label, pages, priority, progress, onCancelled = () => {} }: FarmChapter): ChapterEngine {
    const { queue, store, model, styles, pool, pagesInFlight } = this.#options;
    const id = chapterJobId(`chapter ${name}`);
    const teller =
      progress === undefined
        ? undefined
        : new ChapterTeller({ redis: queue.redis, name: queue.names.farm, id, counts: progress });
    const references = new KeptReferences((bytes) => store.keep(bytes));
    const cleared = queue.redis.del(cancelledKey(queue.names.farm, id));
    cleared.catch(() => {}); // then its pages cannot be queued either
    const colour = async (request: PageRequest, { signal, onProgress }: PageOptions): Promise<PageResult> => {
      signal?.throwIfAborted();
      await cleared;
      const stored = await withHashes(request, (bytes) => store.keep(bytes));
      await references.kept(stored.references);
      const key = resultKey(stored, model.hash);
      const known = await store.result(key);
      if (known !== undefined) return known;
      await store.forgetFailure(key);
      return this.#pages.run({
        chapter: id,
        data: { key, request: stored, chapter: label, submitter: { pages, priority: priority() } },
        priority: priority(),
        signal,
        onProgress,
        onCancelled,
      });
    };
    const engine: BatchEngine = {
      styles,
      givesStoredResults: true,
      model: { directory: "", hash: model.hash, manifest: model },
      pool,
      sessionOptions: {},
      memory: { pagesInFlight },
      referenceStore: references,
      provider: async () => "the farm",
      colorizePage: (request, options) => {
        const work = (): Promise<PageResult> => colour(request, options).finally(() => teller?.changed());
        return options.ticket === undefined ? work() : options.ticket.colouring(work, options.signal);
      },
    };
    return {
      id,
      engine,
      withdraw: () => this.#pages.withdraw(id),
      prioritize: () => this.#pages.prioritize(id, priority()),
      end: async () => teller?.end(),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#pages[Symbol.asyncDispose]();
  }
}
