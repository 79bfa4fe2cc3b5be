/** Runs a batch for a command: opens the engine, reports progress, handles signals, gives the exit code. */
import { Engine } from "../../../colorization/engine.js";
import type { EngineOptions } from "../../../colorization/engine-options.js";
import type { BatchConfig } from "../../../config/batch-config.js";
import type { BatchEngine } from "../../../core/batch-engine.js";
import type { BatchSummary, PreviewResult } from "../../../core/events.js";
import { runBatch, type RunBatchOptions } from "../../../core/run-batch.js";
import { checkModelOfRun } from "../../../core/run-model.js";
import type { RunRecord } from "../../../core/journal/entries.js";
import { configureOwnProcess } from "../../../io/image/own-process.js";
import { failuresFile, type OutputPaths } from "../../../core/output/work-folder.js";
import { ENDING_SIGNALS } from "../ending-signals.js";
import { EXIT, exitCodeFor, exitCodeOf } from "../output/exit-codes.js";
import { listenForSignals, type Interrupt } from "../interrupt.js";
import { startTelemetry, type Telemetry } from "../telemetry.js";
import { startLogging } from "./start-logging.js";
import { askAboutPreview, canAsk } from "../output/preview-prompt.js";
import { printError } from "../output/report-errors.js";
import type { Notice } from "../../../errors/notice.js";
import { Reporter, type Remedies } from "../output/reporter.js";
import { isEmbedded, isFirstTime, STAND_IN } from "../output/stand-in.js";
import type { LogFlags } from "../flags/log-flags.js";
import type { MetricsFlags } from "../flags/metrics-flags.js";
import { engineOptions, type RunFlags } from "../flags/run-flags.js";
import type { GivenSetting } from "./gather-settings.js";
import { ignoredWarnings, refuseSameSeeds, whatHelps } from "./what-helps.js";

/** What is to be coloured. */
export interface PreparedBatch {
  readonly config: BatchConfig;
  readonly options?: RunBatchOptions;
  /** About the settings; shown before the batch starts. */
  readonly warnings?: readonly Notice[];
  /**
   * The engine of the run that is continued, or what flags and configuration file ask for. Default: what the flags say.
   */
  readonly engine?: EngineOptions;
  /** The model of the run that is continued. */
  readonly model?: RunRecord["model"];
  /** Settings that were given; those that the model ignores get a warning. */
  readonly given?: readonly GivenSetting[];
  /** About the input; asked once its pages are known. */
  readonly lateWarnings?: () => Notice[];
  /** What was decided; shown before the batch starts, or once it holds the output that the decision is about. */
  readonly notes?: readonly string[];
  /** What to do once all pages are coloured. Default: how one is coloured again. */
  readonly next?: string;
  /** What to do about failures, if the command knows better than the error table. By code. */
  readonly remedies?: Remedies;
  /** Said where `run` finds nothing left to do. */
  readonly nothingLeft?: string;
  /** Runs it; undefined where nothing was left to do. Default: `runBatch`. */
  readonly run?: (
    engine: BatchEngine,
    config: BatchConfig,
    options: RunBatchOptions,
  ) => Promise<BatchSummary | undefined>;
  /** What it writes, where that is not the output of the settings. */
  readonly writes?: OutputPaths;
}

/** Nothing is left to colour, which is not an error. */
export interface NothingToDo {
  readonly nothing: string;
}

/** How a batch of a command ended. */
export interface BatchEnd {
  readonly exitCode: number;
  /** Of a batch that was begun. */
  readonly summary?: BatchSummary;
  /** What kept it from going on. */
  readonly error?: unknown;
}

/** What the batches of a command share. */
export interface CommandContext {
  readonly flags: RunFlags;
  readonly reporter: Reporter;
  readonly interrupt: Interrupt;
  /** Reports what keeps a batch from going on. Default: `printError`. */
  readonly onError?: (error: unknown) => void;
  /** Opens the engine, or gives the one that is open. */
  engine(options: EngineOptions): Promise<OpenEngine>;
}

/** An engine with all facts of its model. */
export type OpenEngine = BatchEngine & Pick<Engine, "model">;

/** A reporter for one batch. */
export function newReporter(flags: LogFlags & { json?: boolean }): Reporter {
  return new Reporter({
    json: Boolean(flags.json),
    quiet: Boolean(flags.quiet),
    logs: Boolean(flags.verbose) || flags.logLevel !== undefined,
    out: process.stdout,
    err: process.stderr,
    env: process.env,
  });
}

