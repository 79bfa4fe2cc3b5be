/** Long loops that leave the event loop room for signals, timers and other requests. */
import { setImmediate } from "node:timers/promises";

/**
 * Makes a function to call in every round of a long loop. It gives a promise to wait for when the loop has run for
 * `everyMs` milliseconds without a break, and undefined otherwise.
 */
export function turns(everyMs = 15): () => Promise<void> | undefined {
  let since = performance.now();
  return () => {
    if (performance.now() - since < everyMs) return undefined;
    return setImmediate().then(() => {
      since = performance.now();
    });
  };
}
