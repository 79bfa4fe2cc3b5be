/**
 * Colours one page, from its file to the result's file. A batch, a queue's worker and an HTTP request all call this. A
 * failure that concerns this page alone is a result; one that the next page would meet too is thrown.
 */
import type { RasterRequest, RasterResult } from "../cobra/raster-request.js";
import { isOutOfMemory, isPageFailure, ValidationError } from "../../errors.js";
import { checkBytes, checkFunction, checkMethods, checkObject, checkSignal } from "../../errors/arguments.js";
import { readWhole } from "../../io/files/read-file.js";
import { imageSize, type DecodedImage } from "../../io/image/image-codec.js";
import type { MemoryManager, PageSize } from "../../memory/memory-manager.js";
import { encodePage, type EncodedPage } from "./encode-page.js";
import { loadHints } from "./load-hints.js";
import { hintsOnLines } from "../page/hints-on-lines.js";
import { pageFailure } from "./page-failure.js";
import type { PageTicket, PageSchedule } from "./page-schedule.js";
import type { TaskPool } from "../tasks/pool.js";
import {
  parsePageRequest,
  type PageProgress,
  type PageRequest,
  type PageRequestInput,
  type PageResult,
  type ImageFile,
} from "./page-request.js";
import type { ReferenceSet } from "../cobra/references.js";
import type { ReferenceStore } from "../reference-store.js";

/** Colours decoded pages. */
export interface RasterColorizer {
  colorize(references: ReferenceSet, request: RasterRequest): Promise<RasterResult>;
}

/** What pages are coloured with. */
export interface PageServices {
  readonly colorizer: RasterColorizer;
  readonly pool: Pick<TaskPool, "decode" | "encode" | "run">;
  readonly memory: Pick<MemoryManager, "holdPicture" | "beginPage" | "thinOut" | "outOfMemory">;
  readonly references: Pick<ReferenceStore, "lend">;
  /** Where pages that are on their way together take turns. */
  readonly schedule: PageSchedule;
  /** Memory for pictures, which threads share and pages use in turn. Default: each has memory of its own. */
  readonly planes?:
    | {
        takeBytes(length: number): Uint8Array | undefined;
        copyOf(bytes: Uint8Array): Uint8Array;
        giveBack(...arrays: readonly (Uint8Array | undefined)[]): void;
      }
    | undefined;
  /** Reads a file that a request names by its SHA-256. Default: there is none. */
  readonly readBlob?: ((hash: string) => Promise<Uint8Array>) | undefined;
}

/** What goes with a page beside its request: a signal, progress, its place among other pages. */
export interface PageOptions {
  /** Gives the page up, between two denoising steps and inside runs. */
  readonly signal?: AbortSignal | undefined;
  /** Called as the page moves from stage to stage. */
  readonly onProgress?: ((progress: PageProgress) => void) | undefined;
  /** The page's place among others, which the caller leaves. Default: after all earlier calls. */
  readonly ticket?: PageTicket | undefined;
}

/**
 * Bytes a pixel at the worst moment: the decoder's copy beside the page's own (or page and result), and colour, ink and
 * page where layers are asked for.
 */
const BYTES_PER_PIXEL = 6;
const LAYERS_BYTES_PER_PIXEL = 15;

/**
 * Colours one page.
 * @returns the coloured page, or its failure
 * @throws the signal's reason; ValidationError `ERR_ARGUMENT` for an invalid request; errors that are not the page's
 * own, such as a lost device
 */
export async function colorizePage(
  services: PageServices,
  input: PageRequestInput,
  options: PageOptions = {},
): Promise<PageResult> {
  checkObject("the services", services);
  checkMethods("colorizer", services.colorizer, ["colorize"]);
  checkMethods("pool", services.pool, ["decode", "encode", "run"]);
  checkMethods("memory", services.memory, ["holdPicture", "beginPage", "thinOut", "outOfMemory"]);
  checkMethods("references", services.references, ["lend"]);
  checkMethods("schedule", services.schedule, ["enter"]);
  checkPageOptions(options);
  const request = parsePageRequest(input);
  const work = new PageRun(services, request, options);
  try {
    return { status: "completed", ...(await work.run()), warnings: work.warnings };
  } catch (error) {
    if (options.signal?.aborted === true || !isPageFailure(error)) throw error;
    return { status: "failed", failure: pageFailure(request.name, work.stage, error), warnings: work.warnings };
  }
}

/** @throws ValidationError `ERR_ARGUMENT` */
export function checkPageOptions(options: unknown): void {
  checkObject("the options", options);
  const { signal, onProgress, ticket } = options as Record<string, unknown>;
  checkSignal("signal", signal);
  checkFunction("onProgress", onProgress, true);
  if (ticket !== undefined) checkMethods("ticket", ticket, ["ahead", "booking", "colouring", "leave"]);
}

/** One page on its way. */
class PageRun {
  readonly warnings: string[] = [];
  /** The stage it is in, for its failure. */
  stage: PageProgress["stage"] = "decode";
  readonly #services: PageServices;
  readonly #request: PageRequest;
  readonly #options: PageOptions;
  readonly #ticket: PageTicket;
  /** For the page as it is decoded. */
  #pixels: Uint8Array | undefined;

