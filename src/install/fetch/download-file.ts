/** Fetches one file: goes on where it broke, and checks size and hash before the file gets its name. */
import { BatchProcessingError, ModelError } from "../../errors.js";
import { plainTag, UNKNOWN, type Remote, type RemoteFile } from "./remote.js";
import { withoutSecrets, type Answer, type Connection } from "./connection.js";
import { FetchFault, isWebPage, statusFault, TRY_WITHOUT, webPageFault } from "./fetch-fault.js";
import { discard } from "../../io/http/http-client.js";
import { PartFile } from "./part-file.js";
import type { Retry } from "./retry.js";

/** One file to fetch. */
export interface Download {
  readonly connection: Connection;
  readonly remote: Remote;
  readonly file: RemoteFile;
  /** SHA-256 that the catalogue has. */
  readonly sha256: string;
  /** The path it gets when it is whole. */
  readonly target: string;
  readonly retry: Retry;
  /** Hears how many bytes have come since the last call; a negative number takes some back. */
  readonly onBytes?: (bytes: number) => void;
  /** Hears how many bytes lay on the disk already. */
  readonly onFound?: (bytes: number) => void;
  readonly signal?: AbortSignal | undefined;
}

/** After so many bytes a try has brought something, however it ends. */
const PROGRESS_BYTES = 2 ** 20;
/** A file whose hash is wrong is fetched again from its beginning this often: what lay on the disk may be damaged. */
const SECOND_TRIES = 1;
/** The most that is taken of a file whose length neither the catalogue nor the server says. */
const MAX_UNTOLD_BYTES = 2 ** 24;

/** A download under way. */
interface Running extends Download {
  /** The `ETag` of what has come so far, so that halves of two contents are never put together. */
  etag: string | undefined;
}

/**
 * Fetches it. What has come stays on the disk if it fails, and is where the next call goes on.
 * @returns length and hash
 * @throws ResourceError `ERR_MODEL_FETCH`, `ERR_OUTPUT_WRITE`; ModelError `ERR_MODEL_SOURCE`; the signal's reason
 */
export async function downloadFile(given: Download): Promise<{ bytes: number; sha256: string }> {
  const { file, target, retry } = given;
  const download: Running = { ...given, etag: file.etag };
  const part = await PartFile.open(target, file.tag);
  download.onFound?.(part.sizeBytes);
  try {
    for (let again = 0; ; again++) {
      await retry((progressed) => fetchRest(download, part, progressed));
      const fault = await contentFault(download, part);
      if (fault === undefined) break;
      await reset(download, part);
      if (again === SECOND_TRIES)
        throw new ModelError(
          "ERR_MODEL_SOURCE",
          `${withoutSecrets(file.url)} was downloaded completely twice, but failed verification: ${fault}`,
          { remedy: `${TRY_WITHOUT}, else try again later` },
        );
    }
    const record = { bytes: part.sizeBytes, sha256: part.sha256() };
    await part.finish();
    return record;
  } finally {
    await part.close();
  }
}

async function fetchRest(download: Running, part: PartFile, progressed: () => void): Promise<void> {
  const { connection, remote, file, signal, onBytes } = download;
  if (file.bytes !== undefined && part.sizeBytes > file.bytes) await reset(download, part);
  if (file.bytes !== undefined && part.sizeBytes === file.bytes) return;
  const from = part.sizeBytes;
  const answer = await connection.send("GET", file.url, {
    headers: from > 0 ? { range: `bytes=${from}-` } : {},
    credential: remote.credential,
    signal,
  });
  const address = withoutSecrets(file.url);
  try {
    if (await isWhole(download, part, answer)) return;
    let gained = 0;
    for await (const chunk of connection.read(answer)) {
      if (file.bytes !== undefined && part.sizeBytes + chunk.length > file.bytes) {
        await reset(download, part);
        throw new FetchFault(`${address}: the server sends more than the ${file.bytes} bytes that it announced`, {
          remedy: TRY_WITHOUT,
          passing: false,
        });
      }
      if (file.bytes === undefined && part.sizeBytes + chunk.length > MAX_UNTOLD_BYTES) {
        await reset(download, part);
        throw new FetchFault(
          `${address}: neither the server nor the catalogue says how long the file is, and more than ${MAX_UNTOLD_BYTES} bytes come`,
          { remedy: `${TRY_WITHOUT}, or take a catalogue that has its length`, passing: false },
        );
      }
      await part.append(chunk);
      onBytes?.(chunk.length);
      gained += chunk.length;
      if (gained >= PROGRESS_BYTES) progressed();
    }
    if (file.bytes !== undefined && part.sizeBytes < file.bytes)
      throw new FetchFault(`${address}: the connection ended after ${part.sizeBytes} of ${file.bytes} bytes`, {
        remedy: "check the connection",
        passing: true,
        what: `the connection ended after ${part.sizeBytes} of ${file.bytes} bytes`,
      });
  } catch (error) {
    answer.body.destroy();
    signal?.throwIfAborted();
    if (error instanceof FetchFault || error instanceof BatchProcessingError) throw error;
    throw connection.faultOf(error, answer.url) ?? error;
  }
}

