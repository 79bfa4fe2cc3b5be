/**
 * The engine of a batch, checked like the other parts of a program (`checked-parts.ts`): it may be a stand-in. Its
 * members are checked before the batch starts, its answers before they are used.
 */
import { types } from "node:util";
import { abortable } from "../concurrency/abortable.js";
import { checkRaster } from "../colorization/engine-arguments.js";
import { pageResultSchema, type PageResult } from "../colorization/request/page-request.js";
import { ValidationError } from "../errors.js";
import {
  checkArgument,
  checkBytes,
  checkFlag,
  checkFunction,
  checkMethods,
  checkObject,
  checkText,
  checkWhole,
  forgetPromise,
} from "../errors/arguments.js";
import type { BatchEngine, ImagePool, ReferenceHolder } from "./batch-engine.js";

/** How a batch ends beside its parts. */
export interface PartsEnd {
  /** Ends the batch with an error that is no page's. */
  readonly giveUp: (reason: unknown) => void;
  /** Aborted a while after the batch was given up: then no part is waited for any more. */
  readonly left: AbortSignal;
}

/** @throws ValidationError `ERR_ARGUMENT` for a member that is missing or of a wrong kind */
export function checkEngine(engine: BatchEngine): void {
  checkMethods("engine", engine, ["colorizePage", "provider"]);
  const given = engine as { readonly [Member in keyof BatchEngine]?: unknown };
  const { styles, model, pool, memory, referenceStore, sessionOptions } = given;
  for (const value of [styles, model, pool, memory, referenceStore, sessionOptions]) forgetPromise(value);
  const isTexts = Array.isArray(styles) && styles.every((style) => typeof style === "string");
  checkArgument(isTexts, "engine.styles", styles, "a list of styles");
  checkObject("engine.model", model);
  const { directory, hash, manifest } = model as Record<string, unknown>;
  checkArgument(typeof directory === "string", "engine.model.directory", directory, "text");
  checkText("engine.model.hash", hash);
  checkObject("engine.model.manifest", manifest);
  const { name, version, trained } = manifest as Record<string, unknown>;
  checkText("engine.model.manifest.name", name);
  checkText("engine.model.manifest.version", version);
  checkFlag("engine.model.manifest.trained", trained);
  checkMethods("engine.pool", pool, ["decode", "classify", "encode", "run"]);
  checkWhole("engine.pool.maxThreads", (pool as ImagePool).maxThreads, 1);
  checkMethods("engine.memory", memory, ["pagesInFlight"]);
  checkFunction("engine.memory.clearCache", (memory as BatchEngine["memory"]).clearCache, true);
  checkMethods("engine.referenceStore", referenceStore, ["hold"]);
  checkObject("engine.sessionOptions", sessionOptions);
  checkArgument(!types.isPromise(sessionOptions), "engine.sessionOptions", sessionOptions, "the options themselves");
}

/** The same engine with its answers checked. What it gives that is wrong ends the batch and is no page's fault. */
export function checkedEngine(engine: BatchEngine, end: PartsEnd): BatchEngine {
  /** Checks an answer. A wrong one ends the batch: as `ERR_ARGUMENT` it would count against the page. */
  const check = <T>(answer: T, isRight: (answer: T) => void): T => {
    try {
      isRight(answer);
      return answer;
    } catch (error) {
      end.giveUp(error);
      throw error;
    }
  };
  const ask = async <T>(call: () => Promise<T>, isRight: (answer: T) => void): Promise<T> =>
    check(await abortable(Promise.resolve(call()), end.left), isRight);
  const pool: ImagePool = {
    get maxThreads() {
      return engine.pool.maxThreads;
    },
    decode: (bytes, name, options) =>
      ask(
        () => engine.pool.decode(bytes, name, options),
        (decoded) =>
          checkRaster(`the image that engine.pool.decode() gives for ${JSON.stringify(name)}`, decoded?.image),
      ),
    classify: (bytes, name, options) =>
      ask(
        () => engine.pool.classify(bytes, name, options),
        (kind) => {
          const what = `what engine.pool.classify() gives for ${JSON.stringify(name)}`;
          const isKind =
            (kind?.type === "line_art" || kind?.type === "colored") && kind.confidence >= 0 && kind.confidence <= 1;
          checkArgument(isKind, what, kind, "{ type, confidence } of a picture");
        },
      ),
    encode: (image, options, name) =>
      ask(
        () => engine.pool.encode(image, options, name),
        (bytes) => checkBytes("what engine.pool.encode() gives", bytes),
      ),
    run: (task, payload, options) => abortable(Promise.resolve(engine.pool.run(task, payload, options)), end.left),
  };
  const referenceStore: ReferenceHolder = {
    hold: (files, options) =>
      check(engine.referenceStore.hold(files, options), (hold) => {
        forgetPromise(hold);
        const isHold = typeof (hold as Partial<Disposable> | undefined)?.[Symbol.dispose] === "function";
        checkArgument(isHold, "what engine.referenceStore.hold() gives", hold, "an object with [Symbol.dispose]()");
      }),
  };
  return {
    get model() {
      return engine.model;
    },
    get styles() {
      return engine.styles;
    },
    get givesStoredResults() {
      return engine.givesStoredResults ?? false;
    },
    get sessionOptions() {
      return engine.sessionOptions;
    },
    get laneOptions() {
      const { laneOptions } = engine;
      forgetPromise(laneOptions);
      if (laneOptions !== undefined) checkObject("engine.laneOptions", laneOptions);
      return laneOptions;
    },
    pool,
    memory: {
      pagesInFlight: (topK) => {
        const pages: unknown = engine.memory.pagesInFlight(topK);
        forgetPromise(pages);
        checkWhole("what engine.memory.pagesInFlight() gives", pages);
        return Math.max(1, pages);
      },
      clearCache: () => engine.memory.clearCache?.(),
    },
    referenceStore,
    provider: (style) =>
      ask(
        () => engine.provider(style),
        (name) => checkText("what engine.provider() gives", name),
      ),
    colorizePage: (request, options) =>
      ask(
        () => engine.colorizePage(request, options),
        (result) => checkResult(request.name, result),
      ),
  };
}

function checkResult(page: string, result: PageResult): void {
  const what = `what engine.colorizePage() gives for ${JSON.stringify(page)}`;
  checkObject(what, result);
  const parsed = pageResultSchema.safeParse(result);
  if (parsed.success) return;
  const faults = parsed.error.issues.map(({ path, message }) => `${path.join(".") || "the result"}: ${message}`);
  throw new ValidationError("ERR_ARGUMENT", `${what} is no result of a page: ${faults.join("; ")}`);
}
