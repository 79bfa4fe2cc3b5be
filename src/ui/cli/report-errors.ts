/** How the small commands end: an error becomes a line on standard error and the exit code. */
import { BatchProcessingError, messageOf } from "../../errors.js";
import { exitCodeFor } from "./exit-codes.js";

export async function reportErrors(action: () => Promise<void>): Promise<void> {
  try {
    await action();
  } catch (error) {
    const code = error instanceof BatchProcessingError ? error.code : "ERR_INTERNAL";
    process.stderr.write(`error: ${messageOf(error)} [${code}]\n`);
    process.exitCode = exitCodeFor(error);
  }
}
