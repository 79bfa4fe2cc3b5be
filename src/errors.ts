/** The errors of the engine as callers see them: classes, codes, and facts about an error. */
export {
  BatchProcessingError,
  ClassificationError,
  ConfigurationError,
  ImageProcessingError,
  InferenceError,
  makeError,
  ModelError,
  QueueError,
  ResourceError,
  ValidationError,
  ZipExtractionError,
  type ErrorDetails,
} from "./errors/classes.js";
export { isOutOfMemory, isPageFailure, isRetryable, messageOf, remedyFor, systemCode } from "./errors/facts.js";
export { ERROR_CODES, ERROR_TABLE, type ErrorClassName, type ErrorCode, type ErrorFacts } from "./errors/table.js";
