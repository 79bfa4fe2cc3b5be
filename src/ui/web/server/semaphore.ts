/** Lets a limited number of tasks run at once; the others wait in order. */
import { WaitingLine } from "../../../concurrency/waiting-line.js";
import { busy } from "./request-error.js";

/** What runs holds memory; what waits holds none. */
export class Semaphore {
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  readonly #line = new WaitingLine<undefined, void>(() => this.#admit());
  #running = 0;

  constructor(atOnce: number, mostWaiting: number) {
    this.#atOnce = atOnce;
    this.#mostWaiting = mostWaiting;
  }

  /**
   * Runs a work once there is room for it.
   * @throws RequestError 503 where too many wait; the signal's reason where it is aborted while waiting
   */
  async run<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T> {
    if (this.#running >= this.#atOnce && this.#line.size >= this.#mostWaiting)
      throw busy(503, `too many requests are queued (limit ${this.#mostWaiting}); try again later`);
    await this.#line.wait(undefined, signal);
    try {
      signal?.throwIfAborted();
      return await work();
    } finally {
      this.#running--;
      this.#admit();
    }
  }

  #admit(): void {
    for (let { first } = this.#line; first !== undefined && this.#running < this.#atOnce; { first } = this.#line) {
      this.#running++;
      first.give();
    }
  }
}
