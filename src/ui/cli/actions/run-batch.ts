/** Runs one batch as a command: opens the engine, reports progress, handles signals, returns the exit code. */
import { Engine } from "../../../colorization/engine.js";
import type { EngineOptions } from "../../../colorization/engine-options.js";
import type { BatchConfig } from "../../../config/batch-config.js";
import type { PreviewResult } from "../../../core/events.js";
import { runBatch, type RunBatchOptions } from "../../../core/run-batch.js";
import { checkModelOfRun } from "../../../core/run-model.js";
import type { RunRecord } from "../../../core/journal/entries.js";
import { configureSharpForOwnProcess } from "../../../io/image/own-process.js";
import { failuresFile } from "../../../core/output/work-folder.js";
import { EXIT, exitCodeFor, exitCodeOf } from "../output/exit-codes.js";
import { listenForSignals } from "../interrupt.js";
import { startLogging } from "./start-logging.js";
import { askAboutPreview, canAsk } from "../output/preview-prompt.js";
import { printError } from "../output/report-errors.js";
import { Reporter, type Remedies } from "../output/reporter.js";
import { isEmbedded, isFirstTime, STAND_IN } from "../output/stand-in.js";
import { engineOptions, type RunFlags } from "../flags/run-flags.js";
import type { GivenSetting } from "./gather-settings.js";
import { ignoredWarnings, refuseSameSeeds, whatHelps } from "./what-helps.js";

/** What is to be coloured. */
export interface PreparedBatch {
  readonly config: BatchConfig;
  readonly options?: RunBatchOptions;
  /** About the settings; shown before the batch starts. */
  readonly warnings?: readonly string[];
  /** The engine of the run that is continued. Default: what the flags say. */
  readonly engine?: EngineOptions;
  /** The model of the run that is continued. */
  readonly model?: RunRecord["model"];
  /** Settings that were given; those that the model ignores get a warning. */
  readonly given?: readonly GivenSetting[];
  /** About the input; asked once its pages are known. */
  readonly lateWarnings?: () => string[];
  /** What was decided; shown before the batch starts. */
  readonly notes?: readonly string[];
  /** What to do about failures, if the command knows better than the error table. By code. */
  readonly remedies?: Remedies;
  /** Takes back what was prepared; called when the batch fails before any page was coloured. */
  readonly abandon?: () => Promise<void>;
}

/** Nothing is left to colour, which is not an error. */
export interface NothingToDo {
  readonly nothing: string;
}

/**
 * Runs a batch and reports how it goes.
 * @param prepare its errors are reported as the batch's own
 * @returns the exit code
 */
export async function runBatchCommand(
  flags: RunFlags,
  prepare: () => Promise<PreparedBatch | NothingToDo>,
): Promise<number> {
  const json = Boolean(flags.json);
  const reporter = new Reporter({
    json,
    quiet: Boolean(flags.quiet),
    logs: Boolean(flags.verbose) || flags.logLevel !== undefined,
    out: process.stdout,
    err: process.stderr,
    env: process.env,
  });
  const interrupt = listenForSignals(flags.drain * 1000);
  let abandon: PreparedBatch["abandon"];
  try {
    startLogging(flags);
    const prepared = await prepare();
    if ("nothing" in prepared) {
      reporter.note(prepared.nothing);
      return EXIT.done;
    }
    const { config, options, warnings = [], engine: engineOf, model, notes = [] } = prepared;
    const { given = [], lateWarnings = () => [] } = prepared;
    ({ abandon } = prepared);
    reporter.failuresFile = failuresFile(config);
    reporter.remedies = prepared.remedies ?? {};
    reporter.single = options?.only !== undefined;
    for (const note of notes) reporter.note(note);
    for (const message of warnings) reporter.onEvent({ type: "warning", message });
    configureSharpForOwnProcess();
    await using engine = await Engine.open(engineOf ?? engineOptions(flags));
    const warn = (message: string): void => reporter.onEvent({ type: "warning", message });
    const otherModel = model && checkModelOfRun({ model }, engine.model, flags.model !== undefined);
    if (otherModel !== undefined) warn(otherModel);
    const help = whatHelps(engine.model.manifest, config);
    refuseSameSeeds(help, config);
    for (const message of ignoredWarnings(help, given)) warn(message);
    reporter.example = help.example;
    if (process.stderr.isTTY && isEmbedded(engine.model.directory) && isFirstTime("stand-in", process.env))
      reporter.note(STAND_IN);
    const { signal, drain } = interrupt;
    const onPreview = canAsk(flags)
      ? (preview: PreviewResult, ended: AbortSignal) => askAboutPreview(preview, ended, { help })
      : undefined;
    const summary = await runBatch(engine, config, {
      ...options,
      signal,
      drain,
      ...(onPreview && { onPreview }),
      onEvent: (event) => {
        reporter.onEvent(event);
        if (event.type === "page-completed" && event.kept !== true) abandon = undefined;
        if (event.type === "batch-started") for (const message of lateWarnings()) warn(message);
      },
    });
    if (summary.unfinished === 0 && summary.failed > 0) await abandon?.();
    if (summary.preview !== undefined && interrupt.exitCode === undefined) return EXIT.previewWaits;
    if (summary.unfinished > 0 && interrupt.exitCode !== undefined) return sayStopped(interrupt.exitCode);
    return exitCodeOf(summary);
  } catch (error) {
    reporter.stop();
    await abandon?.();
    if (interrupt.exitCode !== undefined && interrupt.reasons.includes(error)) return sayStopped(interrupt.exitCode);
    printError(error, json);
    return exitCodeFor(error);
  } finally {
    reporter.stop();
    interrupt.stop();
  }
}

function sayStopped(exitCode: number): number {
  process.stderr.write(`stopped by ${exitCode === EXIT.interrupted ? "SIGINT" : "SIGTERM"}\n`);
  return exitCode;
}
