/**
 * Requests to a store's server. Each is tried again for about half a minute; a file that is cut off on its way
 * continues where it stopped.
 */
import { createHash } from "node:crypto";
import { open } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { z } from "zod";
import { BatchProcessingError, ConfigurationError, messageOf, ResourceError } from "../../errors.js";
import { outputError } from "../../io/files/file-errors.js";
import { discard, HttpClient, textOf, type Method, type RawAnswer } from "../../io/http/http-client.js";
import { getLogger } from "../../logging.js";
import { sha256 } from "../../platform/sha256.js";
import { parseJson } from "../../text/parse-json.js";

export interface StoreClientOptions {
  /** Such as http://host:8790. */
  readonly url: string;
  readonly token: string;
  /** Milliseconds between tries, one for each; then the store is given up. Default: over half a minute. */
  readonly retryMs?: readonly number[];
}

const RETRY_MS = [200, 1000, 5000, 10_000, 20_000] as const;
const TIMES = { connect: 20_000, silence: 60_000 };
/** Of what a server says of a failure, so much is read. */
const FAULT_BYTES = 4096;

/** An answer that is no success and that another try may change. */
class Passing extends Error {}

const log = getLogger("store");

/** What a header can hold. */
const TOKEN = /^[\x21-\x7e]+$/;

export class StoreClient implements Disposable {
  readonly #options: StoreClientOptions;
  readonly #http = new HttpClient(TIMES);
  /** Larger files are refused before they are sent. */
  maxBytes = Number.POSITIVE_INFINITY;

  /** @throws ConfigurationError `ERR_CONFIG` for what is no address or no token */
  constructor(options: StoreClientOptions) {
    checkStoreAddress(options.url);
    if (!TOKEN.test(options.token)) throw wrongToken(options.url);
    this.#options = options;
  }

  /** What the server says as JSON. @throws ConfigurationError `ERR_CONFIG` if another kind of server answers */
  json<T>(path: string, shape: z.ZodType<T>): Promise<T> {
    return this.#tried(async () => {
      const { status, body } = await this.#once("GET", path, [404]);
      const text = await textOf(body);
      try {
        if (status === 404) throw new Error("status 404");
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

  async has(path: string): Promise<boolean> {
    const { status, body } = await this.#answer("HEAD", path, [404]);
    discard(body);
    return status !== 404;
  }

  async remove(path: string, also: readonly number[] = []): Promise<void> {
    const { body } = await this.#answer("DELETE", path, also);
    discard(body);
  }

  /** A file; undefined where there is none. A body that is cut off is gone on with. */
  async get(path: string): Promise<Uint8Array | undefined> {
    const pieces: Uint8Array[] = [];
    let size = 0;
    return this.#tried(async () => {
      const { status, headers, body } = await this.#once("GET", path, [404, 416], {
        headers: size === 0 ? {} : { range: `bytes=${size}-` },
      });
      if (status === 404 || status === 416) discard(body);
      if (status === 404) return undefined;
      if (status !== 206 || !String(headers["content-range"]).startsWith(`bytes ${size}-`)) {
        pieces.length = 0; // the file is another one now
        size = 0;
      }
      if (status === 416) throw new Passing("the file has changed");
      for await (const piece of body as AsyncIterable<Buffer>) {
        pieces.push(piece);
        size += piece.byteLength;
      }
      return new Uint8Array(Buffer.concat(pieces));
    });
  }

  /**
   * Reads a file of any size, named by its SHA-256, into a file.
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
        const { status, headers, body } = await this.#once("GET", `/blobs/${hash}`, [404], {
          headers: size === 0 ? {} : { range: `bytes=${size}-` },
        });
        if (status === 404) {
          discard(body);
          throw gone("no longer has");
        }
        if (status !== 206 || !String(headers["content-range"]).startsWith(`bytes ${size}-`)) {
          size = 0;
          digest = createHash("sha256");
        }
        for await (const piece of body as AsyncIterable<Buffer>) {
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

  /** Sends a file, from where the server has it. */
  async put(path: string, bytes: Uint8Array, hash?: string): Promise<void> {
    if (bytes.byteLength > this.maxBytes)
      throw new ResourceError(
        "ERR_STORE_LIMIT",
        `the store at ${this.#options.url} takes files of at most ${this.maxBytes} bytes, and this one has ${bytes.byteLength}`,
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
      discard(body);
    });
  }

  /** How much of a file the server has. A file that is there but for its end is sent from its last byte. */
  async #offset(path: string, digest: string, size: number): Promise<number> {
    const { headers, body } = await this.#once("GET", `/uploads${path}?sha256=${digest}`);
    discard(body);
    return Math.max(0, Math.min(Number(headers["upload-offset"]) || 0, size - 1));
  }

  /** An answer, tried again as often as may be. */
  #answer(method: Method, path: string, also: readonly number[] = []): Promise<RawAnswer> {
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
    method: Method,
    path: string,
    also: readonly number[] = [],
    { headers = {}, body }: { readonly headers?: Record<string, string>; readonly body?: Uint8Array } = {},
  ): Promise<RawAnswer> {
    const { url, token } = this.#options;
    const address = new URL(`${url.replace(/\/$/, "")}/v1${path}`);
    const answer = await this.#http.request(
      method,
      address,
      { ...headers, authorization: `Bearer ${token}` },
      { body },
    );
    const { status } = answer;
    if (status < 300 || also.includes(status)) return answer;
    if (status < 400) {
      discard(answer.body);
      throw new ConfigurationError(
        "ERR_CONFIG",
        `--store: ${url} sends elsewhere, to ${String(answer.headers["location"])}`,
        { remedy: "give the address of the store itself" },
      );
    }
    const said = (await textOf(answer.body, FAULT_BYTES).catch(() => "")).trim().slice(0, 200);
    if (status === 401) throw wrongToken(url);
    throw new Passing(`status ${status}${said === "" ? "" : `: ${said}`}`);
  }

  [Symbol.dispose](): void {
    this.#http[Symbol.dispose]();
  }
}

function wrongToken(url: string): ConfigurationError {
  return new ConfigurationError("ERR_CONFIG", `--token: ${url} refuses it`, {
    remedy: "give the one that `cobra-batch store` printed there, or set COBRA_STORE_TOKEN",
  });
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
