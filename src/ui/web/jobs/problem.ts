/** Errors as the HTTP API tells them (RFC 9457): the status of each code, and the same facts for a job that failed. */
import { STATUS_CODES } from "node:http";
import { BatchProcessingError, type ErrorCode } from "../../../errors.js";
import type { Problem } from "../api/schemas.js";
import { webRemedy } from "./remedies.js";

const STATUS: Partial<Record<ErrorCode, number>> = {
  ERR_JOB_NOT_FOUND: 404,
  ERR_INPUT_NOT_FOUND: 404,
  ERR_RUN_NOT_FOUND: 404,
  ERR_ARGUMENT: 400,
  ERR_CONFIG: 400,
  ERR_STATE: 409,
  ERR_OUTPUT_LOCKED: 409,
  ERR_OUTPUT_EXISTS: 409,
  ERR_OUTPUT_UNFINISHED: 409,
  ERR_OUTPUT_UNSAFE: 409,
  ERR_INPUT_GONE: 409,
  ERR_IMAGE_LIMIT: 413,
  ERR_ZIP_LIMIT: 413,
  ERR_STORE_LIMIT: 413,
  ERR_IMAGE_DECODE: 422,
  ERR_IMAGE_UNSUPPORTED: 422,
  ERR_ZIP_FORMAT: 422,
  ERR_ZIP_ENTRY: 422,
  ERR_INPUT_EMPTY: 422,
  ERR_NO_REFERENCES: 422,
  ERR_HINTS: 422,
  ERR_QUEUE_FULL: 503,
  ERR_QUEUE_CONNECTION: 503,
  ERR_STORE_CONNECTION: 503,
  ERR_QUEUE_JOB: 409,
  ERR_NOT_ON_FARM: 501,
  ERR_OUT_OF_MEMORY: 503,
  ERR_OUTPUT_WRITE: 507,
};

/** The HTTP status of an error's code; 500 for what is nobody's mistake but the server's. */
export function statusOf(code: ErrorCode): number {
  return STATUS[code] ?? 500;
}

/** An error as a problem. What is no error of the engine tells nothing about itself. */
export function problemOf(error: unknown): Problem {
  const known = error instanceof BatchProcessingError ? error : undefined;
  const code = known?.code ?? "ERR_INTERNAL";
  const status = statusOf(code);
  return {
    type: "about:blank",
    title: STATUS_CODES[status]!,
    status,
    code,
    detail: known === undefined ? "internal server error; the server's log has the details" : known.message,
    remedy: webRemedy(code),
  };
}
