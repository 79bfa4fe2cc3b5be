/**
 * Maps an async iterable to another, several items at once: a stage of a pipeline. Stages are chained by nesting. Each
 * holds a bounded number of items, so a slow stage slows down those before it instead of filling memory.
 */
import { ValidationError } from "../errors.js";
import { CHANNELS } from "../observe/channels.js";
import { onAbort } from "./on-abort.js";

export interface MapOptions {
  /**
   * Items worked on at once; a function is asked whenever an item may be taken, so the number may change. Default 1.
   */
  readonly concurrency?: number | (() => number);
  /** Finished items that may wait for the consumer, besides those in work. Default 1. */
  readonly capacity?: number;
  /** Give results in the order of the input. Default true; false gives them as they finish. */
  readonly ordered?: boolean;
  /** Ends the iteration: it rejects with the signal's reason once the items in work have ended. */
  readonly signal?: AbortSignal | undefined;
  /** Publishes each item on `CHANNELS.stage` under this name. Default: publishes nothing. */
  readonly name?: string | undefined;
}

interface MapContext {
  /** Position of the item in the input, from 0. */
  readonly index: number;
  /** Aborted when the iteration ends early: by an error, the caller's signal, or a consumer that stops. */
  readonly signal: AbortSignal;
}

/** What is done with one item. */
type MapWork<I, O> = (item: I, context: MapContext) => Promise<O>;

/**
 * Runs `work` over `input`. At most `concurrency + capacity` items are between `input` and the consumer. It starts with
 * the first `next()` and then works ahead. An error of `work` or `input` ends the iteration: no further item is taken,
 * the signals of those in work are aborted, they are awaited, the input is closed, and the error is thrown to the
 * consumer. Work that may fail for one item alone returns the failure as its result.
 * @throws ValidationError `ERR_ARGUMENT` for a concurrency below 1 or a capacity below 0
 */
export function mapConcurrent<I, O>(
  input: AsyncIterable<I> | Iterable<I>,
  work: MapWork<I, O>,
  options: MapOptions = {},
): AsyncIterableIterator<O> {
  const { concurrency = 1, capacity = 1, ordered = true, signal, name } = options;
  const limit = typeof concurrency === "function" ? concurrency : () => concurrency;
  checkConcurrency(limit());
  if (!Number.isInteger(capacity) || capacity < 0)
    throw new ValidationError("ERR_ARGUMENT", `capacity is ${capacity}; it must be a whole number from 0`);
  return new ConcurrentMap(input, work, limit, capacity, ordered, signal, name);
}

function checkConcurrency(concurrency: number): number {
  if (Number.isInteger(concurrency) && concurrency >= 1) return concurrency;
  throw new ValidationError("ERR_ARGUMENT", `concurrency is ${concurrency}; it must be a whole number above 0`);
}

/** A result that waits for the consumer. */
interface Finished<O> {
  readonly value: O;
  readonly index: number;
  readonly startedMs: number;
  readonly endedMs: number;
}

type Result<O> = IteratorResult<O, undefined>;

class ConcurrentMap<I, O> implements AsyncIterableIterator<O> {
  readonly #input: AsyncIterator<I> | Iterator<I>;
  readonly #controller = new AbortController();
  #forgetSignal = (): void => undefined;
  /** Results by input position until they are given on; unordered results are numbered as they finish. */
  readonly #finished = new Map<number, Finished<O>>();
  readonly #consumers: { resolve: (result: Result<O>) => void; reject: (reason: unknown) => void }[] = [];
  #taken = 0;
  #completed = 0;
  #given = 0;
  #running = 0;
  #pulling = false;
  #inputEnded = false;
  #fault: { reason: unknown } | undefined;
  #stopped = false;
  #started = false;

