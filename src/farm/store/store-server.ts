/**
 * Serves a store to machines that do not share its folder. Every request needs the token.
 *
 *   GET, HEAD      /v1/blobs/<sha256>, /v1/results/<key>.page, /v1/results/<key>.failed     with Range
 *   PUT            the same: a whole file, or with Content-Range the rest of one that was cut off
 *   GET            /v1/uploads/blobs/<sha256>?sha256=…     Upload-Offset: so much of that file has come
 *   DELETE         /v1/results/<key>.page, /v1/results/<key>.failed; /v1/blobs/<sha256>, but only a damaged one
 *   GET            /v1/crashes; PUT /v1/crashes/<worker>
 *   GET            /v1     {"maxBytes": …, "model": {…} where one is offered}
 *
 * `Content-Digest: sha-256=:…:` (RFC 9530) says what a file must be; one that is something else is refused.
 */
import { createWriteStream } from "node:fs";
import { rm } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { BatchProcessingError, messageOf, ResourceError, systemCode } from "../../errors.js";
import { exists } from "../../io/files/exists.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { getLogger } from "../../logging.js";
import type { OfferedModel } from "./offered-model.js";
import type { SharedStore } from "./shared-store.js";
import { hashOf, partOf, place, removeOldParts, send, sizeOf, targetOf, type Target } from "./served-files.js";
import { digestOf, isToken, rangeOf, Refusal } from "./store-request.js";

export interface StoreServerOptions {
  readonly store: SharedStore;
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly token: string;
  /** Largest file that is taken. Default 2 GiB. */
  readonly maxBytes?: number;
  /** For machines that have none; its files are in the store. */
  readonly model?: OfferedModel | undefined;
  /** A connection on which nothing moves for so long is closed. Default 60,000. */
  readonly silenceMs?: number;
  /** An upload on which nothing moves for so long gives way to another of the same file. Default 5,000. */
  readonly stalledMs?: number;
}

/** A server that listens. */
export interface StoreServer {
  readonly port: number;
  close(): Promise<void>;
}

const MAX_BYTES = 2 * 2 ** 30;
/** What addresses without a host stand on. */
const BASE = "http://store";
const JSON_TYPE = { "content-type": "application/json" };

const log = getLogger("store");

/** A part that is being written. */
interface Upload {
  readonly request: IncomingMessage;
  /** When its last bytes came; infinite once all have come. */
  movedAt: number;
}

/**
 * Starts the server.
 * @throws ResourceError `ERR_LISTEN`
 */
