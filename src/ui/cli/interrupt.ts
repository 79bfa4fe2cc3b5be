/** SIGINT, SIGTERM and SIGHUP during a command: the first drains, the second cancels, the third ends the process. */
import { ENDING_SIGNALS, onEndingSignal, type EndingSignal } from "./ending-signals.js";

export interface Interrupt {
  /** Aborted by the first signal: start no further page. */
  readonly drain: AbortSignal;
  /** Aborted by the second, or when draining takes too long: abandon the pages in progress. */
  readonly signal: AbortSignal;
  /** Whether an error is the reason of one of the two. */
  isStop(error: unknown): boolean;
  /** 130, 143 or 129 after the first signal. */
  readonly exitCode: number | undefined;
  /** Stops listening. */
  stop(): void;
}

/** Listens until `stop()`. @param drainMs how long draining may take */
export function listenForSignals(drainMs: number): Interrupt {
  const drain = new AbortController();
  const cancel = new AbortController();
  let exitCode: number | undefined;
  let deadline: NodeJS.Timeout | undefined;
  const onSignal = (name: EndingSignal): void => {
    exitCode ??= ENDING_SIGNALS[name];
    const reason = new Error(`stopped by ${name}`);
    if (cancel.signal.aborted) process.exit(exitCode);
    if (drain.signal.aborted) cancel.abort(reason);
    drain.abort(reason);
    deadline ??= setTimeout(() => cancel.abort(reason), drainMs);
  };
  const stopListening = onEndingSignal(onSignal);
  return {
    drain: drain.signal,
    signal: cancel.signal,
    isStop: (error) => error !== undefined && [drain.signal.reason, cancel.signal.reason].includes(error),
    get exitCode() {
      return exitCode;
    },
    stop: () => {
      clearTimeout(deadline);
      stopListening();
    },
  };
}
