/** Lets pages start as memory allows: books memory for each and makes others wait, first come, first served. */
import { WaitingLine } from "../concurrency/waiting-line.js";
import { logContext } from "../logging.js";
import { CHANNELS } from "../observe/channels.js";
import type { MemoryLedger } from "./ledger.js";
import { halvedLimit, mayBegin, PAGES_BEFORE_GROWTH } from "./pressure.js";

/** A page that was admitted; released when it is done, also by `using`. */
export interface PageSlot extends Disposable {
  /** Whether another page was in flight at any time since this one began. */
  readonly hadCompany: boolean;
  /** Idempotent. */
  release(): void;
}

/** A page that waits to be admitted. */
interface PageRequestForMemory {
  readonly owner: string;
  readonly neededBytes: number;
  readonly signal?: AbortSignal | undefined;
}

export class PageGate {
  readonly #ledger: MemoryLedger;
  readonly #freeBytes: () => number;
  readonly #line = new WaitingLine<PageRequestForMemory, PageSlot>(() => this.#admit());
  readonly #slots = new Set<{ hadCompany: boolean }>();
  #heldBytes = 0;
  #limit = Infinity;
  #calmPages = 0;

  /** @param freeBytes what may still be taken, at present */
  constructor(ledger: MemoryLedger, freeBytes: () => number) {
    this.#ledger = ledger;
    this.#freeBytes = freeBytes;
  }

  get inFlight(): number {
    return this.#slots.size;
  }

  /** Booked for the pages in flight. */
  get heldBytes(): number {
    return this.#heldBytes;
  }

  /** Pages that may be in flight; Infinity: as many as fit. */
  get limit(): number {
    return this.#limit;
  }

  get waiting(): number {
    return this.#line.size;
  }

  /**
   * Waits until the page fits beside those in flight, and books it. One page always fits. Rejects with the signal's
   * reason.
   */
  async begin(page: PageRequestForMemory): Promise<PageSlot> {
    const queuedMs = performance.now();
    const slot = await this.#line.wait(page, page.signal);
    if (CHANNELS.queue.isWatched)
      CHANNELS.queue.publish({ queue: "memory", waitMs: performance.now() - queuedMs, ...logContext() });
    return slot;
  }

  /**
   * Halves the number of pages in flight. After some pages without a shortage it rises again.
   */
  halve(): number {
    this.#limit = halvedLimit(this.inFlight);
    this.#calmPages = 0;
    return this.#limit;
  }

  #admit(): void {
    for (let { first } = this.#line; first !== undefined; { first } = this.#line) {
      if (
        !mayBegin({
          inFlight: this.inFlight,
          limit: this.#limit,
          freeBytes: this.#freeBytes(),
          neededBytes: first.wish.neededBytes,
        })
      )
        return;
      first.give(this.#book(first.wish));
    }
  }

  #book({ owner, neededBytes }: PageRequestForMemory): PageSlot {
    const booking = this.#ledger.hold(owner, neededBytes);
    this.#heldBytes += neededBytes;
    const release = (): void => {
      if (booking.state === "released") return;
      booking.release();
      this.#heldBytes -= neededBytes;
      this.#slots.delete(slot);
      if (this.#limit !== Infinity && ++this.#calmPages >= PAGES_BEFORE_GROWTH) {
        this.#calmPages = 0;
        this.#limit++;
      }
      this.#admit();
    };
    const slot = { hadCompany: false, release, [Symbol.dispose]: release };
    this.#slots.add(slot);
    if (this.#slots.size > 1) for (const one of this.#slots) one.hadCompany = true;
    return slot;
  }
}
