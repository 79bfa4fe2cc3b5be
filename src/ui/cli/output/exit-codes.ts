/** The exit codes of the command, and which error leads to which. */
import type { BatchSummary } from "../../../core/events.js";
import { BatchProcessingError, ERROR_TABLE, isRetryable } from "../../../errors.js";

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
  /** Ended by SIGHUP: the terminal or the connection has gone. */
  hungUp: 129,
  /** Interrupted by SIGINT (Ctrl-C). */
  interrupted: 130,
  /** Ended by SIGTERM. */
  terminated: 143,
} as const;

/** Exit code for an error that ended the command. */
export function exitCodeFor(error: unknown): number {
  if (!(error instanceof BatchProcessingError)) return EXIT.fatal;
  return isRetryable(error) ? EXIT.tryAgain : ERROR_TABLE[error.code].exitCode;
}

/** Exit code for a batch that came to its end. */
export function exitCodeOf({ completed, failures }: Pick<BatchSummary, "completed" | "failures">): number {
  if (failures.length === 0) return EXIT.done;
  if (completed > 0) return EXIT.somePagesFailed;
  return failures.every(({ code }) => ERROR_TABLE[code].exitCode === EXIT.tryAgain) ? EXIT.tryAgain : EXIT.fatal;
}

/** From good to bad; interruptions are handled before. */
const BY_SEVERITY: readonly number[] = [
  EXIT.done,
  EXIT.previewWaits,
  EXIT.somePagesFailed,
  EXIT.tryAgain,
  EXIT.fatal,
  EXIT.usage,
];

/** The exit code of a command that did several things: that of the worst. */
export function worstExitCode(codes: readonly number[]): number {
  return codes.reduce(
    (worst, code) => (BY_SEVERITY.indexOf(code) > BY_SEVERITY.indexOf(worst) ? code : worst),
    EXIT.done as number,
  );
}
