/**
 * A chapter's failure as the queue keeps it: one text, which is all that a job's failure has room for. The remedy is
 * its last line.
 */
import { UnrecoverableError } from "bullmq";
import { BatchProcessingError, messageOf } from "../../errors.js";

const MARK = "\nremedy: ";

/** Why a chapter failed, and what to do about it. */
interface JobFailure {
  readonly reason: string;
  readonly remedy: string;
}

/** Fails a chapter's job, which is not tried again. */
export function finalFailure({ reason, remedy }: JobFailure): UnrecoverableError {
  return new UnrecoverableError(reason + MARK + remedy);
}

/** The error with which a worker gives a chapter up, or tries it again. */
export function jobError(error: unknown): Error {
  if (error instanceof UnrecoverableError) return error;
  const text =
    error instanceof BatchProcessingError ? `${error.message} [${error.code}]${MARK}${error.remedy}` : messageOf(error);
  return new Error(text, { cause: error });
}

/**
 * What the queue has kept. A text without a remedy, such as the queue's own about a worker that was lost, gets the one
 * that always helps.
 */
export function parseFailure(text: string, id: string): JobFailure {
  const at = text.lastIndexOf(MARK);
  if (at < 0) return { reason: text, remedy: `submit it again with \`cobra-batch queue retry ${id}\`` };
  return { reason: text.slice(0, at), remedy: text.slice(at + MARK.length) };
}
