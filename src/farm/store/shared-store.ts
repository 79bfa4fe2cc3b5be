/**
 * A folder that all machines of a farm share: files by their SHA-256, results by their keys. Every file appears whole
 * or not at all and is never changed, so any number of machines may write the same one.
 *
 *   blobs/ab/<sha256>            pages, references, pictures of hints
 *   results/ab/<key>.page        a coloured page: one line of JSON, then the bytes of its picture and layers
 *   results/ab/<key>.failed      why a page failed, as JSON
 *   crashes/<worker>.ndjson      what crash handlers of workers wrote; empty files but for crashes
 */
import { constants } from "node:fs";
import { copyFile, readdir, readFile, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import type { FailedPage, PageResult } from "../../colorization/request/page-request.js";
import { ConfigurationError, ResourceError } from "../../errors.js";
import { exists } from "../../io/files/exists.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { outputError } from "../../io/files/file-errors.js";
import { temporaryName, writeFileAtomic } from "../../io/files/atomic-file.js";
import { sha256 } from "../../platform/sha256.js";
import type { FarmStore } from "./farm-store.js";
import { decodeFailure, decodeResult, encodeFailure, encodeResult } from "./result-file.js";

/** What a store holds, by folder: pages, references and hints; results. */
export type StoredKind = "blobs" | "results";

export class SharedStore implements FarmStore {
  readonly folder: string;

  private constructor(folder: string) {
    this.folder = folder;
  }

  /**
   * Opens a store; its folder must exist, so that a share that is not mounted is noticed.
   * @throws ConfigurationError `ERR_CONFIG`; ResourceError `ERR_OUTPUT_WRITE`
   */
  static async open(folder: string): Promise<SharedStore> {
    const info = await stat(folder).catch(() => undefined);
    if (info?.isDirectory() !== true)
      throw new ConfigurationError("ERR_CONFIG", `the store ${folder} is not a folder`, {
        remedy: "mount the share that all machines of the farm have, or make the folder",
      });
    const store = new SharedStore(resolve(folder));
    for (const name of ["blobs", "results", "crashes"]) await makeFolder(join(store.folder, name));
    return store;
  }

  /** Keeps a file. @returns its SHA-256 */
  async keep(bytes: Uint8Array): Promise<string> {
    const hash = await sha256(bytes);
    await this.#write(this.path("blobs", hash, ""), bytes);
    return hash;
  }

  /** Keeps a file of any size, whose hash is known. */
  async keepFile(from: string, hash: string): Promise<void> {
    const path = this.path("blobs", hash, "");
    if (await exists(path)) return;
    await makeFolder(dirname(path));
    const part = join(dirname(path), temporaryName());
    try {
      await copyFile(from, part, constants.COPYFILE_FICLONE);
      await rename(part, path);
    } catch (error) {
      await rm(part, { force: true });
      throw outputError(path, error);
    }
  }

  /** Reads a file that was kept; a damaged one is removed. @throws ResourceError `ERR_INPUT_GONE` */
  async read(hash: string): Promise<Uint8Array> {
    const path = this.path("blobs", hash, "");
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes !== undefined && (await sha256(bytes)) === hash) return new Uint8Array(bytes);
    if (bytes !== undefined) await rm(path, { force: true }).catch(() => {}); // so that it is stored again
    throw new ResourceError("ERR_INPUT_GONE", `${path} is ${bytes === undefined ? "gone" : "damaged"}`, {
      remedy: "submit the chapter again",
    });
  }

  /** Keeps what came of a page. A result replaces an earlier failure. */
  async keepResult(key: string, result: PageResult): Promise<void> {
    if (result.status === "failed") {
      await writeFileAtomic(this.path("results", key, ".failed"), encodeFailure(result), true);
      return;
    }
    await this.#write(this.path("results", key, ".page"), await encodeResult(result));
    await this.forgetFailure(key);
  }

  /** A page's result; undefined where there is none, or a damaged one, which is removed. */
  async result(key: string): Promise<PageResult | undefined> {
    const path = this.path("results", key, ".page");
    const bytes = await readFile(path).catch(() => undefined);
    if (bytes === undefined) return undefined;
    const result = await decodeResult(bytes);
    if (result === undefined) await rm(path, { force: true });
    return result;
  }

  /** Whether there is a result. */
  hasResult(key: string): Promise<boolean> {
    return exists(this.path("results", key, ".page"));
  }

  /** Why a page failed; undefined if it did not, or if what says so is damaged. */
  async failure(key: string): Promise<FailedPage | undefined> {
    const bytes = await readFile(this.path("results", key, ".failed")).catch(() => undefined);
    return bytes === undefined ? undefined : decodeFailure(bytes);
  }

  /** A page that failed may be tried again. */
  async forgetFailure(key: string): Promise<void> {
    await rm(this.path("results", key, ".failed"), { force: true });
  }

  /** Where a worker's crash handler writes. */
  crashFile(worker: string): string {
    return join(this.folder, "crashes", `${worker}.ndjson`);
  }

  /** What all crash handlers have written. */
  async crashNotes(): Promise<string[]> {
    const folder = join(this.folder, "crashes");
    const names = await readdir(folder).catch(() => []);
    return Promise.all(names.map((name) => readFile(join(folder, name), "utf8").catch(() => "")));
  }

  /** Path of a file by a name that is a SHA-256, and nothing else. @throws ConfigurationError `ERR_CONFIG` */
  path(kind: StoredKind, hash: string, extension: "" | ".page" | ".failed"): string {
    if (!/^[0-9a-f]{64}$/u.test(hash)) throw new ConfigurationError("ERR_CONFIG", `${hash} is not a SHA-256`);
    return join(this.folder, kind, hash.slice(0, 2), `${hash}${extension}`);
  }

  async #write(path: string, bytes: Uint8Array): Promise<void> {
    if (!(await exists(path))) await writeFileAtomic(path, bytes, true);
  }
}
