/**
 * Pages in segments: several on their way at once, but one that is suspected of ending the process alone, so that the
 * next time it is certain which page it was. The order of the pages stays.
 */
import { ImageProcessingError } from "../../errors.js";
import type { RunOutput } from "../run-output.js";
import { flowPages, type FlowControl } from "./page-flow.js";
import type { BatchPage, PageOutcome } from "./batch-page.js";
import type { PageContext } from "./page-work.js";

/** Where pages come from. */
export interface PageQueue {
  peek(): Pick<BatchPage, "entry" | "settings"> | undefined;
  next(): BatchPage | undefined;
}

/** What steers the pages. */
export type SegmentControl = Omit<FlowControl, "next">;

/** What is told and asked of an output while pages are worked on. */
export function guardedBy(output: RunOutput): Pick<PageContext, "begin" | "onStage"> {
  return {
    begin: (page) => {
      const stage = output.history.setAside(output.keyOf(page));
      if (stage === undefined) {
        output.begin(page);
        return;
      }
      page.stage = stage;
      throw new ImageProcessingError(
        "ERR_PAGE_CRASHED",
        `the page "${page.entry.name}" has ended the process twice, the last time in the stage "${stage}", and is set aside; the other pages go on`,
        { imagePath: page.entry.name },
      );
    },
    onStage: (page) => {
      const { page: name, fingerprint } = output.keyOf(page);
      if (output.history.suspected(name, fingerprint)) output.begin(page);
    },
  };
}

/**
 * Works on pages until none waits, none is admitted, or `limit` are taken.
 * @returns the pages that were taken; what came of each went to `settle`, in their order
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
      const suspected = output.history.suspected(upcoming.entry.name, output.fingerprint(upcoming.settings));
      if (suspected && taken.length > before) return undefined;
      alone = suspected;
      const page = queue.next();
      if (page !== undefined) taken.push(page);
      return page;
    };
    for await (const outcome of flowPages(context, { ...control, next })) await settle(outcome);
    if (taken.length === before) return taken;
  }
}
