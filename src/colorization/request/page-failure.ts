/** Describes a page's failure for people and for programs. */
import type { BatchProcessingError, ErrorCode } from "../../errors.js";

/** Where, why, and what to do about it. */
interface FailureFacts<Stage extends string> {
  readonly page: string;
  readonly stage: Stage;
  readonly code: ErrorCode;
  readonly message: string;
  readonly remedy: string;
}

export function pageFailure<Stage extends string>(
  page: string,
  stage: Stage,
  { code, message, remedy }: BatchProcessingError,
): FailureFacts<Stage> {
  return { page, stage, code, message, remedy };
}
