/** Several pages of a batch in flight at once: taken from a queue in order, passed on in the same order. */
import { PageSchedule, PAGES_AHEAD, type PageTicket } from "../../colorization/request/page-schedule.js";
import { withIds } from "../../observe/with-ids.js";
import { mapConcurrent } from "../../concurrency/map-concurrent.js";
import type { BatchPage, PageOutcome } from "./batch-page.js";
import { workOnPage, type PageContext } from "./page-work.js";

/** What steers the flow. */
export interface FlowControl {
  /** Ends the flow with its reason. */
  readonly signal: AbortSignal;
  /** Pages in colouring at once, at most; asked whenever one may be begun. */
  readonly pagesInFlight: () => number;
  /**
   * A page is in flight until it is written. False: only while it is coloured, so that encoding makes no other wait.
   */
  readonly countUntilWritten: boolean;
  /** Waits while nothing may start; false if no more pages may start. */
  admitted(): Promise<boolean>;
  /** The next page; undefined when none waits. */
  next(): BatchPage | undefined;
}

/**
 * Encoding takes longer than decoding and may use every worker. As many finished pictures wait for their turn besides,
 * so that a large page before them leaves no worker idle; they are small beside the pixels they were made of.
 */
export function encodeStage({ maxThreads }: { readonly maxThreads: number }): {
  concurrency: number;
  capacity: number;
} {
  return { concurrency: maxThreads, capacity: 2 * maxThreads };
}

/**
 * Takes pages until none waits or none is admitted. What was taken comes out, in the same order: coloured, failed, or
 * left.
 */
export async function* flowPages(context: PageContext, control: FlowControl): AsyncGenerator<PageOutcome> {
  const { signal, pagesInFlight, countUntilWritten } = control;
  const schedule = new PageSchedule({
    colouring: pagesInFlight,
    admitted: () => control.admitted(),
    untilLeft: countUntilWritten,
  });
  const encoding = encodeStage(context.engine.pool);
  const work = async (page: BatchPage, ticket: PageTicket, within: AbortSignal): Promise<[PageOutcome, PageTicket]> => {
    try {
      // Lines that are logged by the page's work name the page, and the batch, also where logging has begun since.
      const ids = { ...context.ids, page: page.entry.name };
      const outcome = await withIds(ids, () => workOnPage(context, page, ticket, within));
      return [outcome, ticket];
    } finally {
      if (!countUntilWritten) ticket.leave();
    }
  };
  const done = mapConcurrent(admittedPages(control), (page, within) => work(page, schedule.enter(), within.signal), {
    name: "page",
    concurrency: () => PAGES_AHEAD + pagesInFlight() + encoding.concurrency,
    capacity: encoding.capacity,
    signal,
  });
  for await (const [outcome, ticket] of done) {
    yield outcome;
    ticket.leave();
  }
}

async function* admittedPages(control: FlowControl): AsyncGenerator<BatchPage> {
  while (await control.admitted()) {
    const page = control.next();
    if (page === undefined) return;
    yield page;
  }
}
