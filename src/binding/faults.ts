/** Turns what the addon throws (an Error with a `code`) into the engine's errors. */
import { BatchProcessingError, messageOf, systemCode } from "../errors.js";
import { makeError } from "../errors/classes.js";
import { isErrorCode } from "../errors/table.js";

/** True where a job was settled because it was cancelled. */
export function isCancelled(error: Error): boolean {
  return systemCode(error) === "CANCELLED";
}

/** The engine's error for one of the addon; errors of the engine pass through. */
export function toEngineError(error: unknown): BatchProcessingError {
  if (error instanceof BatchProcessingError) return error;
  const code = systemCode(error);
  if (!isErrorCode(code)) {
    return new BatchProcessingError(
      "ERR_INTERNAL",
      `the addon failed unexpectedly: ${messageOf(error)}. Please report this`,
      { cause: error },
    );
  }
  return makeError(code, messageOf(error));
}

/** Calls into the addon; what it throws comes out as the engine's error. */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw toEngineError(error);
  }
}
