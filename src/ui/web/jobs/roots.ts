/** Folders on the server that jobs may read: a path below one is what really lies there, whatever links say. */
import { lstat, readdir, readlink, realpath } from "node:fs/promises";
import { dirname, isAbsolute, join, relative } from "node:path";
import { ValidationError } from "../../../errors.js";
import { nameFault, printableName } from "../../../io/names/safe-name.js";
import { isArchiveName, isJunkName } from "../../../io/names/entry-rules.js";
import { compareNatural } from "../../../io/names/natural-order.js";
import type { RootEntry } from "./types.js";

/** A place below a root. */
export interface RootPlace {
  /** Real path of the root. */
  readonly root: string;
  /** Real path of the place. */
  readonly path: string;
  readonly isFolder: boolean;
}

export class Roots {
  readonly #roots: ReadonlyMap<string, string>;

  constructor(roots: ReadonlyMap<string, string> = new Map()) {
    this.#roots = roots;
  }

  names(): string[] {
    return [...this.#roots.keys()];
  }

  /**
   * The folder or file that a path below a root means. Messages name the path below the root and nothing above it.
   * @throws ValidationError `ERR_INPUT_NOT_FOUND`
   */
  async place(root: string, path: string): Promise<RootPlace> {
    const folder = this.#roots.get(root);
    if (folder === undefined) throw notFound(`there is no root "${printableName(root)}"`);
    const fault = path === "" ? undefined : nameFault(path);
    if (fault !== undefined) throw notFound(`"${printableName(path)}" of the root "${root}" is refused: ${fault}`);
    const missing = notFound(`the root "${root}" has no "${printableName(path)}" that can be read`);
    try {
      const base = await realpath(folder);
      const real = await placeWithin(base, path);
      if (real === undefined) throw missing;
      const info = await lstat(real);
      if (!info.isDirectory() && !info.isFile()) throw missing;
      return { root: base, path: real, isFolder: info.isDirectory() };
    } catch {
      throw missing;
    }
  }

  /** Folders and archives in a folder, in natural order. @throws ValidationError `ERR_INPUT_NOT_FOUND` */
  async list(root: string, path = ""): Promise<RootEntry[]> {
    const place = await this.place(root, path);
    if (!place.isFolder) throw notFound(`"${printableName(path)}" of the root "${root}" is not a folder`);
    const found: RootEntry[] = [];
    for (const label of await readdir(place.path).catch(() => [])) {
      if (nameFault(label) !== undefined) continue;
      const below = path === "" ? label : `${path}/${label}`;
      const entry = await this.place(root, below).catch(() => undefined); // links that lead out are not shown
      if (entry === undefined || isJunkName(label, entry.isFolder) || (!entry.isFolder && !isArchiveName(label)))
        continue;
      found.push({ name: label, path: below, kind: entry.isFolder ? "folder" : "archive" });
    }
    return found.sort((a, b) => compareNatural(a.name, b.name));
  }
}

/** As many links as the system itself follows. */
const MOST_LINKS = 40;

/**
 * What really lies at a path below a folder, its links followed one by one. Undefined where one of them leads out, also
 * if another leads back in: who made it may change what lies there.
 * @param base real path of the folder
 * @throws the system's error for what does not exist
 */
async function placeWithin(base: string, path: string): Promise<string | undefined> {
  const parts = path.split("/");
  let here = base;
  for (let links = 0; parts.length > 0;) {
    const part = parts.shift()!;
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (here === base) return undefined;
      here = dirname(here);
      continue;
    }
    const next = join(here, part);
    if (!(await lstat(next)).isSymbolicLink()) {
      here = next;
      continue;
    }
    if (++links > MOST_LINKS) return undefined;
    const target = await readlink(next);
    if (isAbsolute(target)) {
      const below = relative(base, target);
      if (below.split("/")[0] === "..") return undefined;
      here = base;
      parts.unshift(...below.split("/"));
    } else parts.unshift(...target.split("/"));
  }
  return here;
}

function notFound(message: string): ValidationError {
  return new ValidationError("ERR_INPUT_NOT_FOUND", `${message}; GET /roots lists what there is`);
}
