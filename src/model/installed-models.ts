/**
 * Installed models: packages by name in the user's data folder and in folders that all users share. Below such a folder
 * a package lies at `NAME/VERSION`. Reading alone; `src/install` writes.
 */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { messageOf, ModelError, systemCode } from "../errors.js";
import { sharedDataFolders, userDataFolder } from "../platform/user-folders.js";
import { MANIFEST_FILE } from "./manifest.js";
import { isModelName, isModelVersion, parseModelName, type ModelReference } from "./model-name.js";

/** What an installation records inside the package's folder, beside the manifest's files. */
export const INSTALL_RECORD = ".install.json";
/** In the user's folder of models: the model that is opened when none is named. */
const DEFAULT_FILE = "default.json";
/** What the system and Node's permission model say of a file that may not be read. */
const FORBIDDEN: ReadonlySet<string | undefined> = new Set(["EACCES", "EPERM", "ERR_ACCESS_DENIED"]);

/** An installed package. */
export interface InstalledModel {
  readonly name: string;
  readonly version: string;
  /** Folder of the package. */
  readonly directory: string;
  /** Milliseconds since 1970. */
  readonly installedAt: number;
}

type Environment = Readonly<Record<string, string | undefined>>;

/** The user's folder of models. */
export function userModelsFolder(env: Environment = process.env): string {
  return join(userDataFolder(env), "models");
}

/** All folders of models, first the user's own. */
export function modelsFolders(env: Environment = process.env): string[] {
  return [userModelsFolder(env), ...sharedDataFolders(env).map((folder) => join(folder, "models"))];
}

/** The packages in a folder of models, by name, the one installed last first. A folder that is not there has none. */
export function installedModels(folder: string): InstalledModel[] {
  return names(folder)
    .filter(isModelName)
    .sort()
    .flatMap((name) => versionsOf(join(folder, name)).map((one) => ({ name, ...one })));
}

/** The packages in a folder `NAME`, the one installed last first. */
export function versionsOf(folder: string): Omit<InstalledModel, "name">[] {
  return names(folder)
    .filter((version) => isModelVersion(version) && existsSync(join(folder, version, MANIFEST_FILE)))
    .map((version) => {
      const directory = join(folder, version);
      return { version, directory, installedAt: installedAt(directory) };
    })
    .sort((a, b) => b.installedAt - a.installedAt || (a.version < b.version ? 1 : -1));
}

/**
 * The package that a name means. Without a version it is the one that `model use` has chosen, else the one installed
 * last; the user's own packages come before shared ones.
 */
export function findInstalled(
  { name, version }: ModelReference,
  env: Environment = process.env,
): InstalledModel | undefined {
  const chosen = version === undefined ? preferred(env) : undefined;
  const wanted = version ?? (chosen?.name === name ? chosen.version : undefined);
  for (const folder of modelsFolders(env)) {
    const found = versionsOf(join(folder, name)).find((one) => wanted === undefined || one.version === wanted);
    if (found !== undefined) return { name, ...found };
  }
  return undefined;
}

/** The choice of `model use`, where this process may read it: who names a model can do without. */
function preferred(env: Environment): ModelReference | undefined {
  try {
    return readDefault(env);
  } catch (error) {
    if (error instanceof ModelError && FORBIDDEN.has(systemCode(error.cause))) return undefined;
    throw error;
  }
}

/**
 * The model that `model use` has chosen; undefined where none was.
 * @throws ModelError `ERR_MODEL_NOT_FOUND` for a file that cannot be read
 */
export function readDefault(env: Environment = process.env): ModelReference | undefined {
  const path = defaultFile(env);
  try {
    const value: unknown = JSON.parse(readFileSync(path, "utf8"));
    const word = typeof value === "object" && value !== null && "model" in value ? value.model : undefined;
    const reference = typeof word === "string" ? parseModelName(word) : undefined;
    if (reference !== undefined) return reference;
    throw new RangeError("it does not name a model");
  } catch (cause) {
    if (systemCode(cause) === "ENOENT" || systemCode(cause) === "ENOTDIR") return undefined;
    throw new ModelError("ERR_MODEL_NOT_FOUND", `${path} cannot be read (${messageOf(cause)})`, {
      cause,
      remedy: "choose the default model again with `cobra-batch model use NAME`",
    });
  }
}

/** The file that holds the chosen model: `{"model": "cobra"}`. */
export function defaultFile(env: Environment = process.env): string {
  return join(userModelsFolder(env), DEFAULT_FILE);
}

function names(folder: string): string[] {
  try {
    return readdirSync(folder);
  } catch {
    return []; // not there, not a folder, or not for this user
  }
}

function installedAt(directory: string): number {
  try {
    const record: unknown = JSON.parse(readFileSync(join(directory, INSTALL_RECORD), "utf8"));
    const time = typeof record === "object" && record !== null && "installedAt" in record ? record.installedAt : 0;
    const ms = Date.parse(String(time));
    if (!Number.isNaN(ms)) return ms;
  } catch {
    // a package that was put there by hand
  }
  return statSync(join(directory, MANIFEST_FILE), { throwIfNoEntry: false })?.mtimeMs ?? 0;
}
