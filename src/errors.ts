/**
 * The one family of errors. Every error thrown by the engine is a `BatchProcessingError` or a subclass of it and
 * carries a stable `code` from `ERROR_CODES`; callers match the code, never the text. Messages name the value, the rule
 * it broke and the remedy. Cancelling through an `AbortSignal` rejects with the signal's own reason instead.
 */

/** Every code the engine can raise, with when it is raised. New codes are added here and nowhere else. */
export const ERROR_CODES = {
  // binding: the addon and ONNX Runtime
  ERR_ADDON_LOAD: "the native addon is missing or cannot be loaded",
  ERR_RUNTIME_LOAD: "the ONNX Runtime library is missing, is not a loadable library, or has the wrong version",
  ERR_PROVIDER_UNAVAILABLE: "an execution provider cannot start; the message says which library is missing",
  ERR_SESSION_OPTION: "a session or provider option has an unknown name or a bad value",
  ERR_SESSION_CREATE: "ONNX Runtime refused a model",
  ERR_TENSOR_NAME: "a run names an input or output the model does not have, or leaves one out",
  ERR_TENSOR_DTYPE: "a tensor's dtype is unknown or is not the one that is needed",
  ERR_TENSOR_DIMS: "a tensor's dims do not fit its data, its view or the model",
  ERR_TENSOR_DEVICE: "a tensor is not where the operation needs it, such as reading device memory as host data",
  ERR_DISPOSED: "a session, tensor or binding is used after dispose()",
  ERR_RUN: "a model run failed inside ONNX Runtime",
  ERR_OUT_OF_MEMORY: "host or device memory ran out",
  ERR_DEVICE_LOST: "the device was reset or lost; the process must be restarted",
  // model packages
  ERR_MODEL_NOT_FOUND: "no model package at the path",
  ERR_MODEL_MANIFEST: "the manifest is not valid",
  ERR_MODEL_FILE: "a file of the package is missing, damaged or foreign",
  ERR_MODEL_WEIGHTS: "a weight is missing, extra or has the wrong shape or dtype",
  ERR_MODEL_GRAPH: "a graph cannot be built from its config",
  // images, classification
  ERR_IMAGE_DECODE: "a picture cannot be decoded",
  ERR_IMAGE_UNSUPPORTED: "a picture is valid, but of a form that is not read, or would come out blank",
  ERR_IMAGE_LIMIT: "a picture is larger than the limit",
  ERR_IMAGE_ENCODE: "a picture cannot be encoded",
  ERR_CLASSIFICATION: "a picture cannot be classified",
  ERR_HINTS: "a page's colour hints do not fit the page or cannot be read",
  // inputs and outputs
  ERR_INPUT_NOT_FOUND: "an input path does not exist or cannot be read",
  ERR_INPUT_EMPTY: "an input holds no picture to colour",
  ERR_NO_REFERENCES: "there is no coloured reference",
  ERR_ZIP_FORMAT: "an archive is not a ZIP or is damaged",
  ERR_ZIP_ENTRY: "an archive entry is refused or damaged",
  ERR_ZIP_LIMIT: "an archive or an entry of it goes over a limit",
  ERR_OUTPUT_WRITE: "an output cannot be written",
  ERR_OUTPUT_LOCKED: "another run works on the output",
  ERR_RUN_NOT_FOUND: "an output holds no journal of a run that could be gone on with",
  ERR_PAGE_CRASHED: "a page has ended the process twice and is set aside",
  ERR_OUTPUT_EXISTS: "an output exists and overwriting was not asked for",
  // configuration, usage
  ERR_CONFIG: "a configuration value is unknown or breaks a rule",
  ERR_ARGUMENT: "an argument of a public function breaks a rule",
  ERR_STATE: "a call is not possible in the object's present state",
  // last resort
  ERR_INTERNAL: "a bug in the engine",
} as const;

/** A stable error code. */
export type ErrorCode = keyof typeof ERROR_CODES;

/** What every error takes besides its message. */
export interface ErrorDetails {
  /** The error or value that led to this one. */
  cause?: unknown;
}

/**
 * Root of all errors of the engine. Raised itself for misuse of a state (`ERR_STATE`) and for bugs (`ERR_INTERNAL`).
 */
export class BatchProcessingError extends Error {
  readonly code: ErrorCode;
  constructor(code: ErrorCode, message: string, details: ErrorDetails = {}) {
    super(message, "cause" in details ? { cause: details.cause } : undefined);
    this.name = new.target.name;
    this.code = code;
  }
}

/** A picture cannot be decoded, coloured or encoded (`ERR_IMAGE_*`). The page fails, the batch goes on. */
export class ImageProcessingError extends BatchProcessingError {
  /** The picture's path or entry name as the user gave it. */
  readonly imagePath: string;
  constructor(code: ErrorCode, message: string, details: ErrorDetails & { imagePath: string }) {
    super(code, message, details);
    this.imagePath = details.imagePath;
  }
}

/** A configuration file, flag or environment value breaks a rule (`ERR_CONFIG`, `ERR_NO_REFERENCES`). */
export class ConfigurationError extends BatchProcessingError {}

/**
 * Memory, a device, a library or storage is not to be had (`ERR_OUT_OF_MEMORY`, `ERR_PROVIDER_UNAVAILABLE`,
 * `ERR_OUTPUT_WRITE`, …).
 */
export class ResourceError extends BatchProcessingError {}

/** The queue is misused. */
export class QueueError extends BatchProcessingError {}

/** An argument breaks a rule (`ERR_ARGUMENT`, `ERR_TENSOR_*`, `ERR_INPUT_*`). */
export class ValidationError extends BatchProcessingError {}

/** An archive or an entry of one is refused (`ERR_ZIP_*`). */
export class ZipExtractionError extends BatchProcessingError {
  /** The entry's name; undefined when the whole archive is refused. */
  readonly entryName: string | undefined;
  constructor(code: ErrorCode, message: string, details: ErrorDetails & { entryName?: string | undefined } = {}) {
    super(code, message, details);
    this.entryName = details.entryName;
  }
}

/** A picture cannot be told apart (`ERR_CLASSIFICATION`). */
export class ClassificationError extends BatchProcessingError {}

/** A model package is missing, damaged or does not fit (`ERR_MODEL_*`). */
export class ModelError extends BatchProcessingError {}

/** A session cannot be made or a run failed (`ERR_SESSION_*`, `ERR_RUN`, `ERR_DEVICE_LOST`). */
export class InferenceError extends BatchProcessingError {}

/** The error's message, or the value as text where something else was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/**
 * Whether memory ran out: the engine's error, or V8's where a buffer could not be made (a RangeError that has no code
 * of its own).
 */
export function isOutOfMemory(error: unknown): boolean {
  if (error instanceof BatchProcessingError) return error.code === "ERR_OUT_OF_MEMORY";
  return error instanceof RangeError && /allocation failed/iu.test(error.message);
}

/** The `code` of a Node system error, such as `ENOENT`; undefined for anything else. */
export function systemCode(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}
