/** One page of a batch: looked up, read, sent to the engine, and what came of it. */
import { PageNotStartedError, type PageTicket } from "../../colorization/request/page-schedule.js";
import type { PageProgress, PageRequest } from "../../colorization/request/page-request.js";
import type { ColorizedPage } from "../../colorization/request/page-request.js";
import type { OutputSettings } from "../../config/batch-config.js";
import { isPageFailure, makeError } from "../../errors.js";
import { formatOfName } from "../../io/image/encode/output-format.js";
import { sha256 } from "../../platform/sha256.js";
import type { BatchEngine } from "../batch-engine.js";
import type { BatchEventBody, PageSuccess } from "../events.js";
import { hintsOf } from "../input/page-overrides.js";
import type { PageReferences } from "../input/page-references.js";
import type { BatchPage, EncodedPage, PageOutcome } from "./batch-page.js";

/** What a page needs from its batch. */
export interface PageContext {
  readonly engine: BatchEngine;
  /** The batch, for log lines of its pages. */
  readonly ids?: { readonly job: string };
  readonly references: PageReferences;
  readonly output: OutputSettings;
  readonly emit: (event: BatchEventBody) => void;
  /** The page is started: it is read, then decoded ahead. */
  readonly taken: (page: BatchPage) => void;
  /** Its colouring begins. */
  readonly colouring: (page: BatchPage) => void;
  /**
   * Told of a page's file that cannot be read. Throws the error, or one that ends the batch if the input is gone.
   */
  readonly cannotRead: (error: unknown) => Promise<never>;
  /** What is known of a page before it is read: what has come of one that is not to be done, or that it is left. */
  readonly known: (page: BatchPage) => Promise<PageOutcome | undefined>;
  /** The result of a page that an earlier run has finished. */
  readonly finished: (page: BatchPage) => Promise<PageSuccess | undefined>;
  /** Told before a page is decoded. Throws for one that is quarantined. */
  readonly begin: (page: BatchPage) => void;
  /** Told when a page goes into a stage. */
  readonly onStage: (page: BatchPage) => void;
}

/** Does one page, unless an earlier run has finished it. Rejects with what ends the batch. */
export async function workOnPage(
  context: PageContext,
  page: BatchPage,
  ticket: PageTicket,
  signal: AbortSignal,
): Promise<PageOutcome> {
  try {
    await ticket.ahead(signal);
    context.taken(page);
    const known = await context.known(page);
    if (known !== undefined) return known;
    const bytes = await page.entry.read().catch((error: unknown) => context.cannotRead(error));
    page.inputSha256 = await sha256(bytes);
    const kept = await context.finished(page);
    if (kept !== undefined) return { page, kept };
    context.begin(page);
    const request = await requestOf(context, page, bytes);
    // An engine that its batch has left may still tell of the page.
    const onProgress = (progress: PageProgress): void => {
      if (!signal.aborted) follow(context, page, progress);
    };
    const result = await context.engine.colorizePage(request, { signal, ticket, onProgress });
    const { warnings } = result;
    if (result.status === "completed") return { page, encoded: encodedPage(result), warnings };
    const { stage, code, message, remedy } = result.failure;
    page.stage = stage;
    return { page, error: makeError(code, message, { imagePath: page.entry.name, remedy }), warnings };
  } catch (error) {
    if (error instanceof PageNotStartedError) return { page, left: true };
    if (signal.aborted || !isPageFailure(error)) throw error;
    return { page, error, warnings: [] };
  }
}

/** The page as a value: its file, its settings, its references and hints. */
async function requestOf(
  { references, output }: PageContext,
  { entry, outputName, settings: { referenceImages, colorHints, ...settings } }: BatchPage,
  bytes: Uint8Array,
): Promise<PageRequest> {
  const { outputFormat: _inTheName, ...encoding } = output;
  const hints = colorHints === undefined ? undefined : await hintsOf(colorHints);
  return {
    name: entry.name,
    page: { bytes },
    settings,
    output: { ...encoding, format: formatOfName(outputName) ?? "png" },
    references: [...(await references.of(referenceImages))],
    ...(hints === undefined ? {} : { hints }),
  };
}

function follow({ emit, colouring, onStage }: PageContext, page: BatchPage, progress: PageProgress): void {
  const { phase, stage, step, steps, device } = progress;
  if (phase === "decode") return;
  if (phase === "colour") colouring(page);
  if (page.stage !== stage || phase === "encode") {
    page.stage = stage;
    onStage(page);
  }
  if (phase === "encode") return;
  emit({
    type: "page-stage",
    page: page.entry.name,
    index: page.index,
    stage,
    ...(step === undefined ? {} : { step }),
    ...(steps === undefined ? {} : { steps }),
    ...(device === undefined ? {} : { device }),
  });
}

function encodedPage({ data, layers, width, height, bucket, tiles, stageMs, references }: ColorizedPage): EncodedPage {
  return {
    bytes: data,
    ...(layers === undefined ? {} : { layers: layers.map((layer) => layer.data) }),
    facts: { width, height, bucket, ...(tiles === undefined ? {} : { tiles }), stageMs, references },
  };
}
