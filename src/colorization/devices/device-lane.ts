/**
 * One device with everything that is its own: sessions, weights, reference keys and values, memory. Pages are coloured
 * on a lane.
 */
import { Device, type SessionOptions } from "../../binding/index.js";
import type { Style } from "../../config/batch-config.js";
import { isOutOfMemory } from "../../errors.js";
import type { CacheCounters } from "../../memory/cache-registry.js";
import type { DeviceMemoryManager } from "../../memory/device-memory.js";
import type { LedgerSnapshot } from "../../memory/ledger.js";
import type { DeviceStep } from "../../memory/pressure.js";
import type { ModelPackage } from "../../model/package.js";
import { PageDenoiser } from "../denoising/page-denoiser.js";
import { SharedNoise } from "../cobra/shared-noise.js";
import { LoadedStyles } from "../networks/loaded-styles.js";
import type { OpenNetwork } from "../networks/network-sessions.js";
import { Networks } from "../networks/networks.js";
import { RunClock, type RunTable, type RunTimes } from "../networks/run-times.js";
import type { BookMemory } from "../networks/shared-weights.js";
import type { SharedPlanes } from "../networks/staging.js";

/** What a lane has done and holds. Plain data. */
export interface DeviceStats {
  /** "cuda:0"; lanes on the CPU are "cpu", "cpu:1", … */
  readonly device: string;
  /** "lost": its driver has given it up, and its pages go to the other devices. */
  readonly state: "ready" | "lost";
  /** Pages, or tiles of pages, that are on it now, and those that it has finished. */
  readonly pages: { readonly inFlight: number; readonly done: number };
  /** Network runs, by network. */
  readonly runs: RunTimes;
  /** Bytes that are reserved and held, by owner; of a lane on the CPU those of the host. */
  readonly memory: LedgerSnapshot;
  /** Keys and values of reference patches. */
  readonly references: CacheCounters;
  /** Bytes that were copied between the host and the device's own memory, by all of this process; 0 on the CPU. */
  readonly copied: { readonly toDevice: number; readonly fromDevice: number };
}

/** What a lane is made of. */
export interface DeviceLaneOptions {
  readonly name: string;
  readonly model: ModelPackage;
  readonly session: SessionOptions;
  readonly memory: (networks: () => Networks) => DeviceMemoryManager;
  readonly book: (memory: DeviceMemoryManager) => BookMemory;
  /** Counts the runs of all lanes. */
  readonly runs: RunTable;
  /** Of all lanes: a page is prepared before it is known which one takes it. */
  readonly planes: SharedPlanes;
  readonly keepStyles: boolean;
  /** Pages that are denoised together at most. Default: as many as bring something and fit. */
  readonly maxBatch?: number | undefined;
  readonly openNetwork?: OpenNetwork | undefined;
}

/** How long a page waits for others on their way before its first step: less than a step takes on a GPU. */
const COMPANY_MS = 20;

/** Runs of the denoiser that are under way at once: one on the device, and one that it goes on with. */
const SEGMENTS = 2;

/** Owns its networks; `dispose` frees them when their last run has ended. */
export class DeviceLane implements Disposable {
  readonly name: string;
  readonly networks: Networks;
  readonly memory: DeviceMemoryManager;
  readonly denoiser: PageDenoiser;
  readonly noise = new SharedNoise();
  readonly #clock: RunClock;
  readonly #styles: LoadedStyles;
  #inFlight = 0;
  #done = 0;
  #lost = false;

  constructor(options: DeviceLaneOptions) {
    const { name, model, session, memory, book, runs, planes, keepStyles, maxBatch, openNetwork } = options;
    this.name = name;
    this.memory = memory(() => this.networks);
    this.#clock = new RunClock(name, runs);
    this.networks = new Networks(model, session, {
      withRetry: (work, batch) => this.#retryOnOutOfMemory(work, batch),
      book: book(this.memory),
      openNetwork,
      device: name,
      clock: this.#clock,
      planes,
    });
    // Memory without addresses has no places for the pages of a batch.
    const hasPlaces = session.provider !== "webgpu";
    this.denoiser = new PageDenoiser(this.networks, {
      maxBatch: () => (hasPlaces ? this.memory.maxBatch(maxBatch) : 1),
      companyMs: COMPANY_MS,
      segments: SEGMENTS,
      yields: session.provider !== undefined && session.provider !== "cpu",
      relieve: async (error) =>
        (await this.memory.giveBack(error, ["drop-caches", "shrink-arenas"])) === "rebuild-sessions",
      expectsCompany: () => this.#inFlight > this.denoiser.pages,
    });
    this.#styles = new LoadedStyles(this.networks, keepStyles);
  }

  /** Pages, or tiles of pages, that are on it now. */
  get inFlight(): number {
    return this.#inFlight;
  }

  get isLost(): boolean {
    return this.#lost;
  }

  /** A page of a style begins. Call what it returns when the page is over. */
  enter(style: Style): (isDone: boolean) => void {
    this.#inFlight++;
    const end = this.#styles.begin(style);
    return (isDone) => {
      this.#inFlight--;
      if (isDone) this.#done++;
      end();
    };
  }

  /** The device is gone: nothing runs on it any more. */
  lose(): void {
    this.#lost = true;
  }

  stats(): DeviceStats {
    const { bytesToDevice, bytesFromDevice } = Device.of(this.name).figures();
    return {
      device: this.name,
      state: this.#lost ? "lost" : "ready",
      pages: { inFlight: this.#inFlight, done: this.#done },
      runs: this.#clock.snapshot(),
      memory: this.memory.ledger.snapshot(),
      references: this.memory.caches(),
      copied: { toDevice: bytesToDevice, fromDevice: bytesFromDevice },
    };
  }

  /**
   * Tries again after each of the first steps that free memory. Those who hold whole pages take the later steps.
   */
  async #retryOnOutOfMemory<T>(work: () => Promise<T>, batch = 1): Promise<T> {
    const taken: DeviceStep[] = [];
    for (;;) {
      try {
        return await work();
      } catch (error) {
        if (!isOutOfMemory(error)) throw error;
        const step = await this.memory.giveBack(error, taken, batch);
        // Who made the batch halves it.
        if (step === undefined || step === "halve-batch") throw error;
        taken.push(step);
      }
    }
  }

  [Symbol.dispose](): void {
    this.networks.dispose();
  }
}
