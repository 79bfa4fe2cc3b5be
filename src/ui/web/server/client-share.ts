/** Limits how many operations run at once, of one client and in all. */
import { busy } from "./request-error.js";

/** A share of the server for each client. A client is an address. */
export class ClientShare {
  readonly #what: string;
  readonly #ofClient: number;
  readonly #inAll: number;
  readonly #counts = new Map<string, number>();
  #all = 0;

  /** @param what in the plural, for messages, such as "uploads" */
  constructor(what: string, ofClient: number, inAll: number) {
    this.#what = what;
    this.#ofClient = ofClient;
    this.#inAll = inAll;
  }

  /** Those that run now. */
  get count(): number {
    return this.#all;
  }

  /**
   * Begins one. Call what it returns at its end; a second call does nothing.
   * @throws RequestError 429 where the client has as many as it may, 503 where all together have
   */
  begin(client: string): () => void {
    const mine = this.#counts.get(client) ?? 0;
    if (mine >= this.#ofClient)
      throw busy(
        429,
        `${client} has ${mine} ${this.#what} at once, as many as one address may; end one, then try again`,
      );
    if (this.#all >= this.#inAll)
      throw busy(503, `the server has ${this.#all} ${this.#what} at once, as many as it takes; try again later`);
    this.#counts.set(client, mine + 1);
    this.#all++;
    let ended = false;
    return () => {
      if (ended) return;
      ended = true;
      this.#all--;
      const left = this.#counts.get(client)! - 1;
      if (left === 0) this.#counts.delete(client);
      else this.#counts.set(client, left);
    };
  }
}
