/**
 * Identifies the folder in which a run's records were written, by marks that a copy does not share. Records that came
 * with a download or from another disk do not have the marks of the folder that they lie in now.
 */
import { createHash } from "node:crypto";
import { realpath, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { machineId } from "../../platform/machine-id.js";

/** Marks of a folder. One of them is enough to know it again. */
export interface Place {
  /** Of the machine and the folder's path. It says neither: they are hashed with the machine's own number. */
  readonly path: string;
  /**
   * Of the folder itself, by its number and the moment it was made: it may be moved. Absent if the disk keeps neither.
   */
  readonly folder?: string | undefined;
}

/**
 * The marks of a folder; undefined if there is none.
 * @param path where it will be, for one that is about to be moved. Default: where it is
 */
export async function placeOf(folder: string, path = folder): Promise<Place | undefined> {
  try {
    const { ino, birthtimeNs } = await stat(folder, { bigint: true });
    const real = join(await realpath(dirname(path)), basename(path));
    const marks = { path: digest(`${machineId()} ${process.getuid?.() ?? ""} ${real}`) };
    return ino === 0n || birthtimeNs === 0n ? marks : { ...marks, folder: digest(`${ino} ${birthtimeNs}`) };
  } catch {
    return undefined;
  }
}

/** Whether marks are those of a folder. */
export async function isPlace(marks: Place | undefined, folder: string): Promise<boolean> {
  return marks !== undefined && isSamePlace(marks, await placeOf(folder));
}

/** Whether marks are those of one folder. */
export function isSamePlace(a: Place | undefined, b: Place | undefined): boolean {
  if (a === undefined || b === undefined) return false;
  return a.path === b.path || (a.folder !== undefined && a.folder === b.folder);
}

function digest(text: string): string {
  return createHash("sha256").update(`cobra-batch ${text}`).digest("hex").slice(0, 32);
}
