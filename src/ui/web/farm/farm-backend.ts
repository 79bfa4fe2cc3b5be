/** The workers of a farm as what colours the server's pages. Only the model's manifest is read here. */
import type { Redis } from "ioredis";
import { ImageCalls, type ColorizedImage, type ColorizeImageOptions } from "../../../colorization/colorize-image.js";
import type { PageOptions } from "../../../colorization/request/colorize-page.js";
import {
  parsePageRequest,
  type PageRequestInput,
  type PageResult,
} from "../../../colorization/request/page-request.js";
import type { ImagePool } from "../../../core/batch-engine.js";
import { BatchProcessingError } from "../../../errors.js";
import { FarmColorizer } from "../../../farm/queue/farm-colorizer.js";
import { FarmQueue, queueNamesOf, noteQueues } from "../../../farm/queue/farm-queue.js";
import { MOST_PRIORITY } from "../../../farm/queue/priority.js";
import type { FarmStore } from "../../../farm/store/farm-store.js";
import { isLate } from "../../../workers/is-late.js";
import type { ServerInfo } from "../api/schemas.js";
import type { JobColorizer, JobEngine, JobToColour, RunningJob } from "../jobs/job-colorizer.js";
import type { Backend } from "../server/backend.js";
import { ModelFacts, type PackageFacts } from "../server/model-facts.js";
import { FarmControl } from "./farm-control.js";

/** What a farm is reached with. All of it is closed with the backend. */
export interface FarmBackendOptions {
  readonly redis: Redis;
  /** Address of the queue. */
  readonly url: string;
  /** Name of the farm. */
  readonly name: string;
  readonly store: FarmStore & Partial<AsyncDisposable>;
  /**
   * Name of an installed model or folder of a package, which the workers must have. Default: the one that is chosen.
   */
  readonly model: string | undefined;
  /** Reads what is known of the model. Default: out of its folder on this machine. */
  readonly openModel?: (() => Promise<PackageFacts>) | undefined;
}

/** Jobs at once at most: each holds the pages that it waits for in memory. */
const MOST_JOBS = 8;
/** Pages of a job that wait in the queue or at workers, at least and at most. */
const FEWEST_PAGES = 8;
const MOST_PAGES = 128;
/** So many times the pages that workers take at once wait in the queue, so that none of them waits for this server. */
const AHEAD = 1.5;
/** Single pages that may be unfinished. */
const MOST_CALLS = 64;
/** A queue that is away is not waited for longer when the server ends. */
const CLOSE_MS = 2000;

const NO_LINES = "lines are extracted by the model, and this server has none: the workers of its farm colour";

export class FarmBackend implements Backend {
  readonly unavailable: ServerInfo["unavailable"] = [{ what: "lines", because: NO_LINES }];
  readonly farm: FarmControl;
  readonly jobs: JobColorizer;
  readonly #options: FarmBackendOptions;
  readonly #facts: ModelFacts;
  readonly #queue: FarmQueue;
  readonly #colorizer: FarmColorizer;
  readonly #calls: ImageCalls;
  /** Jobs may be waiting for a farm that has grown. */
  #onGrown: () => void = () => {};

  private constructor(
    options: FarmBackendOptions,
    facts: ModelFacts,
    { queue, pool, package: model }: { queue: FarmQueue; pool: ImagePool; package: FarmModel },
  ) {
    this.#options = options;
    this.#facts = facts;
    this.#queue = queue;
    this.farm = new FarmControl({ ...options, pool, names: queue.names, onChange: () => this.#onGrown() });
    this.#colorizer = new FarmColorizer({
      ...options,
      ...model,
      queue,
      pool,
      pagesInFlight: () => this.#pagesAtOnce(),
    });
    // A person or a program waits for each: before all chapters.
    const single = { name: "single pages", label: "single pages", pages: 1, priority: () => MOST_PRIORITY };
    const { engine } = this.#colorizer.chapter(single);
    const colorizePage = (request: PageRequestInput, given: PageOptions): Promise<PageResult> =>
      engine.colorizePage(parsePageRequest(request), given);
    this.#calls = new ImageCalls({ ...engine, colorizePage }, MOST_CALLS);
    this.jobs = {
      hasPriorities: true,
      takesAnother: (running, priority) => this.#takesAnother(running, priority),
      begin: (job) => this.#begin(job),
      onRoom: (listener) => (this.#onGrown = listener),
    };
  }

  /** @throws ModelError `ERR_MODEL_*` */
  static async open(options: FarmBackendOptions, pool: ImagePool): Promise<FarmBackend> {
    const facts = new ModelFacts(options.model, options.openModel);
    const { hash, manifest, styles } = await facts.package();
    const { name, version, trained } = manifest;
    const model = { hash, name, version, trained };
    await noteQueues(options.redis, options.name, model);
    const queue = new FarmQueue(options.redis, queueNamesOf(options.name, model));
    const backend = new FarmBackend(options, facts, { queue, pool, package: { model, styles } });
    await backend.farm.look();
    return backend;
  }

  get namedDirectory(): string | undefined {
    return this.#facts.namedDirectory;
  }

  model(): Promise<Pick<ServerInfo, "model" | "styles" | "ignored">> {
    return this.#facts.info();
  }

  colorizeImage(picture: Uint8Array, options: ColorizeImageOptions): Promise<ColorizedImage> {
    return this.#calls.colorize(picture, options);
  }

  async lines(): Promise<never> {
    throw new BatchProcessingError("ERR_NOT_ON_FARM", NO_LINES);
  }

  /** More than the workers take, since results come back in the order of the pages. */
  #pagesAtOnce(): number {
    const wanted = Math.ceil(AHEAD * this.farm.capacity()) + 2;
    return Math.min(MOST_PAGES, Math.max(FEWEST_PAGES, wanted));
  }

  /**
   * Chapters follow each other as they were started, unless workers would have nothing to do, or one is to go first.
   */
  #takesAnother(running: readonly RunningJob[], priority: number): boolean {
    if (running.length >= MOST_JOBS) return false;
    const left = running.reduce((sum, { pagesLeft }) => sum + pagesLeft, 0);
    return left < this.#pagesAtOnce() || running.every((one) => one.priority < priority);
  }

  async #begin({ id, name, pages, priority, progress, onCancelled }: JobToColour): Promise<JobEngine> {
    const chapter = this.#colorizer.chapter({ name: id, label: name, pages, priority, progress, onCancelled });
    this.farm.noteJob(chapter.id, id);
    return {
      engine: chapter.engine,
      queuesPages: true,
      pagesInFlight: () => this.#pagesAtOnce(),
      withdraw: () => chapter.withdraw(),
      end: () => void chapter.end(),
      prioritize: () => void chapter.prioritize().catch(() => {}), // a queue that is away: later pages have it
    };
  }

  async close(): Promise<void> {
    const { redis, store } = this.#options;
    this.#calls[Symbol.dispose]();
    const closed = Promise.all([
      this.farm[Symbol.asyncDispose](),
      this.#colorizer[Symbol.asyncDispose](),
      this.#queue[Symbol.asyncDispose](),
    ]);
    await isLate(closed, CLOSE_MS);
    redis.disconnect();
    await store[Symbol.asyncDispose]?.();
  }
}

type FarmModel = Pick<ConstructorParameters<typeof FarmColorizer>[0], "model" | "styles">;
