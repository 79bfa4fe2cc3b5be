/**
 * Runs the main loop of a batch. Usually several pages are in flight; a page that may have crashed the process runs
 * alone, so that after another crash it is certain which page it was. The order of the pages is kept.
 */
import type { RunOutput } from "../run-output.js";
import { flowPages, type FlowControl } from "./page-flow.js";
import type { BatchPage, PageOutcome } from "./batch-page.js";
import type { PageContext } from "./page-work.js";

/** The pages that wait. */
export interface PageQueue {
  peek(): Pick<BatchPage, "entry" | "settings"> | undefined;
  next(): BatchPage | undefined;
}

/** Controls how pages flow: limits, pausing, cancelling. */
export type SegmentControl = Omit<FlowControl, "next">;

/**
 * Colours pages until none waits, none is admitted, or `limit` are taken.
 * @param settle receives the outcome of each page, in their order
 * @returns the pages that were taken
 */
export async function workThrough(
  queue: PageQueue,
  output: RunOutput,
  context: PageContext,
  control: SegmentControl,
  settle: (outcome: PageOutcome) => Promise<void>,
  limit = Infinity,
): Promise<BatchPage[]> {
  const taken: BatchPage[] = [];
  for (;;) {
    const before = taken.length;
    let alone = false;
    const next = (): BatchPage | undefined => {
      const upcoming = queue.peek();
      if (upcoming === undefined || alone || taken.length >= limit) return undefined;
      const crashPolicy = output.crashPolicy(upcoming);
      const apart = crashPolicy.kind === "alone";
      if (apart && taken.length > before) return undefined;
      if (apart && crashPolicy.leastMemory) context.engine.memory.clearCache?.();
      alone = apart;
      const page = queue.next();
      if (page !== undefined) taken.push(page);
      return page;
    };
    for await (const outcome of flowPages(context, { ...control, next })) await settle(outcome);
    if (taken.length === before) return taken;
  }
}
