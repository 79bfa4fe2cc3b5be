/** Opens what the commands of the farm need: the queue, the store, the model's facts. */
import { join } from "node:path";
import type { Redis } from "ioredis";
import { VERSION } from "../../../core/version.js";
import { ConfigurationError } from "../../../errors.js";
import { checkFarmName, connect, ping, type QueuedModel } from "../../../farm/queue/farm-queue.js";
import type { Submission } from "../../../farm/queue/submit-chapter.js";
import type { FarmStore } from "../../../farm/store/farm-store.js";
import { isStoreAddress, RemoteStore } from "../../../farm/store/remote-store.js";
import { SharedStore } from "../../../farm/store/shared-store.js";
import type { ModelPackage } from "../../../model/package.js";
import type { QueueFlags, StoreFlags } from "../flags/queue-flags.js";
import { userCacheFolder } from "../../../platform/user-folders.js";

/** A queue that answers. */
export interface OpenQueue extends Disposable {
  readonly redis: Redis;
  readonly url: string;
  readonly name: string;
}

/** @throws ConfigurationError `ERR_CONFIG`; ResourceError `ERR_QUEUE_CONNECTION` */
export async function openQueue({
  queue = process.env["COBRA_QUEUE"] || undefined,
  name,
}: QueueFlags): Promise<OpenQueue> {
  if (queue === undefined)
    throw new ConfigurationError("ERR_CONFIG", "no queue is named", {
      remedy: "give --queue redis://HOST:6379, or set COBRA_QUEUE",
    });
  checkFarmName(name);
  const redis = connect(queue);
  try {
    await ping(redis, queue);
  } catch (error) {
    redis.disconnect();
    throw error;
  }
  return { redis, url: queue, name, [Symbol.dispose]: () => redis.disconnect() };
}

/** Whether the store is named by an address. */
export function isRemote({ store = process.env["COBRA_STORE"] || undefined }: StoreFlags): boolean {
  return store !== undefined && isStoreAddress(store);
}

/** A store, and what lets go of it. */
export type OpenStore = FarmStore & Partial<AsyncDisposable>;

/** @throws as `SharedStore.open`, `RemoteStore.open`, and ConfigurationError `ERR_CONFIG` where none is named */
export function openStore({
  store = process.env["COBRA_STORE"] || undefined,
  token = process.env["COBRA_STORE_TOKEN"] || undefined,
}: StoreFlags): Promise<OpenStore> {
  if (store === undefined)
    throw new ConfigurationError("ERR_CONFIG", "no store is named", {
      remedy:
        "give --store, a folder that all machines of the farm share or the address of `cobra-batch store`, or set COBRA_STORE",
    });
  if (!isStoreAddress(store)) return SharedStore.open(store);
  if (token === undefined)
    throw new ConfigurationError("ERR_CONFIG", `no token is given for the store at ${store}`, {
      remedy: "give --token, as `cobra-batch store` printed it, or set COBRA_STORE_TOKEN",
    });
  return RemoteStore.open({ url: store, token, cache: join(userCacheFolder(process.env), "store") });
}

/** The model as a queue knows it. */
export function queuedModel({ hash, manifest: { name, version, trained } }: ModelPackage): QueuedModel {
  return { hash, name, version, trained };
}

/** What a person calls a model and a version. */
export function queuedModelText({ name, version, hash }: QueuedModel, program = VERSION): string {
  return `${name} ${version} (${hash.slice(0, 12)}), cobra-batch ${program}`;
}

/** What a person is told about a chapter that was submitted. */
export function submissionText({ id, queued, known, unreadable }: Submission): string {
  const more = `${known > 0 ? `, ${known} done already` : ""}${unreadable > 0 ? `, ${unreadable} cannot be read or stored` : ""}`;
  return `job ${id}: ${counted(queued, "page")} queued${more}`;
}

/** A number with its noun: 1 page, 2 pages. */
export function counted(number: number, noun: string): string {
  return `${number} ${noun}${number === 1 ? "" : "s"}`;
}
