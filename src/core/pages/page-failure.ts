/** A page's failure as people and machines are told it: where, why, and what to do. */
import type { BatchProcessingError, ErrorCode } from "../../errors.js";
import type { FailureStage, PageFailure } from "../events.js";

const REMEDIES: Partial<Record<ErrorCode, string>> = {
  ERR_IMAGE_DECODE: "open the picture in a viewer and save it again as PNG, or take it out of the input",
  ERR_IMAGE_UNSUPPORTED: "convert the picture as the message says, such as to PNG with 8 bits a sample",
  ERR_IMAGE_LIMIT: "make the picture smaller",
  ERR_IMAGE_ENCODE: "save the page as PNG: the output takes the input's format",
  ERR_CLASSIFICATION: "name the references with --reference-dir, so that pages are not told apart",
  ERR_HINTS:
    "correct the page's colorHints in the configuration file and run the same command again; the finished pages are kept",
  ERR_NO_REFERENCES: "name references that can be read for this page, or leave its referenceImages out",
  ERR_INPUT_NOT_FOUND: "check that the file is still there and may be read",
  ERR_ZIP_ENTRY: "unpack the archive with another program and pack it again, or give the folder",
  ERR_ZIP_LIMIT: "unpack the archive and give the folder",
  ERR_PAGE_CRASHED:
    "look at the picture, then try it once more with `cobra-batch retry <output> --failed`, perhaps with --set maxConcurrent=1 or fewer steps",
  ERR_OUT_OF_MEMORY: "run again with --max-concurrent 1, fewer --top-k, or on a machine with more memory",
};

/** What to do about an error, in one line. */
export function remedyFor(code: ErrorCode): string {
  return REMEDIES[code] ?? "run the same command again; if it stays, report it with --verbose output";
}

export function pageFailure(page: string, stage: FailureStage, { code, message }: BatchProcessingError): PageFailure {
  return { page, stage, code, message, remedy: remedyFor(code) };
}
