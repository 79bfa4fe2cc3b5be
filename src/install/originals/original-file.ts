/** A file of the original weights that is on this machine, and whether it is the one that is wanted. */
import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { BatchProcessingError, systemCode } from "../../errors.js";
import { hashFile } from "../../model/package.js";
import type { CatalogueFile } from "../catalogue/catalogue-schema.js";
import { UNKNOWN } from "../fetch/remote.js";

/** A file of the catalogue, found on this machine. */
export interface OriginalFile {
  readonly file: WantedFile;
  /** Where it lies. */
  readonly path: string;
  readonly bytes: number;
  readonly sha256: string;
  /** The revision that it is of; undefined where that is not known. */
  readonly revision: string | undefined;
}

/** Hears of a file before it is read, which takes a while for large ones. */
export type OnCheck = (path: string) => void;

/** A file that an installation needs. */
export type WantedFile = Pick<CatalogueFile, "source" | "path" | "bytes" | "sha256">;

/**
 * Reads a file and compares it with what the catalogue says and, where that says nothing, with the hash that the hub's
 * cache names it by.
 * @param options.tag name of the blob in the hub's cache
 * @returns the file, undefined for none, or a text that says how it differs
 */
export async function checkedFile(
  file: WantedFile,
  path: string,
  revision: string | undefined,
  { tag, onCheck = () => {} }: { tag?: string; onCheck?: OnCheck | undefined } = {},
): Promise<OriginalFile | string | undefined> {
  try {
    return await checked(file, path, revision, tag, onCheck);
  } catch (error) {
    const code = systemCode(error);
    if (code === undefined || error instanceof BatchProcessingError) throw error;
    return code === "ENOENT" || code === "ENOTDIR" ? undefined : `cannot be read (${code})`;
  }
}

async function checked(
  file: WantedFile,
  path: string,
  revision: string | undefined,
  tag: string | undefined,
  onCheck: OnCheck,
): Promise<OriginalFile | string> {
  const info = await stat(path);
  if (!info.isFile()) return "is not a file";
  if (file.bytes !== UNKNOWN && info.size !== file.bytes) return `has ${info.size} bytes, expected ${file.bytes}`;
  onCheck(path);
  const { bytes, sha256 } = await hashFile(path);
  const wanted = file.sha256 !== UNKNOWN ? file.sha256 : /^[0-9a-f]{64}$/u.test(tag ?? "") ? tag : undefined;
  if (wanted !== undefined && wanted !== sha256) return `has the SHA-256 ${sha256}, expected ${wanted}`;
  if (wanted === undefined && /^[0-9a-f]{40}$/u.test(tag ?? "") && (await gitBlob(path, bytes)) !== tag)
    return `is not the file that the hub's cache says`;
  return { file, path, bytes, sha256, revision };
}

async function gitBlob(path: string, bytes: number): Promise<string> {
  const hash = createHash("sha1").update(`blob ${bytes}\0`);
  for await (const chunk of createReadStream(path)) hash.update(chunk as Buffer);
  return hash.digest("hex");
}
