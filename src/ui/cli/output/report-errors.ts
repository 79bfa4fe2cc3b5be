/**
 * Reports the failure of a command: a line on standard error, with `--json` one on standard output, and the exit code.
 */
import { toJsonLine } from "../../../core/json-lines.js";
import { BatchProcessingError, messageOf, remedyFor, type ErrorCode } from "../../../errors.js";
import { printable } from "../../../text/printable.js";
import { exitCodeFor } from "./exit-codes.js";
import { asStarted } from "./program-name.js";

/** Reports an error to a person and, with `json`, to a machine. A bug is reported with its stack. */
export function printError(error: unknown, json = false): void {
  const code = error instanceof BatchProcessingError ? error.code : "ERR_INTERNAL";
  if (json) {
    if (error instanceof BatchProcessingError) printFatalLine(code, error.message, error.remedy);
    else printFatalLine(code, messageOf(error));
  }
  process.stderr.write(`error: ${printable(asStarted(messageOf(error)))} [${code}]\n`);
  if (code === "ERR_INTERNAL" && error instanceof Error) process.stderr.write(`${printable(error.stack ?? "")}\n`);
}

/** The last line of `--json` if a command cannot continue. */
export function printFatalLine(code: ErrorCode, message: string, remedy = remedyFor(code)): void {
  process.stdout.write(toJsonLine({ type: "fatal", code, message, remedy: asStarted(remedy) }));
}

/** Runs a command's work; an error is reported and becomes the exit code. */
export async function reportErrors(action: () => Promise<void>, json = false): Promise<void> {
  try {
    await action();
  } catch (error) {
    printError(error, json);
    process.exitCode = exitCodeFor(error);
  }
}
