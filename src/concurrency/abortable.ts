/** Lets one waiter cancel its wait for shared work without cancelling the work. */
import { onAbort } from "./on-abort.js";

/** Waits for shared work until the signal fires; what arrives after that goes to `discard`. */
export async function abortable<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
  discard: (value: T) => void = () => undefined,
): Promise<T> {
  if (!signal) return work;
  let forget: (() => void) | undefined;
  const aborted = new Promise<never>((_resolve, reject) => {
    const end = (): void => reject(signal.reason as Error);
    forget = onAbort(signal, end);
    if (signal.aborted) end();
  });
  try {
    return await Promise.race([work, aborted]);
  } catch (error) {
    if (signal.aborted) work.then(discard, () => undefined);
    throw error;
  } finally {
    forget!();
  }
}
