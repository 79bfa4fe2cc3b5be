/** A finding of `cobra-batch doctor` about one item. */

/**
 * `note`: something optional is not there. `warning`: it works, but worse than it could. `error`: pages cannot be
 * coloured like this.
 */
export type Status = "ok" | "note" | "warning" | "error";

export interface Finding {
  /** Stable name for machines, such as "provider-cuda". */
  readonly check: string;
  /** Name for people. */
  readonly title: string;
  readonly status: Status;
  /** What is there, or what is missing. */
  readonly found: string;
  /** How to get what is missing. Given if the status is not "ok". */
  readonly remedy?: string;
}
