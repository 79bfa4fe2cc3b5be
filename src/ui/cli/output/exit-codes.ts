/** The exit codes of the contract, and which error leads to which. */
import type { BatchSummary } from "../../../core/events.js";
import { BatchProcessingError, ResourceError, type ErrorCode } from "../../../errors.js";
import { isPassingWriteFault } from "../../../io/files/file-errors.js";

export const EXIT = {
  /** All pages done. */
  done: 0,
  /** Nothing could be done. */
  fatal: 1,
  /** Some pages failed, the others are written. */
  somePagesFailed: 2,
  /** A preview waits for approval. */
  previewWaits: 3,
  /** Wrong flags or settings. */
  usage: 64,
  /** Worth trying again: memory or storage ran out, a device was lost. */
  tryAgain: 75,
  /** Interrupted by SIGINT (Ctrl-C). */
  interrupted: 130,
  /** Ended by SIGTERM. */
  terminated: 143,
} as const;

const TRY_AGAIN: ReadonlySet<ErrorCode> = new Set(["ERR_OUT_OF_MEMORY", "ERR_DEVICE_LOST", "ERR_OUTPUT_LOCKED"]);

/** Exit code for an error that ended the command. */
export function exitCodeFor(error: unknown): number {
  if (!(error instanceof BatchProcessingError)) return EXIT.fatal;
  if (error.code === "ERR_CONFIG" || error.code === "ERR_ARGUMENT") return EXIT.usage;
  if (error.code === "ERR_OUTPUT_WRITE" && error instanceof ResourceError)
    return isPassingWriteFault(error) ? EXIT.tryAgain : EXIT.fatal;
  return TRY_AGAIN.has(error.code) ? EXIT.tryAgain : EXIT.fatal;
}

/** Exit code for a batch that came to its end. */
export function exitCodeOf({ completed, failures }: Pick<BatchSummary, "completed" | "failures">): number {
  if (failures.length === 0) return EXIT.done;
  if (completed > 0) return EXIT.somePagesFailed;
  return failures.every(({ code }) => TRY_AGAIN.has(code)) ? EXIT.tryAgain : EXIT.fatal;
}
