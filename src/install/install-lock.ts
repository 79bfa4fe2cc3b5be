/** One installation at a time works in a folder of models; the others wait for it. */
import { readdir, readFile, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Lease } from "../core/journal/lease.js";
import { parseLease } from "../core/journal/lease-record.js";
import { BatchProcessingError, ResourceError } from "../errors.js";
import { makeFolder } from "../io/files/make-folder.js";
import { isLeftOver, livenessOf } from "../platform/process-identity.js";

const LOCK_FILE = ".install.lock";
const LOOK_MS = 1000;
/** Between two looks at whether the lock is still held. */
const HELD_MS = 1000;

/** Waiting for another process, and who hears of it. */
export interface LockOptions {
  readonly signal?: AbortSignal | undefined;
  readonly onWait: (message: string) => void;
  /** Default: a timer. */
  readonly wait?: ((ms: number, signal?: AbortSignal) => Promise<unknown>) | undefined;
}

/**
 * Runs work while no other process installs or removes models there.
 * @param work is to call `assertHeld` as it goes: a process that stood still for long loses the lock to another one
 * @throws ResourceError `ERR_OUTPUT_WRITE`, `ERR_OUTPUT_LOCKED`; the signal's reason; what `work` throws
 */
export async function withInstallLock<T>(
  folder: string,
  options: LockOptions,
  work: (assertHeld: () => void) => Promise<T>,
): Promise<T> {
  await makeFolder(folder);
  const lease = await acquire(folder, options);
  try {
    await removeLeftOverLocks(folder);
    return await work(heldCheck(folder, lease));
  } finally {
    await lease.release();
  }
}

async function acquire(folder: string, { signal, onWait, wait = (ms) => sleep(ms) }: LockOptions): Promise<Lease> {
  for (let told = false; ;) {
    signal?.throwIfAborted();
    try {
      return await Lease.acquire(join(folder, LOCK_FILE), `the models in ${folder}`, { signal, onWait });
    } catch (error) {
      if (!(error instanceof BatchProcessingError) || error.code !== "ERR_OUTPUT_LOCKED") throw error;
      if (!told) onWait(`another process installs models in ${folder}; waiting for it`);
      told = true;
      await wait(LOOK_MS, signal);
    }
  }
}

function heldCheck(folder: string, lease: Lease): () => void {
  let lookedAt = Number.NEGATIVE_INFINITY;
  return () => {
    if (performance.now() - lookedAt < HELD_MS) return;
    lookedAt = performance.now();
    try {
      lease.assertHeldNow();
    } catch (cause) {
      throw new ResourceError(
        "ERR_OUTPUT_LOCKED",
        `another process has taken over the models in ${folder}, because this one stood still for long`,
        { cause, remedy: "let that one finish, or run the same command again" },
      );
    }
  };
}

/** Files of processes that were killed while they took the lock. */
async function removeLeftOverLocks(folder: string): Promise<void> {
  for (const name of await readdir(folder).catch(() => [])) {
    if (!name.startsWith(`${LOCK_FILE}.`) || !/^[0-9a-f]+$/u.test(name.slice(LOCK_FILE.length + 1))) continue;
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined);
    if (info === undefined) continue;
    const holder = parseLease(await readFile(path, "utf8").catch(() => ""));
    const liveness = holder === undefined ? "unknown" : livenessOf(holder);
    if (isLeftOver(liveness, Date.now() - info.mtimeMs)) await rm(path, { force: true }).catch(() => {});
  }
}
