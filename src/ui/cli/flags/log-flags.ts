/** The flags that say what is logged and where. */
import { Option, type Command } from "commander";
import { LOG_LEVELS, type LogLevel } from "../../../logging/levels.js";
import { choice, markUsedAtOnce } from "./flag-values.js";

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
  const level = new Option("--log-level <level>", "least severe level to log (default: INFO; DEBUG with --verbose)");
  level.argChoices = [...LEVELS];
  return command
    .addOption(markUsedAtOnce(level.argParser(choice("--log-level", LEVELS, (text) => text.toUpperCase()))))
    .option("--log-file <file>", "append log lines (JSON) to this file; at 10 MiB and at midnight it is renamed")
    .option("--log-dir <dir>", "write log files batch_processing_YYYYMMDD_HHMMSS.log here; the last ten are kept")
    .option("--verbose", "log in detail, to standard error too")
    .option("--quiet", "print only errors and the result; log files are still written");
}
