/** Removes installed models, and chooses the one that is opened when none is named. */
import { readdir, rename, rm, rmdir } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { unfinishedName } from "../convert/package-folder.js";
import { ModelError } from "../errors.js";
import { writeFileAtomic } from "../io/files/atomic-file.js";
import { outputError } from "../io/files/file-errors.js";
import {
  defaultFile,
  findInstalled,
  installedModels,
  modelsFolders,
  readDefault,
  userModelsFolder,
  versionsOf,
  type InstalledModel,
} from "../model/installed-models.js";
import { EMBEDDED_NAME, parseModelName, type ModelReference } from "../model/model-name.js";
import { withInstallLock, type LockOptions } from "./install-lock.js";
import { OriginalStore } from "./originals/store.js";
import { removeTree } from "../io/files/remove-tree.js";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Makes a model the default. `embedded` takes an earlier choice back.
 * @returns the name as it was chosen, with its folder
 * @throws ModelError `ERR_MODEL_NOT_FOUND`; ResourceError `ERR_OUTPUT_WRITE`
 */
export async function useModel(word: string, env: Environment): Promise<InstalledModel | undefined> {
  const reference = referenceOf(word);
  if (reference.name === EMBEDDED_NAME) {
    await rm(defaultFile(env), { force: true }).catch((cause: unknown) =>
      Promise.reject(outputError(defaultFile(env), cause)),
    );
    return undefined;
  }
  const found = findInstalled(reference, env);
  if (found === undefined) throw notInstalled(word, modelsFolders(env));
  await writeFileAtomic(defaultFile(env), Buffer.from(`${JSON.stringify({ model: word })}\n`), true);
  return found;
}

/** What to remove. */
export interface RemoveOptions extends LockOptions {
  /** NAME or NAME@VERSION. */
  readonly word: string;
  /** All versions, where there are several and none is named. */
  readonly all: boolean;
  /** Also what was fetched for it and kept (`--keep-originals`). */
  readonly originals?: boolean | undefined;
  /** Folder of models. Default: the user's. */
  readonly folder?: string | undefined;
  readonly env: Environment;
}

/** What was removed. */
export interface Removed {
  readonly folders: readonly string[];
  /** Where fetched originals stay, because they were to be kept; undefined where none do. */
  readonly keptAt: string | undefined;
}

/**
 * Removes a package, and what is left of unfinished ones of that name, downloads too.
 * @throws ModelError `ERR_MODEL_NOT_FOUND`; ResourceError `ERR_OUTPUT_WRITE`
 */
export async function removeModel(options: RemoveOptions): Promise<Removed> {
  const { word, all, originals = false, folder, env, ...lock } = options;
  const { name, version } = referenceOf(word);
  if (name === EMBEDDED_NAME)
    throw new ModelError("ERR_MODEL_NOT_FOUND", `${word} comes with the program and is not removed`, {
      remedy: "`cobra-batch model list` shows the installed models",
    });
  const models = resolve(folder ?? userModelsFolder(env));
  return withInstallLock(models, lock, async () => {
    const home = join(models, name);
    const versions = versionsOf(home);
    const chosen = versions.filter((one) => version === undefined || one.version === version);
    const unfinished = (await readdir(home).catch(() => []))
      .filter((entry) => /^\..+\.unfinished(?:-old)?$/u.test(entry))
      .map((entry) => join(home, entry))
      .filter((path) => version === undefined || path.startsWith(unfinishedName(join(home, version))));
    const store = new OriginalStore(models);
    const isStored = version === undefined && (await store.has(name));
    const takesOriginals = isStored && (originals || !(await store.isKept()));
    if (chosen.length === 0 && unfinished.length === 0 && !takesOriginals) throw notThere(word, models, env);
    if (chosen.length > 1 && !all)
      throw new ModelError(
        "ERR_MODEL_NOT_FOUND",
        `${name} has ${chosen.length} versions: ${chosen.map((one) => `${name}@${one.version}`).join(", ")}`,
        { remedy: "name one, or remove them all with --all" },
      );
    try {
      for (const { directory } of chosen) await removeWhole(directory);
      for (const path of unfinished) await removeTree(path);
      await rmdir(home).catch(() => {}); // other versions are left
      if (takesOriginals) await store.removeByName(name);
    } catch (cause) {
      throw outputError(home, cause);
    }
    await forgetDefault(env);
    return {
      folders: [...chosen.map(({ directory }) => directory), ...unfinished, ...(takesOriginals ? [store.folder] : [])],
      keptAt: isStored && !takesOriginals ? store.folder : undefined,
    };
  });
}

/** Whether a folder beside packages is one that was being removed. */
export function isRemoved(name: string): boolean {
  return /^\.\d+-\d+\.removed\.unfinished$/u.test(name);
}

/** Nobody opens half of it: it loses its name first. */
async function removeWhole(directory: string): Promise<void> {
  const aside = join(dirname(directory), `.${process.pid}-${Date.now()}.removed.unfinished`);
  await rename(directory, aside);
  await removeTree(aside);
}

/** A default that is gone is no default. */
async function forgetDefault(env: Environment): Promise<void> {
  const chosen = readDefault(env);
  if (chosen !== undefined && findInstalled(chosen, env) === undefined) await rm(defaultFile(env), { force: true });
}

function referenceOf(word: string): ModelReference {
  const reference = parseModelName(word);
  if (reference !== undefined) return reference;
  throw new ModelError("ERR_MODEL_NOT_FOUND", `${JSON.stringify(word)} is not the name of an installed model`, {
    remedy: "name one, such as cobra or cobra@1-fp16; `cobra-batch model list` shows them",
  });
}

function notThere(word: string, models: string, env: Environment): ModelError {
  const elsewhere = findInstalled(referenceOf(word), env);
  if (elsewhere === undefined) return notInstalled(word, [models]);
  return new ModelError("ERR_MODEL_NOT_FOUND", `${word} is not in ${models} but in ${elsewhere.directory}`, {
    remedy: `remove it there with --in ${dirname(dirname(elsewhere.directory))}`,
  });
}

function notInstalled(word: string, folders: readonly string[]): ModelError {
  const all = folders.flatMap((folder) => installedModels(folder)).map((one) => `${one.name}@${one.version}`);
  return new ModelError(
    "ERR_MODEL_NOT_FOUND",
    `no model ${JSON.stringify(word)} is installed; installed: ${all.join(", ") || "none"}`,
    { remedy: "`cobra-batch model install cobra` installs Cobra's own" },
  );
}
