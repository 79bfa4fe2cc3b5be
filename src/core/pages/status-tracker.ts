/**
 * The state of each page of a batch, its times and outcome, and the counts over all. Only the allowed steps from state
 * to state are taken.
 */
import { BatchProcessingError } from "../../errors.js";
import { checkFunction, checkObject, checkOneOf, checkText } from "../../errors/arguments.js";

export const IMAGE_STATES = ["pending", "processing", "completed", "failed", "cancelled"] as const;
/** Where a page is; `completed`, `failed` and `cancelled` are last states. */
export type ImageState = (typeof IMAGE_STATES)[number];

const NEXT: Readonly<Record<ImageState, readonly ImageState[]>> = {
  pending: ["processing", "cancelled"],
  processing: ["completed", "failed", "cancelled"],
  completed: [],
  failed: [],
  cancelled: [],
};

/** Whether a page may go from one state to another. */
export function canTransition(from: ImageState, to: ImageState): boolean {
  return NEXT[from].includes(to);
}

/** One page. */
export interface ImageStatus {
  readonly id: string;
  readonly state: ImageState;
  /** When processing began, epoch milliseconds. */
  readonly startTime?: number;
  /** When the page was completed, failed or cancelled, epoch milliseconds. */
  readonly endTime?: number;
  /** Why it failed. */
  readonly error?: BatchProcessingError;
  /** Where its picture is. */
  readonly outputPath?: string;
  /** From start to end, milliseconds. */
  readonly processingTime?: number;
}

/** All pages. */
export interface StatusSummary {
  readonly total: number;
  readonly pending: number;
  readonly processing: number;
  readonly completed: number;
  readonly failed: number;
  readonly cancelled: number;
  /** No page is pending or processing. */
  readonly isComplete: boolean;
  /** completed / total * 100; 0 without pages. */
  readonly successRate: number;
  /** From the first start to the last end, or to now while pages are left; milliseconds. 0 before the first start. */
  readonly elapsedTime: number;
}

/** What `updateStatus` may add to a state. */
export type StatusDetails = Pick<ImageStatus, "error" | "outputPath">;

/** Tracks pages by id. Counting costs the same for any number of pages. */
export class StatusTracker {
  readonly #images = new Map<string, ImageStatus>();
  readonly #counts: Record<ImageState, number> = { pending: 0, processing: 0, completed: 0, failed: 0, cancelled: 0 };
  readonly #now: () => number;
  #firstStart: number | undefined;
  #lastEnd: number | undefined;

  /** @param now the clock, epoch milliseconds; default `Date.now` */
  constructor(now: () => number = Date.now) {
    checkFunction("the clock", now);
    this.#now = now;
  }

  /** Adds a page as pending. Throws `ERR_STATE` for an id that is tracked already. */
  addImage(id: string): void {
    checkText("the page's id", id);
    if (this.#images.has(id))
      throw new BatchProcessingError("ERR_STATE", `the page ${id} is tracked already; each page has an id of its own`);
    this.#images.set(id, { id, state: "pending" });
    this.#counts.pending++;
  }

  /** Takes a page to its next state. Throws `ERR_STATE` for an unknown page and for a step that does not exist. */
  updateStatus(id: string, state: ImageState, details: StatusDetails = {}): void {
    checkText("the page's id", id);
    checkOneOf("the state", state, IMAGE_STATES);
    checkObject("the details", details);
    const old = this.#images.get(id);
    if (old === undefined)
      throw new BatchProcessingError("ERR_STATE", `the page ${id} is not tracked`, {
        remedy: "add it with addImage() first",
      });
    if (!canTransition(old.state, state)) {
      const allowed =
        NEXT[old.state].length > 0 ? `only ${NEXT[old.state].join(" or ")} can follow` : "that is its last state";
      throw new BatchProcessingError("ERR_STATE", `the page ${id} cannot go from ${old.state} to ${state}; ${allowed}`);
    }
    const now = this.#now();
    this.#counts[old.state]--;
    this.#counts[state]++;
    if (state === "processing") {
      this.#firstStart ??= now;
      this.#images.set(id, { ...old, ...details, state, startTime: now });
    } else {
      this.#lastEnd = now;
      this.#images.set(id, {
        ...old,
        ...details,
        state,
        endTime: now,
        ...(old.startTime === undefined ? {} : { processingTime: now - old.startTime }),
      });
    }
  }

  /**
   * Forgets a page, such as one that is to be done again from the beginning. Throws `ERR_STATE` for an unknown page.
   */
  removeImage(id: string): void {
    checkText("the page's id", id);
    const old = this.#images.get(id);
    if (old === undefined)
      throw new BatchProcessingError("ERR_STATE", `the page ${id} is not tracked, so it cannot be removed`);
    this.#counts[old.state]--;
    this.#images.delete(id);
  }

  /** A page's status; undefined for one that is not tracked. */
  getStatus(id: string): ImageStatus | undefined {
    checkText("the page's id", id);
    return this.#images.get(id);
  }

  /** All pages in the order they were added. */
  getAllStatuses(): ImageStatus[] {
    return [...this.#images.values()];
  }

  /** The pages in a state, in the order they were added. */
  getImagesByState(state: ImageState): ImageStatus[] {
    checkOneOf("the state", state, IMAGE_STATES);
    return this.getAllStatuses().filter((image) => image.state === state);
  }

  /** The counts over all pages, and how long they took. */
  getSummary(): StatusSummary {
    const total = this.#images.size;
    const isComplete = this.#counts.pending + this.#counts.processing === 0;
    const end = isComplete ? this.#lastEnd : this.#now();
    return {
      total,
      ...this.#counts,
      isComplete,
      successRate: total === 0 ? 0 : (this.#counts.completed / total) * 100,
      elapsedTime: this.#firstStart === undefined || end === undefined ? 0 : end - this.#firstStart,
    };
  }

  /** Forgets all pages. */
  clear(): void {
    this.#images.clear();
    for (const state of IMAGE_STATES) this.#counts[state] = 0;
    this.#firstStart = undefined;
    this.#lastEnd = undefined;
  }
}
