/** Parses what a request's headers say about its body. */
import type { IncomingMessage } from "node:http";
import type { FastifyRequest } from "fastify";
import { RequestError, tooLarge } from "./request-error.js";

/** Whether a body comes with a request. */
export function hasBody({ headers }: IncomingMessage): boolean {
  const { "content-length": length, "transfer-encoding": coding } = headers;
  return coding !== undefined || (length !== undefined && Number(length) !== 0);
}

/** The length of a body, which has to be said. @throws RequestError 411, 413 */
export function bodyLength({ headers }: FastifyRequest, most: number): number {
  const length = Number(headers["content-length"]);
  if (headers["content-length"] === undefined || !Number.isSafeInteger(length))
    throw new RequestError(411, "ERR_REQUEST", "the request does not say its length; send Content-Length");
  if (length > most) throw tooLarge(`the request has ${length} bytes; at most ${most} are taken`);
  return length;
}
