/**
 * Where uploads go: names that browsers send become safe relative paths below the job's folder. An input is one archive
 * or a tree of pictures.
 */
import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { QueueError, ValidationError } from "../../../errors.js";
import { nameFault, normalizeEntryName, printableName } from "../../../io/archive/zip-names.js";
import { isArchiveName, isJunkName } from "../../../io/names/entry-rules.js";
import { numberedName } from "../../../io/names/output-names.js";
import { nameKey, portableName } from "../../../io/names/portable-names.js";
import type { UploadRole } from "./types.js";

/**
 * A name as a safe relative path; what a file system or a screen could misread is replaced.
 * @throws ValidationError `ERR_ARGUMENT`
 */
export function safePath(given: string, role: UploadRole): string {
  const normal = normalizeEntryName(given.normalize("NFC"));
  const name = role === "reference" ? normal.slice(normal.lastIndexOf("/") + 1) : normal;
  const fault =
    nameFault(normal) ??
    (name === "" || name.endsWith("/") ? "it names no file" : undefined) ??
    (isJunkName(normal) ? "it is a file that a system or this program leaves behind; leave it out" : undefined);
  if (fault !== undefined)
    throw new ValidationError("ERR_ARGUMENT", `the upload "${printableName(given)}" is refused: ${fault}`);
  return portableName(name);
}

/** The names in one folder of uploads, those that are still on their way among them. */
export class UploadFolder {
  readonly #folder: string;
  readonly #role: UploadRole;
  /** By key, the name as it was sent and its safe name. */
  readonly #files = new Map<string, { readonly given: string; readonly safe: string }>();
  readonly #folders = new Set<string>();

  private constructor(folder: string, role: UploadRole) {
    this.#folder = folder;
    this.#role = role;
  }

  static async open(folder: string, role: UploadRole): Promise<UploadFolder> {
    const names = new UploadFolder(folder, role);
    const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const file of found) {
      const name = relative(folder, join(file.parentPath, file.name)).split(sep).join("/");
      if (file.isFile() && !isJunkName(name)) names.#take(name, name);
    }
    return names;
  }

  /**
   * Takes a name and returns the path. The same name again is the same path: the file is replaced.
   * @throws ValidationError `ERR_ARGUMENT`; QueueError `ERR_QUEUE_FULL`
   */
  take(given: string, most: number): string {
    const wanted = safePath(given, this.#role);
    const known = [...this.#alternatives(wanted, given)].at(-1)!;
    if (!this.#files.has(nameKey(known))) {
      if (this.#role === "input") this.#checkInput(wanted);
      this.#checkFolders(wanted);
      if (this.#files.size >= most)
        throw new QueueError(
          "ERR_QUEUE_FULL",
          `the job has ${this.#files.size} files; more than ${most} are not taken`,
        );
      this.#take(known, given);
    }
    return join(this.#folder, known);
  }

  /** Gives a name back. */
  free(path: string): void {
    this.#files.delete(nameKey(relative(this.#folder, path).split(sep).join("/")));
  }

  #take(safe: string, given: string): void {
    this.#files.set(nameKey(safe), { given, safe });
    for (let slash = safe.lastIndexOf("/"); slash > 0; slash = safe.lastIndexOf("/", slash - 1))
      this.#folders.add(nameKey(safe.slice(0, slash)));
  }

  /** The names that are tried; the last one is free, or taken by the same upload. */
  *#alternatives(wanted: string, given: string): Generator<string> {
    for (let n = 0; ; n++) {
      const name = numberedName(wanted, n);
      yield name;
      const taken = this.#files.get(nameKey(name));
      if (taken?.given === given || (taken === undefined && !this.#folders.has(nameKey(name)))) return;
    }
  }

  #checkInput(name: string): void {
    const { value: first } = this.#files.values().next();
    if (first === undefined) return;
    if (isArchiveName(name))
      throw new ValidationError(
        "ERR_ARGUMENT",
        `the archive ${printableName(name)} is refused: the job has ${printableName(first.safe)} already, and an input is one archive or a tree of pictures; make a job for each archive`,
      );
    if (isArchiveName(first.safe))
      throw new ValidationError(
        "ERR_ARGUMENT",
        `${printableName(name)} is refused: the job's input is the archive ${printableName(first.safe)}; add coloured pictures as references, or make another job`,
      );
  }

  #checkFolders(name: string): void {
    for (let slash = name.lastIndexOf("/"); slash > 0; slash = name.lastIndexOf("/", slash - 1))
      if (this.#files.has(nameKey(name.slice(0, slash))))
        throw new ValidationError(
          "ERR_ARGUMENT",
          `${printableName(name)} is refused: ${printableName(name.slice(0, slash))} is a file and no folder`,
        );
  }
}
