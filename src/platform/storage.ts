/** File system functions that Node does not expose: links, syncs of folders, free space. */
import { open, statfs } from "node:fs/promises";
import { systemCode } from "../errors.js";

/** What a file system says that has no hard links: exFAT, SMB shares, some FUSE file systems. */
const NO_LINKS = new Set(["EPERM", "ENOTSUP", "EOPNOTSUPP", "EMLINK", "ENOSYS"]);
/** What a system says that cannot sync a folder; Windows cannot even open one. */
const NO_FOLDER_SYNC = new Set(["EINVAL", "EPERM", "EACCES", "ENOTSUP", "EISDIR"]);

/** Whether making a hard link failed because the file system has none. */
export function lacksLinks(error: unknown): boolean {
  return NO_LINKS.has(systemCode(error) ?? "");
}

/** Makes renames in a folder durable, where the system can. Rejects with the system's error. */
export async function syncFolder(folder: string): Promise<void> {
  try {
    const handle = await open(folder, "r");
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
  } catch (error) {
    if (!NO_FOLDER_SYNC.has(systemCode(error) ?? "")) throw error;
  }
}

/** The bytes that this user may still write to the file system of a path. */
export async function freeBytes(path: string): Promise<number> {
  const { bavail, bsize } = await statfs(path);
  return bavail * bsize;
}

/** The system's error for a full disk, found before anything was written. */
export function noSpaceError(message: string): NodeJS.ErrnoException {
  return Object.assign(new Error(message), { code: "ENOSPC" });
}
