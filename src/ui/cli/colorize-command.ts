/** `cobra-batch colorize`: flags → settings → one batch, with progress, results and exit codes. */
import { Command, Option } from "commander";
import { Engine } from "../../colorization/engine.js";
import { parseBatchConfig } from "../../config/batch-config.js";
import { runBatch } from "../../core/batch.js";
import { BatchProcessingError, messageOf } from "../../errors.js";
import { defaultModelDirectory } from "../../model/default-model.js";
import { EXIT, exitCodeFor } from "./exit-codes.js";
import { integer } from "./flag-values.js";
import { startLogging, withLogFlags, type LogFlags } from "./log-flags.js";
import { Reporter } from "./reporter.js";
import { gatherSettings, withSettingFlags, type SettingFlags } from "./setting-flags.js";

interface Flags extends SettingFlags, LogFlags {
  fresh?: boolean;
  drain: number;
  model?: string;
  provider?: string;
  fallback?: boolean;
  threads?: number;
  json?: boolean;
}

/** The command, ready to be added to the program. */
export function colorizeCommand(): Command {
  return withLogFlags(withSettingFlags(new Command("colorize")))
    .summary("colour a chapter of line art with coloured references")
    .description(
      "Colours every line-art page of a chapter, given as a folder or a ZIP/CBZ, with the colours of its references.\n" +
        "Without --reference-dir the coloured pictures of the chapter itself are the references; they are told apart by themselves.",
    )
    .option("--fresh", "do all pages anew instead of going on where an earlier run was stopped")
    .option("--drain <seconds>", "how long pages in colouring may take to finish after SIGINT or SIGTERM", integer, 10)
    .option("--model <dir>", "model package (default: COBRA_MODEL, else the embedded model)")
    .addOption(new Option("--provider <name>", "where the networks run").choices(["cpu", "cuda", "tensorrt", "webgpu"]).default("cpu"))
    .option("--fallback", "use the CPU where the provider cannot start")
    .option("--threads <number>", "CPU threads of a network run (default: as many as cores)", integer)
    .option("--json", "one JSON object a line on standard output, for machines")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch colorize chapter.cbz
  cobra-batch colorize --input-zip chapter.cbz --output-zip coloured.cbz --steps 4
  cobra-batch colorize --input-dir pages --reference-dir colour --output-dir coloured --style line

The same command again goes on where a run was stopped or killed; finished pages are kept.
The first SIGINT or SIGTERM finishes the pages in colouring, the second gives them up, the third ends at once.

Exit codes: 0 all pages done, 1 nothing could be done, 2 some pages failed, 64 wrong flags,
75 worth trying again (memory, storage), 130 or 143 interrupted.`,
    )
    .action(async (input: string | undefined, flags: Flags) => {
      process.exitCode = await colorize(input, flags);
    });
}

async function colorize(input: string | undefined, flags: Flags): Promise<number> {
  const reporter = new Reporter({ json: Boolean(flags.json), quiet: Boolean(flags.quiet), out: process.stdout, err: process.stderr });
  const interrupt = listenForSignals(flags.drain * 1000);
  try {
    startLogging(flags);
    const { settings, pageConfig } = await gatherSettings(input, flags, process.env);
    const { config, warnings } = parseBatchConfig(settings);
    for (const message of warnings) reporter.onEvent({ type: "warning", message });
    await using engine = await Engine.open({
      model: flags.model ?? defaultModelDirectory(),
      session: { provider: flags.provider as "cpu", fallback: flags.fallback ?? false, ...(flags.threads ? { intraOpThreads: flags.threads } : {}) },
    });
    const { signal, drain } = interrupt;
    const summary = await runBatch(engine, config, { signal, drain, fresh: Boolean(flags.fresh), pageConfig, onEvent: (event) => reporter.onEvent(event) });
    if (summary.unfinished > 0 && interrupt.exitCode !== undefined) return sayStopped(interrupt.exitCode);
    return summary.failed > 0 ? (summary.completed > 0 ? EXIT.somePagesFailed : EXIT.fatal) : EXIT.done;
  } catch (error) {
    if (interrupt.exitCode !== undefined && interrupt.reasons.includes(error)) return sayStopped(interrupt.exitCode);
    reportFatal(error, Boolean(flags.json));
    return exitCodeFor(error);
  } finally {
    interrupt.stop();
  }
}

function reportFatal(error: unknown, json: boolean): void {
  const code = error instanceof BatchProcessingError ? error.code : "ERR_INTERNAL";
  if (json) process.stdout.write(`${JSON.stringify({ type: "fatal", code, message: messageOf(error) })}\n`);
  process.stderr.write(`error: ${messageOf(error)} [${code}]\n`);
  if (code === "ERR_INTERNAL" && error instanceof Error) process.stderr.write(`${error.stack}\n`);
}

function sayStopped(exitCode: number): number {
  process.stderr.write(`stopped by ${exitCode === EXIT.interrupted ? "SIGINT" : "SIGTERM"}\n`);
  return exitCode;
}

/** What signals ask for. */
interface Interrupt {
  /** Aborted by the first SIGINT or SIGTERM: take nothing new. */
  readonly drain: AbortSignal;
  /** Aborted by the second, or when draining has taken too long: give up. */
  readonly signal: AbortSignal;
  /** The two signals' reasons once they are aborted. */
  readonly reasons: readonly unknown[];
  /** 130 or 143 after the first signal. */
  readonly exitCode: number | undefined;
  stop(): void;
}

/** Listens for SIGINT and SIGTERM; the third ends the process at once. */
function listenForSignals(drainMs: number): Interrupt {
  const drain = new AbortController();
  const cancel = new AbortController();
  let exitCode: number | undefined;
  let deadline: NodeJS.Timeout | undefined;
  const onSignal = (name: NodeJS.Signals): void => {
    exitCode ??= name === "SIGINT" ? EXIT.interrupted : EXIT.terminated;
    const reason = new Error(`stopped by ${name}`);
    if (cancel.signal.aborted) process.exit(exitCode);
    if (drain.signal.aborted) cancel.abort(reason);
    drain.abort(reason);
    deadline ??= setTimeout(() => cancel.abort(reason), drainMs);
  };
  process.on("SIGINT", onSignal);
  process.on("SIGTERM", onSignal);
  return {
    drain: drain.signal,
    signal: cancel.signal,
    get reasons() {
      return [drain.signal.reason, cancel.signal.reason];
    },
    get exitCode() {
      return exitCode;
    },
    stop: () => {
      clearTimeout(deadline);
      process.off("SIGINT", onSignal);
      process.off("SIGTERM", onSignal);
    },
  };
}
