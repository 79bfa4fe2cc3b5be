/**
 * Files that every run writes under one name beside its pictures: the product's own older one is replaced, a file of
 * the user's that happens to have the name is kept.
 */
import { exists } from "./exists.js";
import { outputError } from "./file-errors.js";
import { numberedName } from "../names/output-names.js";
import { readHead } from "./read-file.js";

/** What `metadataBytes` begins with, for everything that says its version. */
const OWN_HEAD = /^\{\n(?: {2}"created_at": "[^"\n]*",\n)? {2}"cobra_version": "/;
const HEAD_BYTES = 256;

/** Whether a file is JSON that this product has written, by its first bytes. False for what cannot be read. */
export async function isOwnFile(path: string): Promise<boolean> {
  const head = await readHead(path, HEAD_BYTES).catch(() => new Uint8Array());
  return OWN_HEAD.test(new TextDecoder().decode(head));
}

/**
 * Where such a file goes: the first of `x.json`, `x_1.json`, … that is the product's own or does not exist. Rejects
 * with `ERR_OUTPUT_WRITE` if the system does not tell.
 */
export async function ownFilePath(path: string): Promise<string> {
  for (let number = 0; ; number++) {
    const candidate = numberedName(path, number);
    const isTaken = await exists(candidate).catch((error: unknown) => Promise.reject(outputError(candidate, error)));
    if (!isTaken || (await isOwnFile(candidate))) return candidate;
  }
}
