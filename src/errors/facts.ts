/** Facts about any caught error, ours or not. */
import { types } from "node:util";
import { shown } from "./arguments.js";
import { BatchProcessingError, factsOf } from "./classes.js";
import { ERROR_TABLE, isErrorCode, type ErrorCode } from "./table.js";

/** Whether a value is an error, of whatever realm: a test runner's contexts have an `Error` of their own. */
export function isError(value: unknown): value is Error {
  return value instanceof Error || types.isNativeError(value);
}

/**
 * An error as one text for a terminal or a log: its message, followed by its remedy where that is not the table's for
 * the code. The value as text where something else was thrown.
 */
export function messageOf(error: unknown): string {
  if (error instanceof BatchProcessingError && isErrorCode(error.code))
    return withRemedy(error.message, error.remedy === remedyFor(error.code) ? undefined : error.remedy);
  if (isError(error)) return error.message;
  try {
    return String(error);
  } catch {
    return shown(error); // an object that has no text
  }
}

/** What happened and what to do about it, as one text. */
export function withRemedy(message: string, remedy: string | undefined): string {
  if (remedy === undefined) return message;
  return message.includes("\n") ? `${message}\n${remedy}` : `${message}; ${remedy}`;
}

/**
 * Whether memory ran out: the engine's error, or V8's if a buffer could not be made (a RangeError that has no code
 * of its own).
 */
export function isOutOfMemory(error: unknown): boolean {
  if (error instanceof BatchProcessingError) return error.code === "ERR_OUT_OF_MEMORY";
  return isError(error) && error.name === "RangeError" && /allocation failed/iu.test(error.message);
}

/** The `code` of a Node system error, such as `ENOENT`; undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  return isError(error) && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/**
 * System errors that are the machine's and not the call's: once the disk has room, the folder may be written or the
 * mount is back, the same call continues.
 */
const PASSING: ReadonlySet<string | undefined> = new Set([
  "ENOSPC",
  "EDQUOT",
  "EMFILE",
  "ENFILE",
  "EIO",
  "EBUSY",
  "EAGAIN",
  "EACCES",
  "EPERM",
  "EROFS",
  "ENOENT",
  "ENODEV",
  "ENXIO",
  "ESTALE",
  "ENOTCONN",
]);

/** Whether the same call can succeed later with nothing changed in it. False for what is no error of the engine. */
export function isRetryable(error: unknown): boolean {
  if (!(error instanceof BatchProcessingError)) return false;
  const { retryable } = ERROR_TABLE[error.code];
  return retryable === "depends" ? PASSING.has(systemCode(error.cause)) : retryable === "yes";
}

/** What to do about an error, in one line: the table's remedy. */
export function remedyFor(code: ErrorCode): string {
  return factsOf(code).remedy;
}

/**
 * Whether an error is about what was read, so that other files can still be used. Those of the pool and the engine are
 * not: they would be the next file's as well.
 */
export function isFileFailure(error: unknown): error is BatchProcessingError {
  return isPageFailure(error) && ERROR_TABLE[error.code].group !== "engine";
}

/** Whether an error concerns one page only, so that the batch continues without it. */
export function isPageFailure(error: unknown): error is BatchProcessingError {
  return error instanceof BatchProcessingError && ERROR_TABLE[error.code].scope === "page";
}
