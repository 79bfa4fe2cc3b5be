/** One batch as a command: the engine opened, progress told, signals heard, an exit code at the end. */
import { Engine } from "../../colorization/engine.js";
import type { BatchConfig } from "../../config/batch-config.js";
import { runBatch, type RunBatchOptions } from "../../core/batch.js";
import { failuresFile } from "../../core/work-folder.js";
import { EXIT, exitCodeFor } from "./exit-codes.js";
import { listenForSignals } from "./interrupt.js";
import { startLogging } from "./log-flags.js";
import { printError } from "./report-errors.js";
import { Reporter } from "./reporter.js";
import { engineOptions, type RunFlags } from "./run-flags.js";

/** What is to be coloured. */
export interface PreparedBatch {
  readonly config: BatchConfig;
  readonly options?: RunBatchOptions;
  /** About the settings; told before the batch begins. */
  readonly warnings?: readonly string[];
}

/**
 * Runs a batch and tells how it goes.
 * @param prepare its errors are reported as the batch's own
 * @returns the exit code
 */
export async function runBatchCommand(flags: RunFlags, prepare: () => Promise<PreparedBatch>): Promise<number> {
  const json = Boolean(flags.json);
  const reporter = new Reporter({ json, quiet: Boolean(flags.quiet), out: process.stdout, err: process.stderr, env: process.env });
  const interrupt = listenForSignals(flags.drain * 1000);
  try {
    startLogging(flags);
    const { config, options, warnings = [] } = await prepare();
    reporter.failuresFile = failuresFile(config);
    for (const message of warnings) reporter.onEvent({ type: "warning", message });
    await using engine = await Engine.open(engineOptions(flags));
    const { signal, drain } = interrupt;
    const summary = await runBatch(engine, config, { ...options, signal, drain, onEvent: (event) => reporter.onEvent(event) });
    if (summary.preview !== undefined) return EXIT.previewWaits;
    if (summary.unfinished > 0 && interrupt.exitCode !== undefined) return sayStopped(interrupt.exitCode);
    return summary.failed > 0 ? (summary.completed > 0 ? EXIT.somePagesFailed : EXIT.fatal) : EXIT.done;
  } catch (error) {
    reporter.stop();
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
