/**
 * An engine that colours nothing: it gives the results that other processes have left. With it, a chapter whose pages
 * were done elsewhere is put together by the same code as a batch of this machine.
 */
import type { PageRequest, PageResult } from "../colorization/request/page-request.js";
import { STYLES } from "../config/batch-config.js";
import type { BatchEngine, ModelFacts, ImagePool } from "../core/batch-engine.js";
import type { SessionOptions } from "../binding/index.js";
import { ValidationError } from "../errors.js";

/** Where results come from. */
export interface StoredResults {
  /** The model that they were made with. */
  readonly model: ModelFacts;
  readonly session?: SessionOptions;
  /** What stands for the provider in events. */
  readonly provider: string;
  /** How many results are worth waiting for at once. */
  readonly inFlight: number;
  /** Work around the pages: sorting the input, reading references. */
  readonly pool: ImagePool;
  /** The result of a page. What it rejects with ends the batch. */
  find(request: PageRequest, signal: AbortSignal | undefined): Promise<PageResult>;
}

/** An engine for `runBatch`. */
export function storedEngine({ model, session = {}, provider, inFlight, pool, find }: StoredResults): BatchEngine {
  return {
    styles: STYLES,
    givesStoredResults: true,
    model,
    pool,
    sessionOptions: session,
    memory: { pagesInFlight: () => inFlight },
    referenceStore: { hold: () => ({ [Symbol.dispose]: () => {} }) },
    provider: async () => provider,
    colorizePage: async (request, { ticket, signal }) => {
      if (ticket === undefined)
        throw new ValidationError(
          "ERR_ARGUMENT",
          "colorizePage() of an engine with stored results needs the option ticket",
          { remedy: "pass the one of the page's batch" },
        );
      return ticket.colouring(() => find(request, signal), signal);
    },
  };
}
