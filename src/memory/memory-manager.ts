/**
 * Memory of one engine: real figures, the books, how many pages may be in flight, and what is done when memory runs
 * out. It decides with the pure functions of `pressure.ts` and acts on what is registered with it: caches to drop,
 * arenas to shrink.
 */
import { availableParallelism } from "node:os";
import type { AllocatorStats, DeviceMemory } from "../binding/index.js";
import { messageOf, ResourceError, ValidationError } from "../errors.js";
import { getLogger } from "../logging.js";
import { collectGarbage } from "./collect-garbage.js";
import { readHostMemory, type HostMemory } from "../platform/host-memory.js";
import { MemoryLedger, type Booking } from "./ledger.js";
import { PageGate, type PageSlot } from "./page-gate.js";
import { nextStep, pagesInFlight, picturesBudget, type PressureStep } from "./pressure.js";

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

/** Something that keeps memory it can do without. */
export interface DroppableCache {
  /** Drops what nobody uses. */
  clear(): void;
  stats(): CacheCounters;
}

/** Counters of a cache, or of several together. */
export interface CacheCounters {
  readonly hits: number;
  readonly misses: number;
  readonly evictions: number;
  /** Bytes that are cached or lent, and the lent part of them. */
  readonly heldBytes: number;
  readonly leasedBytes: number;
}

/** An arena's figures and its device's; what `InferenceSession` tells. */
export interface ArenaSource {
  readonly device: string;
  allocatorStats(): AllocatorStats;
  deviceMemory(): DeviceMemory | undefined;
}

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
  /** Figures of the host. Default: the machine's. */
  readonly readHost?: () => HostMemory;
}

/** Memory of one place. `share` = used / total. */
export interface PlaceUsage {
  readonly totalBytes: number;
  readonly usedBytes: number;
  readonly share: number;
}

export interface HostUsage extends PlaceUsage {
  /** Which limit `totalBytes` is. */
  readonly limitedBy: HostMemory["limitedBy"] | "budget";
  /** Resident memory of this process. */
  readonly processBytes: number;
  /** Memory of the sessions' host arenas, and the part that is in use. */
  readonly arenaBytes: number;
  readonly arenaUsedBytes: number;
}

export interface DeviceUsage extends PlaceUsage {
  /** "cuda:0" */
  readonly device: string;
  /**
   * Whether `totalBytes` is the device's own figure; otherwise arena limits, or the arenas themselves where they have
   * none.
   */
  readonly isMeasured: boolean;
  readonly arenaBytes: number;
  readonly arenaUsedBytes: number;
}

export interface MemoryUsage {
  readonly host: HostUsage;
  readonly devices: readonly DeviceUsage[];
}

const DEFAULT_THRESHOLD = 0.8;
const DEFAULT_TOP_K = 3;
const log = getLogger("memory");

export class MemoryManager {
  /** What is reserved and held, and by whom. */
  readonly ledger: MemoryLedger;
  readonly #options: MemoryManagerOptions;
  readonly #threshold: number;
  readonly #caches = new Set<DroppableCache>();
  /** Counters of caches that were taken out. */
  #pastCaches: CacheCounters = { hits: 0, misses: 0, evictions: 0, heldBytes: 0, leasedBytes: 0 };
  readonly #gate: PageGate;
  /** Who may have a picture in memory. */
  readonly #pictures: PageGate;
  #activations: Booking | undefined;

