/** Long loops that leave the event loop room for signals, timers and other requests. */
import { setImmediate } from "node:timers/promises";

/**
 * So long loops run without a break. A collection of garbage, and what lies between two looks at the clock, come on
 * top.
 */
const TURN_MS = 5;

/** When the event loop ran last, as far as loops have waited for it; all loops of a process share it. */
let since = -Infinity;
let pending: Promise<void> | undefined;

/**
 * To be called in every round of a long loop. Gives a promise to wait for when loops, whichever they are, have run for
 * 5 ms without a break, and undefined otherwise.
 */
export function turn(): Promise<void> | undefined {
  if (pending === undefined && performance.now() - since >= TURN_MS) {
    pending = setImmediate().then(() => {
      since = performance.now();
      pending = undefined;
    });
  }
  return pending;
}
