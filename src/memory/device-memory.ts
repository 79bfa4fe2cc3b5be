/**
 * The memory of one device: its ledger, whether another page fits, and what is given back when it runs out. A device
 * without memory of its own (the CPU) shares the host's ledger.
 */
import { messageOf } from "../errors.js";
import { getLogger } from "../logging.js";
import { CacheRegistry, type CacheCounters, type DroppableCache } from "./cache-registry.js";
import { MemoryLedger, type Booking } from "./ledger.js";
import type { PageSize } from "./memory-manager.js";
import { mayBegin, nextDeviceStep, type DeviceStep, type PressureStep } from "./pressure.js";
import { arenaSlack, type ArenaSource } from "./usage.js";

const log = getLogger("memory");

/** What pages take on a device. */
export interface DeviceNeeds {
  /** The networks' activations: taken once, however many pages are in flight. "largest": of the largest page size. */
  activationBytes(size: PageSize | "largest", topK: number): number;
  /** What one more page in a run of the denoiser takes, of the largest page size. */
  batchBytes(): number;
  /** Keys and values of a page's references, and its latents. */
  pageBytes(size: PageSize | "largest", topK: number): number;
}

/** Free and total memory of a device, whoever takes it. */
export interface DeviceFigures {
  readonly freeBytes: number;
  readonly totalBytes: number;
}

/** The host's ledger, and what it gives back; a `MemoryManager`. */
export interface HostMemoryBooks {
  readonly ledger: MemoryLedger;
  giveBack(cause: unknown, taken: readonly PressureStep[]): Promise<PressureStep | undefined>;
}

/** What the ledger of a device is made of. */
export interface DeviceMemoryOptions {
  readonly device: string;
  /** The host's memory, for a device without memory of its own. */
  readonly host?: HostMemoryBooks | undefined;
  /** What this process may take of the device's memory at most. Default: all that is free. */
  readonly limitBytes?: number | undefined;
  /** What the driver says now; undefined where it says nothing. */
  readonly measure: () => DeviceFigures | undefined;
  readonly needs: DeviceNeeds;
  /** Pages that bring something at once. */
  readonly usefulPages: number;
  readonly arenas: () => readonly ArenaSource[];
  /** Gives the unused memory of all arenas back. */
  readonly shrinkArenas: () => Promise<void>;
  /** Frees all sessions and weights; they open again when they are needed. Default: that step is left out. */
  readonly rebuildSessions?: () => Promise<void>;
}

/** Pages in one run where nobody names a number: beyond that a GPU is busy anyway. */
const AUTOMATIC_BATCH = 4;
/** Reference keys and values of the host may take a quarter of its free memory, and this much anyway. */
const HOST_CACHE_BYTES = 2 ** 30;

/** Books and pressure steps of one device. */
export class DeviceMemoryManager {
  readonly device: string;
  readonly ledger: MemoryLedger;
  /** Whether the device has memory of its own. */
  readonly isApart: boolean;
  readonly #options: DeviceMemoryOptions;
  readonly #caches = new CacheRegistry();
  #activations: Booking | undefined;
  /** Shortages that are being dealt with. */
  #relieving = 0;

  constructor(options: DeviceMemoryOptions) {
    this.#options = options;
    this.device = options.device;
    this.isApart = options.host === undefined;
    this.ledger = options.host?.ledger ?? new MemoryLedger(options.limitBytes ?? 0);
  }

  /** What may still be taken: what the ledger leaves, and never more than the driver says is free. */
  freeBytes(): number {
    if (!this.isApart) return this.ledger.freeBytes;
    const { limitBytes = Infinity, measure } = this.#options;
    const { heldBytes } = this.ledger.snapshot();
    const measured = measure();
    this.ledger.totalBytes = Math.min(limitBytes, measured === undefined ? limitBytes : heldBytes + measured.freeBytes);
    return this.ledger.freeBytes;
  }

