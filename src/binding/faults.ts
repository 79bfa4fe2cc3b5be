/** Turns what the addon throws (an Error with a `code`) into the engine's errors. */
import {
  BatchProcessingError,
  ERROR_CODES,
  type ErrorCode,
  InferenceError,
  messageOf,
  ResourceError,
  ValidationError,
} from "../errors.js";

type ErrorClass = new (code: ErrorCode, message: string, details?: { cause?: unknown }) => BatchProcessingError;

const CLASSES: Partial<Record<ErrorCode, ErrorClass>> = {
  ERR_RUNTIME_LOAD: ResourceError,
  ERR_PROVIDER_UNAVAILABLE: ResourceError,
  ERR_OUT_OF_MEMORY: ResourceError,
  ERR_SESSION_OPTION: ValidationError,
  ERR_TENSOR_NAME: ValidationError,
  ERR_TENSOR_DTYPE: ValidationError,
  ERR_TENSOR_DIMS: ValidationError,
  ERR_TENSOR_DEVICE: ValidationError,
  ERR_ARGUMENT: ValidationError,
  ERR_SESSION_CREATE: InferenceError,
  ERR_RUN: InferenceError,
  ERR_DEVICE_LOST: InferenceError,
};

function codeOf(error: unknown): string | undefined {
  return error instanceof Error && "code" in error && typeof error.code === "string" ? error.code : undefined;
}

/** True where a job was settled because it was cancelled. */
export function isCancelled(error: Error): boolean {
  return codeOf(error) === "CANCELLED";
}

/** The engine's error for one of the addon; errors of the engine pass through. */
export function toEngineError(error: unknown): BatchProcessingError {
  if (error instanceof BatchProcessingError) return error;
  const code = codeOf(error);
  if (code === undefined || !(code in ERROR_CODES)) {
    return new BatchProcessingError(
      "ERR_INTERNAL",
      `the addon failed unexpectedly: ${messageOf(error)}. Please report this`,
      { cause: error },
    );
  }
  const known = code as ErrorCode;
  return new (CLASSES[known] ?? BatchProcessingError)(known, messageOf(error));
}

/** Calls into the addon; what it throws comes out as the engine's error. */
export function guarded<T>(call: () => T): T {
  try {
    return call();
  } catch (error) {
    throw toEngineError(error);
  }
}
