/**
 * Delivers values as they happen to any number of `for await` loops; each gets all of them from its subscription on.
 */

interface Subscriber<T> {
  readonly waiting: T[];
  wake: (() => void) | undefined;
}

/** Telling never waits: what a slow reader has not read yet is kept for it. */
export class EventStream<T> {
  readonly #subscribers = new Set<Subscriber<T>>();
  #ended = false;
  #fault: { reason: unknown } | undefined;

  emit(value: T): void {
    for (const subscriber of this.#subscribers) {
      subscriber.waiting.push(value);
      subscriber.wake?.();
    }
  }

  /** Ends all loops once they have read everything; with a fault they then throw its reason. */
  end(fault?: { reason: unknown }): void {
    if (this.#ended) return;
    this.#ended = true;
    this.#fault = fault;
    for (const subscriber of this.#subscribers) subscriber.wake?.();
  }

  /** Everything told from this call on. Leaving the loop ends the subscription. */
  subscribe(): AsyncIterableIterator<T> {
    const subscriber: Subscriber<T> = { waiting: [], wake: undefined };
    this.#subscribers.add(subscriber);
    return this.#read(subscriber);
  }

  async *#read(subscriber: Subscriber<T>): AsyncGenerator<T, undefined> {
    try {
      for (;;) {
        for (const value of subscriber.waiting.splice(0)) yield value;
        if (subscriber.waiting.length > 0) continue;
        if (this.#ended) break;
        await new Promise<void>((resolve) => {
          subscriber.wake = resolve;
        });
      }
      if (this.#fault !== undefined) throw this.#fault.reason;
      return undefined;
    } finally {
      this.#subscribers.delete(subscriber);
    }
  }
}
