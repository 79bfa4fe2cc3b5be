/** Long loops that leave the event loop room for signals, timers and other requests. */
import { setImmediate } from "node:timers/promises";

/**
 * Makes a function to call in every round of a long loop. It gives a promise to wait for when the loop has run for
 * `everyMs` milliseconds without a break, and undefined otherwise. Loops that share it have the time together.
 */
export function turns(everyMs = 15): () => Promise<void> | undefined {
  let since = performance.now();
  let pending: Promise<void> | undefined;
  return () => {
    if (pending === undefined && performance.now() - since >= everyMs) {
      pending = setImmediate().then(() => {
        since = performance.now();
        pending = undefined;
      });
    }
    return pending;
  };
}
