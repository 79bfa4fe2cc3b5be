/** Options and statistics of an engine. */
import type { SessionOptions } from "../binding/index.js";
import type { LedgerSnapshot } from "../memory/ledger.js";
import type { CacheCounters } from "../memory/memory-manager.js";
import type { WorkerPoolStats } from "../workers/task-counts.js";
import type { DeviceStats } from "./devices/device-lane.js";
import type { RunTimes } from "./networks/run-times.js";

/** How an engine is opened. All may be left out. */
export interface EngineOptions {
  /**
   * Name of an installed model (`cobra`, `cobra@1-fp16`), or folder of a model package. Default: `COBRA_MODEL`, else
   * what `cobra-batch model use` has chosen, else the embedded model.
   */
  model?: string;
  /** Check the SHA-256 of every file of the package. Default true; false saves about a second a gigabyte. */
  verify?: boolean;
  /** Where and how the networks run. Default: CPU, as many threads as cores, which do not spin while they wait. */
  session?: SessionOptions;
  /**
   * Several devices, each with its own sessions, weights and reference cache: "all" NVIDIA GPUs that are visible, or
   * names such as "cuda:0", "cpu". Pages go to the one that has room. `session` says the rest. Default: the one of
   * `session`.
   */
  devices?: "all" | readonly string[];
  /**
   * Bytes that this process may take of each device's memory; its ledger is kept against it. Default: what a GPU
   * has free; the CPU shares the host's.
   */
  deviceMemoryBytes?: number;
  /**
   * Pages of one size and style that are denoised together at most. A page's picture does not depend on the others.
   * Default: on a GPU as many as fit, up to 4; on the CPU 1.
   */
  maxBatch?: number;
  /** Worker threads for decoding, encoding and pixels. Default: as many as cores. */
  workers?: number;
  /**
   * Bytes that keys and values of references may take, for each `ReferenceSet` and device. 0 keeps nothing between
   * pages. Default: what the device has free; on the CPU a quarter of what the host has free, at least 1 GiB.
   */
  referenceCacheBytes?: number;
  /**
   * Keep the weights of a style loaded when pages of another one come. Default true; false swaps them, which saves
   * their memory and costs their loading. What styles share is loaded once either way (docs/models.md, "What styles
   * share").
   */
  keepStyles?: boolean;
  /**
   * Bytes of host memory that this process may take at most. Default: what the machine, its control groups and `ulimit`
   * leave.
   */
  memoryBudgetBytes?: number;
  /** Reads a file that a page request names by its SHA-256 (in hex). Default: requests give bytes or paths. */
  readBlob?: (sha256: string) => Promise<Uint8Array>;
  /**
   * Calls of `colorizeImage` that may be unfinished at once; one more is refused with `ERR_QUEUE_FULL`. Default 64.
   */
  maxQueued?: number;
  /** Used share of memory from which `memory.triggerGcIfNeeded()` acts. Default 0.8. */
  memoryThreshold?: number;
}

/** What of the options says where pages go, and how many together. */
export type LaneOptions = Pick<EngineOptions, "devices" | "maxBatch">;

/** What an engine has done and holds; see `Engine.stats`. */
export interface EngineStats {
  /** Network runs, by network. */
  readonly runs: RunTimes;
  /** Each device by itself. */
  readonly devices: readonly DeviceStats[];
  /** Worker threads; `tasks` has the times by task. */
  readonly pool: WorkerPoolStats;
  readonly caches: {
    /** Keys and values of reference patches, over all sets of references. */
    readonly references: CacheCounters;
  };
  /** Bytes that are reserved and held, by owner. */
  readonly memory: LedgerSnapshot;
  /** Pages in flight, and those that wait for memory. */
  readonly pages: { readonly inFlight: number; readonly limit: number; readonly waiting: number };
}
