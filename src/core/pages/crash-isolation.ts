/**
 * Pages in segments: several on their way at once, but one that is suspected of ending the process alone, so that the
 * next time it is certain which page it was. The order of the pages stays.
 */
import { ImageProcessingError } from "../../errors.js";
import type { BatchOutput } from "../output/batch-output.js";
import { flowPages, type FlowControl } from "./page-flow.js";
import type { EncodedPage, PageContext, PageJob, Passed } from "./page-work.js";

/** Where pages come from. */
export interface PageQueue {
  peek(): Pick<PageJob, "entry" | "settings"> | undefined;
  next(): PageJob | undefined;
}

/** What steers the pages. */
export type SegmentControl = Omit<FlowControl, "next">;

/** What is told and asked of an output while pages are worked on. */
export function guardedBy(output: BatchOutput): Pick<PageContext, "begin" | "onStage"> {
  return {
    begin: (job) => {
      const stage = output.history.setAside(output.keyOf(job));
      if (stage === undefined) {
        output.begin(job);
        return;
      }
      job.stage = stage;
      throw new ImageProcessingError(
        "ERR_PAGE_CRASHED",
        `the page "${job.entry.name}" has ended the process twice, the last time in the stage "${stage}", and is set aside; the other pages go on`,
        { imagePath: job.entry.name },
      );
    },
    onStage: (job) => {
      const { page, fingerprint } = output.keyOf(job);
      if (output.history.suspected(page, fingerprint)) output.begin(job);
    },
  };
}

/**
 * Works on pages until none waits, none is admitted, or `limit` are taken.
 * @returns the pages that were taken; what came of each went to `settle`, in their order
 */
export async function workThrough(
  queue: PageQueue,
  output: BatchOutput,
  context: PageContext,
  control: SegmentControl,
  settle: (item: Passed<EncodedPage>) => Promise<void>,
  limit = Infinity,
): Promise<PageJob[]> {
  const taken: PageJob[] = [];
  for (;;) {
    const before = taken.length;
    let alone = false;
    const next = (): PageJob | undefined => {
      const upcoming = queue.peek();
      if (upcoming === undefined || alone || taken.length >= limit) return undefined;
      const suspected = output.history.suspected(upcoming.entry.name, output.fingerprint(upcoming.settings));
      if (suspected && taken.length > before) return undefined;
      alone = suspected;
      const job = queue.next();
      if (job !== undefined) taken.push(job);
      return job;
    };
    for await (const item of flowPages(context, { ...control, next })) await settle(item);
    if (taken.length === before) return taken;
  }
}
