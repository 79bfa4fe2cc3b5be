/**
 * Whole files, each written or read by one job of the threads that Node has for files: a page's file takes ten trips to
 * them otherwise, and a trip costs the event loop more than the call.
 */
import { getSystemErrorName } from "node:util";
import { loadAddon } from "./load.js";

/** Where a file goes. */
export interface FilePlace {
  /** The folder of both names. */
  readonly folder: string;
  /** The path under which it is written. */
  readonly temporary: string;
  readonly target: string;
  /** Replace what has the name. */
  readonly overwrite: boolean;
}

/**
 * Writes a file that appears whole or not at all: written under a temporary name, synced, linked or renamed, and its
 * folder synced. The bytes must stay where they are until then. Rejects with the system's error for what goes wrong
 * once the file has its name.
 * @returns false where it has not got its name, whatever the reason; then nothing is left behind
 */
export async function writeWhole(bytes: Uint8Array, place: FilePlace): Promise<boolean> {
  const { folder, temporary, target, overwrite } = place;
  const fault = await loadAddon().addon.writeWholeFile(bytes, folder, temporary, target, overwrite);
  if (fault <= 0) return fault === 0;
  const code = getSystemErrorName(-fault);
  throw Object.assign(new Error(`${code}: '${target}' was written, and perhaps not for good`), { code });
}

/** A file whole; undefined for whatever is no file that can be read and has at most `mostBytes`. */
export function readWhole(path: string | Buffer, mostBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
  return loadAddon().addon.readWholeFile(path, mostBytes);
}