export async function startStoreServer(options: StoreServerOptions): Promise<StoreServer> {
  const { store, host, port, token, model, maxBytes = MAX_BYTES, silenceMs = 60_000, stalledMs = 5000 } = options;
  const parts = join(store.folder, "parts");
  await makeFolder(parts);
  await removeOldParts(parts);
  const busy = new Map<string, Upload>();

  const server = createServer((request, response) => {
    handle(request, response).catch((error: unknown) => {
      if (response.headersSent || response.destroyed) return void response.destroy();
      const refusal = error instanceof Refusal ? error : isFull(error) ? fullDisk() : undefined;
      if (!(error instanceof Refusal)) log.error({ error: messageOf(error) }, "a request of the store failed");
      // What is still being sent is not read.
      const headers = { "content-type": "text/plain; charset=utf-8", connection: "close", ...refusal?.headers };
      response.writeHead(refusal?.status ?? 500, headers).end(`${refusal?.message ?? "the store cannot do that"}\n`);
    });
  });
  server.requestTimeout = 0; // large files take long; silence is what ends a connection
  server.timeout = silenceMs;

  async function handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const asked = request.url ?? "/";
    const url = URL.canParse(asked, BASE) ? new URL(asked, BASE) : undefined;
    if (url?.pathname === "/healthz") return void response.end("ok\n");
    if (!isToken(request.headers.authorization, token))
      throw new Refusal(401, "the token is missing or wrong", { "www-authenticate": "Bearer" });
    if (url === undefined) throw noSuchAddress();
    const method = request.method === "HEAD" ? "GET" : request.method;
    if (url.pathname === "/v1" && method === "GET")
      return void response.writeHead(200, JSON_TYPE).end(JSON.stringify({ maxBytes, model }));
    if (url.pathname === "/v1/crashes" && method === "GET") {
      return void response.writeHead(200, JSON_TYPE).end(JSON.stringify(await store.crashNotes()));
    }
    const upload = url.pathname.startsWith("/v1/uploads/");
    const target = targetOf(store, maxBytes, url.pathname.replace("/v1/uploads/", "/v1/"));
    if (target === undefined) throw noSuchAddress();
    if (upload && method === "GET") {
      const part = partOf(parts, target, url.searchParams.get("sha256") ?? "");
      checkFree(part); // so that nobody sends what would be refused
      return void response.writeHead(200, { "upload-offset": String(await sizeOf(part)) }).end();
    }
    if (upload) throw new Refusal(405, "GET only");
    if (method === "GET") return send(request, response, target);
    if (method === "PUT") return receive(request, response, target);
    if (method === "DELETE" && !target.fixed) {
      await rm(target.path, { force: true });
      return void response.writeHead(204).end();
    }
    if (method === "DELETE" && target.sha256 !== undefined) return removeDamaged(request, response, target);
    throw new Refusal(405, "there is no such method here");
  }

  /** A sender may be gone without a word: its upload does not hold up others for long. */
  function checkFree(part: string): void {
    const upload = busy.get(part);
    if (upload === undefined) return;
    if (performance.now() - upload.movedAt > stalledMs) upload.request.destroy();
    throw new Refusal(409, "another request sends this file", { "retry-after": "1" });
  }

  async function removeDamaged(request: IncomingMessage, response: ServerResponse, target: Target): Promise<void> {
    const part = partOf(parts, target, target.sha256!);
    checkFree(part);
    busy.set(part, { request, movedAt: Number.POSITIVE_INFINITY }); // nobody puts a whole one there meanwhile
    try {
      if ((await exists(target.path)) && (await hashOf(target.path)) === target.sha256)
        throw new Refusal(409, "the file is not damaged");
      await rm(target.path, { force: true });
    } finally {
      busy.delete(part);
    }
    response.writeHead(204).end();
  }

  /** Takes a file, or the rest of one. */
  async function receive(request: IncomingMessage, response: ServerResponse, target: Target): Promise<void> {
    const digest = digestOf(request) ?? target.sha256;
    if (digest === undefined) throw new Refusal(400, "Content-Digest: sha-256=:…: is missing");
    if (target.sha256 !== undefined && digest !== target.sha256)
      throw new Refusal(422, "Content-Digest is not the SHA-256 in the address");
    const length = Number(request.headers["content-length"] ?? Number.NaN);
    if (!Number.isSafeInteger(length)) throw new Refusal(411, "Content-Length is missing");
    const { offset, total } = rangeOf(request.headers["content-range"], length);
    if (total > target.maxBytes) throw new Refusal(413, `a file may have ${target.maxBytes} bytes`);
    const part = partOf(parts, target, digest);
    checkFree(part);
    const upload: Upload = { request, movedAt: performance.now() };
    busy.set(part, upload);
    try {
      const there = await sizeOf(part);
      if (offset > there)
        throw new Refusal(409, `the file is there up to byte ${there}`, { "upload-offset": `${there}` });
      // Bytes that came already come again.
      const file = createWriteStream(part, offset === 0 ? { flags: "w" } : { flags: "r+", start: offset });
      await pipeline(request, (chunks) => noted(chunks, upload), file);
      upload.movedAt = Number.POSITIVE_INFINITY;
      if ((await sizeOf(part)) < total) throw new Refusal(400, "the file was cut off");
      if ((await hashOf(part)) !== digest) {
        await rm(part, { force: true });
        throw new Refusal(422, "the file is not what its SHA-256 says; send it again");
      }
      await place(part, target.path);
    } catch (error) {
      if (isFull(error)) await rm(part, { force: true }); // it must not keep the space from smaller files
      throw error;
    } finally {
      busy.delete(part);
    }
    response.writeHead(201).end();
  }

  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new ResourceError("ERR_LISTEN", `cannot serve the store on ${host}, port ${port}: ${messageOf(cause)}`, {
          cause,
          remedy: "choose another --port or --host",
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
  const cleaning = setInterval(() => void removeOldParts(parts), 3600_000).unref();
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        clearInterval(cleaning);
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

function noSuchAddress(): Refusal {
  return new Refusal(404, "there is no such address");
}

function fullDisk(): Refusal {
  return new Refusal(507, "the store's disk is full; free some space there");
}

/** Whether a disk, or a quota of it, is full. */
function isFull(error: unknown): boolean {
  const code = systemCode(error instanceof BatchProcessingError ? error.cause : error);
  return code === "ENOSPC" || code === "EDQUOT";
}

/** Notes when chunks of an upload come. */
async function* noted(chunks: AsyncIterable<Uint8Array>, upload: Upload): AsyncIterable<Uint8Array> {
  for await (const chunk of chunks) {
    upload.movedAt = performance.now();
    yield chunk;
  }
}
