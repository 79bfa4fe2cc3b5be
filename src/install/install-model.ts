/**
 * Installs a model of a catalogue: licences, original files, package. Every step can be killed; the same call goes on
 * where it was.
 */
import { createHash } from "node:crypto";
import { readdir, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { STYLES, type Style } from "../config/settings.js";
import type { BuildProgress } from "../convert/build-package.js";
import { importRelease } from "../convert/cobra-release/import-release.js";
import { VERSION } from "../core/version.js";
import { findRelease } from "../convert/cobra-release/release-files.js";
import { ConfigurationError, messageOf, ModelError, ValidationError } from "../errors.js";
import { outputError } from "../io/files/file-errors.js";
import { makeFolder } from "../io/files/make-folder.js";
import { userModelsFolder } from "../model/installed-models.js";
import { openModelPackage, type ModelPackage } from "../model/package.js";
import { removeReplaced } from "../convert/package-folder.js";
import { isRemoved } from "./manage-models.js";
import { elementType, type Precision } from "../model/precisions.js";
import type { CatalogueModel } from "./catalogue/catalogue-schema.js";
import { builtInCatalogue, isAddressed, modelOf, readCatalogue } from "./catalogue/read-catalogue.js";
import { Connection, FETCH_TIMES, withoutSecrets } from "./fetch/connection.js";
import type { FetchTimes } from "./fetch/connection.js";
import type { FetchProgress } from "./fetch/meter.js";
import { withInstallLock } from "./install-lock.js";
import { writeInstallRecord } from "./install-record.js";
import { unusableOriginals } from "./unusable-originals.js";
import { acceptLicences, type AskForLicences } from "./licences.js";
import { getOriginals, isOffline } from "./originals/get-originals.js";
import type { OriginalFile } from "./originals/original-file.js";
import { OriginalStore } from "./originals/store.js";
import { bytesToFetch, packageBytes, wantedFiles } from "./wanted-files.js";
import { removeTree } from "../io/files/remove-tree.js";

/** What happens while a model is installed. */
export type InstallEvent =
  /** The catalogue is read. */
  | {
      readonly type: "found";
      readonly model: CatalogueModel;
      readonly version: string;
      readonly directory: string;
      /** What there is to fetch, if nothing is on this machine; undefined where the catalogue does not say it. */
      readonly fetchBytes: number | undefined;
    }
  | { readonly type: "waiting"; readonly message: string }
  /** A file is on this machine and is hashed. */
  | { readonly type: "checking"; readonly path: string }
  /** A file is used where it lies. */
  | { readonly type: "using"; readonly path: string }
  | { readonly type: "fetching"; readonly progress: FetchProgress }
  | { readonly type: "retrying"; readonly message: string; readonly waitMs: number }
  | { readonly type: "building"; readonly progress: BuildProgress };

/** What to install, and how. */
export interface InstallOptions {
  readonly name: string;
  /** Path or address of a catalogue. Default: `COBRA_CATALOGUE`, else the one that comes with the program. */
  readonly catalogue?: string | undefined;
  /** Default: all that the model has. */
  readonly styles?: readonly Style[] | undefined;
  /** Default: the catalogue's. */
  readonly precision?: Precision | undefined;
  /** Folder of models. Default: the user's. */
  readonly folder?: string | undefined;
  readonly keepOriginals?: boolean | undefined;
  /** Fetch nothing. `HF_HUB_OFFLINE=1` does the same. */
  readonly offline?: boolean | undefined;
  /** A folder with a copy of the originals; nothing is fetched. */
  readonly from?: string | undefined;
  /** Make the package again where it is installed already. */
  readonly overwrite?: boolean | undefined;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Undefined: nobody can be asked, so licences must have been accepted. */
  readonly ask: AskForLicences | undefined;
  readonly onEvent: (event: InstallEvent) => void;
  readonly signal?: AbortSignal | undefined;
  /** For tests: waiting, time-outs, another address of GitHub. */
  readonly wait?: (ms: number, signal?: AbortSignal) => Promise<unknown>;
  readonly times?: FetchTimes;
  readonly github?: string;
}

/** An installed package. */
export interface InstallResult {
  readonly name: string;
  readonly version: string;
  readonly opened: ModelPackage;
  /** It was there already. */
  readonly wasThere: boolean;
  /** Where the originals were kept; undefined where they were removed. */
  readonly keptAt: string | undefined;
}

/**
 * Installs it.
 * @throws ValidationError `ERR_CATALOGUE`; ConfigurationError `ERR_LICENCE`, `ERR_CONFIG`; ModelError
 * `ERR_MODEL_NOT_FOUND`, `ERR_MODEL_SOURCE`, `ERR_MODEL_WEIGHTS`, `ERR_MODEL_GRAPH`; ResourceError `ERR_MODEL_FETCH`,
 * `ERR_OUTPUT_WRITE`; the signal's reason
 */
export async function installModel(options: InstallOptions): Promise<InstallResult> {
  const { env, onEvent, signal } = options;
  let connection: Connection | undefined;
  const connect = (): Connection => (connection ??= new Connection(env, options.times ?? FETCH_TIMES));
  try {
    const catalogue = options.catalogue ?? (env["COBRA_CATALOGUE"] || builtInCatalogue());
    const place = isAddressed(catalogue) ? withoutSecrets(catalogue) : catalogue;
    if (isAddressed(catalogue) && isOffline(options))
      throw new ConfigurationError(
        "ERR_CONFIG",
        `the catalogue ${place} would have to be fetched, and nothing is (--offline)`,
        { remedy: "name a file with --catalogue" },
      );
    const model = modelOf(await readCatalogue(catalogue, connect), options.name, place);
    const wanted = choose(model, options);
    refuseIncomplete(model, wanted.styles, place);
    const folder = resolve(options.folder ?? userModelsFolder(env));
    const directory = join(folder, model.name, wanted.version);
    const fetchBytes = bytesToFetch(wantedFiles(model, wanted.styles));
    onEvent({ type: "found", model, version: wanted.version, directory, fetchBytes });
    const acceptedAt = await acceptLicences(model.licences, env, options.ask);
    const lock = { signal, wait: options.wait, onWait: (message: string) => onEvent({ type: "waiting", message }) };
    return await withInstallLock(folder, lock, (assertHeld) => {
      const asHolder = (event: InstallEvent): void => {
        assertHeld();
        onEvent(event);
      };
      const job = { ...options, place, model, folder, directory, acceptedAt, connect, ...wanted, onEvent: asHolder };
      return install(job);
    });
  } finally {
    await connection?.[Symbol.asyncDispose]();
  }
}

/** What is to be made. */
interface Wanted {
  readonly styles: readonly Style[];
  readonly precision: Precision;
  readonly version: string;
}

interface Job extends InstallOptions, Wanted {
  readonly styles: readonly Style[];
  readonly precision: Precision;
  /** Of the catalogue, without what is secret in an address. */
  readonly place: string;
  readonly model: CatalogueModel;
  readonly folder: string;
  readonly directory: string;
  readonly acceptedAt: readonly string[];
  readonly connect: () => Connection;
}

function choose(model: CatalogueModel, { styles: asked, precision = model.precision }: InstallOptions): Wanted {
  const lacking = asked?.find((style) => !model.styles.includes(style));
  if (lacking !== undefined)
    throw new ConfigurationError("ERR_CONFIG", `the model ${model.name} has no style ${JSON.stringify(lacking)}`, {
      remedy: `choose among its styles: ${model.styles.map((style) => JSON.stringify(style)).join(", ")}`,
    });
  const styles = STYLES.filter((style) => (asked ?? model.styles).includes(style));
  const isPart = styles.length < model.styles.length;
  const suffix = isPart ? styles.map((style) => `-${style.replace(" + ", "-")}`).join("") : "";
  return { styles, precision, version: `${model.version}-${precision}${suffix}` };
}

/** A catalogue that lacks files of the release is refused before anything is fetched. */
function refuseIncomplete(model: CatalogueModel, styles: readonly Style[], place: string): void {
  const listed = new Set(wantedFiles(model, styles).map(({ source, path }) => resolve("/", source, path)));
  try {
    findRelease({ cobra: "/cobra", pixart: "/pixart", prompt: "/prompt" }, styles, (path) => listed.has(path));
  } catch (cause) {
    throw new ValidationError(
      "ERR_CATALOGUE",
      `the catalogue ${place} does not list all files of ${model.name}: ${messageOf(cause)}`,
      { cause },
    );
  }
}

async function install(job: Job): Promise<InstallResult> {
  const { model, version, directory, folder } = job;
  const store = new OriginalStore(folder);
  if (job.keepOriginals === true)
    await store.keep().catch((cause: unknown) => Promise.reject(outputError(folder, cause)));
  await removeLeftOvers(job);
  const isKept = await store.isKept();
  const result = { name: model.name, version, keptAt: isKept && job.from === undefined ? store.folder : undefined };
  const before = job.overwrite === true ? undefined : await openIntact(directory);
  const opened = before ?? (await make(job, store));
  if (!isKept && job.from === undefined) await store.remove(model);
  return { ...result, opened, wasThere: before !== undefined };
}

/** The package, if it is there with all its files; what is damaged is made again. */
async function openIntact(directory: string): Promise<ModelPackage | undefined> {
  return openModelPackage(directory, { verify: false }).catch((error: unknown) => {
    if (error instanceof ModelError) return undefined;
    throw error;
  });
}

/** What killed processes left and no later step takes up: links, and packages that were being replaced or removed. */
async function removeLeftOvers({ folder, directory }: Job): Promise<void> {
  const home = dirname(directory);
  try {
    await removeTree(stagedFolder(folder));
    await removeReplaced(directory);
    for (const name of await readdir(home).catch(() => [])) if (isRemoved(name)) await removeTree(join(home, name));
  } catch (cause) {
    throw outputError(home, cause);
  }
}

function stagedFolder(folder: string): string {
  return join(folder, ".staged");
}

async function make(job: Job, store: OriginalStore): Promise<ModelPackage> {
  const { model, styles, precision, version, directory, env, onEvent, signal } = job;
  const files = wantedFiles(model, styles);
  if (job.from === undefined && !isOffline(job))
    await store.begin(model).catch((cause: unknown) => Promise.reject(outputError(store.folder, cause)));
  const originals = await getOriginals({
    sources: model.sources,
    files,
    store,
    env,
    offline: job.offline ?? false,
    from: job.from,
    packageBytes: packageBytes(model, precision, files),
    connect: job.connect,
    retry: job.wait ? { wait: job.wait } : {},
    onRetry: (message, waitMs) => onEvent({ type: "retrying", message, waitMs }),
    signal,
    onProgress: (progress) => onEvent({ type: "fetching", progress }),
    onCheck: (path) => onEvent({ type: "checking", path }),
    onFound: ({ path }) => onEvent({ type: "using", path }),
    github: job.github,
  });
  const staged = stagedFolder(job.folder);
  try {
    await stage(staged, originals).catch((cause: unknown) => Promise.reject(outputError(staged, cause)));
    return await importRelease({
      cobra: join(staged, "cobra"),
      pixart: join(staged, "pixart"),
      prompt: join(staged, "prompt"),
      directory,
      styles,
      precision: elementType(precision),
      ...(model.buckets ? { buckets: model.buckets } : {}),
      overwrite: true, // a damaged package, or one that is to be made again
      resumeKey: resumeKey(job, originals),
      finish: (folder) =>
        writeInstallRecord(folder, { model, version, catalogue: job.place, originals, acceptedAt: job.acceptedAt }),
      onProgress: (progress) => onEvent({ type: "building", progress }),
    });
  } catch (error) {
    throw error instanceof ModelError ? await unusableOriginals(error, job, staged, originals) : error;
  } finally {
    await removeTree(staged);
  }
}

/** Everything that the package's bytes depend on. */
function resumeKey({ model, styles, precision }: Job, originals: readonly OriginalFile[]): string {
  const files = originals.map(({ file, sha256 }) => [file.source, file.path, sha256]);
  return createHash("sha256")
    .update(JSON.stringify([VERSION, model.kind, model.buckets, styles, precision, files]))
    .digest("hex");
}

/** Links to the originals as the release has them: each source a folder. */
async function stage(folder: string, originals: readonly OriginalFile[]): Promise<void> {
  await removeTree(folder);
  for (const { file, path } of originals) {
    const link = join(folder, file.source, file.path);
    await makeFolder(dirname(link));
    await symlink(resolve(path), link);
  }
}
