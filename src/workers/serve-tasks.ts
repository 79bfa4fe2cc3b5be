/** The worker thread's side of the pool: piscina calls the function that `serveTasks` returns once per task. */
import { move, transferableSymbol, valueSymbol } from "piscina";
import { collectGarbage } from "../memory/collect-garbage.js";
import { collectLogRecords, getLogger, type LogSettings } from "../logging.js";
import { giveWay } from "../platform/thread-priority.js";
import { errorToData, type ErrorData } from "./error-transfer.js";
import type { TaskTable } from "./task-table.js";
import { transferables } from "./transfer.js";

/** One task as it is posted. */
export interface TaskMessage {
  readonly task: string;
  readonly payload: unknown;
  /** How to log; absent while nobody listens. */
  readonly log?: LogSettings | undefined;
}

/** What comes back: errors as data, since a thrown error would lose its class on the way. */
export type TaskReply = ({ readonly value: unknown } | { readonly error: ErrorData }) & {
  readonly logRecords?: readonly string[];
};

const log = getLogger("worker");

/**
 * After a task with pictures of this many bytes its thread collects garbage: an idle thread would keep them, and
 * several have as many.
 */
const LARGE_BYTES = 2 ** 26;

/** The function that a worker file exports as its default. Typed arrays in a result are moved to the main thread. */
export function serveTasks(table: TaskTable): (message: TaskMessage) => Promise<unknown> {
  giveWay();
  const answer = async ({ task, payload }: TaskMessage): Promise<TaskReply> => {
    const started = performance.now();
    try {
      const value = await table[task]!(payload);
      log.debug({ task, ms: Math.round((performance.now() - started) * 10) / 10 }, "task done");
      return { value };
    } catch (error) {
      log.debug({ task, err: error }, "task failed");
      return { error: errorToData(error) };
    }
  };
  return async (message) => {
    const takenBytes = bytesOf(message.payload);
    const { value, records } = await collectLogRecords(message.log, () => answer(message));
    const reply: TaskReply = records.length === 0 ? value : { ...value, logRecords: records };
    if (takenBytes + bytesOf(reply) > LARGE_BYTES) setImmediate(collectGarbage);
    return move({ [transferableSymbol]: transferables(reply), [valueSymbol]: reply });
  };
}

function bytesOf(value: unknown): number {
  return transferables(value).reduce((sum, { byteLength }) => sum + byteLength, 0);
}
