/** Where paths really lead, so that two of them can be compared. */
import { realpath } from "node:fs/promises";
import { basename, dirname, join, relative, resolve, sep } from "node:path";

/** A path without links. What is not there yet stands where it would be made. */
export async function realPathOf(path: string): Promise<string> {
  const full = resolve(path);
  return realpath(full).catch(async () =>
    dirname(full) === full ? full : join(await realPathOf(dirname(full)), basename(full)),
  );
}

/** Whether a path is a folder or lies below it, whatever links lead to either. */
export async function liesWithin(path: string, folder: string): Promise<boolean> {
  const way = relative(await realPathOf(folder), await realPathOf(path));
  return way !== ".." && !way.startsWith(`..${sep}`);
}
