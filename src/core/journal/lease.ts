/**
 * A lease: the lock on an output, so that one run at a time uses it. Its holder writes a heartbeat to the lease file;
 * another run takes the lease over once it is stale. The new owner measures that with its own clock, so clocks of hosts
 * may differ. The lease of a process of this machine that is certainly dead is taken over at once.
 */
import { readFileSync } from "node:fs";
import { link, open, readFile, rename, rm, stat, writeFile, type FileHandle } from "node:fs/promises";
import { dirname, join } from "node:path";
import { onAbort } from "../../concurrency/on-abort.js";
import { ResourceError, systemCode } from "../../errors.js";
import { temporaryName } from "../../io/files/atomic-file.js";
import { outputError } from "../../io/files/file-errors.js";
import { lacksLinks } from "../../platform/storage.js";
import { livenessOf, type Liveness } from "../../platform/process-identity.js";
import { leaseText, newLeaseRecord, nextBeat, parseLease, type LeaseRecord } from "./lease-record.js";

/** Intervals of a lease. */
export interface LeaseTimes {
  /** Between two heartbeats. */
  readonly heartbeatMs: number;
  /** A lease without a heartbeat for this long is stale: another run may take it over. */
  readonly staleAfterMs: number;
  /** Between two reads of a lease that another run holds. */
  readonly pollMs: number;
}

/** Six heartbeats may fail before a lease is taken over. */
export const LEASE_TIMES: LeaseTimes = { heartbeatMs: 5000, staleAfterMs: 30_000, pollMs: 500 };

/** Time as a lease needs it. */
export interface LeaseClock {
  /** Milliseconds that only rise. */
  now(): number;
  /** Rejects with the signal's reason. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /** Calls again and again; returns what ends it. */
  every(ms: number, action: () => void): () => void;
}

export interface LeaseOptions {
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Called with a text for people when the lease of another run may be stale. */
  readonly onWait?: ((message: string) => void) | undefined;
  /** For tests. */
  readonly clock?: LeaseClock;
  readonly times?: LeaseTimes;
  readonly liveness?: (holder: LeaseRecord) => Liveness;
}

/** The lease of a run that has ended without giving it back. */
export interface FormerHolder {
  /** Undefined if the file was torn. */
  readonly record: LeaseRecord | undefined;
  /** The process is gone for certain; else it was silent, and may wake up. */
  readonly gone: boolean;
}

const systemClock: LeaseClock = {
  now: () => performance.now(),
  sleep: (ms, signal) =>
    new Promise((resolve, reject) => {
      const end = (): void => {
        clearTimeout(timer);
        reject(signal!.reason as Error);
      };
      const timer = setTimeout(() => {
        forget();
        resolve();
      }, ms);
      const forget = onAbort(signal, end);
      if (signal?.aborted === true) end();
    }),
  every: (ms, action) => {
    const timer = setInterval(action, ms).unref();
    return () => clearInterval(timer);
  },
};

/**
 * Checks that no living process holds a lease, as far as that can be told at once: one of another machine, and one that
 * may be silent, is left to `Lease.acquire`. Never waits, and leaves no trace.
 * @param what as for `Lease.acquire`
 * @throws ResourceError `ERR_OUTPUT_LOCKED`
 */
export async function checkNotHeld(path: string, what: string): Promise<void> {
  const holder = parseLease(await readFile(path, "utf8").catch(() => ""));
  if (holder === undefined || livenessOf(holder) !== "alive") return;
  const { mtimeMs } = await stat(path).catch(() => ({ mtimeMs: 0 }));
  if (Math.abs(Date.now() - mtimeMs) < LEASE_TIMES.staleAfterMs) throw lockedBy(what, holder);
}

export class Lease {
  readonly #path: string;
  readonly #what: string;
  readonly #times: LeaseTimes;
  #record = newLeaseRecord();
  #file: FileHandle | undefined;
  #beating: Promise<void> = Promise.resolve();
  #stopBeating: () => void = () => {};
  #formerHolder: FormerHolder | undefined;

  private constructor(path: string, what: string, times: LeaseTimes) {
    this.#path = path;
    this.#what = what;
    this.#times = times;
  }

