/**
 * Errors of the engine across a thread boundary: structured clone keeps only the message, so class, code and details
 * travel as data.
 */
import { BatchProcessingError, ImageProcessingError, ZipExtractionError, type ErrorClassName } from "../errors.js";
import { isError } from "../errors/facts.js";
import { ERROR_CLASSES, makeError } from "../errors/classes.js";
import { isErrorCode } from "../errors/table.js";

/** An error as plain data. */
export interface ErrorData {
  /** Undefined for what is no error of the engine. */
  readonly className: ErrorClassName | undefined;
  readonly message: string;
  readonly remedy?: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly imagePath?: string;
  readonly entryName?: string | undefined;
  readonly cause?: ErrorData;
}

const MAX_CAUSES = 8;

/** The data of an error and of its causes, down to eight. */
export function errorToData(error: unknown, depth = 0): ErrorData {
  if (!isError(error)) return { className: undefined, message: String(error), stack: undefined, code: undefined };
  return {
    className: error instanceof BatchProcessingError ? classNameOf(error) : undefined,
    message: error.message,
    stack: error.stack,
    code: "code" in error && typeof error.code === "string" ? error.code : undefined,
    ...(error instanceof BatchProcessingError ? { remedy: error.remedy } : {}),
    ...(error instanceof ImageProcessingError ? { imagePath: error.imagePath } : {}),
    ...(error instanceof ZipExtractionError ? { entryName: error.entryName } : {}),
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: errorToData(error.cause, depth + 1) }),
  };
}

/** By identity and not by the class's own name, which a bundler may change. */
function classNameOf(error: BatchProcessingError): ErrorClassName {
  const names = Object.keys(ERROR_CLASSES) as ErrorClassName[];
  return names.find((name) => error.constructor === ERROR_CLASSES[name]) ?? "BatchProcessingError";
}

/**
 * The error again, of its own class with its stack; what is no error of the engine becomes an Error with its `code`.
 */
export function errorFromData(data: ErrorData): Error {
  const error = revive(data);
  if (data.stack !== undefined) error.stack = data.stack;
  return error;
}

function revive({ className, message, remedy, code, cause, imagePath, entryName }: ErrorData): Error {
  const details = cause === undefined ? {} : { cause: errorFromData(cause) };
  if (isErrorCode(code) && className !== undefined)
    return makeError(code, message, { ...details, remedy, imagePath, entryName }, className);
  return Object.assign(new Error(message, details), code === undefined ? {} : { code });
}
