/** The files of a store that is served: which one an address names, what has come of one, and how one is sent. */
import { createReadStream } from "node:fs";
import { lstat, open, readdir, rename, rm, stat } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { dirname, join } from "node:path";
import { pipeline } from "node:stream/promises";
import { messageOf, systemCode } from "../../errors.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { getLogger } from "../../logging.js";
import { sha256OfChunks } from "../../platform/sha256.js";
import { syncFolder } from "../../platform/storage.js";
import type { SharedStore } from "./shared-store.js";
import { Refusal } from "./store-request.js";

const log = getLogger("store");
/** Failures and crash notes are short. */
const MAX_NOTE_BYTES = 2 ** 20;
/** What is left of an upload that nobody has gone on with is removed after so long. */
const PART_AGE_MS = 24 * 3600_000;

/** The file that a request is about. */
export interface Target {
  /** Where the file lies. */
  readonly path: string;
  /** Name of what has come of it. */
  readonly part: string;
  /** What it must be, if its name tells. */
  readonly sha256?: string;
  readonly maxBytes: number;
  /** Whether it never changes. */
  readonly fixed: boolean;
}

/** The file that an address names; undefined for an address that names none. */
export function targetOf(store: SharedStore, maxBytes: number, path: string): Target | undefined {
  const [, kind, name, extension = ""] = /^\/v1\/(blobs|results)\/([0-9a-f]{64})(\.page|\.failed)?$/.exec(path) ?? [];
  if (kind === "blobs" && extension === "")
    return { path: store.path("blobs", name!, ""), part: `blobs-${name}`, sha256: name!, maxBytes, fixed: true };
  if (kind === "results" && (extension === ".page" || extension === ".failed"))
    return {
      path: store.path("results", name!, extension),
      part: `results-${name}${extension}`,
      maxBytes: extension === ".page" ? maxBytes : Math.min(maxBytes, MAX_NOTE_BYTES),
      fixed: false,
    };
  const [, worker] = /^\/v1\/crashes\/([0-9a-f]{16})$/.exec(path) ?? [];
  if (worker === undefined) return undefined;
  return { path: store.crashFile(worker), part: `crashes-${worker}`, maxBytes: MAX_NOTE_BYTES, fixed: true };
}

/** A file, or the part of it that Range asks for. */
export async function send(request: IncomingMessage, response: ServerResponse, { path, fixed }: Target): Promise<void> {
  const file = await open(path).catch((error: unknown) => {
    if (systemCode(error) === "ENOENT") return undefined;
    throw error; // such as too many open files: it is there, and another try may open it
  });
  if (file === undefined) throw new Refusal(404, "there is no such file");
  const { size } = await file.stat();
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers.range ?? "") ?? [];
  const start = Number(first ?? 0);
  const end = Math.min(size - 1, last === undefined || last === "" ? size - 1 : Number(last));
  if (first !== undefined && (start >= size || end < start)) {
    await file.close();
    throw new Refusal(416, "there are no such bytes", { "content-range": `bytes */${size}` });
  }
  response.writeHead(first === undefined ? 200 : 206, {
    "content-type": "application/octet-stream",
    "content-length": String(end - start + 1),
    "accept-ranges": "bytes",
    "cache-control": fixed ? "max-age=31536000, immutable" : "no-store",
    ...(first === undefined ? {} : { "content-range": `bytes ${start}-${end}/${size}` }),
  });
  if (request.method === "HEAD" || size === 0) {
    await file.close();
    return void response.end();
  }
  await pipeline(file.createReadStream({ start, end }), response);
}

export async function hashOf(path: string): Promise<string> {
  return (await sha256OfChunks(createReadStream(path))).sha256;
}

/** Where a file's bytes lie until it is whole. */
export function partOf(parts: string, { part }: Target, sha256: string): string {
  if (!/^[0-9a-f]{64}$/.test(sha256)) throw new Refusal(400, "sha256 must be a SHA-256 in hex");
  return join(parts, `${part}-${sha256}`);
}

/** Gives a whole file its name, on the disk for good. */
export async function place(part: string, path: string): Promise<void> {
  const file = await open(part, "r+");
  await file.sync().finally(() => file.close());
  await makeFolder(dirname(path));
  await rename(part, path);
  await syncFolder(dirname(path));
}

export async function sizeOf(path: string): Promise<number> {
  return stat(path).then(
    ({ size }) => size,
    () => 0,
  );
}

/** Names that `partOf` gives. */
const PART = /^(?:blobs-[0-9a-f]{64}|results-[0-9a-f]{64}\.(?:page|failed)|crashes-[0-9a-f]{16})-[0-9a-f]{64}$/;

/** Removes parts that nobody has gone on with; what is no part stays. Never rejects. */
export async function removeOldParts(parts: string): Promise<void> {
  for (const name of await readdir(parts).catch(() => [])) {
    if (!PART.test(name)) continue;
    const path = join(parts, name);
    const info = await lstat(path).catch(() => undefined);
    if (info?.isFile() !== true || Date.now() - info.mtimeMs <= PART_AGE_MS) continue;
    await rm(path, { force: true }).catch((error: unknown) =>
      log.warn({ err: error }, `${path} is old and cannot be removed: ${messageOf(error)}`),
    );
  }
}