  /**
   * Takes the lease; the file's folder must exist. Waits up to `staleAfterMs` if it cannot be known whether its holder
   * still runs.
   * @param what the output, for messages
   * @throws ResourceError `ERR_OUTPUT_LOCKED` when a living run holds it, `ERR_OUTPUT_WRITE` when the file cannot be
   * written; the signal's reason
   */
  static async acquire(path: string, what: string, options: LeaseOptions = {}): Promise<Lease> {
    const { clock = systemClock, times = LEASE_TIMES } = options;
    const lease = new Lease(path, what, times);
    try {
      while (!(await lease.#take())) {
        const silent = await lease.#waitUntilStale(clock, options);
        if (silent !== undefined) await lease.#remove(silent);
      }
    } catch (cause) {
      await lease.release(); // what has been put in place by then would lock the output for nobody
      throw systemCode(cause) === undefined || cause instanceof ResourceError ? cause : outputError(path, cause);
    }
    lease.#stopBeating = clock.every(times.heartbeatMs, () => void lease.beat());
    return lease;
  }

  /** The run before, if it has ended without giving the lease back: killed, crashed, or silent. */
  get formerHolder(): FormerHolder | undefined {
    return this.#formerHolder;
  }

  /** Tells this lease from every other one. */
  get token(): string {
    return this.#record.token;
  }

  /** Writes a heartbeat. Never rejects: whether the lease is still held is asked with `assertHeld`. */
  beat(): Promise<void> {
    this.#beating = this.#beating
      .then(async () => {
        if (this.#file === undefined) return;
        this.#record = nextBeat(this.#record);
        await this.#file.write(leaseText(this.#record), 0);
        await this.#file.datasync();
      })
      .catch(() => {});
    return this.#beating;
  }

  /**
   * Whether this run still holds the lease. A lease file that was removed is written again unless another run was
   * quicker.
   */
  async isHeld(): Promise<boolean> {
    const now = this.#holderNow();
    if (now !== "nobody") return now === "self";
    return (await this.#take().catch(() => false)) || this.#holderNow() === "self";
  }

  /** @throws ResourceError `ERR_OUTPUT_LOCKED` where another run has taken the lease over */
  async assertHeld(): Promise<void> {
    if (!(await this.isHeld())) throw this.#lost();
  }

  /** The same at once; a lease file that is not there is let be. */
  assertHeldNow(): void {
    if (this.#holderNow() === "other") throw this.#lost();
  }

  /** Gives the lease back. Never rejects; a lease that is no longer this run's is let be. */
  async release(): Promise<void> {
    this.#stopBeating();
    await this.#beating;
    await this.#file?.close().catch(() => {}); // first: a network share keeps a deleted file that is open
    this.#file = undefined;
    if (this.#holderNow() === "self") await rm(this.#path, { force: true }).catch(() => {});
  }

  /** Opening the file asks a network share for what is there now. */
  #holderNow(): "self" | "other" | "nobody" {
    try {
      return readFileSync(this.#path, "utf8").includes(this.#record.token) ? "self" : "other";
    } catch {
      return "nobody";
    }
  }

  #lost(): ResourceError {
    let holder: LeaseRecord | undefined;
    try {
      holder = parseLease(readFileSync(this.#path, "utf8"));
    } catch {
      // said without the holder
    }
    return new ResourceError(
      "ERR_OUTPUT_LOCKED",
      `another run has taken over ${this.#what}${holder === undefined ? "" : `: process ${holder.pid} on ${holder.host}, since ${holder.since}`}; this run sent no heartbeat for ${this.#times.staleAfterMs / 1000} s, so it stops. Finished pages are kept`,
    );
  }

  /** Puts a whole lease file in place in one step, so that nobody reads half of it; false when there is one. */
  async #take(): Promise<boolean> {
    const own = this.#temporaryPath();
    try {
      await writeFile(own, leaseText(this.#record), { flush: true });
      await link(own, this.#path);
    } catch (error) {
      // What is there may be its own: another taker has moved it away and back.
      if (systemCode(error) === "EEXIST") return await this.#holdOwn();
      if (!lacksLinks(error)) throw error;
      return await this.#takeWithoutLinks();
    } finally {
      await rm(own, { force: true }); // closed by now: a network share keeps a deleted file that is open
    }
    return this.#holdOwn();
  }

  /** Opens the lease file and keeps it open if it is this run's: by what was opened, another may be quicker. */
  async #holdOwn(): Promise<boolean> {
    const file = await open(this.#path, "r+").catch((cause: unknown) =>
      systemCode(cause) === "ENOENT" ? undefined : Promise.reject(cause),
    );
    if (file === undefined) return false;
    const text = await file.readFile("utf8").catch(async (cause: unknown) => {
      await file.close();
      throw cause;
    });
    if (!text.includes(this.#record.token)) {
      await file.close();
      return false;
    }
    await this.#hold(file);
    return true;
  }

  /** The first of several takers wins here too, but its file is there before its text. */
  async #takeWithoutLinks(): Promise<boolean> {
    const file = await open(this.#path, "wx+").catch((cause: unknown) =>
      systemCode(cause) === "EEXIST" ? undefined : Promise.reject(cause),
    );
    if (file === undefined) return false;
    await this.#hold(file);
    try {
      await file.writeFile(leaseText(this.#record));
      await file.sync();
    } catch (cause) {
      await this.#hold(undefined);
      await rm(this.#path, { force: true });
      throw cause;
    }
    return true;
  }

  /** What a kill leaves under such a name is removed by a later run. */
  #temporaryPath(): string {
    return join(dirname(this.#path), temporaryName());
  }

  async #hold(file: FileHandle | undefined): Promise<void> {
    await this.#file?.close().catch(() => {});
    this.#file = file;
  }

  /**
   * The text of a lease whose holder is dead or has been silent; undefined when it went away meanwhile.
   * @throws ResourceError `ERR_OUTPUT_LOCKED`
   */
  async #waitUntilStale(
    clock: LeaseClock,
    { signal, onWait, liveness = livenessOf }: LeaseOptions,
  ): Promise<{ text: string; gone: boolean } | undefined> {
    const text = await this.#read();
    if (text === undefined) return undefined;
    const holder = parseLease(text);
    if (holder?.token === this.#record.token) return undefined; // moved away and back by another taker
    const state = holder === undefined ? "unknown" : liveness(holder);
    if (state === "gone") return { text, gone: true };
    // A heartbeat from the future, written before the machine's clock was set back, says nothing either.
    if (state === "alive" && Math.abs(await this.#ageMs()) < this.#times.staleAfterMs)
      throw lockedBy(this.#what, holder);
    const seconds = this.#times.staleAfterMs / 1000;
    onWait?.(
      `${this.#what} is held by ${holder === undefined ? "an unknown run" : `process ${holder.pid} on ${holder.host}, since ${holder.since}`}; it is taken over if no heartbeat comes within ${seconds} s`,
    );
    for (const start = clock.now(); clock.now() - start < this.#times.staleAfterMs;) {
      await clock.sleep(this.#times.pollMs, signal);
      const now = await this.#read();
      if (now === undefined) return undefined;
      if (now === text) continue;
      const next = parseLease(now);
      if (next?.token === this.#record.token) return undefined;
      if (next !== undefined && next.token !== holder?.token && liveness(next) === "gone") return undefined;
      throw lockedBy(this.#what, next ?? holder);
    }
    return { text, gone: false };
  }

  async #read(): Promise<string | undefined> {
    return readFile(this.#path, "utf8").catch((error: unknown) =>
      systemCode(error) === "ENOENT" ? undefined : Promise.reject(error),
    );
  }

  /** By the clock of this machine; only good for a holder on it. */
  async #ageMs(): Promise<number> {
    return stat(this.#path).then(
      ({ mtimeMs }) => Date.now() - mtimeMs,
      () => 0,
    );
  }

  /**
   * Moves a lease away and looks at it again. Where it is another one by now, because its holder has come back or
   * another taker was quicker, it goes back.
   */
  async #remove({ text, gone }: { readonly text: string; readonly gone: boolean }): Promise<void> {
    const aside = this.#temporaryPath();
    try {
      await rename(this.#path, aside);
    } catch (error) {
      if (systemCode(error) === "ENOENT") return;
      throw error;
    }
    const moved = await readFile(aside, "utf8").catch(() => text);
    if (moved === text) this.#formerHolder = { record: parseLease(text), gone };
    else await link(aside, this.#path).catch(() => {});
    await rm(aside, { force: true });
  }
}

function lockedBy(what: string, holder: LeaseRecord | undefined): ResourceError {
  const who =
    holder === undefined ? "an unknown process" : `process ${holder.pid} on ${holder.host}, since ${holder.since}`;
  return new ResourceError("ERR_OUTPUT_LOCKED", `${what} is in use by another run: ${who}`, {
    remedy: "wait for it to finish or stop it",
  });
}
