/** Finds the folder of a model package: by name, by path, or by default. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { ModelError } from "../errors.js";
import { packagePath } from "../platform/package-files.js";
import {
  findInstalled,
  INSTALL_RECORD,
  installedModels,
  modelsFolders,
  readDefault,
  versionsOf,
} from "./installed-models.js";
import { MANIFEST_FILE } from "./manifest.js";
import { EMBEDDED_NAME, parseModelName, type ModelReference } from "./model-name.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** Folder of the embedded model inside this package. */
export function embeddedModelDirectory(): string {
  return packagePath("models/default");
}

/**
 * The folder of a model. A plain word is the name of an installed model (`cobra`, `cobra@1-fp16`, `embedded`); where
 * none has that name, and for whatever else, it is the path of a package, or of a folder `NAME` with installed
 * versions.
 * @param named default: `COBRA_MODEL`, else what `model use` has chosen, else the embedded model
 * @throws ModelError `ERR_MODEL_NOT_FOUND` where a name or the default leads nowhere; a path is not looked at
 */
export function modelDirectory(named?: string, env: Environment = process.env): string {
  const given = named ?? (env["COBRA_MODEL"] || undefined);
  if (given === undefined) return defaultDirectory(env);
  const reference = parseModelName(given);
  if (reference === undefined) return packageAt(given);
  if (given === EMBEDDED_NAME) return embeddedModelDirectory();
  const found = findInstalled(reference, env);
  if (found !== undefined) return found.directory;
  if (existsSync(resolve(given))) return packageAt(given);
  throw notInstalled(reference, env, `and there is no folder ${resolve(given)}`);
}

/** See `modelDirectory`. */
export function defaultModelDirectory(): string {
  return modelDirectory();
}

function defaultDirectory(env: Environment): string {
  const chosen = readDefault(env);
  if (chosen !== undefined && chosen.name !== EMBEDDED_NAME) {
    const found = findInstalled(chosen, env);
    if (found !== undefined) return found.directory;
    throw notInstalled(
      chosen,
      env,
      "although `model use` has made it the default",
      "take that back with `cobra-batch model use embedded`, or ",
    );
  }
  const embedded = embeddedModelDirectory();
  if (existsSync(join(embedded, MANIFEST_FILE))) return embedded;
  throw new ModelError("ERR_MODEL_NOT_FOUND", "no model was named and this version has no embedded one", {
    remedy:
      "name a model package with --model or COBRA_MODEL, or build one with random weights to try the pipeline: cobra-batch model untrained --out DIR",
  });
}

/** A path as it is, or the version installed last where it is the folder of an installed model. */
function packageAt(path: string): string {
  const folder = resolve(path);
  if (existsSync(join(folder, MANIFEST_FILE))) return folder;
  const installed = versionsOf(folder).find(({ directory }) => existsSync(join(directory, INSTALL_RECORD)));
  return installed?.directory ?? folder;
}

function notInstalled({ name, version }: ModelReference, env: Environment, why: string, advice = ""): ModelError {
  const word = version === undefined ? name : `${name}@${version}`;
  const all = modelsFolders(env).flatMap((folder) => installedModels(folder));
  const words = all.map((one) => `${one.name}@${one.version}`);
  return new ModelError(
    "ERR_MODEL_NOT_FOUND",
    `no model ${JSON.stringify(word)} is installed ${why}; installed: ${words.join(", ") || "none"}`,
    { remedy: `${advice}install one with \`cobra-batch model install cobra\`, or give the path of a model package` },
  );
}
