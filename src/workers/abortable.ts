/** Lets one waiter cancel its wait for shared work without cancelling the work. */

/** Waits for shared work until the signal fires; what arrives after that goes to `discard`. */
export async function abortable<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  discard: (value: T) => void = () => undefined,
): Promise<T> {
  if (!signal) return work;
  let onAbort: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    onAbort = () => reject(signal.reason as Error);
    signal.addEventListener("abort", onAbort, { once: true });
    if (signal.aborted) onAbort();
  });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    if (signal.aborted) work.then(discard, () => undefined);
    throw error;
  } finally {
    signal.removeEventListener("abort", onAbort!);
  }
}