  /** @throws ValidationError `ERR_ARGUMENT` for a threshold outside 0..1 or a budget below 1 */
  constructor(options: MemoryManagerOptions) {
    const { threshold = DEFAULT_THRESHOLD, budgetBytes = Infinity } = options;
    if (!(threshold > 0 && threshold <= 1))
      throw new ValidationError(
        "ERR_ARGUMENT",
        `the memory threshold is ${threshold}; it must be above 0 and at most 1`,
      );
    if (!(budgetBytes >= 1))
      throw new ValidationError("ERR_ARGUMENT", `the memory budget is ${budgetBytes} bytes; it must be 1 or more`);
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

  #readHost(): HostMemory {
    return (this.#options.readHost ?? readHostMemory)();
  }

  /**
   * What may still be taken: what the books leave of what this process has and may have, and never more than the
   * machine has left.
   */
  #freeBytes(): number {
    const { processBytes, availableBytes } = this.#readHost();
    const totalBytes = Math.min(this.#options.budgetBytes ?? Infinity, processBytes + availableBytes);
    this.ledger.totalBytes = totalBytes;
    return Math.min(this.ledger.freeBytes, totalBytes - processBytes);
  }

  /** Lets `clearCache` and want of memory drop a cache. @returns takes it out again */
  addCache(cache: DroppableCache): () => void {
    this.#caches.add(cache);
    return () => {
      if (!this.#caches.delete(cache)) return;
      this.#pastCaches = { ...sumOfCaches([this.#pastCaches, cache.stats()]), heldBytes: 0, leasedBytes: 0 };
    };
  }

  /** Counters of all caches together since the start; bytes are those of now. */
  caches(): CacheCounters {
    return sumOfCaches([this.#pastCaches, ...[...this.#caches].map((cache) => cache.stats())]);
  }

  /** Drops what caches hold and nobody uses. @returns bytes that were dropped */
  clearCache(): number {
    const before = this.#droppableBytes();
    for (const cache of this.#caches) cache.clear();
    return before - this.#droppableBytes();
  }

  #droppableBytes(): number {
    let bytes = 0;
    for (const cache of this.#caches) {
      const { heldBytes, leasedBytes } = cache.stats();
      bytes += heldBytes - leasedBytes;
    }
    return bytes;
  }

  /** Used memory of the host and of each device that sessions are on. */
  checkMemoryUsage(): MemoryUsage {
    const { totalBytes, availableBytes, limitedBy, processBytes } = this.#readHost();
    const { budgetBytes } = this.#options;
    const isBudget = budgetBytes !== undefined && budgetBytes - processBytes < availableBytes;
    const used = isBudget
      ? { totalBytes: budgetBytes, usedBytes: processBytes }
      : { totalBytes, usedBytes: totalBytes - availableBytes };
    const places = new Map<
      string,
      { arenaBytes: number; arenaUsedBytes: number; limitBytes: number; measured: DeviceMemory | undefined }
    >([["cpu", { arenaBytes: 0, arenaUsedBytes: 0, limitBytes: 0, measured: undefined }]]);
    for (const arena of this.#options.arenas()) {
      const { totalAllocatedBytes, inUseBytes, limitBytes } = arena.allocatorStats();
      const place = places.get(arena.device) ?? {
        arenaBytes: 0,
        arenaUsedBytes: 0,
        limitBytes: 0,
        measured: arena.deviceMemory(),
      };
      places.set(arena.device, {
        ...place,
        arenaBytes: place.arenaBytes + totalAllocatedBytes,
        arenaUsedBytes: place.arenaUsedBytes + inUseBytes,
        limitBytes: place.limitBytes + limitBytes,
      });
    }
    const { arenaBytes, arenaUsedBytes } = places.get("cpu")!;
    const host = {
      ...used,
      share: share(used),
      limitedBy: isBudget ? ("budget" as const) : limitedBy,
      processBytes,
      arenaBytes,
      arenaUsedBytes,
    };
    const devices = [...places]
      .filter(([device]) => device !== "cpu")
      .map(([device, { measured, limitBytes, ...arenas }]) => {
        const figures =
          measured === undefined
            ? { totalBytes: Math.max(limitBytes, arenas.arenaBytes), usedBytes: arenas.arenaUsedBytes }
            : { totalBytes: measured.totalBytes, usedBytes: measured.totalBytes - measured.freeBytes };
        return { device, ...figures, share: share(figures), isMeasured: measured !== undefined, ...arenas };
      });
    return { host, devices };
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
   * Bytes that one page of a size takes beside the loaded model: the networks' activations from the model's own graphs
   * at the page's bucket, reference K/V, pictures and planes. Within the error that `docs/logging-and-memory.md`
   * states.
   * @throws ValidationError `ERR_ARGUMENT` for a size that is not positive
   */
  estimateMemoryRequired(size: PageSize, { topK = DEFAULT_TOP_K }: { topK?: number } = {}): number {
    const { needs } = this.#options;
    return needs.sharedBytes(size, topK) + needs.pageBytes(size, topK);
  }

  /** Pages that go at once where nobody names a number. Where memory turns out to be short some of them wait. */
  pagesInFlight(topK = DEFAULT_TOP_K): number {
    const { needs } = this.#options;
    const sharedBytes = this.#activations === undefined ? needs.sharedBytes("largest", topK) : 0;
    return pagesInFlight({
      cores: availableParallelism(),
      freeBytes: this.#freeBytes() * this.#threshold,
      sharedBytes,
      pageBytes: needs.pageBytes("largest", topK),
    });
  }

  /**
   * Waits until a picture may be decoded beside those that are in memory, and books it: several large ones go one after
   * the other, small ones do not wait. Released once it is encoded. One always may. Rejects with the signal's reason.
   */
  holdPicture(name: string, neededBytes: number, signal?: AbortSignal): Promise<PageSlot> {
    return this.#pictures.begin({ owner: `picture ${name}`, neededBytes, signal });
  }

  /**
   * Waits until a page fits beside those in flight and books it. One page always fits. Rejects with the signal's
   * reason.
   */
  beginPage(
    name: string,
    size: PageSize,
    { topK = DEFAULT_TOP_K, signal }: { topK?: number; signal?: AbortSignal | undefined } = {},
  ): Promise<PageSlot> {
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
    const slackBytes = this.#arenaSlack();
    const step = nextStep({
      droppableBytes: this.#droppableBytes(),
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
  outOfMemory([width, height]: PageSize, topK: number, cause: unknown): ResourceError {
    const { host } = this.checkMemoryUsage();
    const [needed, free] = [
      this.estimateMemoryRequired([width, height], { topK }),
      host.totalBytes - host.usedBytes,
    ].map((bytes) => `${Math.round(bytes / 2 ** 20)} MiB`);
    const text = `a page of ${width} x ${height} pixels takes about ${needed} and ${free} are free (limit: ${host.limitedBy}); use fewer reference patches (topK), a smaller model or a machine with more memory. Cause: ${messageOf(cause)}`;
    return new ResourceError("ERR_OUT_OF_MEMORY", text, { cause });
  }

  /** Pages in flight at present, and how many may be (Infinity: as many as fit). */
  pages(): { readonly inFlight: number; readonly limit: number; readonly waiting: number } {
    const { inFlight, limit, waiting } = this.#gate;
    return { inFlight, limit, waiting };
  }
}

function arenaSlack(arena: ArenaSource): number {
  const { totalAllocatedBytes, inUseBytes } = arena.allocatorStats();
  return totalAllocatedBytes - inUseBytes;
}

function sumOfCaches(counters: readonly CacheCounters[]): CacheCounters {
  const sum = (key: keyof CacheCounters): number => counters.reduce((total, one) => total + one[key], 0);
  return {
    hits: sum("hits"),
    misses: sum("misses"),
    evictions: sum("evictions"),
    heldBytes: sum("heldBytes"),
    leasedBytes: sum("leasedBytes"),
  };
}

function share({ usedBytes, totalBytes }: { usedBytes: number; totalBytes: number }): number {
  return totalBytes > 0 ? Math.min(1, Math.max(0, usedBytes / totalBytes)) : 0;
}

function round(value: number): number {
  return Math.round(value * 1000) / 1000;
}
