/**
 * Decides which of two reports of a thing counts. Events and answers come over connections of their own: an answer may
 * arrive after an event that tells something newer. An event is as old as its arrival, an answer as old as its request,
 * and the newer one counts. A change that is lost with a dropped answer has an event of its own, still to come.
 */
let ticks = 0;

/** The present moment; each is later than those before. */
export function present(): number {
  return ++ticks;
}

/** The moments of the latest reports of some things. */
export class Reports {
  readonly #latest = new Map<string, number>();

  /** Whether a report of that moment counts. Then older ones count no more. */
  take(id: string, moment: number): boolean {
    if (this.isNewer(id, moment)) return false;
    this.#latest.set(id, moment);
    return true;
  }

  /** Whether something newer than that moment is known of a thing, be it that it is gone. */
  isNewer(id: string, moment: number): boolean {
    return (this.#latest.get(id) ?? 0) > moment;
  }
}
