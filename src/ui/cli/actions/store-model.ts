/**
 * The model of a farm's command: one that is named or chosen on this machine, else the one that the store offers. So a
 * machine needs the addresses of the queue and the store, and nothing that is installed beforehand.
 */
import { join } from "node:path";
import { ModelError } from "../../../errors.js";
import type { QueuedModel } from "../../../farm/queue/farm-queue.js";
import { fetchModel, readOffered } from "../../../farm/store/farm-model.js";
import type { OfferedModel } from "../../../farm/store/offered-model.js";
import { RemoteStore } from "../../../farm/store/remote-store.js";
import { withInstallLock } from "../../../install/install-lock.js";
import { modelDirectory } from "../../../model/default-model.js";
import { readDefault } from "../../../model/installed-models.js";
import { parseModelName } from "../../../model/model-name.js";
import { openModelPackage } from "../../../model/package.js";
import { userCacheFolder } from "../../../platform/user-folders.js";
import { bytesText } from "../../../text/bytes-text.js";
import { queuedModel, queuedModelText, type OpenStore } from "./open-farm.js";

/**
 * The model of the store, where this machine is to use it: it names none and has chosen none, or it names this one and
 * has not installed it.
 */
export function offeredModel(named: string | undefined, store: OpenStore): OfferedModel | undefined {
  const offered = store instanceof RemoteStore ? store.model : undefined;
  if (offered === undefined) return undefined;
  const given = named ?? (process.env["COBRA_MODEL"] || undefined);
  if (given === undefined) return readDefault() === undefined ? offered : undefined;
  const reference = parseModelName(given);
  if (reference?.name !== offered.name || (reference.version ?? offered.version) !== offered.version) return undefined;
  try {
    modelDirectory(given);
    return undefined;
  } catch (error) {
    if (error instanceof ModelError && error.code === "ERR_MODEL_NOT_FOUND") return offered;
    throw error;
  }
}

/**
 * Folder of the model that the store offers, fetched if this machine has not done so; undefined where the machine has a
 * model of its own.
 * @throws ModelError `ERR_MODEL_*`; errors of the store
 */
export async function fetchedModel(
  named: string | undefined,
  store: OpenStore,
  say: (text: string) => void,
): Promise<string | undefined> {
  const offered = offeredModel(named, store);
  if (offered === undefined || !(store instanceof RemoteStore)) return undefined;
  const folder = join(userCacheFolder(process.env), "store", "models");
  const fetching = (size: number): void =>
    say(`fetching ${queuedModelText(offered)} from the store: ${bytesText(size)}`);
  return withInstallLock(folder, { onWait: say }, () => fetchModel(store, offered, folder, fetching));
}

/** Reads what is known of the model that the store offers; undefined where the machine has a model of its own. */
export function offeredFacts(
  named: string | undefined,
  store: OpenStore,
): (() => ReturnType<typeof readOffered>) | undefined {
  const offered = offeredModel(named, store);
  return offered === undefined || !(store instanceof RemoteStore) ? undefined : () => readOffered(store, offered);
}

/** The model that a chapter's pages are submitted for. @throws ModelError `ERR_MODEL_*` */
export async function submittedModel(named: string | undefined, store: OpenStore): Promise<QueuedModel> {
  return offeredModel(named, store) ?? queuedModel(await openModelPackage(modelDirectory(named), { verify: false }));
}
