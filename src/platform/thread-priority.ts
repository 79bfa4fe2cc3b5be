/** Sets the priority of a thread beside others of its process. */
import { getPriority, setPriority } from "node:os";

/** About a third of the time that a thread of the usual priority gets, where both want it. */
const LOWER_BY = 5;
const LOWEST = 19;

/**
 * Lets the threads of the usual priority go first: the event loop, and those that feed devices. Linux keeps a priority
 * for each thread; elsewhere nothing happens, as it would be the whole process's. Call it in a worker thread.
 */
export function giveWay(): void {
  if (process.platform !== "linux") return;
  try {
    setPriority(0, Math.min(LOWEST, getPriority(0) + LOWER_BY));
  } catch {
    // A sandbox may forbid it; then all threads go on alike.
  }
}