  /** Free, and held by caches that can be made again. */
  #availableBytes(): number {
    return this.freeBytes() + this.#caches.droppableBytes;
  }

  /**
   * Pages that may be denoised together now.
   * @param asked as many as that, whatever memory says; undefined: on a device of its own as many as fit beside what is
   * booked, on the CPU one, which is as quick
   */
  maxBatch(asked: number | undefined): number {
    if (asked !== undefined) return asked;
    if (!this.isApart) return 1;
    const more = Math.floor(this.freeBytes() / Math.max(1, this.#options.needs.batchBytes()));
    return Math.max(1, Math.min(AUTOMATIC_BATCH, 1 + more));
  }

  /** Pages that go at once on this device: as many as bring something and fit. */
  pagesInFlight(topK: number): number {
    const { needs, usefulPages } = this.#options;
    if (!this.isApart) return usefulPages;
    const activations = this.#activations === undefined ? needs.activationBytes("largest", topK) : 0;
    const fitting = Math.floor((this.#availableBytes() - activations) / Math.max(1, needs.pageBytes("largest", topK)));
    return Math.max(1, Math.min(usefulPages, fitting));
  }

  /** Whether a page fits beside those that are there. One always may: it fails with an error of its own. */
  hasRoom(inFlight: number, size: PageSize, topK: number): boolean {
    const { needs, usefulPages } = this.#options;
    if (this.#relieving > 0 && inFlight > 0) return false;
    if (!this.isApart) return true;
    return mayBegin({
      inFlight,
      limit: usefulPages,
      freeBytes: this.#availableBytes(),
      neededBytes: needs.pageBytes(size, topK),
    });
  }

  /** Books a page's memory. On a device that shares the host's ledger it is booked there already. */
  bookPage(name: string, size: PageSize, topK: number): Disposable & { release(): void } {
    const { needs } = this.#options;
    if (!this.isApart) return { release: () => undefined, [Symbol.dispose]: () => undefined };
    this.#activations ??= this.ledger.hold("activations", 0);
    this.#activations.resize(Math.max(this.#activations.bytes, needs.activationBytes("largest", topK)));
    const booking = this.ledger.reserve(`page ${name}`, needs.pageBytes(size, topK));
    booking.commit();
    return booking;
  }

  /**
   * What caches of keys and values may keep, beside what is booked otherwise.
   * @param heldBytes what they hold now
   */
  cacheBudget(heldBytes: number): number {
    const free = this.freeBytes() + heldBytes;
    return Math.max(0, this.isApart ? free : Math.max(HOST_CACHE_BYTES, free / 4));
  }

  /** Lets a shortage of memory drop a cache. @returns takes it out again */
  addCache(cache: DroppableCache): () => void {
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

  get droppableBytes(): number {
    return this.#caches.droppableBytes;
  }

  /**
   * Gives memory back for an allocation that failed. Meanwhile no page is let in.
   * @param taken steps that were taken for it already
   * @param batch pages in the run that failed
   * @returns the step, after which the caller tries again ("halve-batch": with half the pages); undefined when nothing
   * is left to give back
   */
  async giveBack(cause: unknown, taken: readonly DeviceStep[], batch = 1): Promise<DeviceStep | undefined> {
    this.#relieving++;
    try {
      return await this.#giveBack(cause, taken, batch);
    } finally {
      this.#relieving--;
    }
  }

  async #giveBack(cause: unknown, taken: readonly DeviceStep[], batch: number): Promise<DeviceStep | undefined> {
    const { host, shrinkArenas, rebuildSessions } = this.#options;
    if (host !== undefined) return this.#giveBackOnHost(host, cause, taken, batch);
    const slackBytes = this.#arenaSlack();
    const step = nextDeviceStep({
      droppableBytes: this.#caches.droppableBytes,
      arenaSlackBytes: slackBytes,
      batch,
      taken,
    });
    const figures = { device: this.device, step, cause: messageOf(cause) };
    if (step === "drop-caches")
      log.warn({ ...figures, droppedBytes: this.clearCache() }, "out of memory: caches dropped");
    if (step === "shrink-arenas") {
      await shrinkArenas();
      log.warn({ ...figures, slackBytes, leftBytes: this.#arenaSlack() }, "out of memory: arenas shrunk");
    }
    if (step === "halve-batch") log.warn({ ...figures, batch }, "out of memory: batch halved");
    if (step === "rebuild-sessions") {
      if (rebuildSessions === undefined) return undefined;
      await rebuildSessions();
      log.warn(figures, "out of memory: sessions opened again");
    }
    return step;
  }

  async #giveBackOnHost(
    host: HostMemoryBooks,
    cause: unknown,
    taken: readonly DeviceStep[],
    batch: number,
  ): Promise<DeviceStep | undefined> {
    const done = taken.filter((step) => step === "drop-caches" || step === "shrink-arenas");
    const step = await host.giveBack(cause, done);
    if (step === "drop-caches" || step === "shrink-arenas") return step;
    return batch > 1 ? "halve-batch" : undefined;
  }

  #arenaSlack(): number {
    return this.#options.arenas().reduce((sum, arena) => sum + arenaSlack(arena), 0);
  }
}
