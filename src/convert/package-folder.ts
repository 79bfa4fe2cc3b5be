/**
 * A folder that appears whole or not at all: filled under a hidden name beside its place, renamed when it is finished.
 * What a killed process left behind is removed by the next one, or continued where that was asked for.
 */
import { constants } from "node:fs";
import { chmod, copyFile, mkdir, mkdtemp, readdir, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { BatchProcessingError, messageOf, ModelError, ResourceError, systemCode } from "../errors.js";
import { MANIFEST_FILE } from "../model/manifest.js";
import { TEXT_FILES } from "../model/package.js";
import { makeFolders } from "../platform/folders.js";
import { bytesText } from "../text/bytes-text.js";
import { freeBytes, noSpaceError } from "../platform/storage.js";
import { isLeftOver, livenessOf, processIdentity, thisProcess, type Liveness } from "../platform/process-identity.js";
import { removeTree } from "../io/files/remove-tree.js";

/** Who fills an unfinished folder; the file goes before the folder gets its name. */
const OWNER_FILE = ".building.json";
/** Added to the unfinished folder's name: what it replaces, while it does. */
const OLD_SUFFIX = "-old";
/** What packages are made of, whether a manifest lists it or not. */
const PACKAGE_FILES = /\.(?:onnx|bin|data)$/u;
/** In a folder that can be continued: what of it is finished. Written by who fills the folder. */
export const PROGRESS_FILE = ".progress.json";

/** Where a folder goes. */
interface NewFolder {
  /** Absolute path; its parent is created. */
  readonly directory: string;
  /** Replace what is there; false: ERR_OUTPUT_EXISTS. */
  readonly overwrite: boolean;
  /** What will be written at least; a disk with less is an ERR_OUTPUT_WRITE before anything is written. */
  readonly neededBytes: number;
  /**
   * Keeps the unfinished folder after a kill or a full disk, and gives it to the next call with the same key. The
   * caller sees to it that only one process fills it. Default: nothing is kept.
   */
  readonly resumeKey?: string | undefined;
}

/** The name under which a folder that can be continued is filled. */
export function unfinishedName(directory: string): string {
  return join(dirname(directory), `.${basename(directory)}.unfinished`);
}

/** Removes what a killed process left of replacing a folder. Nobody may be filling it. */
export async function removeReplaced(directory: string): Promise<void> {
  await removeTree(`${unfinishedName(directory)}${OLD_SUFFIX}`);
}

/**
 * Makes the folder: `fill` gets an empty one to write into, or the unfinished one. A failure leaves nothing behind but
 * what can be continued.
 * @throws ResourceError ERR_OUTPUT_EXISTS, ERR_OUTPUT_WRITE; what `fill` throws
 */
export async function inNewFolder(place: NewFolder, fill: (folder: string) => Promise<void>): Promise<void> {
  const { directory } = place;
  const temporary = await createTemporary(place);
  try {
    await fill(temporary);
    for (const name of [OWNER_FILE, PROGRESS_FILE, `${PROGRESS_FILE}.new`])
      await rm(join(temporary, name), { force: true });
    if (place.overwrite) await takeOver(directory, temporary);
    await putInPlace(temporary, directory, place.overwrite);
  } catch (cause) {
    if (place.resumeKey === undefined || cause instanceof ModelError) await removeTree(temporary);
    if (cause instanceof BatchProcessingError) throw cause;
    throw new ResourceError(
      "ERR_OUTPUT_WRITE",
      `the model package cannot be written to ${directory} (${messageOf(cause)})`,
      { cause, remedy: remedyFor(cause) },
    );
  }
}

function remedyFor(cause: unknown): string {
  return systemCode(cause) === "ENOSPC"
    ? "free some space and run the same command again"
    : "choose a folder that can be written";
}

async function createTemporary({ directory, neededBytes, resumeKey }: NewFolder): Promise<string> {
  const parent = dirname(directory);
  try {
    await makeFolders(parent);
    await removeLeftOver(parent, basename(directory));
    const unfinished = resumeKey === undefined ? undefined : await openUnfinished(directory, resumeKey);
    const free = await freeBytes(parent);
    const missing = neededBytes - (unfinished === undefined ? 0 : await bytesIn(unfinished));
    if (free < missing)
      throw noSpaceError(`the disk has ${bytesText(free)} free, and the package needs ${bytesText(missing)}`);
    if (unfinished !== undefined) return unfinished;
    const temporary = await mkdtemp(join(parent, `.${basename(directory)}-`));
    await chmod(temporary, 0o777 & ~process.umask()); // what mkdir would give; mkdtemp's is for its owner alone
    await writeFile(join(temporary, OWNER_FILE), JSON.stringify(thisProcess()));
    return temporary;
  } catch (cause) {
    throw new ResourceError(
      "ERR_OUTPUT_WRITE",
      `a model package cannot be written to ${directory} (${messageOf(cause)})`,
      { cause, remedy: remedyFor(cause) },
    );
  }
}

/** The folder that was begun with this key, else an empty one. */
async function openUnfinished(directory: string, key: string): Promise<string> {
  const folder = unfinishedName(directory);
  await removeReplaced(directory);
  const text = await readFile(join(folder, OWNER_FILE), "utf8").catch(() => "");
  if (text === key) return folder;
  await removeTree(folder);
  await mkdir(folder);
  await writeFile(join(folder, OWNER_FILE), key, { flush: true });
  return folder;
}

async function bytesIn(folder: string): Promise<number> {
  let bytes = 0;
  for (const name of await readdir(folder)) bytes += (await stat(join(folder, name))).size;
  return bytes;
}

/** Removes unfinished folders that nobody fills any more. */
async function removeLeftOver(parent: string, name: string): Promise<void> {
  for (const entry of await readdir(parent)) {
    if (!entry.startsWith(`.${name}-`) || entry.length !== name.length + 8) continue;
    const owner = join(parent, entry, OWNER_FILE);
    const info = await stat(owner).catch(() => undefined);
    if (info === undefined) continue;
    const liveness = livenessOfOwner(await readFile(owner, "utf8").catch(() => ""));
    if (isLeftOver(liveness, Date.now() - info.mtimeMs)) await removeTree(join(parent, entry));
  }
}

function livenessOfOwner(text: string): Liveness {
  try {
    return livenessOf(processIdentity.parse(JSON.parse(text)));
  } catch {
    return "unknown";
  }
}

/** Renames the finished folder; with `overwrite` the old one steps aside first and comes back when that fails. */
/**
 * Copies what the user has put beside the files of the package that is replaced, as far as it may lie there.
 * @throws ResourceError ERR_OUTPUT_EXISTS for what may not
 */
async function takeOver(directory: string, temporary: string): Promise<void> {
  const names = await readdir(directory).catch(() => []);
  const text = await readFile(join(directory, MANIFEST_FILE), "utf8").catch(() => "");
  for (const name of names) {
    // A manifest that is damaged may list fewer files than it did; hidden files are this product's.
    const isOwn = name === MANIFEST_FILE || name.startsWith(".") || PACKAGE_FILES.test(name);
    if (isOwn || text.includes(JSON.stringify(name))) continue;
    if (!TEXT_FILES.test(name) || !(await stat(join(directory, name))).isFile())
      throw new ResourceError("ERR_OUTPUT_EXISTS", `${join(directory, name)} is no file of the package`, {
        remedy: "move it elsewhere, or choose another folder",
      });
    await copyFile(join(directory, name), join(temporary, name), constants.COPYFILE_EXCL).catch((error: unknown) =>
      systemCode(error) === "EEXIST" ? undefined : Promise.reject(error),
    );
  }
}

async function putInPlace(temporary: string, directory: string, overwrite: boolean): Promise<void> {
  const aside = `${temporary}${OLD_SUFFIX}`;
  let moved = false;
  if (overwrite) {
    moved = await rename(directory, aside).then(
      () => true,
      (error: NodeJS.ErrnoException) => {
        if (error.code === "ENOENT") return false;
        throw error;
      },
    );
  }
  try {
    await rename(temporary, directory);
  } catch (cause) {
    if (moved) await rename(aside, directory);
    const { code } = cause as NodeJS.ErrnoException;
    if (code === "ENOTEMPTY" || code === "EEXIST" || code === "ENOTDIR") {
      throw new ResourceError("ERR_OUTPUT_EXISTS", `${directory} exists`, {
        cause,
        remedy: "choose another folder, or ask to overwrite it",
      });
    }
    throw new ResourceError(
      "ERR_OUTPUT_WRITE",
      `the model package cannot be put at ${directory} (${messageOf(cause)})`,
      { cause, remedy: remedyFor(cause) },
    );
  }
  if (moved) await removeTree(aside);
}
