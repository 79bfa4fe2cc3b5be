/**
 * The engine: a model package, its networks and the worker pool, ready to colour pages. The class that other programs
 * hold.
 */
import type { SessionOptions } from "../binding/index.js";
import type { RasterImage } from "../binding/raster.js";
import type { Style } from "../config/batch-config.js";
import { BatchProcessingError, ConfigurationError } from "../errors.js";
import { checkArgument, checkMaker, checkObject, checkSignal, shown } from "../errors/arguments.js";
import { getLogger } from "../logging.js";
import type { MemoryManager, PageSize } from "../memory/memory-manager.js";
import { modelDirectory } from "../model/default-model.js";
import { openModelPackage, type ModelPackage } from "../model/package.js";
import { RunTable } from "./networks/run-times.js";
import type { DeviceLanes } from "./devices/device-lanes.js";
import { deviceSessions } from "./devices/device-names.js";
import { openMemory } from "./devices/open-memory.js";
import type { OpenNetwork } from "./networks/network-sessions.js";
import type { EngineOptions, EngineStats, LaneOptions } from "./engine-options.js";
import { checkEngineOptions, checkRaster, checkRasterRequest, checkReferences } from "./engine-arguments.js";
import { ImageCalls, type ColorizedImage, type ColorizeImageOptions } from "./colorize-image.js";
import { checkPageOptions, colorizePage, type PageOptions, type PageServices } from "./request/colorize-page.js";
import { colorizeRaster } from "./cobra/pipeline.js";
import type { RasterRequest, RasterResult } from "./cobra/raster-request.js";
import { PageSchedule } from "./request/page-schedule.js";
import { extractPageLines } from "./page-lines.js";
import { TaskPool } from "./tasks/pool.js";
import type { PageRequestInput, PageResult } from "./request/page-request.js";
import type { RunTask } from "./tasks/table.js";
import { isForDevice } from "./tasks/urgency.js";
import { BY_ENGINE, ReferenceSet, type ReferenceImage } from "./cobra/references.js";
import { ReferenceStore } from "./reference-store.js";

const DEFAULT_MAX_QUEUED = 64;
const log = getLogger("engine");

/** @internal Parts that benchmarks and tests replace. */
export interface EngineParts {
  /** Opens networks, on a device that waits instead of computing, say. Default: ONNX Runtime's. */
  readonly openNetwork?: OpenNetwork | undefined;
}

/** Only `Engine.open` has it. */
const OPENED = Symbol("Engine.open");

/**
 * Colours pages with one model. `close()` waits for the pages in flight, `destroy()` cancels them; both free everything
 * and may be called twice.
 */
export class Engine implements AsyncDisposable {
  readonly model: ModelPackage;
  /** Figures, ledger and pressure steps of this engine's memory. */
  readonly memory: MemoryManager;
  /** References of pages that are named by the hashes of their files. */
  readonly referenceStore: ReferenceStore;
  readonly #options: EngineOptions;
  readonly #lanes: DeviceLanes;
  readonly #runs = new RunTable();
  readonly #pool: TaskPool;
  readonly #inFlight = new Set<Promise<unknown>>();
  readonly #stop = new AbortController();
  readonly #services: PageServices;
  readonly #images: ImageCalls;
  #ending: Promise<void> | undefined;

