/**
 * The job and page of a log line. The ids travel with the asynchronous work (AsyncLocalStorage), so lines of code far
 * below the batch carry them too, with any number of pages in flight.
 */
import { AsyncLocalStorage } from "node:async_hooks";
import { checkArgument, checkObject } from "../errors/arguments.js";

/** Ids on a log line. */
export interface LogContext {
  /** Id of the batch. */
  readonly job?: string;
  /** Name of the page in its input. */
  readonly page?: string | undefined;
  /** Names of several pages that something is done for at once; then there is no `page`. */
  readonly pages?: readonly string[] | undefined;
}

const storage = new AsyncLocalStorage<LogContext>();

/** Runs `work`; lines logged by it and by everything it starts carry the ids, besides those around it. */
export function withLogContext<T>(context: LogContext, work: () => T): T {
  checkObject("the ids", context);
  checkArgument(typeof work === "function", "work", work, "a function");
  return storage.run({ ...storage.getStore(), ...context }, work);
}

/** The ids around the caller. */
export function logContext(): LogContext {
  return storage.getStore() ?? {};
}
