/**
 * Splits pages into segments: usually several in flight, but a page that may have ended a process runs alone, so that
 * after another crash it is certain which page it was. The order of the pages is kept.
 */
import { ImageProcessingError, ResourceError, type BatchProcessingError } from "../../errors.js";
import type { Treatment } from "../journal/crash-evidence.js";
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

/** What an output learns about pages, and what it knows of them. */
export function guardedBy(output: RunOutput): Pick<PageContext, "begin" | "onStage"> {
  return {
    begin: (page) => {
      const treatment = output.treatment(page);
      if (treatment.kind !== "set-aside") {
        output.begin(page);
        return;
      }
      page.stage = treatment.stage;
      throw setAside(page.entry.name, treatment);
    },
    onStage: (job) => output.enterStage(job),
  };
}

function setAside(
  page: string,
  { cause, deaths, stage }: Extract<Treatment, { kind: "set-aside" }>,
): BatchProcessingError {
  const times = deaths === 2 ? "twice" : `${deaths} times`;
  if (cause === "out-of-memory")
    return new ResourceError(
      "ERR_OUT_OF_MEMORY",
      `the system has ended the process ${times} for lack of memory while the page "${page}" was in hand, the last time alone, in the stage "${stage}"; the page is left out, the other pages go on`,
    );
  const what =
    cause === "crash"
      ? `the page "${page}" has ended the process ${times}, the last time in the stage "${stage}", and is set aside`
      : `the process has ended ${times} while the page "${page}" was in hand, each time without a trace and at last always alone in the stage "${stage}"; the page is set aside`;
  return new ImageProcessingError("ERR_PAGE_CRASHED", `${what}; the other pages go on`, { imagePath: page });
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
      const treatment = output.treatment(upcoming);
      const apart = treatment.kind === "alone";
      if (apart && taken.length > before) return undefined;
      if (apart && treatment.leastMemory) context.engine.memory.clearCache?.();
      alone = apart;
      const page = queue.next();
      if (page !== undefined) taken.push(page);
      return page;
    };
    for await (const outcome of flowPages(context, { ...control, next })) await settle(outcome);
    if (taken.length === before) return taken;
  }
}
