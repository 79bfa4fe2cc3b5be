/** Hashes of the files under paths, so that a picture's fingerprint changes with the files it was made from. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { readdir, readFile, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { sha256 } from "../../platform/sha256.js";

/** Hash of what cannot be read. */
const NOTHING = "";

/**
 * Hashes of files, and of folders as of their files' names and contents; each path is read once. Folders in folders
 * count only if they are read too.
 */
export class ContentHashes {
  readonly #known = new Map<string, string>();
  readonly #recursive: boolean;

  /** @param recursive whether folders inside folders are read too */
  constructor(recursive = false) {
    this.#recursive = recursive;
  }

  /** Reads paths without stopping the event loop. Never rejects: what cannot be read has a hash of its own. */
  async read(paths: Iterable<string>): Promise<void> {
    for (const path of new Set(paths)) this.#known.set(path, await hashOf(path, this.#recursive).catch(() => NOTHING));
  }

  /** The hash of a path; of one that was not read before, it is read now. */
  of(path: string): string {
    let hash = this.#known.get(path);
    if (hash === undefined) {
      try {
        hash = hashNow(path, this.#recursive);
      } catch {
        hash = NOTHING;
      }
      this.#known.set(path, hash);
    }
    return hash;
  }
}

async function hashOf(path: string, recursive: boolean): Promise<string> {
  if (!(await stat(path)).isDirectory()) return sha256(await readFile(path));
  const files: [string, string][] = [];
  for (const entry of (await readdir(path, { withFileTypes: true, recursive })).filter((one) => !one.isDirectory())) {
    const file = join(entry.parentPath, entry.name);
    files.push([relative(path, file), await sha256(await readFile(file))]);
  }
  return ofFolder(files);
}

function hashNow(path: string, recursive: boolean): string {
  const file = (name: string): string => createHash("sha256").update(readFileSync(name)).digest("hex");
  if (!statSync(path).isDirectory()) return file(path);
  return ofFolder(
    readdirSync(path, { withFileTypes: true, recursive })
      .filter((one) => !one.isDirectory())
      .map(({ name, parentPath }) => join(parentPath, name))
      .map((found) => [relative(path, found), file(found)]),
  );
}

function ofFolder(files: readonly (readonly [string, string])[]): string {
  return createHash("sha256")
    .update(JSON.stringify(files.toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .digest("hex");
}
