/**
 * A lock file: one run at a time works on an output. A lock whose process is gone, or is of an earlier boot, is taken
 * over.
 */
import { randomBytes } from "node:crypto";
import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { ResourceError, systemCode } from "../../errors.js";
import { outputError } from "../../io/files/file-errors.js";
import { bootId, processExists, processStart } from "../../platform/processes.js";

/** Who holds a lock, as the file says. */
export interface LockHolder {
  readonly pid: number;
  /** Start of the process, in ticks since the boot. */
  readonly start: string;
  readonly boot: string;
  readonly host: string;
  /** When the lock was taken, ISO 8601. */
  readonly since: string;
}

/** Whether a holder is gone for certain. One on another host cannot be asked and so counts as living. */
export function isStale(
  holder: LockHolder,
  here: { host: string; boot: string },
  startOf: (pid: number) => string | undefined,
): boolean {
  if (holder.host !== here.host) return false;
  return holder.boot !== here.boot || startOf(holder.pid) !== holder.start;
}

export class RunLock {
  readonly #path: string;
  readonly #text: string;
  #tookOver = false;

  private constructor(path: string, text: string) {
    this.#path = path;
    this.#text = text;
  }

  /**
   * Takes the lock; the file's folder must exist.
   * @param what the output, for the message
   * @throws ResourceError `ERR_OUTPUT_LOCKED` when a living process holds it, `ERR_OUTPUT_WRITE` when the file cannot
   * be written
   */
  static async acquire(path: string, what: string): Promise<RunLock> {
    const holder: LockHolder = {
      pid: process.pid,
      start: processStart(process.pid),
      boot: bootId(),
      host: hostname(),
      since: new Date().toISOString(),
    };
    const lock = new RunLock(path, `${JSON.stringify({ ...holder, token: randomBytes(6).toString("hex") })}\n`);
    try {
      while (!(await lock.#take())) await lock.#removeStale(what, holder);
      return lock;
    } catch (cause) {
      throw cause instanceof ResourceError ? cause : outputError(path, cause);
    }
  }

  /** A process of this boot had the lock and ended without giving it back: it was killed, or has crashed. */
  get tookOver(): boolean {
    return this.#tookOver;
  }

  /** Gives the lock back. Never rejects; a lock that is no longer this run's is let be. */
  async release(): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch(() => "");
    if (text === this.#text) await rm(this.#path, { force: true }).catch(() => {});
  }

  /** Puts the whole lock in place in one step, so that nobody reads half of it; false when there is one. */
  async #take(): Promise<boolean> {
    const own = `${this.#path}.${process.pid}-${randomBytes(6).toString("hex")}`;
    await writeFile(own, this.#text);
    try {
      await link(own, this.#path);
    } catch (error) {
      if (systemCode(error) === "EEXIST") return false;
      if (systemCode(error) !== "EPERM" && systemCode(error) !== "ENOTSUP") throw error;
      // a file system without links: the check and the write are two steps there
      await writeFile(this.#path, this.#text, { flag: "wx" }).catch((cause: unknown) =>
        systemCode(cause) === "EEXIST" ? undefined : Promise.reject(cause),
      );
    } finally {
      await rm(own, { force: true });
    }
    return (await readFile(this.#path, "utf8").catch(() => "")) === this.#text;
  }

  async #removeStale(what: string, here: LockHolder): Promise<void> {
    const text = await readFile(this.#path, "utf8").catch((error: unknown) =>
      systemCode(error) === "ENOENT" ? undefined : Promise.reject(error),
    );
    if (text === undefined) return;
    const holder = parseHolder(text);
    if (holder !== undefined && !isStale(holder, here, (pid) => (processExists(pid) ? processStart(pid) : undefined))) {
      throw new ResourceError(
        "ERR_OUTPUT_LOCKED",
        `another run works on ${what}: process ${holder.pid} on ${holder.host}, since ${holder.since}; wait for it or stop it${holder.host === here.host ? "" : ` (when it is gone for certain, remove ${this.#path})`}`,
      );
    }
    // Moved away and looked at again: where another run was quicker, it is its new lock that was moved, and that goes
    // back.
    const aside = `${this.#path}.stale-${randomBytes(6).toString("hex")}`;
    await rename(this.#path, aside).catch((error: unknown) =>
      systemCode(error) === "ENOENT" ? undefined : Promise.reject(error),
    );
    const moved = await readFile(aside, "utf8").catch(() => text);
    if (moved !== text) await link(aside, this.#path).catch(() => {});
    else this.#tookOver = holder?.boot === here.boot;
    await rm(aside, { force: true });
  }
}

function parseHolder(text: string): LockHolder | undefined {
  try {
    const value = JSON.parse(text) as Partial<LockHolder> | null;
    return typeof value?.pid === "number" && typeof value.host === "string" ? (value as LockHolder) : undefined;
  } catch {
    return undefined; // a torn file of a machine that lost its power: nobody holds it
  }
}
