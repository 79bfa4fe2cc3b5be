/**
 * Moves a chapter out of the hot folder under a free name, also to another disk. What is there by then and was not
 * coloured is neither moved nor removed: an original is removed only after it was compared with its copy.
 */
import { lstat, mkdir, mkdtemp, readdir, rename, rmdir, unlink, writeFile } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { BatchProcessingError, messageOf, systemCode } from "../../errors.js";
import { placeFile, removeLeftovers, temporaryName } from "../../io/files/atomic-file.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { readHead } from "../../io/files/read-file.js";
import { removeTree } from "../../io/files/remove-tree.js";
import { syncFolder } from "../../platform/storage.js";
import { copyTree, isSameEntry, isSameTree } from "./copy-tree.js";
import { numberedChapter } from "./numbered-chapter.js";
import type { ReadyChapter } from "./hot-folder.js";

/** What has become of a chapter that was to be moved. */
export type Moved =
  /** `rest`: where what is not a part of the moved chapter has stayed. */
  | { readonly target: string; readonly rest?: string }
  /** It has changed since it was handed out, and stays. */
  | { readonly changed: string };

/** Folders in the hot folder for originals that have a copy, as `mkdtemp` names them. */
const TAKEN = ".cobra-batch-moved-";
const TAKEN_NAME = /^\.cobra-batch-moved-[0-9a-zA-Z]{6}$/u;
/** The file in such a folder that says where the copy is. */
const COPY_PLACE = ".copy";
const MAX_PLACE_BYTES = 2 ** 16;
/** What a file system says that lets nothing take the place of a folder. */
const REFUSALS = new Set(["EEXIST", "ENOTEMPTY", "EPERM"]);

/**
 * Moves a chapter that was coloured. Rejects with the system's error, `ERR_OUTPUT_WRITE` or `ERR_INPUT_NOT_FOUND` for
 * one that cannot be moved; it stays then.
 * @param number of the name that is tried first
 */
export async function moveChapter(chapter: ReadyChapter, folder: string, number = 0): Promise<Moved> {
  const { path } = chapter;
  await makeFolder(folder);
  try {
    const target = await moveToFree(path, join(folder, basename(path)), number);
    if ((await chapter.look(target)) !== "changed") return { target };
    return { changed: await moveToFree(target, path) };
  } catch (error) {
    if (systemCode(error) !== "EXDEV") throw error;
  }
  const target = (await earlierCopy(path, folder)) ?? (await copyToFree(chapter, folder, number));
  if (target === undefined) return { changed: path };
  const rest = await removeOriginal(path, target);
  return { target, ...(rest !== undefined && { rest }) };
}

/**
 * Completes moves that a kill has interrupted: removes originals that have a copy in one of the folders, and puts all
 * others back. Resolves to what was put back.
 */
export async function completeMoves(hotFolder: string, folders: readonly string[]): Promise<string[]> {
  const back: string[] = [];
  for (const name of await readdir(hotFolder)) {
    const taken = join(hotFolder, name);
    // A link would lead to what nobody has moved here.
    if (!TAKEN_NAME.test(name) || !(await isFolder(taken))) continue;
    const copy = await placeOfCopy(taken);
    const isKnown = folders.some((folder) => resolve(folder) === dirname(copy));
    for (const original of await readdir(taken)) {
      if (original === COPY_PLACE) continue;
      const path = join(taken, original);
      if (isKnown) await removeCopied(path, copy);
      if (await isThere(path)) back.push(await moveToFree(path, join(hotFolder, original)));
    }
    await removeTaken(taken);
  }
  return back;
}

/** Where the copy is of what lies in such a folder; an empty text where it does not say. */
async function placeOfCopy(taken: string): Promise<string> {
  const bytes = await readHead(join(taken, COPY_PLACE), MAX_PLACE_BYTES).catch(() => new Uint8Array());
  return new TextDecoder().decode(bytes);
}