/**
 * Runs a batch and reports how it goes.
 * @param prepare its errors are reported as the batch's own; it gets what the first signal aborts
 * @returns the exit code
 */
export async function runBatchCommand(
  flags: RunFlags & Partial<MetricsFlags>,
  prepare: (stop: AbortSignal) => Promise<PreparedBatch | NothingToDo>,
): Promise<number> {
  const interrupt = listenForSignals(flags.drain * 1000);
  let engine: Engine | undefined;
  let watch: Telemetry | undefined;
  try {
    const context: CommandContext = {
      flags,
      reporter: newReporter(flags),
      interrupt,
      engine: async (options) => {
        engine = await Engine.open(options);
        watch?.engine(engine);
        return engine;
      },
    };
    const { exitCode } = await runReported(context, async () => {
      startLogging(flags);
      watch = await startTelemetry(flags);
      return prepare(interrupt.drain);
    });
    return exitCode;
  } finally {
    await watch?.[Symbol.asyncDispose]();
    await engine?.close();
    interrupt.stop();
  }
}

/** Runs one batch of a command; errors are reported and become its exit code. */
export async function runReported(
  { flags, reporter, interrupt, ...context }: CommandContext,
  prepare: () => Promise<PreparedBatch | NothingToDo>,
): Promise<BatchEnd> {
  try {
    const prepared = await prepare();
    if ("nothing" in prepared) {
      reporter.note(prepared.nothing);
      return { exitCode: EXIT.done };
    }
    const { config, options, warnings = [], engine: engineOf, model, notes = [], run = runBatch } = prepared;
    const { given = [], lateWarnings = () => [] } = prepared;
    reporter.failuresFile = await failuresFile(prepared.writes ?? config);
    reporter.remedies = prepared.remedies ?? {};
    reporter.next = prepared.next;
    reporter.single = options?.only !== undefined;
    const sayNotes = (): void => notes.forEach((note) => reporter.note(note));
    const decides = options?.decision !== undefined; // it may yet be refused
    if (!decides) sayNotes();
    for (const notice of warnings) reporter.onEvent({ type: "warning", ...notice });
    configureOwnProcess();
    const engine = await context.engine(engineOf ?? engineOptions(flags));
    const warn = (message: string): void => reporter.onEvent({ type: "warning", message });
    const otherModel = model && checkModelOfRun({ model }, engine.model, flags.model !== undefined);
    if (otherModel !== undefined) warn(otherModel);
    const help = whatHelps(engine.model.manifest, config);
    refuseSameSeeds(help, config);
    for (const message of ignoredWarnings(help, given)) warn(message);
    reporter.offers = help.offers;
    if (process.stderr.isTTY && isEmbedded(engine.model.directory) && isFirstTime("stand-in", process.env))
      reporter.note(STAND_IN);
    const { signal, drain } = interrupt;
    const onPreview = canAsk(flags)
      ? (preview: PreviewResult, ended: AbortSignal) =>
          askAboutPreview(preview, ended, { help, settings: reporter.settingsOf(preview) })
      : undefined;
    const summary = await run(engine, config, {
      ...options,
      signal,
      drain,
      ...(onPreview && { onPreview }),
      onEvent: (event) => {
        reporter.onEvent(event);
        if (event.type !== "batch-started") return;
        if (decides) sayNotes();
        for (const notice of lateWarnings()) reporter.onEvent({ type: "warning", ...notice });
      },
    });
    if (summary === undefined) {
      if (prepared.nothingLeft !== undefined) reporter.note(prepared.nothingLeft);
      return { exitCode: EXIT.done };
    }
    if (summary.preview !== undefined && interrupt.exitCode === undefined)
      return { exitCode: EXIT.previewWaits, summary };
    if (summary.unfinished > 0 && interrupt.exitCode !== undefined)
      return { exitCode: sayStopped(interrupt.exitCode), summary };
    return { exitCode: exitCodeOf(summary), summary };
  } catch (error) {
    reporter.stop();
    if (interrupt.exitCode !== undefined && interrupt.isStop(error))
      return { exitCode: sayStopped(interrupt.exitCode) };
    (context.onError ?? ((fault) => printError(fault, Boolean(flags.json))))(error);
    return { exitCode: exitCodeFor(error), error };
  } finally {
    reporter.stop();
  }
}

/** Says which signal ended the command. @returns the exit code */
export function sayStopped(exitCode: number): number {
  const [name] = Object.entries(ENDING_SIGNALS).find(([, code]) => code === exitCode)!;
  process.stderr.write(`stopped by ${name}\n`);
  return exitCode;
}
