/** Starts logging according to a command's flags. */
import { setupLogging, type LoggingSetup } from "../../../logging.js";
import type { LogFlags } from "../flags/log-flags.js";

/**
 * Sets logging up; undefined if the flags ask for none. The terminal gets lines with `--verbose`, or with
 * `--log-level` if no file is named, and never with `--quiet`.
 * @throws ConfigurationError `ERR_CONFIG` for a file that is there and is no log; ResourceError `ERR_OUTPUT_WRITE` for
 * one that cannot be opened
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