/** Moves to the first of the numbered names that nothing has, on the same disk. Rejects with the system's error. */
async function moveToFree(path: string, wanted: string, from = 0): Promise<string> {
  if (!(await isFolder(path))) return placeFile(path, wanted, { from });
  for (let number = from; ; number++) {
    const target = join(dirname(wanted), numberedChapter(basename(wanted), "folder", number));
    // Nobody else takes the name of an empty folder, and a folder may take its place.
    const isFree = await mkdir(target).then(
      () => true,
      (error: unknown) => (systemCode(error) === "EEXIST" ? false : Promise.reject(error)),
    );
    if (!isFree) continue;
    try {
      await rename(path, target);
    } catch (error) {
      await rmdir(target).catch(() => {});
      if (await isThere(target)) continue; // somebody has put something into it
      if (!REFUSALS.has(systemCode(error) ?? "")) throw error;
      await rename(path, target);
    }
    await syncFolder(dirname(target));
    return target;
  }
}

/** A whole copy that an interrupted move has left, or that somebody has made. */
async function earlierCopy(path: string, folder: string): Promise<string | undefined> {
  const kind = (await isFolder(path)) ? "folder" : "file";
  for (const name of (await readdir(folder)).toSorted()) {
    const number = Number(/_(\d+)(?:\.[^.]*)?$/.exec(name)?.[1] ?? 0);
    if (![0, number].some((one) => numberedChapter(basename(path), kind, one) === name)) continue;
    if (await isSameTree(path, join(folder, name))) return join(folder, name);
  }
  return undefined;
}

/** Copies a chapter, synced and whole before it has its name. Undefined for one that has changed meanwhile. */
async function copyToFree(chapter: ReadyChapter, folder: string, number: number): Promise<string | undefined> {
  const { path } = chapter;
  await removeLeftovers(folder);
  const temporary = join(folder, temporaryName());
  await mkdir(temporary);
  try {
    const copy = join(temporary, basename(path));
    await copyTree(path, copy);
    if ((await chapter.look()) !== "same") return undefined;
    return await moveToFree(copy, join(folder, basename(path)), number);
  } finally {
    await removeTree(temporary);
  }
}

/**
 * Removes an original whose copy is complete. It is taken out of sight first: what comes to its path from then on is
 * another chapter. Resolves to where the rest is, if there is one.
 */
async function removeOriginal(path: string, copy: string): Promise<string | undefined> {
  const taken = await mkdtemp(join(dirname(path), TAKEN));
  const original = join(taken, basename(path));
  try {
    await writeFile(join(taken, COPY_PLACE), resolve(copy));
    await rename(path, original);
    await removeCopied(original, copy);
    return (await isThere(original)) ? await moveToFree(original, path) : undefined;
  } catch (cause) {
    const at = (await isThere(original)) ? await moveToFree(original, path).catch(() => original) : path;
    throw new BatchProcessingError(
      "ERR_OUTPUT_WRITE",
      `it is copied to ${copy}, and ${at} cannot be removed: ${messageOf(cause)}`,
      { cause, remedy: "remove it, and allow this program to do so" },
    );
  } finally {
    await removeTaken(taken);
  }
}

/** Removes a folder for originals, unless one is still in it. */
async function removeTaken(taken: string): Promise<void> {
  if ((await readdir(taken).catch(() => [])).every((name) => name === COPY_PLACE)) await removeTree(taken);
}

/** Removes what has an equal copy, and folders that are empty then. */
async function removeCopied(path: string, copy: string): Promise<void> {
  const info = await lstat(path);
  if (!info.isDirectory()) {
    if (await isSameEntry(path, copy)) await unlink(path);
    return;
  }
  for (const name of await readdir(path)) await removeCopied(join(path, name), join(copy, name));
  if (await isFolder(copy))
    await rmdir(path).catch((error: unknown) => {
      if (systemCode(error) !== "ENOTEMPTY" && systemCode(error) !== "EEXIST") throw error;
    });
}

async function isFolder(path: string): Promise<boolean> {
  return lstat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}

/** Whether something has a name, if only a link that leads nowhere. */
async function isThere(path: string): Promise<boolean> {
  return lstat(path).then(
    () => true,
    (error: unknown) => (systemCode(error) === "ENOENT" ? false : Promise.reject(error)),
  );
}
