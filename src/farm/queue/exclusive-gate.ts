/** Runs pages concurrently, but a page that may crash the process exclusively; first come, first served. */
import { WaitingLine } from "../../concurrency/waiting-line.js";

export class ExclusiveGate {
  #inside = 0;
  #alone = false;
  readonly #line = new WaitingLine<{ readonly alone: boolean }, void>(() => this.#advance());

  /** Runs work. @param alone with nothing beside it */
  async run<T>(alone: boolean, work: () => Promise<T>): Promise<T> {
    await this.#line.wait({ alone });
    try {
      return await work();
    } finally {
      this.#inside--;
      this.#alone = false;
      this.#advance();
    }
  }

  #advance(): void {
    for (let { first } = this.#line; first !== undefined; { first } = this.#line) {
      const { alone } = first.wish;
      if (this.#alone || (alone && this.#inside > 0)) return;
      this.#inside++;
      this.#alone = alone;
      first.give();
    }
  }
}
