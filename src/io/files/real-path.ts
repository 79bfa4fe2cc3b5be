/** Resolves paths through links, so that two of them can be compared. */
import type { BigIntStats } from "node:fs";
import { lstat, readlink, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";
import { ResourceError } from "../../errors.js";
import { isFolder } from "../../platform/folders.js";

/** A path without links. What is not there yet stands where it would be made. */
export async function realPathOf(path: string): Promise<string> {
  const full = resolve(path);
  return realpath(full).catch(async () =>
    dirname(full) === full ? full : join(await realPathOf(dirname(full)), basename(full)),
  );
}

/** So many links are followed from a path, as Linux does. */
const MOST_LINKS = 40;

/**
 * The file that a path leads to where it is a link, also one that is not there yet: what is written goes there, and the
 * link stays. Any other path, and a link to what is no file, is given back as it is.
 * @throws ResourceError `ERR_OUTPUT_WRITE` for a link into a folder that is not there
 */
export async function fileBehindLink(path: string): Promise<string> {
  let at = path;
  for (let links = 0; links < MOST_LINKS; links++) {
    const info = await lstat(at).catch(() => undefined);
    if (info?.isSymbolicLink() !== true) break;
    at = resolve(await realPathOf(dirname(at)), await readlink(at));
  }
  const target = at === path ? undefined : await stat(at).catch(() => undefined);
  if (at === path || target?.isFile() === false) return path;
  if (await isFolder(dirname(at))) return at;
  throw new ResourceError(
    "ERR_OUTPUT_WRITE",
    `cannot write ${path}: it is a link to ${at}, and the folder of that does not exist`,
    { remedy: "make that folder, or remove the link" },
  );
}

/** Whether two paths lead to one folder, through links, mounts or another spelling. */
export async function isSameFolder(path: string, other: string): Promise<boolean> {
  if ((await realPathOf(path)) === (await realPathOf(other))) return true;
  return isSame(await identity(path), await identity(other));
}

/** Whether a path is a folder or lies below it, whatever links or mounts lead to either. */
export async function liesWithin(path: string, folder: string): Promise<boolean> {
  const real = await realPathOf(path);
  const way = relative(await realPathOf(folder), real);
  if (way !== ".." && !way.startsWith(`..${sep}`)) return true;
  // Links are gone from a real path. Bind mounts are not, nor letters of another case where case does not count.
  const target = await identity(folder);
  for (let at = real; ; at = dirname(at)) {
    if (isSame(await identity(at), target)) return true;
    if (dirname(at) === at) return false;
  }
}

/** The device and inode of a path's target, with all else that `stat` gives; undefined where it cannot be read. */
export function identity(path: string): Promise<BigIntStats | undefined> {
  return stat(path, { bigint: true }).catch(() => undefined);
}

const SAME_THROUGH_A_MOUNT = ["ino", "size", "mtimeNs", "ctimeNs", "mode"] as const;

/**
 * Whether two paths lead to one file or folder. A view of a file system over FUSE, such as bindfs, has another device
 * number; what else it tells of a file is the file's own, to the nanosecond.
 */
export function isSame(one: BigIntStats | undefined, other: BigIntStats | undefined): boolean {
  if (one === undefined || one.ino !== other?.ino) return false;
  if (one.dev === other.dev) return true;
  // Where no times are kept, equal ones say nothing.
  return one.mtimeNs !== 0n && SAME_THROUGH_A_MOUNT.every((key) => one[key] === other[key]);
}
