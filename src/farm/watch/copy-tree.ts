/** Copies a file, a link or a folder as it is, and compares two of them. */
import { constants, type BigIntStats } from "node:fs";
import { chmod, copyFile, lstat, mkdir, open, readdir, readlink, symlink, utimes } from "node:fs/promises";
import { join } from "node:path";
import { ValidationError } from "../../errors.js";
import { specialFile } from "../../io/files/read-file.js";
import { sameBytes } from "../../io/files/same-bytes.js";
import { syncFolder } from "../../platform/storage.js";

/**
 * Copies to a name that is free, with times and permissions; links are copied as links. All of it is synced. Rejects
 * with the system's error, or with `ERR_INPUT_NOT_FOUND` for a pipe, a socket or a device.
 */
export async function copyTree(path: string, copy: string): Promise<void> {
  const info = await lstat(path);
  if (info.isSymbolicLink()) await symlink(await readlink(path), copy);
  else if (info.isDirectory()) {
    await mkdir(copy);
    for (const name of await readdir(path)) await copyTree(join(path, name), join(copy, name));
    await syncFolder(copy);
    await chmod(copy, info.mode);
    await utimes(copy, info.atime, info.mtime);
  } else if (info.isFile()) {
    await copyFile(path, copy, constants.COPYFILE_EXCL | constants.COPYFILE_FICLONE);
    await utimes(copy, info.atime, info.mtime);
    await syncFile(copy);
  } else
    throw new ValidationError("ERR_INPUT_NOT_FOUND", `${path} is ${specialFile(info)}, which cannot be copied`, {
      remedy: "take it out of the chapter",
    });
}

async function syncFile(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    await file.sync();
  } finally {
    await file.close();
  }
}

/** Whether two paths hold the same: the same names, links and bytes. False where one is not there. */
export async function isSameTree(path: string, other: string): Promise<boolean> {
  const [info, otherInfo] = [await look(path), await look(other)];
  if (info?.isDirectory() !== true || otherInfo?.isDirectory() !== true) return isSameEntry(path, other);
  const [names, others] = [await readdir(path), await readdir(other)];
  if (names.toSorted().join("/") !== others.toSorted().join("/")) return false;
  for (const name of names) if (!(await isSameTree(join(path, name), join(other, name)))) return false;
  return true;
}

/**
 * Whether two paths are files with the same bytes, or links to the same. False for anything else, and for a file that
 * changes while it is read.
 */
export async function isSameEntry(path: string, other: string): Promise<boolean> {
  const [info, otherInfo] = [await look(path), await look(other)];
  if (info === undefined || otherInfo === undefined) return false;
  if (info.isSymbolicLink() && otherInfo.isSymbolicLink()) return (await readlink(path)) === (await readlink(other));
  if (!info.isFile() || !otherInfo.isFile() || info.size !== otherInfo.size) return false;
  return (await sameBytes(path, other)) && isUnchanged(info, await look(path));
}

function isUnchanged(before: BigIntStats, after: BigIntStats | undefined): boolean {
  const keys = ["dev", "ino", "size", "mtimeNs", "ctimeNs"] as const;
  return after !== undefined && keys.every((key) => before[key] === after[key]);
}

function look(path: string): Promise<BigIntStats | undefined> {
  return lstat(path, { bigint: true }).catch(() => undefined);
}
