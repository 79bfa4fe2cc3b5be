/** The signals that end a command in good order: SIGINT, SIGTERM and SIGHUP, with their exit codes. */
import { isatty } from "node:tty";
import { EXIT } from "./output/exit-codes.js";

/** The exit codes that shells give to the signals. */
export const ENDING_SIGNALS = { SIGINT: EXIT.interrupted, SIGTERM: EXIT.terminated, SIGHUP: EXIT.hungUp } as const;

export type EndingSignal = keyof typeof ENDING_SIGNALS;

const NAMES = Object.keys(ENDING_SIGNALS) as EndingSignal[];

/** Calls the listener at each of the signals. @returns what ends that */
export function onEndingSignal(listener: (name: EndingSignal) => void): () => void {
  watchTerminal();
  for (const name of NAMES) process.on(name, listener);
  return () => {
    for (const name of NAMES) process.off(name, listener);
  };
}

let isWatched = false;

/**
 * Ends the process by SIGHUP, which shells report as 129, where its terminal has gone, with the signal or without.
 * Node.js cannot reset such a terminal at an ordinary exit and aborts, which would pass for a crash.
 */
function watchTerminal(): void {
  if (isWatched) return;
  isWatched = true;
  const terminals = [0, 1, 2].filter((stream) => isatty(stream));
  if (terminals.length === 0) return;
  process.once("exit", () => {
    if (terminals.every((stream) => isatty(stream))) return;
    process.removeAllListeners("SIGHUP");
    process.kill(process.pid, "SIGHUP");
  });
}
