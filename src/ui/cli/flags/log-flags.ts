/** The flags that say what is logged and where. */
import { InvalidArgumentError, Option, type Command } from "commander";
import { LOG_LEVELS, setupLogging, type LoggingSetup, type LogLevel } from "../../../logging.js";

export interface LogFlags {
  logLevel?: LogLevel;
  logFile?: string;
  logDir?: string;
  verbose?: boolean;
  quiet?: boolean;
}

const LEVELS: readonly LogLevel[] = LOG_LEVELS.filter((level) => level !== "SILENT");

/** Adds the flags to a command. */
export function withLogFlags(command: Command): Command {
  return command
    .addOption(
      new Option(
        "--log-level <level>",
        `least level that is logged: ${LEVELS.join(", ")} (default: INFO; DEBUG with --verbose); on standard error where no file is named`,
      ).argParser((text: string) => {
        const level = text.toUpperCase() as LogLevel;
        if (!LEVELS.includes(level)) throw new InvalidArgumentError(`The levels are ${LEVELS.join(", ")}.`);
        return level;
      }),
    )
    .option("--log-file <file>", "append log lines (JSON) to this file; replaced when it is full or a day is over")
    .option("--log-dir <dir>", "write log files batch_processing_YYYYMMDD_HHMMSS.log here, ten at most")
    .option("--verbose", "log what happens in detail, on standard error too")
    .option("--quiet", "say nothing but errors and the result; log files are written all the same");
}

/**
 * Sets logging up as the flags say; undefined where they ask for none. The terminal gets lines with `--verbose`, or
 * with `--log-level` where no file is named, and never with `--quiet`.
 * @throws ResourceError `ERR_OUTPUT_WRITE` for a file that cannot be opened
 */
export function startLogging({
  logLevel,
  logFile,
  logDir,
  verbose = false,
  quiet = false,
}: LogFlags): LoggingSetup | undefined {
  const toFile = logFile !== undefined || logDir !== undefined;
  const console = !quiet && (verbose || (logLevel !== undefined && !toFile));
  if (!console && !toFile) return undefined;
  return setupLogging({
    level: logLevel ?? (verbose ? "DEBUG" : "INFO"),
    console,
    ...(logFile === undefined ? {} : { logFile }),
    ...(logDir === undefined ? {} : { logDir }),
  });
}
