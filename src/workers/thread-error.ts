/** Errors of worker threads that end: memory ran out, or something else. */
import { messageOf, ResourceError, systemCode } from "../errors.js";

/** Codes of Node for a worker thread that has no memory: its heap is full, or the thread cannot be created. */
const NO_MEMORY = new Set(["ERR_WORKER_OUT_OF_MEMORY", "ERR_WORKER_INIT_FAILED", "ENOMEM", "EAGAIN"]);

/** The error of a task whose thread ended. @param cause as the pool of threads reports it */
export function threadError(task: string, cause: unknown): ResourceError {
  const what = `the worker thread of the task "${task}" ended (${messageOf(cause)})`;
  return NO_MEMORY.has(systemCode(cause) ?? "")
    ? new ResourceError("ERR_OUT_OF_MEMORY", `${what}; fewer threads (maxThreads) need less memory`, { cause })
    : new ResourceError("ERR_WORKER_THREAD", `${what}`, { cause, remedy: "run the task again" });
}
