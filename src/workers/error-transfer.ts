/**
 * Errors of the engine across a thread boundary: structured clone keeps only the message, so class, code and details
 * travel as data.
 */
import * as errors from "../errors.js";

/** An error as plain data. */
export interface ErrorData {
  readonly className: string;
  readonly message: string;
  readonly stack: string | undefined;
  readonly code: string | undefined;
  readonly imagePath?: string;
  readonly entryName?: string | undefined;
  readonly cause?: ErrorData;
}

const MAX_CAUSES = 8;

/** The data of an error and of its causes, down to eight. */
export function errorToData(error: unknown, depth = 0): ErrorData {
  if (!(error instanceof Error))
    return { className: "Error", message: String(error), stack: undefined, code: undefined };
  return {
    className: error.constructor.name,
    message: error.message,
    stack: error.stack,
    code: "code" in error && typeof error.code === "string" ? error.code : undefined,
    ...(error instanceof errors.ImageProcessingError ? { imagePath: error.imagePath } : {}),
    ...(error instanceof errors.ZipExtractionError ? { entryName: error.entryName } : {}),
    ...(error.cause === undefined || depth >= MAX_CAUSES ? {} : { cause: errorToData(error.cause, depth + 1) }),
  };
}

type PlainClass = new (
  code: errors.ErrorCode,
  message: string,
  details: errors.ErrorDetails,
) => errors.BatchProcessingError;

/** Classes made from code, message and cause alone. */
const PLAIN_CLASSES: Record<string, PlainClass> = {
  BatchProcessingError: errors.BatchProcessingError,
  ConfigurationError: errors.ConfigurationError,
  ResourceError: errors.ResourceError,
  QueueError: errors.QueueError,
  ValidationError: errors.ValidationError,
  ClassificationError: errors.ClassificationError,
  ModelError: errors.ModelError,
  InferenceError: errors.InferenceError,
};

/**
 * The error again, of its own class with its stack; what is no error of the engine becomes an Error with its `code`.
 */
export function errorFromData(data: ErrorData): Error {
  const error = revive(data);
  if (data.stack !== undefined) error.stack = data.stack;
  return error;
}

function revive(data: ErrorData): Error {
  const { className, message, imagePath, entryName } = data;
  const details = data.cause === undefined ? {} : { cause: errorFromData(data.cause) };
  const code = isErrorCode(data.code) ? data.code : undefined;
  const plain = PLAIN_CLASSES[className];
  if (code !== undefined && imagePath !== undefined)
    return new errors.ImageProcessingError(code, message, { ...details, imagePath });
  if (code !== undefined && className === "ZipExtractionError")
    return new errors.ZipExtractionError(code, message, { ...details, entryName });
  if (code !== undefined && plain !== undefined) return new plain(code, message, details);
  return Object.assign(new Error(message, details), data.code === undefined ? {} : { code: data.code });
}

function isErrorCode(code: string | undefined): code is errors.ErrorCode {
  return code !== undefined && Object.hasOwn(errors.ERROR_CODES, code);
}
