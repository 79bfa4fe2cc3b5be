/** Counts how fast pages are done: over the last ten minutes, or since the start. */

/** Time over which it is counted. */
export const RATE_SPAN_MS = 10 * 60_000;

/**
 * Pages a minute, to a tenth.
 * @param done when pages were done, milliseconds since 1970
 * @param sinceMs when the first of them began
 */
export function pagesPerMinute(done: readonly number[], sinceMs: number, nowMs = Date.now()): number {
  const lately = done.filter((at) => at > nowMs - RATE_SPAN_MS);
  const minutes = Math.min(RATE_SPAN_MS, nowMs - sinceMs) / 60_000;
  // Over less than a minute a rate says nothing.
  return Math.round((10 * lately.length) / Math.max(1, minutes)) / 10;
}
