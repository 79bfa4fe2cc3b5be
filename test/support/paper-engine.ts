/**
 * Stands in for an engine: no model, no addon, no worker threads. It colours pages on paper, by a function of the
 * request, so that a batch can be watched and steered to the letter.
 */
import { createHash } from "node:crypto";
import type { PageOptions } from "../../src/colorization/request/colorize-page.js";
import type { ColorizedPage, PageRequest, PageResult } from "../../src/colorization/request/page-request.js";
import type { ReferenceFile } from "../../src/colorization/reference-store.js";
import type { BatchEngine, ImagePool } from "../../src/core/batch-engine.js";
import { BatchProcessingError } from "../../src/errors.js";
import { decodeImage, encodeImage } from "../../src/io/image/image-codec.js";
import { classifyImage } from "../../src/classification/classify-image.js";

/** What the colouring of one page comes to. */
export type PaperWork = (request: PageRequest, options: PageOptions) => Promise<PageResult> | PageResult;

export interface PaperEngine extends BatchEngine {
  /** Requests in the order in which their colouring began. */
  readonly requests: PageRequest[];
  /** Lists of references that are held, by names. */
  readonly held: string[][];
  /** Pages in colouring now, and the most there were. */
  inColouring: number;
  mostInColouring: number;
}

/** A result whose picture says what it was made of. */
export function onPaper(request: PageRequest, more: Partial<ColorizedPage> = {}): ColorizedPage {
  const { name, settings, output, references } = request;
  const text = JSON.stringify({ name, settings, references: references.map((one) => one.name) });
  return {
    status: "completed",
    data: new TextEncoder().encode(text),
    format: output.format ?? "png",
    width: 10,
    height: 20,
    bucket: "10x20",
    seed: settings.seed,
    references: references.map((one) => `${one.name}#0`),
    stageMs: { denoise: 1 },
    warnings: [],
    ...more,
  };
}

/** @param work default: `onPaper` */
export function paperEngine(work: PaperWork = (request) => onPaper(request), pagesInFlight = 2): PaperEngine {
  const engine: PaperEngine = {
    requests: [],
    held: [],
    inColouring: 0,
    mostInColouring: 0,
    styles: ["line", "line + shadow"],
    model: { directory: "", hash: "0".repeat(64), manifest: { name: "paper", version: "1", trained: true } },
    sessionOptions: {},
    memory: { pagesInFlight: () => pagesInFlight },
    pool: paperPool(),
    referenceStore: {
      hold(files: readonly ReferenceFile[]) {
        const names = files.map(({ name }) => name);
        engine.held.push(names);
        return { [Symbol.dispose]: () => void engine.held.splice(engine.held.indexOf(names), 1) };
      },
    },
    provider: async () => "paper",
    async colorizePage(request, options) {
      const ticket = options.ticket!;
      return ticket.colouring(async () => {
        engine.requests.push(request);
        engine.mostInColouring = Math.max(engine.mostInColouring, ++engine.inColouring);
        try {
          options.onProgress?.({ phase: "colour", stage: "denoise", step: 1, steps: 1 });
          return await work(request, options);
        } finally {
          engine.inColouring--;
        }
      }, options.signal);
    },
  };
  return engine;
}

/** Work around the pages in this thread. */
function paperPool(): ImagePool {
  const pool: Partial<ImagePool> = {
    maxThreads: 2,
    decode: (bytes, name, options) => decodeImage(bytes, name, options),
    encode: (image, { signal: _signal, ...options }, name) => encodeImage(image, options, name),
    classify: (bytes, name, { signal: _signal, ...options } = {}) => classifyImage(bytes, name, options),
    run: async (task) => {
      throw new BatchProcessingError("ERR_STATE", `nobody does "${task}" on paper`);
    },
  };
  return pool as ImagePool;
}

/** SHA-256 of a file, as requests name references. */
export function hashOf(bytes: Uint8Array): string {
  return createHash("sha256").update(bytes).digest("hex");
}