  private constructor(key: symbol, model: ModelPackage, options: EngineOptions, { openNetwork }: EngineParts = {}) {
    checkMaker("an Engine", key, OPENED, "await Engine.open(options)");
    this.model = model;
    this.#options = options;
    const { memory, lanes } = openMemory(model, options, { runs: this.#runs, openNetwork });
    this.memory = memory;
    this.#lanes = lanes;
    this.#pool = new TaskPool({
      owner: "the engine",
      ...(options.workers === undefined ? {} : { maxThreads: options.workers }),
    });
    // Pages that were taken in before close() are finished after it.
    this.referenceStore = new ReferenceStore({
      open: (images) => (this.#ending === undefined ? this.references(images) : this.#references(images)),
      decode: async (bytes, name) => (await this.#pool.decode(bytes, name)).image,
      readBlob: options.readBlob,
    });
    let pagesInFlight: number | undefined;
    this.#services = {
      colorizer: { colorize: (set, request) => this.colorizeForPage(set, request) },
      pool: this.#pool,
      memory: this.memory,
      references: this.referenceStore,
      schedule: new PageSchedule({ colouring: () => (pagesInFlight ??= this.memory.pagesInFlight()) }),
      planes: lanes.planes,
      readBlob: options.readBlob,
    };
    // A call that was taken in before close() begins its page after it.
    const { styles, referenceStore } = this;
    const pages = { styles, referenceStore, colorizePage: this.#colorizePage.bind(this) };
    this.#images = new ImageCalls(pages, options.maxQueued ?? DEFAULT_MAX_QUEUED);
  }

  /**
   * Opens a model package. Sessions start at first use, so opening is quick.
   * @throws ModelError `ERR_MODEL_*` for a package that is missing, damaged or not for this engine
   */
  static open(options: EngineOptions = {}): Promise<Engine> {
    return Engine.openWith(options);
  }

  /** @internal `open`, with parts that benchmarks and tests replace. */
  static async openWith(options: EngineOptions, parts: EngineParts = {}): Promise<Engine> {
    checkEngineOptions(options);
    const model = await openModelPackage(modelDirectory(options.model), { verify: options.verify ?? true });
    log.info(
      {
        model: `${model.manifest.name} ${model.manifest.version}`,
        hash: model.hash.slice(0, 16),
        provider: options.session?.provider ?? "cpu",
        devices: deviceSessions(options).map(({ name }) => name),
      },
      "model opened",
    );
    return new Engine(OPENED, model, options, parts);
  }

  /** Styles that the model has weights for. */
  get styles(): readonly Style[] {
    return this.model.styles;
  }

  /** Where and how the networks run, as it was asked for. */
  get sessionOptions(): SessionOptions {
    return this.#options.session ?? {};
  }

  /** The devices and the size of batches, where they were named. */
  get laneOptions(): LaneOptions | undefined {
    const { devices, maxBatch } = this.#options;
    if (devices === undefined && maxBatch === undefined) return undefined;
    return { ...(devices === undefined ? {} : { devices }), ...(maxBatch === undefined ? {} : { maxBatch }) };
  }

  /** The worker pool, for work around the pages. */
  get pool(): TaskPool {
    return this.#pool;
  }

  /** Where the networks run, such as "cpu". Opens the denoiser's session when none is open yet. */
  async provider(style: Style): Promise<string> {
    this.#assertStyle(style);
    return (await this.#lanes.first().networks.session("denoiser", style)).provider;
  }

  /** Makes a set of references for pages to be coloured with. Dispose it after the last page. */
  references(images: readonly ReferenceImage[]): ReferenceSet {
    this.#assertOpen();
    checkReferences(images);
    return this.#references(images);
  }

  #references(images: readonly ReferenceImage[]): ReferenceSet {
    return new ReferenceSet(BY_ENGINE, this.#runTask, images, {
      cacheBytes: this.#options.referenceCacheBytes,
      host: { ledger: this.memory.ledger, freeBytes: () => this.memory.spareBytes() },
      addCache: (cache) => this.memory.addCache(cache),
    });
  }

  /**
   * Colours a picture in memory: its file in, the coloured picture's file out, in the same format, with its size,
   * resolution and colour profile. Calls that overlap wait for each other; what waits holds no pixels.
   * @param picture the file's bytes (PNG, JPEG, WebP, TIFF, AVIF, GIF); they stay as they are
   * @param options `references` is needed (it may be empty), all else has defaults
   * @throws ValidationError `ERR_ARGUMENT` for wrong arguments, all named at once; QueueError `ERR_QUEUE_FULL` when
   * `maxQueued` calls are unfinished; the signal's reason; errors of the picture (`ERR_IMAGE_DECODE`,
   * `ERR_IMAGE_LIMIT`, `ERR_IMAGE_ENCODE`, `ERR_HINTS`), of a reference, of memory (`ERR_OUT_OF_MEMORY`) and of the
   * engine (`ERR_STATE`, `ERR_CONFIG` for a style the model lacks, `ERR_DEVICE_LOST`, …)
   */
  async colorizeImage(picture: Uint8Array, options: ColorizeImageOptions): Promise<ColorizedImage> {
    this.#assertOpen();
    return this.#tracked(this.#images.colorize(picture, options));
  }

  /**
   * Colours one page, from its file to the result's file: a plain value in, a plain value out. Calls that overlap take
   * turns as memory allows. References are held in `referenceStore`, or read with `readBlob`.
   * @returns the coloured page, or its failure
   * @throws the signal's reason; ValidationError `ERR_ARGUMENT` for an invalid request; errors that are not the page's
   * own (`ERR_STATE`, `ERR_CONFIG`, `ERR_DEVICE_LOST`, …)
   */
  async colorizePage(request: PageRequestInput, options: PageOptions = {}): Promise<PageResult> {
    this.#assertOpen();
    checkPageOptions(options);
    return this.#tracked(this.#colorizePage(request, options));
  }

  #colorizePage(request: PageRequestInput, options: PageOptions): Promise<PageResult> {
    return colorizePage(this.#services, request, { ...options, signal: this.#within(options.signal) });
  }

  /**
   * Colours one decoded page. `request.page.data` moves to a worker and is empty afterwards; give a copy to keep it.
   * @throws ConfigurationError `ERR_CONFIG` for a style the model lacks; the signal's reason when cancelled;
   * `ERR_STATE` when closed
   */
  async colorize(references: ReferenceSet, request: RasterRequest): Promise<RasterResult> {
    this.#assertOpen();
    checkArgument(
      references instanceof ReferenceSet,
      "references",
      references,
      "a ReferenceSet of Engine.references()",
    );
    checkRasterRequest(request);
    return this.#colorize(references, request);
  }

  /** @internal `colorize` for `colorizePage`: the result may lie in memory of the devices' planes. */
  colorizeForPage(references: ReferenceSet, request: RasterRequest): Promise<RasterResult> {
    if (this.#ending === undefined) checkRasterRequest(request);
    return this.#colorize(references, request, { sharedResult: true });
  }

  /**
   * The line art of a decoded page as the denoiser gets it: gray, at the page size of the model that is nearest.
   * `page.data` moves to a worker and is empty afterwards; give a copy to keep it.
   * @throws ValidationError `ERR_ARGUMENT` for what is no page; ConfigurationError `ERR_CONFIG` for a style the model
   * lacks; the signal's reason when cancelled; `ERR_STATE` when closed
   */
  async extractLines(page: RasterImage, style: Style, options: { signal?: AbortSignal } = {}): Promise<RasterImage> {
    this.#assertOpen();
    checkRaster("page", page);
    checkObject("the options", options);
    checkSignal("signal", options.signal);
    this.#assertStyle(style);
    const signal = this.#within(options.signal);
    const size = [page.width, page.height] as const;
    return this.#tracked(this.#extractLines(page, style, size, signal));
  }

  async #extractLines(page: RasterImage, style: Style, size: PageSize, signal: AbortSignal): Promise<RasterImage> {
    const slot = await this.memory.beginPage("the page whose lines are shown", size, { signal });
    try {
      return await extractPageLines(this.#lanes.first().networks, this.#runTask, page, style, signal);
    } finally {
      slot.release();
    }
  }

  async #colorize(
    references: ReferenceSet,
    request: RasterRequest,
    how: { readonly sharedResult?: boolean } = {},
  ): Promise<RasterResult> {
    this.#assertStyle(request.style);
    const signal = this.#within(request.signal);
    const within = { ...request, signal };
    return this.#tracked(colorizeRaster(this.#lanes, this.model, references, this.#runTask, within, how));
  }

  /** The caller's signal, and the engine's own, which `destroy` aborts. */
  #within(signal: AbortSignal | undefined): AbortSignal {
    // One of its own for each page: many pages would add many listeners to one signal.
    return AbortSignal.any(signal === undefined ? [this.#stop.signal] : [signal, this.#stop.signal]);
  }

  /** Lets `close()` wait for work. */
  async #tracked<T>(work: Promise<T>): Promise<T> {
    this.#inFlight.add(work);
    try {
      return await work;
    } finally {
      this.#inFlight.delete(work);
    }
  }

  /** Counters and histograms since the engine was opened, and what is held now. Plain data. */
  stats(): EngineStats {
    return {
      runs: this.#runs.snapshot(),
      devices: this.#lanes.all.map((lane) => lane.stats()),
      pool: this.#pool.stats(),
      caches: { references: this.memory.caches() },
      memory: this.memory.ledger.snapshot(),
      pages: this.memory.pages(),
    };
  }

  /** Waits for the pages in flight, then frees everything. */
  close(): Promise<void> {
    this.#ending ??= this.#end(() => this.#pool.close());
    return this.#ending;
  }

  /** Cancels the pages in flight, then frees everything. */
  destroy(reason: unknown = new BatchProcessingError("ERR_STATE", "the engine was destroyed")): Promise<void> {
    this.#stop.abort(reason);
    this.#ending ??= this.#end(() => this.#pool.destroy(reason));
    return this.#ending;
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.close();
  }

  async #end(endPool: () => Promise<void>): Promise<void> {
    while (this.#inFlight.size > 0) await Promise.allSettled(this.#inFlight);
    await endPool();
    this.#images[Symbol.dispose]();
    this.referenceStore[Symbol.dispose]();
    this.#lanes[Symbol.dispose]();
  }

  /** The pool as the pipeline sees it. */
  readonly #runTask: RunTask = (name, payload, signal) =>
    this.#pool.run(name, payload, { signal, urgent: isForDevice(name) });

  #assertOpen(): void {
    if (this.#ending)
      throw new BatchProcessingError("ERR_STATE", "the engine is closed", { remedy: "open another one" });
  }

  #assertStyle(style: Style): void {
    if (!this.styles.includes(style)) {
      const have = this.styles.map((one) => `"${one}"`).join(", ");
      throw new ConfigurationError(
        "ERR_CONFIG",
        `the model "${this.model.manifest.name}" has no weights for style ${shown(style)}; it has ${have}`,
      );
    }
  }
}
