/** Turns what the addon throws (an Error with a `code`, and perhaps a `remedy`) into the engine's errors. */
import { BatchProcessingError, messageOf, systemCode } from "../errors.js";
import { EXHAUSTED_REMEDY, isExhausted } from "../errors/exhausted.js";
import { isError } from "../errors/facts.js";
import { makeError } from "../errors/classes.js";
import { isErrorCode } from "../errors/table.js";

/** True if a job ended because it was cancelled. */
export function isCancelled(error: Error): boolean {
  return systemCode(error) === "CANCELLED";
}

/** Turns an error of the addon into the engine's; errors of the engine pass through. */
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
  // A library that the loader has no memory for is as good as ever.
  if (code === "ERR_RUNTIME_LOAD" && isExhausted(error))
    return makeError("ERR_OUT_OF_MEMORY", messageOf(error), { remedy: EXHAUSTED_REMEDY });
  return makeError(code, messageOf(error), { remedy: remedyOf(error) });
}

/** What the addon knows to do about it better than the table of codes. */
function remedyOf(error: unknown): string | undefined {
  return isError(error) && "remedy" in error && typeof error.remedy === "string" ? error.remedy : undefined;
}

/** Calls into the addon; what it throws becomes the engine's error. */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw toEngineError(error);
  }
}
