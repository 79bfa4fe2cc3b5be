/** A folder as a page source: listed once, in natural order, files read on demand. */
import { open, readdir, realpath, stat } from "node:fs/promises";
import { join } from "node:path";
import { ValidationError } from "../../errors.js";
import { readFully } from "./byte-source.js";
import { isArchiveName, isSkipped, kindOfName } from "../names/entry-rules.js";
import { inputError } from "./file-errors.js";
import { compareNatural } from "../names/natural-order.js";
import type { PageSource, SourceEntry, SourceFault } from "../page-source.js";

/** Lists a folder. Rejects with `ERR_INPUT_NOT_FOUND` or, without any picture, `ERR_INPUT_EMPTY`. */
export async function openFolderSource(path: string, recursive: boolean): Promise<PageSource> {
  const entries: SourceEntry[] = [];
  const faults: SourceFault[] = [];
  await list({ root: path, recursive, entries, faults, visited: new Set() }, "");
  if (!entries.some((entry) => entry.kind === "image")) {
    const hint = recursive ? "" : " (folders inside it are only read with the recursive option)";
    const archive = entries.find(({ name }) => isArchiveName(name));
    const remedy =
      archive === undefined
        ? "PNG, JPEG, WebP, TIFF, AVIF and GIF are read"
        : `archives in a folder are not opened: give ${archive.name} itself as the input`;
    throw new ValidationError("ERR_INPUT_EMPTY", `${path} holds no picture${hint}; ${remedy}`);
  }
  entries.sort((a, b) => compareNatural(a.name, b.name));
  return { path, entries: () => entries, faults, close: async () => {} };
}

/** A file on disk as an entry. */
export function fileEntry(path: string, name: string, sizeBytes: number): SourceEntry {
  return { name, kind: kindOfName(name), sizeBytes, read: () => readWhole(path) };
}

interface Listing {
  readonly root: string;
  readonly recursive: boolean;
  readonly entries: SourceEntry[];
  readonly faults: SourceFault[];
  /** Real paths of the folders listed, so that a link to a parent ends. */
  readonly visited: Set<string>;
}

async function list(listing: Listing, folder: string): Promise<void> {
  const path = join(listing.root, folder);
  const real = await realpath(path).catch((cause: unknown) => Promise.reject(inputError(path, cause)));
  if (listing.visited.has(real)) return;
  listing.visited.add(real);
  const labels = await readdir(path).catch((cause: unknown) => Promise.reject(inputError(path, cause)));
  for (const label of labels.sort()) {
    const name = folder === "" ? label : `${folder}/${label}`;
    if (isSkipped(name)) continue;
    try {
      await visit(listing, name);
    } catch (error) {
      const fault = error instanceof ValidationError ? error : inputError(join(listing.root, name), error);
      listing.faults.push({ name, error: fault });
    }
  }
}

async function visit(listing: Listing, name: string): Promise<void> {
  const path = join(listing.root, name);
  const info = await stat(path);
  if (info.isFile()) listing.entries.push(fileEntry(path, name, info.size));
  else if (info.isDirectory() && listing.recursive) await list(listing, name);
}

async function readWhole(path: string): Promise<Uint8Array<ArrayBuffer>> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const bytes = new Uint8Array(size);
      const done = await readFully(file, bytes, 0);
      return done === size ? bytes : bytes.slice(0, done);
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw inputError(path, cause);
  }
}
