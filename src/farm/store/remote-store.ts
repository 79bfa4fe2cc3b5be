/**
 * A store on a server (`store-server.ts`), for machines that share no folder with it. What has arrived is checked by
 * its SHA-256. Files that are read again and again, as references are, stay in a folder of this machine by their hash.
 */
import { lstat, readdir, readFile, rm, utimes } from "node:fs/promises";
import { join } from "node:path";
import { z } from "zod";
import type { FailedPage, PageResult } from "../../colorization/request/page-request.js";
import { messageOf, ResourceError } from "../../errors.js";
import { removeLeftovers, writeFileAtomic } from "../../io/files/atomic-file.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { getLogger } from "../../logging.js";
import { sha256 } from "../../platform/sha256.js";
import type { FarmStore } from "./farm-store.js";
import { offeredModelSchema, type OfferedModel } from "./offered-model.js";
import { decodeFailure, decodeResult, encodeFailure, encodeResult } from "./result-file.js";
import { StoreClient, type StoreClientOptions } from "./store-client.js";

export interface RemoteStoreOptions extends StoreClientOptions {
  /** Folder of this machine for what is read again, and for crash notes. */
  readonly cache: string;
}

/** What nobody has read for so long leaves the cache. */
const CACHE_AGE_MS = 30 * 24 * 3600_000;

/** What a server says of itself. */
const about = z.looseObject({ maxBytes: z.number(), model: offeredModelSchema.optional() });
const noteTexts = z.array(z.string());

const log = getLogger("store");

export class RemoteStore implements FarmStore, AsyncDisposable {
  readonly #options: RemoteStoreOptions;
  readonly #client: StoreClient;
  #model: OfferedModel | undefined;

  private constructor(options: RemoteStoreOptions) {
    this.#options = options;
    this.#client = new StoreClient(options);
  }

  /**
   * Opens a store: asks whether it is there and takes the token, and sends the crash notes that workers of this machine
   * have left.
   * @throws ConfigurationError `ERR_CONFIG`; ResourceError `ERR_STORE_CONNECTION`, `ERR_OUTPUT_WRITE` for the cache
   */
  static async open(options: RemoteStoreOptions): Promise<RemoteStore> {
    const store = new RemoteStore(options);
    try {
      await makeFolder(join(options.cache, "crashes"));
      ({ maxBytes: store.#client.maxBytes, model: store.#model } = await store.#client.json("", about));
      await store.#sendCrashNotes();
      await removeOld(join(options.cache, "blobs"));
      return store;
    } catch (error) {
      await store[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** The model that it has for machines without one. */
  get model(): OfferedModel | undefined {
    return this.#model;
  }

  async keep(bytes: Uint8Array): Promise<string> {
    const hash = await sha256(bytes);
    if (!(await this.#client.has(`/blobs/${hash}`))) await this.#client.put(`/blobs/${hash}`, bytes, hash);
    return hash;
  }

  async read(hash: string, again = false): Promise<Uint8Array> {
    const path = join(this.#options.cache, "blobs", hash.slice(0, 2), hash);
    if (again) {
      const cached = await readFile(path).catch(() => undefined);
      if (cached !== undefined && (await sha256(cached)) === hash) {
        const now = new Date();
        await utimes(path, now, now).catch(() => {});
        return new Uint8Array(cached);
      }
    }
    const bytes = await this.#client.get(`/blobs/${hash}`);
    // So that it is stored again; the server checks whether it is damaged there or was damaged on the way.
    if (bytes !== undefined && (await sha256(bytes)) !== hash) await this.#client.remove(`/blobs/${hash}`, [409]);
    if (bytes === undefined || (await sha256(bytes)) !== hash)
      throw new ResourceError(
        "ERR_INPUT_GONE",
        `${this.#options.url} ${bytes === undefined ? "no longer has" : "has damaged"} the file ${hash}`,
        { remedy: "submit the chapter again" },
      );
    if (again)
      await writeFileAtomic(path, bytes, true).catch((error: unknown) =>
        log.warn(
          { error: messageOf(error) },
          "a reference stays out of the cache, and is fetched again for the next page",
        ),
      );
    return bytes;
  }

  /**
   * Reads a file of any size into a file.
   * @throws ResourceError `ERR_INPUT_GONE` for one that is gone or is not what its name says
   */
  copyTo(path: string, file: { readonly hash: string; readonly bytes: number }): Promise<void> {
    return this.#client.copyTo(path, file);
  }

  async keepResult(key: string, result: PageResult): Promise<void> {
    if (result.status === "failed") return this.#client.put(`/results/${key}.failed`, encodeFailure(result));
    await this.#client.put(`/results/${key}.page`, await encodeResult(result));
    await this.forgetFailure(key);
  }

  async result(key: string): Promise<PageResult | undefined> {
    const bytes = await this.#client.get(`/results/${key}.page`);
    if (bytes === undefined) return undefined;
    const result = await decodeResult(bytes);
    if (result === undefined) await this.#client.remove(`/results/${key}.page`);
    return result;
  }

  hasResult(key: string): Promise<boolean> {
    return this.#client.has(`/results/${key}.page`);
  }

  async failure(key: string): Promise<FailedPage | undefined> {
    const bytes = await this.#client.get(`/results/${key}.failed`);
    return bytes === undefined ? undefined : decodeFailure(bytes);
  }

  forgetFailure(key: string): Promise<void> {
    return this.#client.remove(`/results/${key}.failed`);
  }

  /** Sent when the next worker of this machine opens the store. */
  crashFile(worker: string): string {
    return join(this.#options.cache, "crashes", `${worker}.ndjson`);
  }

  async crashNotes(): Promise<string[]> {
    return this.#client.json("/crashes", noteTexts);
  }

  async #sendCrashNotes(): Promise<void> {
    const folder = join(this.#options.cache, "crashes");
    for (const name of await readdir(folder)) {
      const worker = /^([0-9a-f]{16})\.ndjson$/.exec(name)?.[1];
      const notes = await readFile(join(folder, name)).catch(() => Buffer.alloc(0));
      if (worker === undefined || notes.byteLength === 0) continue; // the file of a worker that runs is empty
      await this.#client.put(`/crashes/${worker}`, notes);
      await rm(join(folder, name), { force: true });
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
  }
}

/** Whether a store is named by an address and not by a folder. */
export function isStoreAddress(store: string): boolean {
  return /^https?:/i.test(store);
}

/** A file of the cache, by its hash. */
const CACHED = /^([0-9a-f]{2})\/\1[0-9a-f]{62}$/;
/** The folder that such files are in. */
const CACHED_IN = /^[0-9a-f]{2}$/;

/** Only what the cache made itself. Best effort: another process may remove the same. */
async function removeOld(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    const path = join(folder, name);
    if (CACHED_IN.test(name)) await removeLeftovers(path);
    if (!CACHED.test(name)) continue;
    const info = await lstat(path).catch(() => undefined);
    if (info?.isFile() && Date.now() - info.mtimeMs > CACHE_AGE_MS) await rm(path, { force: true }).catch(() => {});
  }
}
