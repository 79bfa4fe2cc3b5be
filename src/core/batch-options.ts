/** The options a batch is created with, and the check that they are valid. */
import { parseBatchConfig, type BatchConfig, type BatchConfigInput, type PageConfig } from "../config/batch-config.js";
import { ConfigurationError, ValidationError } from "../errors.js";
import { checkEngine } from "./checked-engine.js";
import {
  checkArgument,
  checkFlag,
  checkFunction,
  checkList,
  checkNames,
  checkObject,
  checkSignal,
} from "../errors/arguments.js";
import type { PageSink } from "../io/page-sink.js";
import type { PageSource } from "../io/page-source.js";
import type { BatchEngine } from "./batch-engine.js";
import type { BatchEvent } from "./events.js";
import { RunDecision } from "./output/run-decision.js";

/** What steers a batch beside its settings. */
export interface BatchProcessorOptions {
  /** Gives the batch up between two denoising steps: `startProcessing` rejects with the signal's reason. */
  signal?: AbortSignal;
  /**
   * Told what happens, in order. It is not waited for. Where it throws, or gives a promise that rejects while the batch
   * runs, the batch is given up and rejects with that.
   */
  onEvent?: (event: BatchEvent) => void;
  /**
   * Settings of single pages, by their names in the input, over the batch's; what `addImages` is given for a page goes
   * over both.
   */
  pageConfig?: (name: string) => PageConfig;
  /**
   * Colours all pages again, including those that an earlier run has finished. Default false: a batch continues where
   * it stopped.
   */
  fresh?: boolean;
  /**
   * Does only these pages; the results of the others stay as they are, whatever they were made with. Default: all
   * pages.
   */
  only?: Iterable<string>;
  /** What `approveRun`, `rejectRun`, `retryRun` or `redoRun` gives for the run that is continued. */
  decision?: RunDecision;
  /**
   * Rewrites the message of a failed page before it is told or recorded, such as to leave out places of this machine.
   * Default: as it is.
   */
  redact?: (message: string) => string;
  /**
   * Pages in progress at once; asked whenever one may start, so the number may change. 0 counts as 1: a batch that is
   * not paused has a page in progress. Where it throws, or gives anything but a whole number of 0 or more, the batch is
   * given up and rejects with that. Default: `maxConcurrent` of the settings, else what memory and cores are good for.
   */
  pagesInFlight?: () => number;
  /** Where pages come from, in the place of the settings' input. Who opened it closes it. */
  source?: PageSource;
  /**
   * Opens the settings' input in another way, such as with limits of one's own. The batch closes what it gives.
   * Default: `openPageSource`.
   */
  openInput?: (path: string) => Promise<PageSource>;
  /** Where references come from, in the place of the settings' `referenceImages`. Who opened it closes it. */
  references?: PageSource;
  /**
   * Where results go, in the place of the settings' output. There is no journal then: every run does all pages, and
   * there is no preview.
   */
  sink?: PageSink;
}

const BATCH_OPTIONS: Readonly<Record<keyof BatchProcessorOptions, true>> = {
  signal: true,
  onEvent: true,
  pageConfig: true,
  fresh: true,
  only: true,
  decision: true,
  redact: true,
  pagesInFlight: true,
  source: true,
  openInput: true,
  references: true,
  sink: true,
};

/**
 * The complete settings of a batch.
 * @throws ConfigurationError `ERR_CONFIG` for bad settings, and for a preview without an output that could hold it;
 * ValidationError `ERR_ARGUMENT` for an engine, a source, references or a sink that is none
 */
export function checkedConfig(
  engine: BatchEngine,
  settings: BatchConfigInput,
  options: BatchProcessorOptions,
): BatchConfig {
  checkObject("the options of a batch", options);
  checkNames<BatchProcessorOptions>("the options of a batch", options, BATCH_OPTIONS);
  const { source, references, sink } = options;
  checkSignal("signal", options.signal);
  for (const name of ["onEvent", "openInput", "pageConfig", "pagesInFlight", "redact"] as const)
    checkFunction(name, options[name], true);
  checkFlag("fresh", options.fresh);
  if (options.only !== undefined) checkList("only", options.only);
  if (options.decision !== undefined)
    checkArgument(
      options.decision instanceof RunDecision,
      "decision",
      options.decision,
      "the decision of a continuation",
    );
  assertHas("engine", engine, ["colorizePage", "provider"]);
  checkEngine(engine);
  if (source !== undefined) assertHas("source", source, ["entries", "close"]);
  if (references !== undefined) assertHas("references", references, ["entries", "close"]);
  if (sink !== undefined) assertHas("sink", sink, ["write", "carry", "finish", "abort"]);
  const ends = { source: source !== undefined, sink: sink !== undefined };
  const { config } = parseBatchConfig(settings, String, ends);
  if (config.previewMode && ends.sink)
    throw new ConfigurationError(
      "ERR_CONFIG",
      "previewMode needs an output folder or archive that holds the preview; a sink has none, so leave one of them out",
    );
  return config;
}

function assertHas(what: string, value: unknown, methods: readonly string[]): void {
  const missing = methods.find(
    (name) => typeof (value as Record<string, unknown> | undefined | null)?.[name] !== "function",
  );
  if (missing === undefined) return;
  const found = value === null ? "null" : Array.isArray(value) ? "a list" : typeof value;
  throw new ValidationError(
    "ERR_ARGUMENT",
    `the ${what} of a batch must have ${missing}(); what was given is ${found}`,
  );
}
