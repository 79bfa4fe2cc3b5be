/** Errors that belong to a request and not to the engine: they say their own HTTP status. */
import { BatchProcessingError, type ErrorCode } from "../../../errors.js";

/** A request that is refused. */
export class RequestError extends BatchProcessingError {
  /**
   * @param status the answer's
   * @param headers further headers of the answer
   */
  constructor(
    readonly status: number,
    code: ErrorCode,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(code, message);
  }
}

/** 413: more than a limit allows. */
export function tooLarge(message: string): RequestError {
  return new RequestError(413, "ERR_REQUEST_LIMIT", message);
}

/** 503, or 429 where one client has too much of it: the same request may work later. */
export function busy(status: 429 | 503, message: string): RequestError {
  return new RequestError(status, "ERR_QUEUE_FULL", message);
}
