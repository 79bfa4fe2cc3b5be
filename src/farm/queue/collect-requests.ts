/**
 * The page requests of a chapter, exactly as a batch of this machine would make them: a batch runs with an engine that
 * notes each request and colours nothing.
 */
import type { FailedPage, PageRequest } from "../../colorization/request/page-request.js";
import { STYLES, type BatchConfig, type PageConfig } from "../../config/batch-config.js";
import { withRemedy } from "../../errors/facts.js";
import type { BatchEngine, ImagePool } from "../../core/batch-engine.js";
import type { PageFailure } from "../../core/events.js";
import { runBatch } from "../../core/run-batch.js";
import type { ReferenceFile } from "../../colorization/reference-store.js";
import type { PageSink } from "../../io/page-sink.js";
import { sha256 } from "../../platform/sha256.js";
import { withHashes, type StoredRequest } from "../store/result-key.js";
import { storeLimitFailure } from "../store/store-limit.js";
import type { QueuedModel } from "./farm-queue.js";

/** What a chapter asks for. */
export interface CollectedRequests {
  readonly requests: readonly StoredRequest[];
  readonly warnings: readonly string[];
  /** Pages that cannot even be read; the chapter's end reports them. */
  readonly failures: readonly PageFailure[];
}

/** Where the files of a chapter go. */
export interface CollectOptions {
  readonly pool: ImagePool;
  readonly model: QueuedModel;
  readonly pageConfig: (name: string) => PageConfig;
  /** Stores a file and gives its hash. */
  readonly keep: (bytes: Uint8Array) => Promise<string>;
  /** Told of a page whose files are too large for the store; its end reports it. */
  readonly onTooLarge?: (request: StoredRequest, failure: FailedPage) => Promise<void>;
  readonly signal?: AbortSignal;
}

/** Reads a chapter. Rejects as `runBatch` does for its input. */
export async function collectRequests(
  { outputDir: _dir, outputZip: _zip, zipOutputName: _name, ...settings }: BatchConfig,
  { pool, model, pageConfig, keep, onTooLarge, signal }: CollectOptions,
): Promise<CollectedRequests> {
  const requests: (StoredRequest | undefined)[] = [];
  const kept = new Map<string, Promise<string>>();
  const hold = (files: readonly ReferenceFile[]): Disposable => {
    for (const { hash, read } of files) {
      if (kept.has(hash)) continue;
      const one = read().then(keep);
      one.catch(() => {}); // said by the pages that have it
      kept.set(hash, one);
    }
    return { [Symbol.dispose]: () => {} };
  };
  const engine: BatchEngine = {
    styles: STYLES,
    model: { directory: "", hash: model.hash, manifest: model },
    pool,
    sessionOptions: {},
    memory: { pagesInFlight: () => pool.maxThreads },
    referenceStore: { hold },
    provider: async () => "queue",
    colorizePage: (request: PageRequest, { ticket }) =>
      ticket!.colouring(async () => {
        const place = requests.push(undefined) - 1; // pages begin in their order
        try {
          const stored = await withHashes(request, keep);
          await Promise.all(request.references.map(({ hash }) => kept.get(hash)));
          requests[place] = stored;
          return NOTHING;
        } catch (error) {
          const failed = storeLimitFailure(request.name, error);
          await onTooLarge?.(await withHashes(request, sha256), failed);
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
  return { requests: requests.filter((request) => request !== undefined), warnings, failures: summary.failures };
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
