/**
 * Makes folders, and missing ones above them. Node's own `recursive: true` retries forever if the system says that a
 * folder is missing inside one that exists, as Linux does in /proc, and hides the reason why a folder above failed.
 * Here each folder is tried once.
 */
import { mkdirSync, statSync } from "node:fs";
import { mkdir, stat } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { systemCode } from "../errors.js";

/**
 * Rejects with the system's error.
 * @param root only folders below this one are made
 * @param mode of the folder itself, of which the process's mask is taken off. Default: 0o777
 */
export async function makeFolders(path: string, root?: string, mode?: number): Promise<void> {
  const full = resolve(path);
  if (full === root || (await isFolder(full))) return;
  await makeFolders(dirname(full), root).catch(unlessInTheWay);
  await mkdir(full, mode).catch(async (error: unknown) => {
    // another process may have been quicker
    if (systemCode(error) !== "EEXIST" || !(await isFolder(full))) throw error;
  });
}

/** The same at once, for what cannot wait. Throws the system's error. */
export function makeFoldersNow(path: string): void {
  const full = resolve(path);
  if (isFolderNow(full)) return;
  try {
    makeFoldersNow(dirname(full));
  } catch (error) {
    unlessInTheWay(error);
  }
  try {
    mkdirSync(full);
  } catch (error) {
    if (systemCode(error) !== "EEXIST" || !isFolderNow(full)) throw error;
  }
}

/** A file where a folder above should be: the system says so of the folder in it. */
function unlessInTheWay(error: unknown): void {
  if (systemCode(error) !== "EEXIST") throw error;
}

/** Whether a path is a folder; false where the system does not tell. A link counts by its target. */
export function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (info) => info.isDirectory(),
    () => false,
  );
}

/** `isFolder`, at once. */
export function isFolderNow(path: string): boolean {
  try {
    return statSync(path).isDirectory();
  } catch {
    return false;
  }
}
