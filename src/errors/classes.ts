/**
 * The one family of errors. Every error thrown by the engine is a `BatchProcessingError` or a subclass of it and
 * carries a stable `code` of the table; callers match the code, never the text. The message names the value and the
 * rule it broke; `remedy` says what to do about it. Cancelling through an `AbortSignal` rejects with the signal's own
 * reason instead.
 */
import { ERROR_TABLE, isErrorCode, type ErrorClassName, type ErrorCode, type ErrorFacts } from "./table.js";

/** What every error takes besides its message. */
export interface ErrorDetails {
  /** The error or value that led to this one. */
  cause?: unknown;
  /** What to do about it, where this error knows better than the table does for its code. */
  remedy?: string | undefined;
}

/**
 * Root of all errors of the engine. Raised itself for misuse of a state (`ERR_STATE`) and for bugs (`ERR_INTERNAL`).
 */
export class BatchProcessingError extends Error {
  readonly code: ErrorCode;
  /**
   * What to do about it, said to people at a terminal: flags and commands included. The message never depends on it, so
   * that a program with another surface can give its users other advice.
   */
  readonly remedy: string;
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    // Code without types may give null; that must not hide the error that it is about.
    const { remedy, ...other } = (details as ErrorDetails | null) ?? {};
    super(message, "cause" in other ? { cause: other.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
    this.remedy = remedy ?? (isErrorCode(code) ? ERROR_TABLE[code].remedy : "");
  }
}

/** A picture cannot be decoded, coloured or encoded (`ERR_IMAGE_*`). The page fails, the batch continues. */
export class ImageProcessingError extends BatchProcessingError {
  /** The picture's path or entry name as the user gave it. */
  readonly imagePath: string;
  constructor(code: ErrorCode, message: string, details: ErrorDetails & { imagePath: string }) {
    super(code, message, details);
    this.imagePath = (details as typeof details | null | undefined)?.imagePath ?? "";
  }
}

/** A configuration file, flag or environment value breaks a rule (`ERR_CONFIG`, `ERR_NO_REFERENCES`). */
export class ConfigurationError extends BatchProcessingError {}

/**
 * Memory, a device, a library or storage is not to be had (`ERR_OUT_OF_MEMORY`, `ERR_PROVIDER_UNAVAILABLE`,
 * `ERR_OUTPUT_WRITE`, …).
 */
export class ResourceError extends BatchProcessingError {}

/** The queue is misused (`ERR_ARGUMENT`). */
export class QueueError extends BatchProcessingError {}

/** An argument breaks a rule (`ERR_ARGUMENT`, `ERR_TENSOR_*`, `ERR_INPUT_*`). */
export class ValidationError extends BatchProcessingError {}

/** An archive or an entry of one is refused (`ERR_ZIP_*`). */
export class ZipExtractionError extends BatchProcessingError {
  /** The entry's name; undefined when the whole archive is refused. */
  readonly entryName: string | undefined;
  constructor(code: ErrorCode, message: string, details: ErrorDetails & { entryName?: string | undefined } = {}) {
    super(code, message, details);
    this.entryName = (details as typeof details | null)?.entryName;
  }
}

/** A picture cannot be classified (`ERR_CLASSIFICATION`). */
export class ClassificationError extends BatchProcessingError {}

/** A model package is missing, damaged or does not fit (`ERR_MODEL_*`). */
export class ModelError extends BatchProcessingError {}

/** A session cannot be made or a run failed (`ERR_SESSION_*`, `ERR_RUN`, `ERR_DEVICE_LOST`). */
export class InferenceError extends BatchProcessingError {}

/** All classes by name. */
export const ERROR_CLASSES = {
  BatchProcessingError,
  ImageProcessingError,
  ConfigurationError,
  ResourceError,
  QueueError,
  ValidationError,
  ZipExtractionError,
  ClassificationError,
  ModelError,
  InferenceError,
} as const satisfies Readonly<Record<ErrorClassName, unknown>>;

/** The table's row of a code. @throws ValidationError `ERR_ARGUMENT` for what is no code */
export function factsOf(code: ErrorCode): ErrorFacts {
  if (isErrorCode(code)) return ERROR_TABLE[code];
  throw new ValidationError("ERR_ARGUMENT", "the error code is unknown; ERROR_TABLE has all of them");
}

/**
 * An error of the class that the table has for its code, or of another by name.
 * @throws ValidationError `ERR_ARGUMENT` for an unknown code or class
 */
export function makeError(
  code: ErrorCode,
  message: string,
  details: ErrorDetails & { imagePath?: string | undefined; entryName?: string | undefined } = {},
  className: ErrorClassName = factsOf(code).className,
): BatchProcessingError {
  if (!Object.hasOwn(ERROR_CLASSES, String(className)))
    throw new ValidationError(
      "ERR_ARGUMENT",
      `the class of an error is unknown; the classes are ${Object.keys(ERROR_CLASSES).join(", ")}`,
    );
  if (className === "ImageProcessingError")
    return new ImageProcessingError(code, message, { ...details, imagePath: details.imagePath ?? "" });
  return new ERROR_CLASSES[className](code, message, details);
}
