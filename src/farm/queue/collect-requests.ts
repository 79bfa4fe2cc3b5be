/**
 * The page requests of a chapter, exactly as a batch of this machine would make them: a batch runs with an engine that
 * notes each request and colours nothing.
 */
import { pageFailure } from "../../colorization/request/page-failure.js";
import type { PageRequest, PageResult } from "../../colorization/request/page-request.js";
import { STYLES, type BatchConfig, type PageConfig } from "../../config/batch-config.js";
import { withRemedy } from "../../errors/facts.js";
import type { BatchEngine, ImagePool } from "../../core/batch-engine.js";
import type { PageFailure } from "../../core/events.js";
import { runBatch } from "../../core/run-batch.js";
import { isPageFailure } from "../../errors.js";
import type { PageSink } from "../../io/page-sink.js";
import { sha256 } from "../../platform/sha256.js";
import type { FarmStore } from "../store/farm-store.js";
import { resultKey, withHashes, type StoredRequest } from "../store/result-key.js";
import type { QueuedModel } from "./farm-queue.js";
import { KeptReferences } from "./kept-references.js";

/** What a chapter asks for. */
export interface CollectedRequests {
  readonly requests: readonly StoredRequest[];
  readonly warnings: readonly string[];
  /** Pages that cannot be read, or that the store does not take; the chapter's end reports them. */
  readonly failures: readonly PageFailure[];
}

/** Where the files of a chapter go. */
export interface CollectOptions {
  readonly pool: ImagePool;
  readonly model: QueuedModel;
  readonly pageConfig: (name: string) => PageConfig;
  readonly store: Pick<FarmStore, "keep" | "keepResult">;
  readonly signal?: AbortSignal;
}

/** Reads a chapter. Rejects as `runBatch` does for its input. */
export async function collectRequests(
  { outputDir: _dir, outputZip: _zip, zipOutputName: _name, ...settings }: BatchConfig,
  { pool, model, pageConfig, store, signal }: CollectOptions,
): Promise<CollectedRequests> {
  const requests: (StoredRequest | undefined)[] = [];
  const keep = (bytes: Uint8Array): Promise<string> => store.keep(bytes);
  const references = new KeptReferences(keep);
  const engine: BatchEngine = {
    styles: STYLES,
    model: { directory: "", hash: model.hash, manifest: model },
    pool,
    sessionOptions: {},
    memory: { pagesInFlight: () => pool.maxThreads },
    referenceStore: references,
    provider: async () => "queue",
    colorizePage: (request: PageRequest, { ticket }) =>
      ticket!.colouring(async () => {
        const place = requests.push(undefined) - 1; // pages begin in their order
        try {
          await references.kept(request.references);
          requests[place] = await withHashes(request, keep);
          return NOTHING;
        } catch (error) {
          if (!isPageFailure(error)) throw error;
          const failed: PageResult = {
            status: "failed",
            failure: pageFailure(request.name, "decode", error),
            warnings: [],
          };
          // Found where the chapter is put together.
          await store.keepResult(resultKey(await withHashes(request, sha256), model.hash), failed);
          return failed;
        }
      }, signal),
  };
  const warnings: string[] = [];
  const summary = await runBatch(
    engine,
    { ...settings, previewMode: false },
    {
      sink: nowhere(),
      pageConfig,
      ...(signal === undefined ? {} : { signal }),
      onEvent: (event) => {
        if (event.type === "warning") warnings.push(withRemedy(event.message, event.remedy));
      },
    },
  );
  return { requests: requests.filter((one) => one !== undefined), warnings, failures: summary.failures };
}

/** Stands for a coloured page; nobody writes it. */
const NOTHING = {
  status: "completed" as const,
  data: new Uint8Array(),
  format: "png" as const,
  width: 0,
  height: 0,
  bucket: "",
  seed: 0,
  references: [],
  stageMs: {},
  warnings: [],
};

function nowhere(): PageSink {
  return {
    write: async (name) => name,
    replace: async (name) => name,
    carry: async ({ name }) => name,
    finish: async () => "",
    abort: async () => {},
  };
}
