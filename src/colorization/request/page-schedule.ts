/**
 * Schedules pages in flight: a few are read and decoded ahead, a limited number are coloured at once, and each step
 * starts in the pages' order.
 */
import { availableParallelism } from "node:os";
import { checkFunction, checkObject } from "../../errors/arguments.js";
import { BatchProcessingError } from "../../errors.js";
import { Turns } from "./turns.js";

/** Pages that are read and decoded before their colouring may begin. */
export const PAGES_AHEAD = 1 + Math.min(2, availableParallelism());

/** A page was not started because its batch was stopped (`ERR_STATE`). */
export class PageNotStartedError extends BatchProcessingError {
  constructor() {
    super("ERR_STATE", "the page was not started, because its batch was stopped; start another batch to colour it");
  }
}

/** How many pages may be where, and when a page may begin. */
export interface PageScheduleOptions {
  /** The most pages in progress at once; asked whenever one may start, so the number may change. */
  readonly colouring: () => number;
  /** Waits while nothing may start; false if no more pages may start. Default: true at once. */
  readonly admitted?: () => Promise<boolean>;
  /** A page counts until it leaves, and not only while it is coloured. Default false. */
  readonly untilLeft?: boolean;
}

/** One page's way through the schedule. */
export interface PageTicket {
  /** Waits until the page may be read and decoded ahead. A second call does nothing. */
  ahead(signal?: AbortSignal): Promise<void>;
  /** Books memory for the page's picture, one page after the other in their order. */
  booking<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** Colours the page when its turn comes. Rejects with `PageNotStartedError` if no more pages may start. */
  colouring<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>;
  /** The page is done or abandoned. Idempotent. */
  leave(): void;
}

/** The schedule of one batch, or of all single calls of an engine. */
export class PageSchedule {
  readonly #ahead = new Turns(() => PAGES_AHEAD, "ahead");
  // The page that is needed last must not take the memory that the first one waits for.
  readonly #booking = new Turns(() => 1, "booking");
  readonly #colouring: Turns;
  readonly #admitted: () => Promise<boolean>;
  readonly #untilLeft: boolean;

  constructor(options: PageScheduleOptions) {
    checkObject("the options of PageSchedule", options);
    const { colouring, admitted = async () => true, untilLeft = false } = options;
    checkFunction("colouring", colouring);
    checkFunction("admitted", admitted);
    this.#colouring = new Turns(colouring, "colouring");
    this.#admitted = admitted;
    this.#untilLeft = untilLeft;
  }

  /** Lets a page in. Pages are served in the order of these calls. */
  enter(): PageTicket {
    const ahead = this.#ahead.take();
    const booking = this.#booking.take();
    const colouring = this.#colouring.take();
    return {
      ahead: (signal) => ahead.begin(signal),
      booking: async (work, signal) => {
        checkFunction("work", work);
        await booking.begin(signal);
        try {
          return await work();
        } finally {
          booking.end();
        }
      },
      colouring: async (work, signal) => {
        checkFunction("work", work);
        await colouring.begin(signal);
        try {
          if (!(await this.#admitted())) throw new PageNotStartedError();
          ahead.end();
          return await work();
        } finally {
          if (!this.#untilLeft) colouring.end();
        }
      },
      leave: () => {
        for (const turn of [ahead, booking, colouring]) turn.end();
      },
    };
  }
}
