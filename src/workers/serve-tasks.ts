/** The worker threads' side of the pool: piscina calls what `serveTasks` gives once per task. */
import { move, transferableSymbol, valueSymbol } from "piscina";
import { errorToData, type ErrorData } from "./error-transfer.js";
import type { TaskHandlers, TaskTable } from "./task-types.js";
import { transferables } from "./transfer.js";

/** One task as it is posted. */
export interface TaskMessage {
  readonly task: string;
  readonly payload: unknown;
}

/** What comes back: errors as data, since a thrown error would lose its class on the way. */
export type TaskReply = { readonly value: unknown } | { readonly error: ErrorData };

/** The function that a worker file exports as its default. Typed arrays in a result are moved to the main thread. */
export function serveTasks<Tasks extends TaskTable<Tasks>>(handlers: TaskHandlers<Tasks>): (message: TaskMessage) => Promise<unknown> {
  const table = handlers as Readonly<Record<string, (payload: unknown) => unknown>>;
  return async ({ task, payload }) => {
    let reply: TaskReply;
    try {
      reply = { value: await table[task]!(payload) };
    } catch (error) {
      reply = { error: errorToData(error) };
    }
    return move({ [transferableSymbol]: transferables(reply), [valueSymbol]: reply });
  };
}
