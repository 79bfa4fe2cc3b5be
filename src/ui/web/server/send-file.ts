/**
 * Sends files and archives: whole or a range of their bytes (RFC 9110, 14), with an ETag, so that downloads can be
 * resumed and browsers keep what has not changed. Nothing is held in memory that the disk has.
 */
import { createReadStream } from "node:fs";
import { Readable } from "node:stream";
import type { FastifyReply, FastifyRequest } from "fastify";
import { dispositionOf } from "./disposition.js";
import { RequestError } from "./request-error.js";

/** What is sent. */
export interface Sendable {
  /** File name for people. */
  readonly name: string;
  readonly type: string;
  readonly sizeBytes: number;
  /** Changes with the content. */
  readonly version: string;
  /** Opens the bytes from `start` up to, not including, `end`. */
  readonly open: (start: number, end: number) => Readable;
}

/** How it is sent. */
export interface SendOptions {
  /** Saved and not shown. */
  readonly download: boolean;
  /** The address has the version in it: it never gives anything else. */
  readonly immutable: boolean;
  /** A reader that takes nothing for so many milliseconds is dropped. */
  readonly stalledMs: number;
}

/** Types that a browser may show; all else it is told to save. */
const SHOWN: ReadonlySet<string> = new Set([
  "image/png",
  "image/jpeg",
  "image/webp",
  "image/avif",
  "image/gif",
  "image/tiff",
]);

/** Opens a file, or bytes in memory. */
export function opener(source: { path?: string | undefined; bytes?: Uint8Array | undefined }): Sendable["open"] {
  const { path, bytes } = source;
  if (bytes !== undefined) return (start, end) => Readable.from(end > start ? [bytes.subarray(start, end)] : []);
  return (start, end) => (end > start ? createReadStream(path!, { start, end: end - 1 }) : Readable.from([]));
}

/** A range of bytes, its end not included. */
interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/**
 * The range that a `Range` header asks for. Undefined for none, for what is no range of bytes, and for several: all is
 * sent then, as RFC 9110 allows. "none": the bytes are not there.
 */
export function rangeOf(header: string | undefined, sizeBytes: number): ByteRange | "none" | undefined {
  const [, first = "", last = ""] = /^bytes=\s*(\d{0,16})-(\d{0,16})\s*$/.exec(header ?? "") ?? [];
  if (first === "" && last === "") return undefined;
  if (first === "") {
    const length = Math.min(Number(last), sizeBytes);
    return length === 0 ? "none" : { start: sizeBytes - length, end: sizeBytes };
  }
  if (last !== "" && Number(last) < Number(first)) return undefined;
  if (Number(first) >= sizeBytes) return "none";
  return { start: Number(first), end: last === "" ? sizeBytes : Math.min(Number(last) + 1, sizeBytes) };
}

/**
 * Sends it.
 * @throws RequestError 416 for a range that is not there
 */
export function sendFile(
  request: FastifyRequest,
  reply: FastifyReply,
  file: Sendable,
  options: SendOptions,
): FastifyReply {
  const { headers, method } = request;
  const etag = `"${file.version.replace(/[^\w.:-]/g, "")}"`;
  const shown = !options.download && SHOWN.has(file.type);
  reply.headers({
    etag,
    "accept-ranges": "bytes",
    "cache-control": options.immutable ? "private, max-age=31536000, immutable" : "private, no-cache",
    // Were it ever shown as a page of its own, it could do nothing.
    "content-security-policy": "default-src 'none'; sandbox",
  });
  if (matches(headers["if-none-match"], etag)) return reply.code(304).send();
  const ifRange = headers["if-range"];
  const range = ifRange === undefined || ifRange === etag ? rangeOf(headers.range, file.sizeBytes) : undefined;
  if (range === "none")
    throw new RequestError(
      416,
      "ERR_REQUEST",
      `Range ${headers.range?.slice(0, 60)} is outside of the ${file.sizeBytes} bytes that there are`,
      { "content-range": `bytes */${file.sizeBytes}` },
    );
  const { start, end } = range ?? { start: 0, end: file.sizeBytes };
  reply.code(range === undefined ? 200 : 206).headers({
    "content-type": file.type,
    "content-length": String(end - start),
    "content-disposition": dispositionOf(file.name, shown ? "inline" : "attachment"),
    ...(range === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${file.sizeBytes}` }),
  });
  if (method === "HEAD") return reply.send(Readable.from([]));
  const socket = reply.raw.socket;
  reply.raw.setTimeout(options.stalledMs, () => socket?.destroy());
  reply.raw.once("close", () => socket?.setTimeout(0));
  return reply.send(file.open(start, end));
}

/** Whether an `If-None-Match` header names the ETag. */
export function matches(header: string | undefined, etag: string): boolean {
  return header !== undefined && header.split(",").some((one) => ["*", etag, `W/${etag}`].includes(one.trim()));
}
