/** A job of the addon as a promise that an `AbortSignal` can end. */
import { onAbort } from "../../concurrency/on-abort.js";
import { guarded, isCancelled, toEngineError } from "../faults.js";
import { loadAddon } from "../load.js";
import type { JobId, Settle } from "../types.js";

/**
 * Starts a job and waits for it.
 * @param start hands the job to the addon; what it throws rejects the promise.
 * @param signal aborting rejects with the signal's reason: at once for a job not begun, else as soon as the device
 * stops.
 * @param discard frees a result that arrived although the job was aborted.
 */
export function runJob<T>(
  start: (settle: Settle<T>) => JobId,
  signal?: AbortSignal,
  discard?: (result: T) => void,
): Promise<T> {
  return new Promise<T>((resolve, reject) => {
    if (signal?.aborted) {
      reject(signal.reason as unknown);
      return;
    }
    let forget = (): void => undefined;
    const job: JobId = guarded(() =>
      start((error, result) => {
        forget();
        if (error === undefined && !signal?.aborted) {
          resolve(result);
          return;
        }
        if (error === undefined) discard?.(result);
        if (signal?.aborted && (error === undefined || isCancelled(error))) reject(signal.reason as unknown);
        else reject(toEngineError(error));
      }),
    );
    forget = onAbort(signal, () => void loadAddon().addon.cancel(job));
  });
}