  constructor(services: PageServices, request: PageRequest, options: PageOptions) {
    this.#services = services;
    this.#request = request;
    this.#options = options;
    this.#ticket = options.ticket ?? services.schedule.enter();
  }

  async run(): Promise<EncodedPage> {
    const { memory, pool } = this.#services;
    const { name, page, output } = this.#request;
    const { signal } = this.#options;
    const ticket = this.#ticket;
    let picture: Disposable | undefined;
    const { planes } = this.#services;
    try {
      await ticket.ahead(signal);
      this.#report({ phase: "decode", stage: "decode" });
      const bytes = await this.#read(page);
      const [width, height] = await imageSize(bytes);
      const pixelBytes = output.layers === undefined ? BYTES_PER_PIXEL : LAYERS_BYTES_PER_PIXEL;
      picture = await ticket.booking(() => memory.holdPicture(name, width * height * pixelBytes, signal), signal);
      this.#pixels = planes?.takeBytes(3 * width * height);
      const decoded = await this.#decode(bytes);
      const { info } = decoded;
      this.warnings.push(...info.warnings.map((text) => `${name} ${text}`));
      const result = await ticket.colouring(() => this.#colorAsMemoryAllows(decoded, bytes), signal);
      this.#report({ phase: "encode", stage: "encode" });
      const encoded = await encodePage(pool, this.#request, result, info, signal);
      planes?.giveBack(result.image.data, this.#pixels);
      return encoded;
    } finally {
      picture?.[Symbol.dispose]();
      if (this.#options.ticket === undefined) ticket.leave();
    }
  }

  #report(progress: PageProgress): void {
    this.stage = progress.stage;
    this.#options.onProgress?.(progress);
  }

  async #read(file: ImageFile): Promise<Uint8Array> {
    if ("bytes" in file) {
      checkBytes(`the bytes of ${this.#request.name}`, file.bytes);
      return file.bytes;
    }
    if ("path" in file) return readWhole(file.path);
    const { readBlob } = this.#services;
    if (readBlob === undefined)
      throw new ValidationError(
        "ERR_INPUT_NOT_FOUND",
        `cannot read the file ${file.hash.slice(0, 12)}… of ${this.#request.name}: no readBlob function was given`,
        { remedy: "pass bytes or a path instead" },
      );
    return readBlob(file.hash);
  }

  /** The bytes stay: the page may have to be decoded again. */
  async #decode(bytes: Uint8Array): Promise<DecodedImage> {
    const { signal } = this.#options;
    const hasLayers = this.#request.output.layers !== undefined; // the page is one of them, as it is
    const how = { signal, keepGray: true, reduceGray: !hasLayers, into: hasLayers ? undefined : this.#pixels };
    const { pool, planes } = this.#services;
    checkBytes(`the bytes of ${this.#request.name}`, bytes); // the caller may have moved them by now
    const copy = planes?.copyOf(bytes) ?? new Uint8Array(bytes);
    const decoded = await pool.decode(copy, this.#request.name, how);
    planes?.giveBack(copy);
    return decoded;
  }

  /**
   * Waits until the page fits into memory, and does it again, with fewer pages beside it, when memory runs out all the
   * same. The engine has given back what it can (caches, arenas) before an error comes here.
   */
  async #colorAsMemoryAllows(decoded: DecodedImage, bytes: Uint8Array): Promise<RasterResult> {
    const { memory } = this.#services;
    const { signal } = this.#options;
    const { topK } = this.#request.settings;
    const size: PageSize = [decoded.image.width, decoded.image.height];
    let page: DecodedImage | undefined = decoded;
    for (;;) {
      const slot = await memory.beginPage(this.#request.name, size, { topK, signal });
      try {
        page ??= await this.#decode(bytes); // its pixels moved to a worker in the first attempt
        return await this.#color(page);
      } catch (error) {
        if (signal?.aborted === true || !isOutOfMemory(error)) throw error;
        if (memory.thinOut(error, slot) === "fail") throw memory.outOfMemory(size, topK, error);
        page = undefined;
      } finally {
        slot.release();
      }
    }
  }

  async #color({ image }: DecodedImage): Promise<RasterResult> {
    const { colorizer, pool, references } = this.#services;
    const { settings, output, hints, references: wanted } = this.#request;
    const { signal } = this.#options;
    const { numInferenceSteps: steps, ...rest } = settings;
    const readHints = async (): Promise<Uint8Array> =>
      hints === undefined || Array.isArray(hints) ? new Uint8Array() : this.#read(hints.picture);
    const pageHints = hints === undefined ? undefined : await loadHints(pool, hints, image, readHints, signal);
    if (pageHints !== undefined)
      for (const warning of hintsOnLines(image, pageHints))
        if (!this.warnings.includes(warning)) this.warnings.push(warning);
    const request: RasterRequest = {
      name: this.#request.name,
      page: image,
      ...rest,
      steps,
      layers: output.layers !== undefined,
      pageHints,
      ...(signal === undefined ? {} : { signal }),
      onStage: (stage, step, of = steps, device) =>
        this.#report({
          phase: "colour",
          stage,
          ...(step === undefined ? {} : { step, steps: of }),
          ...(device === undefined ? {} : { device }),
        }),
    };
    return references.lend(wanted, signal, (set) => colorizer.colorize(set, request));
  }
}