/** Looks at an answer's head. True: there is nothing more to come. */
async function isWhole(download: Running, part: PartFile, answer: Answer): Promise<boolean> {
  const { remote, connection, file } = download;
  const { status, headers, url } = answer;
  const from = part.sizeBytes;
  const address = withoutSecrets(file.url);
  const range = /^bytes (?:(\d+)-\d+|\*)\/(\d+|\*)$/u.exec(headers["content-range"] ?? "");
  if (status === 416 && from > 0) {
    discard(answer.body);
    if (file.bytes === undefined && range?.[2] === String(from)) return true;
    await reset(download, part);
    throw new FetchFault(`${address}: the server has fewer bytes than have come; it is fetched from its beginning`, {
      remedy: TRY_WITHOUT,
      passing: true,
      what: "the server has fewer bytes than have come; it is fetched from its beginning",
      waitMs: 0,
    });
  }
  const isAnswer = status === 200 || status === 206;
  if (isAnswer && isWebPage(headers, file.url.pathname)) throw webPageFault(address);
  const fault = isAnswer ? foreignBody(headers, status === 200 ? file.bytes : undefined) : undefined;
  if (fault !== undefined) throw new FetchFault(`${address}: ${fault}`, { remedy: TRY_WITHOUT, passing: false });
  const etag = plainTag(headers["etag"] ?? "") || undefined;
  if (status === 206 && from > 0 && etag !== undefined && download.etag !== undefined && etag !== download.etag) {
    await reset(download, part);
    const what = "the file has changed on the server; it is fetched from its beginning";
    throw new FetchFault(`${address}: ${what}`, { remedy: TRY_WITHOUT, passing: true, what, waitMs: 0 });
  }
  if (isAnswer) download.etag = etag;
  if (status === 206) {
    const isAsked = Number(range?.[1] ?? -1) === from;
    const isSame = file.bytes === undefined || range?.[2] === "*" || Number(range?.[2]) === file.bytes;
    if (isAsked && isSame) return false;
    await reset(download, part);
    const what = "the server sends another part than it was asked for";
    throw new FetchFault(`${address}: ${what}`, { remedy: TRY_WITHOUT, passing: true, what });
  }
  if (status === 200) {
    if (from > 0) await reset(download, part); // a server without Range sends all
    return false;
  }
  discard(answer.body);
  if (remote.hub !== undefined && url.origin !== file.url.origin && status < 500 && status !== 429) {
    // The next try gets another signed address from the hub.
    const what = `the hub's storage refuses the address that the hub gave (status ${status})`;
    throw new FetchFault(`${address}: ${what}`, {
      remedy: "try again later, or name a mirror with HF_ENDPOINT",
      passing: true,
      what,
    });
  }
  throw statusFault({
    status,
    headers: { ...headers, ...answer.told },
    address: withoutSecrets(url),
    host: url.host,
    proxy: connection.proxyFor(url),
    hub: remote.hub,
    hasToken: remote.credential !== undefined,
  });
}

/** Why a body cannot be the file's, told by its headers. */
function foreignBody(headers: Answer["headers"], bytes: number | undefined): string | undefined {
  const encoding = headers["content-encoding"] ?? "identity";
  if (encoding !== "identity") return `the server sends it compressed (${encoding}), which it was not asked for`;
  const length = headers["content-length"];
  return bytes === undefined || length === undefined || Number(length) === bytes
    ? undefined
    : `the server sends ${length} bytes in place of the file's ${bytes}`;
}

async function reset({ onBytes }: Download, part: PartFile): Promise<void> {
  onBytes?.(-part.sizeBytes);
  await part.reset();
}

async function contentFault({ file, sha256 }: Download, part: PartFile): Promise<string | undefined> {
  const wanted = sha256 === UNKNOWN ? file.sha256 : sha256;
  const found = part.sha256();
  if (wanted !== undefined && wanted !== found) return `its SHA-256 is ${found}, expected ${wanted}`;
  if (wanted === undefined && file.gitBlob !== undefined) {
    const blob = await part.gitBlob();
    if (blob !== file.gitBlob) return `git's hash of it is ${blob}, expected ${file.gitBlob}`;
  }
  return undefined;
}
