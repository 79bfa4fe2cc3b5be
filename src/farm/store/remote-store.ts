/**
 * A store on a server (`store-server.ts`), for machines that share no folder with it. Files that are cut off on their
 * way go on where they were; what has arrived is checked by its SHA-256. Files that are read again and again, as
 * references are, stay in a folder of this machine by their hash.
 */
import { createHash } from "node:crypto";
import { open, readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { Agent, request, type Dispatcher } from "undici";
import { z } from "zod";
import type { FailedPage, PageResult } from "../../colorization/request/page-request.js";
import { BatchProcessingError, ConfigurationError, messageOf, ResourceError } from "../../errors.js";
import { writeFileAtomic } from "../../io/files/atomic-file.js";
import { outputError } from "../../io/files/file-errors.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { getLogger } from "../../logging.js";
import { sha256 } from "../../platform/sha256.js";
import { parseJson } from "../../text/parse-json.js";
import { offeredModelSchema, type OfferedModel } from "./offered-model.js";
import type { FarmStore } from "./farm-store.js";
import { decodeFailure, decodeResult, encodeFailure, encodeResult } from "./result-file.js";

export interface RemoteStoreOptions {
  /** Such as http://host:8790. */
  readonly url: string;
  readonly token: string;
  /** Folder of this machine for what is read again, and for crash notes. */
  readonly cache: string;
  /** Milliseconds between tries, one for each; then the store is given up. Default: over half a minute. */
  readonly retryMs?: readonly number[];
}

const RETRY_MS = [200, 1000, 5000, 10_000, 20_000] as const;
/** What nobody has read for so long leaves the cache. */
const CACHE_AGE_MS = 30 * 24 * 3600_000;
const SILENCE_MS = 60_000;

/** An answer that is no success and that another try may change. */
class Passing extends Error {}

/** What a server says of itself. */
const about = z.looseObject({ maxBytes: z.number(), model: offeredModelSchema.optional() });
const noteTexts = z.array(z.string());

const log = getLogger("store");

type Answer = Dispatcher.ResponseData;

/** What a header can hold. */
const TOKEN = /^[\x21-\x7e]+$/;

export class RemoteStore implements FarmStore, AsyncDisposable {
  readonly #options: RemoteStoreOptions;
  readonly #agent = new Agent({ connect: { timeout: 20_000 }, headersTimeout: SILENCE_MS, bodyTimeout: SILENCE_MS });

  #maxBytes = Number.POSITIVE_INFINITY;
  #model: OfferedModel | undefined;

  private constructor(options: RemoteStoreOptions) {
    this.#options = options;
  }

  /**
   * Opens a store: asks whether it is there and takes the token, and sends the crash notes that workers of this machine
   * have left.
   * @throws ConfigurationError `ERR_CONFIG`; ResourceError `ERR_STORE_CONNECTION`, `ERR_OUTPUT_WRITE` for the cache
   */
  static async open(options: RemoteStoreOptions): Promise<RemoteStore> {
    checkStoreAddress(options.url);
    if (!TOKEN.test(options.token)) throw wrongToken(options.url);
    const store = new RemoteStore(options);
    try {
      await makeFolder(join(options.cache, "crashes"));
      ({ maxBytes: store.#maxBytes, model: store.#model } = await store.#json("", about));
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
    if (!(await this.#has(`/blobs/${hash}`))) await this.#put(`/blobs/${hash}`, bytes, hash);
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
    const bytes = await this.#get(`/blobs/${hash}`);
    // So that it is kept anew; the server looks whether it is damaged there, and not on the way.
    if (bytes !== undefined && (await sha256(bytes)) !== hash) await this.#remove(`/blobs/${hash}`, [409]);
    if (bytes === undefined || (await sha256(bytes)) !== hash)
      throw new ResourceError(
        "ERR_INPUT_GONE",
        `${this.#options.url} ${bytes === undefined ? "no longer has" : "has damaged"} the file ${hash}; submit the chapter again`,
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
  async copyTo(path: string, { hash, bytes }: { readonly hash: string; readonly bytes: number }): Promise<void> {
    const file = await open(path, "w").catch((error: unknown) => {
      throw outputError(path, error);
    });
    const gone = (why: string): ResourceError =>
      new ResourceError("ERR_INPUT_GONE", `${this.#options.url} ${why} the file ${hash}`, {
        remedy: "start `cobra-batch store` there again",
      });
    let size = 0;
    let digest = createHash("sha256");
    try {
      await this.#tried(async () => {
        const { statusCode, headers, body } = await this.#once("GET", `/blobs/${hash}`, [404], {
          headers: size === 0 ? {} : { range: `bytes=${size}-` },
        });
        if (statusCode === 404) {
          await body.dump();
          throw gone("no longer has");
        }
        if (statusCode !== 206 || !String(headers["content-range"]).startsWith(`bytes ${size}-`)) {
          size = 0;
          digest = createHash("sha256");
        }
        for await (const piece of body as AsyncIterable<Uint8Array>) {
          if (size + piece.byteLength > bytes) throw gone("has damaged");
          await file.write(piece, 0, piece.byteLength, size).catch((error: unknown) => {
            throw outputError(path, error);
          });
          digest.update(piece);
          size += piece.byteLength;
        }
      });
      if (size !== bytes || digest.digest("hex") !== hash) throw gone("has damaged");
      await file.sync();
    } finally {
      await file.close();
    }
  }

  async keepResult(key: string, result: PageResult): Promise<void> {
    if (result.status === "failed") return this.#put(`/results/${key}.failed`, encodeFailure(result));
    await this.#put(`/results/${key}.page`, await encodeResult(result));
    await this.forgetFailure(key);
  }

  async result(key: string): Promise<PageResult | undefined> {
    const bytes = await this.#get(`/results/${key}.page`);
    if (bytes === undefined) return undefined;
    const result = await decodeResult(bytes);
    if (result === undefined) await this.#remove(`/results/${key}.page`);
    return result;
  }

  hasResult(key: string): Promise<boolean> {
    return this.#has(`/results/${key}.page`);
  }

  async failure(key: string): Promise<FailedPage | undefined> {
    const bytes = await this.#get(`/results/${key}.failed`);
    return bytes === undefined ? undefined : decodeFailure(bytes);
  }

  forgetFailure(key: string): Promise<void> {
    return this.#remove(`/results/${key}.failed`);
  }

  /** Sent when the next worker of this machine opens the store. */
  crashFile(worker: string): string {
    return join(this.#options.cache, "crashes", `${worker}.ndjson`);
  }

  async crashNotes(): Promise<string[]> {
    return this.#json("/crashes", noteTexts);
  }

  async #sendCrashNotes(): Promise<void> {
    const folder = join(this.#options.cache, "crashes");
    for (const name of await readdir(folder)) {
      const worker = /^([0-9a-f]{16})\.ndjson$/.exec(name)?.[1];
      const notes = await readFile(join(folder, name)).catch(() => Buffer.alloc(0));
      if (worker === undefined || notes.byteLength === 0) continue; // the file of a worker that runs is empty
      await this.#put(`/crashes/${worker}`, notes);
      await rm(join(folder, name), { force: true });
    }
  }

  /** What the server says as JSON. @throws ConfigurationError `ERR_CONFIG` if another kind of server answers */
  #json<T>(path: string, shape: z.ZodType<T>): Promise<T> {
    return this.#tried(async () => {
      const { statusCode, body } = await this.#once("GET", path, [404]);
      const text = await body.text();
      try {
        if (statusCode === 404) throw new Error("status 404");
        return shape.parse(parseJson(text));
      } catch (cause) {
        throw new ConfigurationError(
          "ERR_CONFIG",
          `--store: a server answers at ${this.#options.url}, but it is not the store of a farm`,
          { cause, remedy: "give the address that `cobra-batch store` printed" },
        );
      }
    });
  }

  async #has(path: string): Promise<boolean> {
    const { statusCode, body } = await this.#answer("HEAD", path, [404]);
    await body.dump();
    return statusCode !== 404;
  }

  async #remove(path: string, also: readonly number[] = []): Promise<void> {
    const { body } = await this.#answer("DELETE", path, also);
    await body.dump();
  }

  /** A file; undefined where there is none. A body that is cut off is gone on with. */
  async #get(path: string): Promise<Uint8Array | undefined> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    return this.#tried(async () => {
      const { statusCode, headers, body } = await this.#once("GET", path, [404, 416], {
        headers: size === 0 ? {} : { range: `bytes=${size}-` },
      });
      if (statusCode === 404 || statusCode === 416) await body.dump();
      if (statusCode === 404) return undefined;
      if (statusCode !== 206 || !String(headers["content-range"]).startsWith(`bytes ${size}-`)) {
        pieces.length = 0; // the file is another one now
        size = 0;
      }
      if (statusCode === 416) throw new Passing("the file has changed");
      for await (const piece of body as AsyncIterable<Uint8Array>) {
        pieces.push(piece);
        size += piece.byteLength;
      }
      return new Uint8Array(Buffer.concat(pieces));
    });
  }

  /** Sends a file, from where the server has it. */
  async #put(path: string, bytes: Uint8Array, hash?: string): Promise<void> {
    if (bytes.byteLength > this.#maxBytes)
      throw new ConfigurationError(
        "ERR_CONFIG",
        `the store at ${this.#options.url} takes files of at most ${this.#maxBytes} bytes, and this one has ${bytes.byteLength}`,
        { remedy: "start it with a larger --max-bytes" },
      );
    const digest = hash ?? (await sha256(bytes));
    let first = true;
    await this.#tried(async () => {
      // Asked only after a try that was cut off.
      const offset = first ? 0 : await this.#offset(path, digest, bytes.byteLength);
      first = false;
      const { body } = await this.#once("PUT", path, [], {
        body: bytes.subarray(offset),
        headers: {
          "content-digest": `sha-256=:${Buffer.from(digest, "hex").toString("base64")}:`,
          ...(offset === 0 ? {} : { "content-range": `bytes ${offset}-${bytes.byteLength - 1}/${bytes.byteLength}` }),
        },
      });
      await body.dump();
    });
  }

  /** How much of a file the server has. A file that is there but for its end is sent from its last byte. */
  async #offset(path: string, digest: string, size: number): Promise<number> {
    const { headers, body } = await this.#once("GET", `/uploads${path}?sha256=${digest}`);
    await body.dump();
    return Math.max(0, Math.min(Number(headers["upload-offset"]) || 0, size - 1));
  }

  /** An answer, tried again as often as may be. */
  #answer(method: Dispatcher.HttpMethod, path: string, also: readonly number[] = []): Promise<Answer> {
    return this.#tried(() => this.#once(method, path, also));
  }

  async #tried<T>(work: () => Promise<T>): Promise<T> {
    const { url, retryMs = RETRY_MS } = this.#options;
    for (let tries = 0; ; tries++) {
      try {
        return await work();
      } catch (cause) {
        if (cause instanceof BatchProcessingError) throw cause;
        const wait = retryMs[tries];
        if (wait === undefined)
          throw new ResourceError(
            "ERR_STORE_CONNECTION",
            `the store at ${url} does not answer as it should (${messageOf(cause)})`,
            { cause, remedy: "check that `cobra-batch store` runs there and can be reached" },
          );
        log.warn(
          { error: messageOf(cause) },
          `the store does not answer as it should; it is asked again in ${wait} ms`,
        );
        await sleep(wait);
      }
    }
  }

  /** One request. Rejects for an answer that is neither a success nor one of `also`. */
  async #once(
    method: Dispatcher.HttpMethod,
    path: string,
    also: readonly number[] = [],
    { headers = {}, body }: { readonly headers?: Record<string, string>; readonly body?: Uint8Array } = {},
  ): Promise<Answer> {
    const { url, token } = this.#options;
    const answer = await request(`${url.replace(/\/$/, "")}/v1${path}`, {
      method,
      dispatcher: this.#agent,
      headers: { ...headers, authorization: `Bearer ${token}` },
      ...(body === undefined ? {} : { body }),
    });
    const { statusCode } = answer;
    if (statusCode < 300 || also.includes(statusCode)) return answer;
    if (statusCode < 400) {
      await answer.body.dump();
      throw new ConfigurationError(
        "ERR_CONFIG",
        `--store: ${url} sends elsewhere, to ${String(answer.headers["location"])}; give the address of the store itself`,
      );
    }
    const said = (await answer.body.text().catch(() => "")).trim().slice(0, 200);
    if (statusCode === 401) throw wrongToken(url);
    throw new Passing(`status ${statusCode}${said === "" ? "" : `: ${said}`}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#agent.destroy();
  }
}

function wrongToken(url: string): ConfigurationError {
  return new ConfigurationError("ERR_CONFIG", `--token: ${url} refuses it`, {
    remedy: "give the one that `cobra-batch store` printed there, or set COBRA_STORE_TOKEN",
  });
}

/** Whether a store is named by an address and not by a folder. */
export function isStoreAddress(store: string): boolean {
  return /^https?:/i.test(store);
}

/** @throws ConfigurationError `ERR_CONFIG` */
function checkStoreAddress(url: string): void {
  const parsed = URL.canParse(url) ? new URL(url) : undefined;
  if (parsed !== undefined && parsed.username + parsed.password === "" && parsed.search + parsed.hash === "") return;
  throw new ConfigurationError(
    "ERR_CONFIG",
    "--store: must be a folder, or an address such as http://host:8790 without user, password or options",
    { remedy: "give the token by --token or COBRA_STORE_TOKEN" },
  );
}

/** Best effort: another process may remove the same. */
async function removeOld(folder: string): Promise<void> {
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    const path = join(folder, name);
    const info = await stat(path).catch(() => undefined);
    if (info?.isFile() && Date.now() - info.mtimeMs > CACHE_AGE_MS) await rm(path, { force: true }).catch(() => {});
  }
}
