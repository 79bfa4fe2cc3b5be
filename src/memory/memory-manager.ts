/**
 * The memory of one engine: the ledger, how many pages may be in flight, and what is done when memory runs out. It
 * decides with the pure functions of `pressure.ts` and acts on what is registered with it: caches to drop, arenas to
 * shrink.
 */
import { availableParallelism } from "node:os";
import { messageOf, ResourceError } from "../errors.js";
import {
  checkArgument,
  checkFunction,
  checkList,
  checkMethods,
  checkObject,
  checkSignal,
  checkText,
} from "../errors/arguments.js";
import { getLogger } from "../logging.js";
import { collectGarbage } from "./collect-garbage.js";
import { readHostMemory, type HostMemory } from "../platform/host-memory.js";
import { CacheRegistry, type CacheCounters, type DroppableCache } from "./cache-registry.js";
import { MemoryLedger, type Booking } from "./ledger.js";
import { PageGate, type PageSlot } from "./page-gate.js";
import { nextStep, pagesInFlight, picturesBudget, type PressureStep } from "./pressure.js";
import { arenaSlack, memoryUsage, type ArenaSource, type MemoryUsage } from "./usage.js";

export type { CacheCounters, DroppableCache } from "./cache-registry.js";
export type { ArenaSource, DeviceUsage, HostUsage, MemoryUsage } from "./usage.js";

/** A page's size in pixels. */
export type PageSize = readonly [width: number, height: number];

/** What pages take; `topK` = reference patches a quadrant. */
export interface PageNeeds {
  /**
   * The networks' activations: taken once, however many pages are in flight. "largest": for the model's largest page
   * size.
   */
  sharedBytes(size: PageSize | "largest", topK: number): number;
  /** Pictures, planes and reference K/V of the page itself. */
  pageBytes(size: PageSize | "largest", topK: number): number;
}

/** What a memory manager is made with. */
export interface MemoryManagerOptions {
  /** What pages of the model take. */
  readonly needs: PageNeeds;
  /** Bytes of the model's weights. */
  readonly modelBytes?: number | undefined;
  /** The open sessions. */
  readonly arenas: () => readonly ArenaSource[];
  /** Gives the unused memory of all arenas back. */
  readonly shrinkArenas: () => Promise<void>;
  /** Used share from which caches are dropped and garbage is collected. Default 0.8. */
  readonly threshold?: number | undefined;
  /** Bytes of host memory that this process may take at most. Default: what the machine and its limits leave. */
  readonly budgetBytes?: number | undefined;
  /** Pages that bring something at once, on all devices together. Default: as many as the cores work on. */
  readonly usefulPages?: ((topK: number) => number) | undefined;
  /** Figures of the host. Default: the machine's. */
  readonly readHost?: () => HostMemory;
}

const DEFAULT_THRESHOLD = 0.8;
const DEFAULT_TOP_K = 3;
/** How long figures of the machine hold. What is booked meanwhile is in the ledger. */
const RECENT_MS = 250;
const log = getLogger("memory");

/** Figures, ledger and pressure steps of one engine's memory: `engine.memory`. */
export class MemoryManager {
  /** What is reserved and held, and by whom. */
  readonly ledger: MemoryLedger;
  readonly #options: MemoryManagerOptions;
  readonly #threshold: number;
  readonly #caches = new CacheRegistry();
  readonly #gate: PageGate;
  /** Who may have a picture in memory. */
  readonly #pictures: PageGate;
  #activations: Booking | undefined;
  #recent: { readonly atMs: number; readonly memory: HostMemory } | undefined;

