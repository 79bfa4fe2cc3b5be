/**
 * Makes an installed model with 8-bit weights from a package with float weights. The package's own licences and record
 * go with it. Every step can be killed; the same call goes on where it was.
 */
import { createHash } from "node:crypto";
import { copyFile, readdir, readFile, writeFile } from "node:fs/promises";
import { join, resolve } from "node:path";
import type { BuildProgress } from "../convert/build-package.js";
import { checkQuantizable, quantizePackage } from "../convert/quantize/quantize-package.js";
import { VERSION } from "../core/version.js";
import { ConfigurationError, ModelError, ResourceError } from "../errors.js";
import { modelDirectory } from "../model/default-model.js";
import { INSTALL_RECORD, installedModels, modelsFolders, userModelsFolder } from "../model/installed-models.js";
import { EMBEDDED_NAME, isModelName, isModelVersion } from "../model/model-name.js";
import { openModelPackage, type ModelPackage } from "../model/package.js";
import { withInstallLock, type LockOptions } from "./install-lock.js";

/** What to quantize, and what to call the result. */
export interface QuantizeModelOptions extends LockOptions {
  /** An installed model, or the folder of a package. */
  readonly model: string;
  /** Default: the model's name and `-int8`. */
  readonly name?: string | undefined;
  /** Folder of models. Default: the user's. */
  readonly folder?: string | undefined;
  /** Make the package again where it is installed already. */
  readonly overwrite?: boolean | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** The names are known and the work begins. */
  readonly onStart?: (result: { readonly name: string; readonly version: string; readonly directory: string }) => void;
  readonly onProgress?: (progress: BuildProgress) => void;
  /** For tests: see `quantizePackage`. */
  readonly minElements?: number;
}

/** An installed package with quantized weights. */
export interface QuantizedModel {
  readonly name: string;
  readonly version: string;
  readonly opened: ModelPackage;
  readonly source: ModelPackage;
  /** It was there already. */
  readonly wasThere: boolean;
}

/** Texts beside a package that say under which terms it is used. */
const LICENCE_FILES = /^(?:LICEN[CS]E|NOTICE)[A-Za-z0-9._-]*$/u;

/**
 * Quantizes it.
 * @throws ModelError `ERR_MODEL_NOT_FOUND`, `ERR_MODEL_QUANTIZE`, `ERR_MODEL_FILE`, `ERR_MODEL_MANIFEST`;
 * ConfigurationError `ERR_CONFIG` for a name that is none; ResourceError `ERR_OUTPUT_EXISTS`, `ERR_OUTPUT_WRITE`; the
 * signal's reason
 */
export async function quantizeModel(options: QuantizeModelOptions): Promise<QuantizedModel> {
  const { env, onProgress, minElements } = options;
  const from = modelDirectory(options.model, env);
  const source = await openModelPackage(from, { verify: false });
  checkQuantizable(source);
  const { name, version } = nameOf(source, options);
  const folder = resolve(options.folder ?? userModelsFolder(env));
  const directory = join(folder, name, version);
  if (directory === source.directory)
    throw new ConfigurationError("ERR_CONFIG", `${name}@${version} is the model it would be made from`, {
      remedy: "give another name with --name",
    });
  return withInstallLock(folder, options, async (assertHeld) => {
    const found = options.overwrite === true ? undefined : await openIntact(directory);
    if (found?.manifest.quantization?.madeFrom === source.hash)
      return { name, version, opened: found, source, wasThere: true };
    if (found !== undefined)
      throw new ResourceError("ERR_OUTPUT_EXISTS", `${directory} holds another model`, {
        remedy: "replace it with --overwrite, or give another name with --name",
      });
    options.onStart?.({ name, version, directory });
    await openModelPackage(from); // a damaged weight would be damaged for good
    const opened = await quantizePackage({
      source,
      directory,
      overwrite: true, // a damaged package, or one that is to be made again
      resumeKey: createHash("sha256")
        .update(JSON.stringify([VERSION, "int8", source.hash]))
        .digest("hex"),
      finish: (unfinished) => copyRecord(source, unfinished, { name, version }),
      onProgress: (progress) => {
        assertHeld();
        onProgress?.(progress);
      },
      ...(minElements === undefined ? {} : { minElements }),
    });
    return { name, version, opened, source, wasThere: false };
  });
}

/** The package, if it is there with all its files; what is damaged is made again. */
async function openIntact(directory: string): Promise<ModelPackage | undefined> {
  return openModelPackage(directory, { verify: false }).catch((error: unknown) => {
    if (error instanceof ModelError) return undefined;
    throw error;
  });
}

/** The name and version under which the result is installed: the source's own, where it is installed. */
function nameOf(
  { directory, manifest }: ModelPackage,
  { name: asked, env }: QuantizeModelOptions,
): { readonly name: string; readonly version: string } {
  const installed = modelsFolders(env)
    .flatMap((folder) => installedModels(folder))
    .find((one) => one.directory === directory);
  const own = installed?.name ?? (isModelName(manifest.name) ? manifest.name : undefined);
  const name = asked ?? (own === undefined ? undefined : `${own}-int8`);
  if (name === undefined || !isModelName(name) || name === EMBEDDED_NAME)
    throw new ConfigurationError(
      "ERR_CONFIG",
      `${JSON.stringify(name ?? manifest.name)} cannot be the name of an installed model: lower-case letters, digits, ".", "_" and "-", and not ${EMBEDDED_NAME}`,
      { remedy: "give one with --name" },
    );
  const version = installed?.version ?? manifest.version;
  return { name, version: isModelVersion(version) ? version : "1" };
}

/** The source's licences, and its record with the new name and what it was made from. */
async function copyRecord(
  { directory, hash }: ModelPackage,
  to: string,
  { name, version }: { readonly name: string; readonly version: string },
): Promise<void> {
  for (const file of await readdir(directory))
    if (LICENCE_FILES.test(file)) await copyFile(join(directory, file), join(to, file));
  const text = await readFile(join(directory, INSTALL_RECORD), "utf8").catch(() => "{}");
  const record = {
    ...(JSON.parse(text) as Record<string, unknown>),
    name,
    version,
    installedAt: new Date().toISOString(),
    quantizedFrom: { directory, hash },
  };
  await writeFile(join(to, INSTALL_RECORD), `${JSON.stringify(record, null, 2)}\n`, { flush: true });
}
