/**
 * Places uploads: names that browsers send become safe relative paths below the job's folder. An input is one archive
 * or a tree of pictures; references are a tree too, so that two of one name in different folders are two.
 */
import { readdir } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { QueueError, ValidationError } from "../../../errors.js";
import { nameFault, normalizeEntryName, printableName } from "../../../io/names/safe-name.js";
import { isArchiveName, isJunkName } from "../../../io/names/entry-rules.js";
import { numberedName } from "../../../io/names/output-names.js";
import { nameKey, portableName } from "../../../io/names/portable-names.js";
import type { UploadRole } from "./types.js";

/** A name that a browser sent. */
export interface UploadName {
  /** As it was sent, without what does not matter: the same for the same file. */
  readonly given: string;
  /** A safe relative path: what a file system or a screen could misread is replaced. */
  readonly safe: string;
}

/** @throws ValidationError `ERR_ARGUMENT` */
function uploadName(sent: string): UploadName {
  const given = normalizeEntryName(sent);
  const fault =
    nameFault(given) ??
    (given === "" || given.endsWith("/") ? "it does not name a file" : undefined) ??
    (isJunkName(given) ? "it is a file that a system or this program leaves behind; leave it out" : undefined);
  if (fault !== undefined)
    throw new ValidationError("ERR_ARGUMENT", `the upload "${printableName(sent)}" is refused: ${fault}`);
  return { given, safe: portableName(given.normalize("NFC")) };
}

/** The names in one folder of uploads, those that are still on their way among them. */
export class UploadFolder {
  readonly #folder: string;
  readonly #role: UploadRole;
  /** By key, the name as it was sent and its safe name. */
  readonly #files = new Map<string, UploadName>();
  readonly #folders = new Set<string>();
  #tail: Promise<unknown> = Promise.resolve();

  private constructor(folder: string, role: UploadRole) {
    this.#folder = folder;
    this.#role = role;
  }

  static async open(folder: string, role: UploadRole): Promise<UploadFolder> {
    const names = new UploadFolder(folder, role);
    const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
    for (const file of found) {
      const name = relative(folder, join(file.parentPath, file.name)).split(sep).join("/");
      if (file.isFile() && !isJunkName(name)) names.#take({ given: name, safe: name });
    }
    return names;
  }

  /**
   * Takes a name and returns the path. The same name again is the same path, whose file is replaced, unless
   * `isAnother` tells that the file there is to stay: then the name gets a number. One name is taken at a time.
   * @param most files that the folder may hold
   * @throws ValidationError `ERR_ARGUMENT`; QueueError `ERR_QUEUE_FULL`
   */
  take(sent: string, most: number, isAnother: (path: string) => Promise<boolean>): Promise<string> {
    const taken = this.#tail.then(() => this.#takeNow(sent, most, isAnother));
    this.#tail = taken.catch(() => undefined);
    return taken;
  }

  async #takeNow(sent: string, most: number, isAnother: (path: string) => Promise<boolean>): Promise<string> {
    const name = uploadName(sent);
    const safe = await this.#free(name, isAnother);
    if (!this.#files.has(nameKey(safe))) {
      if (this.#role === "input") this.#checkInput(safe);
      this.#checkFolders(safe);
      if (this.#files.size >= most)
        throw new QueueError(
          "ERR_QUEUE_FULL",
          `the job has ${this.#files.size} files; more than ${most} are not taken`,
        );
      this.#take({ given: name.given, safe });
    }
    return join(this.#folder, safe);
  }

  /** Gives a name back. */
  free(path: string): void {
    this.#files.delete(nameKey(relative(this.#folder, path).split(sep).join("/")));
  }

  #take(name: UploadName): void {
    const { safe } = name;
    this.#files.set(nameKey(safe), name);
    for (let slash = safe.lastIndexOf("/"); slash > 0; slash = safe.lastIndexOf("/", slash - 1))
      this.#folders.add(nameKey(safe.slice(0, slash)));
  }

  /** The name, or the first with a number, that is free or was taken by the same upload. */
  async #free({ given, safe }: UploadName, isAnother: (path: string) => Promise<boolean>): Promise<string> {
    for (let n = 0; ; n++) {
      const name = numberedName(safe, n);
      const taken = this.#files.get(nameKey(name));
      if (taken === undefined && !this.#folders.has(nameKey(name))) return name;
      if (taken?.given === given && !(await isAnother(join(this.#folder, name)))) return name;
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
