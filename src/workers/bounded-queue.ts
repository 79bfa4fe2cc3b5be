/** A queue between two stages that holds no more than its capacity: who adds waits while it is full, who takes waits while it is empty. */
import { ValidationError } from "../errors.js";

/** One consumer's or several consumers' end is the async iteration; every item goes to exactly one of them, in order. */
export class BoundedQueue<T> implements AsyncIterable<T> {
  readonly capacity: number;
  readonly #items: T[] = [];
  /** Producers that wait for room, first come first served. */
  readonly #producers: { item: T; resolve: () => void; reject: (reason: unknown) => void }[] = [];
  readonly #consumers: { resolve: (result: IteratorResult<T, undefined>) => void; reject: (reason: unknown) => void }[] = [];
  #closed = false;
  #fault: { reason: unknown } | undefined;

  /** Throws `ERR_ARGUMENT` unless the capacity is a whole number above 0. */
  constructor(capacity: number) {
    if (!Number.isInteger(capacity) || capacity < 1) throw new ValidationError("ERR_ARGUMENT", `the queue's capacity is ${capacity}; it must be a whole number above 0`);
    this.capacity = capacity;
  }

  /** Items inside, without those whose producers still wait. */
  get size(): number {
    return this.#items.length;
  }

  /** Adds an item as soon as there is room. Rejects when the queue has failed, and with `ERR_ARGUMENT` when it is closed. */
  push(item: T): Promise<void> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault.reason);
    if (this.#closed) return Promise.reject(new ValidationError("ERR_ARGUMENT", "the queue is closed; nothing can be added to it"));
    const consumer = this.#consumers.shift();
    if (consumer !== undefined) {
      consumer.resolve({ done: false, value: item });
      return Promise.resolve();
    }
    if (this.#items.length < this.capacity) {
      this.#items.push(item);
      return Promise.resolve();
    }
    return new Promise((resolve, reject) => this.#producers.push({ item, resolve, reject }));
  }

  /** The next item; `done` when the queue is closed and empty. Rejects when it has failed. */
  take(): Promise<IteratorResult<T, undefined>> {
    if (this.#fault !== undefined) return Promise.reject(this.#fault.reason);
    if (this.#items.length > 0) {
      const value = this.#items.shift()!;
      const producer = this.#producers.shift();
      if (producer !== undefined) {
        this.#items.push(producer.item);
        producer.resolve();
      }
      return Promise.resolve({ done: false, value });
    }
    if (this.#closed) return Promise.resolve({ done: true, value: undefined });
    return new Promise((resolve, reject) => this.#consumers.push({ resolve, reject }));
  }

  /** Nothing more comes; what is inside (and what producers wait with) is still taken. May be called twice. */
  close(): void {
    this.#closed = true;
    if (this.#items.length === 0) for (const consumer of this.#consumers.splice(0)) consumer.resolve({ done: true, value: undefined });
  }

  /** Drops everything and rejects all that wait, now and later, with `reason`. The first reason stays. */
  fail(reason: unknown): void {
    if (this.#fault !== undefined) return;
    this.#fault = { reason };
    this.#items.length = 0;
    for (const { reject } of this.#producers.splice(0)) reject(reason);
    for (const { reject } of this.#consumers.splice(0)) reject(reason);
  }

  [Symbol.asyncIterator](): AsyncIterator<T, undefined> {
    return { next: () => this.take() };
  }
}
