/** One installation at a time works in a folder of models; the others wait for it. */
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Lease } from "../core/journal/lease.js";
import { BatchProcessingError } from "../errors.js";
import { makeFolder } from "../io/files/make-folder.js";

const LOOK_MS = 1000;

/** Waiting for another process, and who hears of it. */
export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onWait: (message: string) => void;
  /** Default: a timer. */
  readonly wait?: ((ms: number, signal?: AbortSignal) => Promise<unknown>) | undefined;
}

/**
 * Runs work while no other process installs or removes models there.
 * @throws ResourceError `ERR_OUTPUT_WRITE`; the signal's reason; what `work` throws
 */
export async function withInstallLock<T>(folder: string, options: LockOptions, work: () => Promise<T>): Promise<T> {
  await makeFolder(folder);
  const lease = await acquire(folder, options);
  try {
    return await work();
  } finally {
    await lease.release();
  }
}

async function acquire(folder: string, { signal, onWait, wait = (ms) => sleep(ms) }: LockOptions): Promise<Lease> {
  for (let told = false; ;) {
    signal?.throwIfAborted();
    try {
      return await Lease.acquire(join(folder, ".install.lock"), `the models in ${folder}`, { signal, onWait });
    } catch (error) {
      if (!(error instanceof BatchProcessingError) || error.code !== "ERR_OUTPUT_LOCKED") throw error;
      if (!told) onWait(`another process installs models in ${folder}; waiting for it`);
      told = true;
      await wait(LOOK_MS, signal);
    }
  }
}
