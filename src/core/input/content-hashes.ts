/** Hashes of the files under paths, so that a picture's fingerprint changes with the files it was made from. */
import { createHash } from "node:crypto";
import { closeSync, fstatSync, openSync, readdirSync, readSync, statSync } from "node:fs";
import { readdir, stat } from "node:fs/promises";
import { join, relative } from "node:path";
import { assertIsFile, fileChunks, OPEN_TO_READ } from "../../io/files/read-file.js";

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

/** Pieces in which a file is read at once. */
const PIECE_BYTES = 2 ** 20;

async function hashOf(path: string, recursive: boolean): Promise<string> {
  if (!(await stat(path)).isDirectory()) return fileHash(path);
  const files: [string, string][] = [];
  for (const entry of (await readdir(path, { withFileTypes: true, recursive })).filter((one) => !one.isDirectory())) {
    const file = join(entry.parentPath, entry.name);
    files.push([relative(path, file), await fileHash(file).catch(() => NOTHING)]);
  }
  return ofFolder(files);
}

async function fileHash(path: string): Promise<string> {
  const hash = createHash("sha256");
  for await (const chunk of fileChunks(path)) hash.update(chunk);
  return hash.digest("hex");
}

function hashNow(path: string, recursive: boolean): string {
  if (!statSync(path).isDirectory()) return fileHashNow(path);
  const file = (name: string): string => {
    try {
      return fileHashNow(name);
    } catch {
      return NOTHING;
    }
  };
  return ofFolder(
    readdirSync(path, { withFileTypes: true, recursive })
      .filter((one) => !one.isDirectory())
      .map(({ name, parentPath }) => join(parentPath, name))
      .map((found) => [relative(path, found), file(found)]),
  );
}

function fileHashNow(path: string): string {
  const file = openSync(path, OPEN_TO_READ);
  try {
    const info = fstatSync(file);
    assertIsFile(info);
    const hash = createHash("sha256");
    const piece = new Uint8Array(Math.min(PIECE_BYTES, info.size));
    for (let position = 0; position < info.size;) {
      const done = readSync(file, piece, 0, Math.min(piece.byteLength, info.size - position), position);
      if (done === 0) break;
      hash.update(piece.subarray(0, done));
      position += done;
    }
    return hash.digest("hex");
  } finally {
    closeSync(file);
  }
}

function ofFolder(files: readonly (readonly [string, string])[]): string {
  return createHash("sha256")
    .update(JSON.stringify(files.toSorted(([a], [b]) => (a < b ? -1 : 1))))
    .digest("hex");
}