  constructor(
    input: AsyncIterable<I> | Iterable<I>,
    readonly work: MapWork<I, O>,
    readonly concurrency: () => number,
    readonly capacity: number,
    readonly ordered: boolean,
    readonly signal: AbortSignal | undefined,
    readonly name: string | undefined,
  ) {
    this.#input = Symbol.asyncIterator in input ? input[Symbol.asyncIterator]() : input[Symbol.iterator]();
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  next(): Promise<Result<O>> {
    if (!this.#started) this.#start();
    return new Promise((resolve, reject) => {
      this.#consumers.push({ resolve, reject });
      this.#advance();
    });
  }

  /** The consumer stops early (`break`): as after an error, but nothing is thrown. */
  async return(): Promise<Result<O>> {
    this.#stopped = true;
    this.#started = true;
    this.#fail(undefined);
    await new Promise<void>((resolve, reject) => {
      this.#consumers.push({ resolve: () => resolve(), reject });
      this.#advance();
    });
    return { done: true, value: undefined };
  }

  #start(): void {
    this.#started = true;
    if (this.signal?.aborted === true) this.#fail(this.signal.reason);
    else this.#forgetSignal = onAbort(this.signal, () => this.#fail(this.signal?.reason));
  }

  /** Moves everything that can move: results to consumers, items into work. Called after every change. */
  #advance(): void {
    while (this.#fault === undefined && this.#consumers.length > 0 && this.#finished.has(this.#given)) {
      const item = this.#finished.get(this.#given)!;
      this.#finished.delete(this.#given++);
      this.#publish(item);
      const { value } = item;
      this.#consumers.shift()!.resolve({ done: false, value });
    }
    const inside = this.#taken - this.#given;
    if (this.#started && !this.#inputEnded && !this.#pulling && this.#admits(inside)) void this.#pull();
    if (this.#inputEnded && !this.#pulling && this.#running === 0) this.#settle();
  }

  /** Whether one more item may be taken. A function that gives no whole number above 0 ends the iteration. */
  #admits(inside: number): boolean {
    try {
      const concurrency = checkConcurrency(this.concurrency());
      return this.#running < concurrency && inside < concurrency + this.capacity;
    } catch (error) {
      this.#fail(error);
      return false;
    }
  }

  /** Nothing runs and nothing comes any more: consumers get the rest, the error, or the end. */
  #settle(): void {
    this.#forgetSignal();
    if (this.#fault === undefined && this.#finished.size > 0) return;
    for (const { resolve, reject } of this.#consumers.splice(0)) {
      if (this.#fault !== undefined && !this.#stopped) {
        this.#stopped = true;
        reject(this.#fault.reason);
      } else resolve({ done: true, value: undefined });
    }
  }

  async #pull(): Promise<void> {
    this.#pulling = true;
    try {
      const next = await this.#input.next();
      if (next.done === true) this.#inputEnded = true;
      else if (this.#fault === undefined) void this.#run(next.value, this.#taken++);
    } catch (error) {
      this.#inputEnded = true;
      this.#fail(error);
    }
    this.#pulling = false;
    this.#advance();
  }

  async #run(item: I, index: number): Promise<void> {
    this.#running++;
    const startedMs = performance.now();
    try {
      const value = await this.work(item, { index, signal: this.#controller.signal });
      const finished = { value, index, startedMs, endedMs: performance.now() };
      this.#finished.set(this.ordered ? index : this.#completed, finished);
      this.#completed++;
    } catch (error) {
      this.#fail(error);
    }
    this.#running--;
    this.#advance();
  }

  /** Publishes an item that is passed on. */
  #publish({ index, startedMs, endedMs }: Finished<O>): void {
    if (this.name === undefined || !CHANNELS.stage.isWatched) return;
    const [workMs, waitMs] = [endedMs - startedMs, performance.now() - endedMs];
    CHANNELS.stage.publish({ stage: this.name, index, workMs, waitMs });
  }

  /** Ends the iteration early. The first reason stays. */
  #fail(reason: unknown): void {
    if (this.#fault !== undefined) return;
    this.#fault = { reason };
    this.#finished.clear();
    this.#controller.abort(reason);
    if (!this.#inputEnded) void this.#closeInput();
  }

  async #closeInput(): Promise<void> {
    this.#inputEnded = true;
    this.#running++;
    try {
      await this.#input.return?.();
    } catch {
      // the first reason is thrown, not this one
    }
    this.#running--;
    this.#pulling = false; // an input that is closed may leave its last next() hanging
    this.#advance();
  }
}