  /** @throws ValidationError `ERR_ARGUMENT` for a threshold outside 0..1 or a budget below 1 */
  constructor(options: MemoryManagerOptions) {
    checkMethods("the options of MemoryManager", options, ["arenas", "shrinkArenas"]);
    checkMethods("needs", options.needs, ["sharedBytes", "pageBytes"]);
    checkFunction("readHost", options.readHost, true);
    const { threshold = DEFAULT_THRESHOLD, budgetBytes = Infinity } = options;
    checkArgument(threshold > 0 && threshold <= 1, "the memory threshold", threshold, "above 0 and at most 1");
    checkArgument(budgetBytes >= 1, "the memory budget in bytes", budgetBytes, "1 or more");
    this.#options = options;
    this.#threshold = threshold;
    this.ledger = new MemoryLedger(0);
    this.ledger.hold("process", this.#readHost().processBytes);
    this.ledger.hold("model", options.modelBytes ?? 0);
    this.#gate = new PageGate(this.ledger, () => this.#freeBytes());
    this.#pictures = new PageGate(
      this.ledger,
      () => picturesBudget(this.#freeBytes() + this.#pictures.heldBytes) - this.#pictures.heldBytes,
    );
    this.#freeBytes();
  }

  /** The machine's figures are those of a moment ago at most: reading them takes a page's event loop a millisecond. */
  #readHost(): HostMemory {
    const { readHost } = this.#options;
    if (readHost !== undefined) return readHost();
    const now = performance.now();
    if (this.#recent === undefined || now - this.#recent.atMs > RECENT_MS)
      this.#recent = { atMs: now, memory: readHostMemory() };
    return this.#recent.memory;
  }

  /**
   * What may still be taken: what the ledger leaves of what this process has and may have, and never more than the
   * machine has left.
   */
  #freeBytes(): number {
    const { processBytes, availableBytes } = this.#readHost();
    const totalBytes = Math.min(this.#options.budgetBytes ?? Infinity, processBytes + availableBytes);
    this.ledger.totalBytes = totalBytes;
    return Math.min(this.ledger.freeBytes, totalBytes - processBytes);
  }

  /** What caches on the host may take on top: half of what is free. */
  spareBytes(): number {
    return this.#freeBytes() / 2;
  }

  /** Lets `clearCache` and a shortage of memory drop a cache. @returns takes it out again */
  addCache(cache: DroppableCache): () => void {
    checkMethods("the cache", cache, ["clear"]);
    return this.#caches.add(cache);
  }

  /** Counters of all caches together since the start; bytes are those of now. */
  caches(): CacheCounters {
    return this.#caches.counters();
  }

  /** Drops what caches hold and nobody uses. @returns bytes that were dropped */
  clearCache(): number {
    return this.#caches.clear();
  }

  /** Used memory of the host and of each device that sessions are on. */
  checkMemoryUsage(): MemoryUsage {
    return memoryUsage(this.#readHost(), this.#options.arenas(), this.#options.budgetBytes);
  }

  /**
   * Drops caches and collects garbage where the host or a device is used above the threshold.
   * @returns whether it was needed
   */
  triggerGcIfNeeded(): boolean {
    const { host, devices } = this.checkMemoryUsage();
    const worst = Math.max(host.share, ...devices.map((device) => device.share));
    if (worst < this.#threshold) return false;
    const droppedBytes = this.clearCache();
    collectGarbage();
    log.warn(
      { share: round(worst), threshold: this.#threshold, droppedBytes },
      "memory is used above the threshold: caches dropped, garbage collected",
    );
    return true;
  }

  /**
   * Bytes that one page of a size takes in addition to the loaded model: the networks' activations from the model's own
   * graphs at the page's bucket, reference K/V, pictures and planes. Within the error that `docs/logging-and-memory.md`
   * states.
   * @throws ValidationError `ERR_ARGUMENT` for a size that is not positive
   */
  estimateMemoryRequired(size: PageSize, options: { topK?: number } = {}): number {
    const { needs } = this.#options;
    checkSize(size);
    checkObject("the options", options);
    const { topK = DEFAULT_TOP_K } = options;
    checkTopK(topK);
    return needs.sharedBytes(size, topK) + needs.pageBytes(size, topK);
  }

  /** Pages that go at once where nobody names a number. Where memory turns out to be short some of them wait. */
  pagesInFlight(topK = DEFAULT_TOP_K): number {
    checkTopK(topK);
    const { needs } = this.#options;
    const sharedBytes = this.#activations === undefined ? needs.sharedBytes("largest", topK) : 0;
    return pagesInFlight({
      cores: availableParallelism(),
      freeBytes: this.#freeBytes() * this.#threshold,
      sharedBytes,
      pageBytes: needs.pageBytes("largest", topK),
      usefulPages: this.#options.usefulPages?.(topK),
    });
  }

  /**
   * Waits until a picture may be decoded beside those that are in memory, and books it: several large ones go one after
   * the other, small ones do not wait. Released once it is encoded. One always may. Rejects with the signal's reason.
   */
  holdPicture(name: string, neededBytes: number, signal?: AbortSignal): Promise<PageSlot> {
    checkText("the picture's name", name);
    checkArgument(Number.isFinite(neededBytes) && neededBytes >= 0, "the number of bytes", neededBytes, "0 or more");
    checkSignal("signal", signal);
    return this.#pictures.begin({ owner: `picture ${name}`, neededBytes, signal });
  }

  /**
   * Waits until a page fits beside those in flight and books it. One page always fits. Rejects with the signal's
   * reason.
   */
  beginPage(
    name: string,
    size: PageSize,
    options: { topK?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<PageSlot> {
    checkText("the page's name", name);
    checkSize(size);
    checkObject("the options", options);
    const { topK = DEFAULT_TOP_K, signal } = options;
    checkTopK(topK);
    checkSignal("signal", signal);
    const { needs } = this.#options;
    this.#activations ??= this.ledger.hold("activations", 0);
    this.#activations.resize(Math.max(this.#activations.bytes, needs.sharedBytes("largest", topK)));
    return this.#gate.begin({ owner: `page ${name}`, neededBytes: needs.pageBytes(size, topK), signal });
  }

  /**
   * Gives memory back for an allocation that failed: first what caches can do without, then what arenas hold and do not
   * use.
   * @param taken steps that were taken for it already
   * @returns the step, after which the caller tries again; undefined when nothing is left to give back
   */
  async giveBack(cause: unknown, taken: readonly PressureStep[]): Promise<PressureStep | undefined> {
    checkList("the steps taken", taken);
    const slackBytes = this.#arenaSlack();
    const step = nextStep({
      droppableBytes: this.#caches.droppableBytes,
      arenaSlackBytes: slackBytes,
      inFlight: this.#gate.inFlight,
      taken,
    });
    const figures = { step, cause: messageOf(cause), inFlight: this.#gate.inFlight };
    if (step === "drop-caches") {
      log.warn({ ...figures, droppedBytes: this.clearCache() }, "out of memory: caches dropped");
      return step;
    }
    if (step !== "shrink-arenas") return undefined;
    await this.#options.shrinkArenas();
    log.warn({ ...figures, slackBytes, leftBytes: this.#arenaSlack() }, "out of memory: arenas shrunk");
    return step;
  }

  /**
   * The last steps, for a page that failed although everything was given back.
   * @param slot the page's
   * @returns "halve-pages": the page gives its slot back, waits for another and is done again; "fail": it was alone all
   * the time
   */
  thinOut(cause: unknown, slot: PageSlot): PressureStep {
    checkMethods("the page's slot", slot, ["release"]);
    // Pages that were there when it failed may have left since.
    const step = nextStep({
      droppableBytes: 0,
      arenaSlackBytes: 0,
      inFlight: Math.max(this.#gate.inFlight, slot.hadCompany ? 2 : 1),
      taken: [],
    });
    const figures = { step, cause: messageOf(cause), inFlight: this.#gate.inFlight };
    if (step === "halve-pages")
      log.warn({ ...figures, limit: this.#gate.halve() }, "out of memory: pages in flight halved");
    else log.error(figures, "out of memory: nothing is left to give back");
    return step;
  }

  #arenaSlack(): number {
    return this.#options.arenas().reduce((sum, arena) => sum + arenaSlack(arena), 0);
  }

  /** The error of a page that does not fit even alone. */
  outOfMemory(size: PageSize, topK: number, cause: unknown): ResourceError {
    checkSize(size);
    const [width, height] = size;
    const { host } = this.checkMemoryUsage();
    const [needed, free] = [
      this.estimateMemoryRequired([width, height], { topK }),
      host.totalBytes - host.usedBytes,
    ].map((bytes) => `${Math.round(bytes / 2 ** 20)} MiB`);
    return new ResourceError(
      "ERR_OUT_OF_MEMORY",
      `a page of ${width} x ${height} pixels takes about ${needed} and ${free} are free (limit: ${host.limitedBy}). Cause: ${messageOf(cause)}`,
      { cause },
    );
  }

  /** Pages in flight at present, and how many may be (Infinity: as many as fit). */
  pages(): { readonly inFlight: number; readonly limit: number; readonly waiting: number } {
    const { inFlight, limit, waiting } = this.#gate;
    return { inFlight, limit, waiting };
  }
}

function checkSize(size: PageSize): void {
  checkArgument(
    Array.isArray(size) && size.length === 2 && size.every((side) => Number.isInteger(side) && side > 0),
    "the page's size",
    size,
    "[width, height] in pixels, whole numbers above 0",
  );
}

function checkTopK(topK: number): void {
  checkArgument(Number.isInteger(topK) && topK > 0, "topK", topK, "a whole number above 0");
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
