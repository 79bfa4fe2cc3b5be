/** A line of those who wait for something: first come, first served, each until its signal is aborted. */
import { onAbort } from "./on-abort.js";

/** One who waits. */
export interface Waiter<Wish, Given> {
  readonly wish: Wish;
  /** Ends the waiting with what was waited for. */
  give(given: Given): void;
  /** Ends the waiting with an error. */
  refuse(reason: unknown): void;
}

export class WaitingLine<Wish, Given> {
  readonly #line: Waiter<Wish, Given>[] = [];
  readonly #serve: () => void;

  /** @param serve gives to the first ones what is there for them; called when the line has changed */
  constructor(serve: () => void) {
    this.#serve = serve;
  }

  get size(): number {
    return this.#line.length;
  }

  /** Who is next; undefined when nobody waits. */
  get first(): Waiter<Wish, Given> | undefined {
    return this.#line[0];
  }

  /** Waits at the end of the line. Rejects with the signal's reason. */
  wait(wish: Wish, signal?: AbortSignal): Promise<Given> {
    return new Promise((resolve, reject) => {
      if (signal?.aborted === true) {
        reject(signal.reason as Error);
        return;
      }
      const leave = (): void => {
        this.#line.splice(this.#line.indexOf(waiter), 1);
        forget();
      };
      const waiter: Waiter<Wish, Given> = {
        wish,
        give: (given) => {
          leave();
          resolve(given);
        },
        refuse: (reason) => {
          leave();
          reject(reason as Error);
        },
      };
      const forget = onAbort(signal, () => {
        waiter.refuse(signal!.reason);
        this.#serve();
      });
      this.#line.push(waiter);
      this.#serve();
    });
  }
}
