/**
 * The stages of a batch joined: pages decoded ahead, several coloured at once, encoded, and given on in their order.
 */
import { availableParallelism } from "node:os";
import type { DecodedImage } from "../../io/image/image-codec.js";
import { withLogContext } from "../../logging.js";
import { mapConcurrent } from "../../workers/map-concurrent.js";
import { colourAsMemoryAllows } from "./memory-retry.js";
import { PicturesInFlight } from "./pictures-in-flight.js";
import {
  encodePage,
  openPage,
  proceed,
  type ColouredPage,
  type EncodedPage,
  type PageContext,
  type PageJob,
  type Passed,
} from "./page-work.js";

/** What steers the flow. */
export interface FlowControl {
  /** Ends the flow with its reason. */
  readonly signal: AbortSignal;
  /** Pages in colouring at once, at most; asked whenever one may be begun. */
  readonly pagesInFlight: () => number;
  /** Waits while nothing may be begun; false when no page may be begun any more. */
  admitted(): Promise<boolean>;
  /** The next page; undefined when none waits. */
  next(): PageJob | undefined;
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

const DECODED_AHEAD = Math.min(2, availableParallelism());

/**
 * Takes pages until none waits or none is admitted. What was taken comes out, in the same order: coloured, failed, or
 * left.
 */
export async function* flowPages(context: PageContext, control: FlowControl): AsyncGenerator<Passed<EncodedPage>> {
  const pictures = new PicturesInFlight(context.engine.memory, context.output.layers !== undefined);
  try {
    yield* stages(context, control, pictures);
  } finally {
    pictures.releaseAll();
  }
}

function stages(
  context: PageContext,
  control: FlowControl,
  pictures: PicturesInFlight,
): AsyncIterableIterator<Passed<EncodedPage>> {
  const { signal } = control;
  /** What has no picture any more makes room for the next. */
  const settled = <T>(item: Passed<T>): Passed<T> => {
    if (!("value" in item)) pictures.release(item.job);
    return item;
  };
  const open = async (job: PageJob, within: AbortSignal): Promise<Passed<DecodedImage>> => {
    const turn = pictures.turn();
    try {
      return settled(
        await ofPage(job, () => openPage(context, job, within, (bytes) => pictures.hold(job, turn, bytes, within))),
      );
    } finally {
      turn.end();
    }
  };
  const decoded = mapConcurrent(admittedJobs(control), (job, within) => open(job, within.signal), {
    concurrency: DECODED_AHEAD,
    signal,
  });
  const coloured = mapConcurrent(
    decoded,
    async (item, within) =>
      settled(
        (await control.admitted())
          ? await proceed(item, within.signal, (job, page) =>
              ofPage(job, () => colourAsMemoryAllows(context, job, page, within.signal)),
            )
          : leave(item),
      ),
    { concurrency: control.pagesInFlight, signal },
  );
  const encode = async (item: Passed<ColouredPage>, within: AbortSignal): Promise<Passed<EncodedPage>> => {
    const encoded = await proceed(item, within, (job, result) =>
      ofPage(job, () => encodePage(context, job, result, within)),
    );
    pictures.release(item.job);
    return encoded;
  };
  return mapConcurrent(coloured, (item, within) => encode(item, within.signal), {
    ...encodeStage(context.engine.pool),
    signal,
  });
}

/** Does a page's work so that the lines logged by it name the page. */
function ofPage<T>(job: PageJob, work: () => T): T {
  return withLogContext({ page: job.entry.name }, work);
}

async function* admittedJobs(control: FlowControl): AsyncGenerator<PageJob> {
  while (await control.admitted()) {
    const job = control.next();
    if (job === undefined) return;
    yield job;
  }
}

function leave<T>(item: Passed<T>): Passed<never> {
  return "value" in item ? { job: item.job, left: true } : item;
}
