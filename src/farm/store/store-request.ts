/** Reads what a request to the store says in its headers. */
import { createHash, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";

/** An answer that is no success. */
export class Refusal extends Error {
  constructor(
    readonly status: number,
    message: string,
    readonly headers: Readonly<Record<string, string>> = {},
  ) {
    super(message);
  }
}

/** The SHA-256 in hex that Content-Digest gives; undefined where it gives none. */
export function digestOf({ headers }: IncomingMessage): string | undefined {
  const [, base64] = /^sha-256=:([\w+/]{43}=):$/.exec(String(headers["content-digest"] ?? "")) ?? [];
  return base64 === undefined ? undefined : Buffer.from(base64, "base64").toString("hex");
}

/**
 * Which part of a file an upload of `length` bytes is.
 * @throws Refusal 400
 */
export function rangeOf(
  range: string | undefined,
  length: number,
): { readonly offset: number; readonly total: number } {
  if (range === undefined) return { offset: 0, total: length };
  const [, first, last, total] = /^bytes (\d+)-(\d+)\/(\d+)$/.exec(range) ?? [];
  const offset = Number(first);
  if (total === undefined || Number(last) - offset + 1 !== length || Number(last) + 1 !== Number(total))
    throw new Refusal(400, "Content-Range is not that of the rest of a file of this length");
  return { offset, total: Number(total) };
}

/** Compares in a time that tells nothing. */
export function isToken(authorization: string | undefined, token: string): boolean {
  const [, given] = /^Bearer +(\S+)$/i.exec(authorization ?? "") ?? [];
  const hash = (text: string): Buffer => createHash("sha256").update(text).digest();
  return timingSafeEqual(hash(given ?? ""), hash(token)) && given !== undefined;
}
