/** Tries a request again while its faults are passing ones. */
import { setTimeout as sleep } from "node:timers/promises";
import { FetchFault } from "./fetch-fault.js";

/** How long to wait, and who hears of it. */
export interface RetryOptions {
  /** Waits. Default: a timer. Rejects with the signal's reason. */
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  /** Hears of a fault after which it is tried again. */
  readonly onRetry?: (fault: FetchFault, waitMs: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** Runs one piece of work until it is done; gives up after some in a row that bring nothing. */
export type Retry = <T>(work: (progressed: () => void) => Promise<T>) => Promise<T>;

/** In a row, without progress. */
const TRIES = 6;
/** For a server from which nothing has ever come. */
const TRIES_UNREACHED = 3;
const FIRST_WAIT_MS = 1000;
const MAX_WAIT_MS = 30_000;

/** Makes a `Retry`. It rejects with the error of the last fault, and with whatever is no fault at once. */
export function connectionRetry(options: RetryOptions = {}): Retry {
  const { wait = (ms, signal) => sleep(ms, undefined, { signal }), onRetry, signal } = options;
  return async (work) => {
    let failed = 0;
    for (;;) {
      signal?.throwIfAborted();
      try {
        return await work(() => (failed = 0));
      } catch (error) {
        if (!(error instanceof FetchFault)) throw error;
        failed++;
        if (!error.passing || failed >= (error.unreached ? TRIES_UNREACHED : TRIES)) throw error.asError();
        const usual = Math.min(FIRST_WAIT_MS * 2 ** (failed - 1), MAX_WAIT_MS);
        const waitMs = error.waitMs === 0 ? 0 : Math.max(error.waitMs ?? 0, usual);
        onRetry?.(error, waitMs);
        await wait(waitMs, signal).catch((cause: unknown) => {
          signal?.throwIfAborted();
          throw cause;
        });
      }
    }
  };
}
