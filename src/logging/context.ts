/**
 * Which job and page a log line concerns. The ids travel with the asynchronous work itself (AsyncLocalStorage), so code
 * far below the batch names them on its lines without being told, also with several pages in flight.
 */
import { AsyncLocalStorage } from "node:async_hooks";

/** Ids on a log line. */
export interface LogContext {
  /** Id of the batch. */
  readonly job?: string;
  /** Name of the page in its input. */
  readonly page?: string;
}

const storage = new AsyncLocalStorage<LogContext>();

/** Runs `work`; lines logged by it and by everything it starts carry the ids, besides those around it. */
export function withLogContext<T>(context: LogContext, work: () => T): T {
  return storage.run({ ...storage.getStore(), ...context }, work);
}

/** The ids around the caller. */
export function logContext(): LogContext {
  return storage.getStore() ?? {};
}
