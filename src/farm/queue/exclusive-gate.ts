/** Runs pages concurrently, but a page that may crash the process exclusively; first come, first served. */

export class ExclusiveGate {
  #inside = 0;
  #alone = false;
  readonly #line: { readonly alone: boolean; readonly admit: () => void }[] = [];

  /** Runs work. @param alone with nothing beside it */
  async run<T>(alone: boolean, work: () => Promise<T>): Promise<T> {
    await new Promise<void>((admit) => {
      this.#line.push({ alone, admit });
      this.#advance();
    });
    try {
      return await work();
    } finally {
      this.#inside--;
      this.#alone = false;
      this.#advance();
    }
  }

  #advance(): void {
    for (let next = this.#line[0]; next !== undefined; next = this.#line[0]) {
      if (this.#alone || (next.alone && this.#inside > 0)) return;
      this.#line.shift();
      this.#inside++;
      this.#alone = next.alone;
      next.admit();
    }
  }
}
