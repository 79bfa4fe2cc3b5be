/**
 * Calls back when a signal is aborted. Any number may wait for one signal, such as all pages of a batch: it has one
 * listener for all of them, where Node warns of a leak at the eleventh.
 */

const waiting = new WeakMap<AbortSignal, Set<() => void>>();

/**
 * Calls back once, when the signal is aborted. One that is aborted already calls nobody.
 * @returns takes the callback back
 */
export function onAbort(signal: AbortSignal | undefined, callback: () => void): () => void {
  if (signal === undefined) return () => undefined;
  const callbacks = waiting.get(signal) ?? listen(signal);
  const own = (): void => callback();
  callbacks.add(own);
  return () => {
    // Without listeners, a signal that follows others can be collected.
    if (callbacks.delete(own) && callbacks.size === 0) leave(signal);
  };
}

const listeners = new WeakMap<AbortSignal, () => void>();

function listen(signal: AbortSignal): Set<() => void> {
  const callbacks = new Set<() => void>();
  const listener = (): void => {
    leave(signal);
    for (const call of callbacks) {
      callbacks.delete(call);
      call();
    }
  };
  waiting.set(signal, callbacks);
  listeners.set(signal, listener);
  signal.addEventListener("abort", listener, { once: true });
  return callbacks;
}

function leave(signal: AbortSignal): void {
  const listener = listeners.get(signal);
  if (listener !== undefined) signal.removeEventListener("abort", listener);
  listeners.delete(signal);
  waiting.delete(signal);
}
