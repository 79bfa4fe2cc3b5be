/** Errors of worker threads that end or cannot start: the system gives no memory or thread, or something else. */
import { messageOf, ResourceError } from "../errors.js";
import { EXHAUSTED_REMEDY, isExhausted } from "../errors/exhausted.js";
import { ThreadNotStarted } from "./task-thread.js";

/** The error of a task whose thread ended or did not start. @param cause as the thread's `run` gives it */
export function threadError(task: string, cause: unknown): ResourceError {
  const isNew = cause instanceof ThreadNotStarted;
  const reason = isNew ? (cause.cause ?? cause) : cause;
  const why = messageOf(reason);
  const details = { cause: reason, remedy: EXHAUSTED_REMEDY };
  if (isNew && isExhausted(reason))
    return new ResourceError(
      "ERR_OUT_OF_MEMORY",
      `the system gives no further thread or memory; the worker thread of the task "${task}" could not start (${why})`,
      details,
    );
  const what = `the worker thread of the task "${task}" ${isNew ? "could not start" : "ended"} (${why})`;
  return isExhausted(reason)
    ? new ResourceError("ERR_OUT_OF_MEMORY", `${what}: memory ran out`, details)
    : new ResourceError("ERR_WORKER_THREAD", what, { cause: reason, remedy: "run the task again" });
}
