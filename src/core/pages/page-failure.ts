/** A page's failure as people and machines are told it: where, why, and what to do. */
import { remedyFor, type BatchProcessingError } from "../../errors.js";
import type { FailureStage, PageFailure } from "../events.js";

export function pageFailure(page: string, stage: FailureStage, { code, message }: BatchProcessingError): PageFailure {
  return { page, stage, code, message, remedy: remedyFor(code) };
}
