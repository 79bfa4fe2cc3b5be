/** The worker threads' side of the pool. piscina loads this file in each worker and calls the default export once per task. */
import { move, Piscina, transferableSymbol, valueSymbol } from "piscina";
import { resize } from "../binding/pixels.js";
import { decodeImage, encodeImage, hardenDecoder } from "../io/image-codec.js";
import { errorToData, type ErrorData } from "./error-transfer.js";
import { classifyPage, openPage } from "./open-page.js";
import type { TaskMap, TaskName, TaskPayload, TaskResult } from "./task-types.js";
import { transferables } from "./transfer.js";

/** One task as it is posted. */
export interface TaskMessage<K extends TaskName = TaskName> {
  readonly task: K;
  readonly payload: TaskPayload<K>;
}

/** What comes back: errors as data, since a thrown error would lose its class on the way. */
export type TaskReply<K extends TaskName = TaskName> = { readonly value: TaskResult<K> } | { readonly error: ErrorData };

const HANDLERS: { readonly [K in keyof TaskMap]: (payload: TaskPayload<K>) => Promise<TaskResult<K>> } = {
  decode: ({ bytes, name, options }) => decodeImage(bytes, name, options),
  classify: ({ bytes, name, options }) => classifyPage(bytes, name, options),
  "open-page": ({ bytes, name, options }) => openPage(bytes, name, options),
  resize: async ({ image, width, height, filter, box }) => resize(image, width, height, filter, box),
  encode: ({ image, name, options }) => encodeImage(image, options, name),
};

if (Piscina.isWorkerThread) hardenDecoder();

/** Does one task; typed arrays in the result are moved to the main thread. */
export default async function runTask<K extends TaskName>({ task, payload }: TaskMessage<K>): Promise<unknown> {
  let reply: TaskReply<K>;
  try {
    reply = { value: await HANDLERS[task](payload) };
  } catch (error) {
    reply = { error: errorToData(error) };
  }
  return move({ [transferableSymbol]: transferables(reply) as never, [valueSymbol]: reply });
}
