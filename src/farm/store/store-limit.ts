/** A page whose files are larger than the store takes: it fails alone. */
import { pageFailure } from "../../colorization/request/page-failure.js";
import type { FailedPage } from "../../colorization/request/page-request.js";
import { BatchProcessingError } from "../../errors.js";

/**
 * The failure of a page whose file, hints or references could not be kept.
 * @throws error where it is of another kind: then the next page would meet it too
 */
export function storeLimitFailure(page: string, error: unknown): FailedPage {
  if (!(error instanceof BatchProcessingError && error.code === "ERR_STORE_LIMIT")) throw error;
  return { status: "failed", failure: pageFailure(page, "decode", error), warnings: [] };
}
