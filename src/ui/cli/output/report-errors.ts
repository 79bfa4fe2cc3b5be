/**
 * How commands tell that they failed: a line on standard error (with `--json` also one on standard output) and the exit
 * code.
 */
import { toJsonLine } from "../../../core/json-lines.js";
import { BatchProcessingError, messageOf } from "../../../errors.js";
import { printable } from "../../../text/printable.js";
import { exitCodeFor } from "./exit-codes.js";

/** Tells an error to a person and, with `json`, to a machine. A bug is told with its stack. */
export function printError(error: unknown, json = false): void {
  const code = error instanceof BatchProcessingError ? error.code : "ERR_INTERNAL";
  if (json) process.stdout.write(toJsonLine({ type: "fatal", code, message: messageOf(error) }));
  process.stderr.write(`error: ${printable(messageOf(error))} [${code}]\n`);
  if (code === "ERR_INTERNAL" && error instanceof Error) process.stderr.write(`${printable(String(error.stack))}\n`);
}

/** Runs a command's work; an error is told and becomes the exit code. */
export async function reportErrors(action: () => Promise<void>, json = false): Promise<void> {
  try {
    await action();
  } catch (error) {
    printError(error, json);
    process.exitCode = exitCodeFor(error);
  }
}
