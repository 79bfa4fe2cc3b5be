/** The folders that are written to: whether they are writable, and how much space is free. */
import { mkdtemp, rm, stat } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { messageOf } from "../../../errors.js";
import { freeBytes } from "../../../platform/storage.js";
import { userCacheFolder } from "../../../platform/user-folders.js";
import { bytesText } from "../../../text/bytes-text.js";
import type { Finding } from "./finding.js";

const ROOM_FLOOR_BYTES = 2 ** 30;

/** All findings about folders. */
export async function checkStorage(env: NodeJS.ProcessEnv): Promise<Finding[]> {
  return [
    await checkFolder({
      check: "folder-cache",
      title: "cache folder",
      path: userCacheFolder(env),
      remedy: "name another cache folder with XDG_CACHE_HOME",
      least: "warning",
    }),
    await checkFolder({
      check: "folder-temporary",
      title: "temporary folder",
      path: tmpdir(),
      remedy: "name another temporary folder with TMPDIR",
      least: "warning",
    }),
    await checkFolder({
      check: "folder-current",
      title: "current folder",
      path: process.cwd(),
      remedy: "give --output-dir or --output-zip in a folder that you may write",
      least: "note",
    }),
  ];
}

interface FolderCheck {
  readonly check: string;
  readonly title: string;
  readonly path: string;
  readonly remedy: string;
  /** Status if it cannot be written. */
  readonly least: Finding["status"];
}

/** Writes a folder into it and takes it away again. A folder that is not there yet is tried where it would be made. */
async function checkFolder({ check, title, path, remedy, least }: FolderCheck): Promise<Finding> {
  const folder = await nearestFolder(resolve(path));
  try {
    await rm(await mkdtemp(join(folder, ".cobra-doctor-")), { recursive: true });
  } catch (error) {
    return { check, title, status: least, found: `${path} cannot be written: ${messageOf(error)}`, remedy };
  }
  const free = await freeBytes(folder);
  const base = { check, title, found: `${path}, ${bytesText(free)} free` };
  if (free >= ROOM_FLOOR_BYTES) return { ...base, status: "ok" };
  return {
    ...base,
    status: "warning",
    remedy: `make room: less than ${bytesText(ROOM_FLOOR_BYTES)} are left; or ${remedy}`,
  };
}

async function nearestFolder(path: string): Promise<string> {
  const there = await stat(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code !== "ENOENT",
  );
  return there || dirname(path) === path ? path : nearestFolder(dirname(path));
}
