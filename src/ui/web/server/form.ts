/**
 * The parts of a form in `multipart/form-data`, one after the other; a form that cannot be read is the client's fault.
 */
import type { BusboyConfig } from "@fastify/busboy";
import type { Multipart } from "@fastify/multipart";
import type { FastifyRequest } from "fastify";
import { messageOf } from "../../../errors.js";
import { RequestError } from "./request-error.js";

/** The parts of a form. @throws RequestError 400 for a form that is empty, cut off or has another boundary; 413 */
export async function* formParts(
  request: FastifyRequest,
  options: Omit<BusboyConfig, "headers">,
): AsyncGenerator<Multipart> {
  if (!request.isMultipart())
    throw new RequestError(400, "ERR_REQUEST", "the form is empty; send its parts as multipart/form-data");
  try {
    yield* request.parts(options);
  } catch (error) {
    throw formFault(error);
  }
}

/** An error while a part was read: the parser's own have neither status nor code, those of the disk have a code. */
export function formFault(error: unknown): unknown {
  if (!(error instanceof Error)) return error;
  const { code } = error as { code?: string };
  if (code === "FST_INVALID_JSON_FIELD_ERROR")
    return new RequestError(400, "ERR_REQUEST", "a part of the form is called JSON (its Content-Type) and is not");
  if (code !== undefined || Object.getPrototypeOf(error) !== Error.prototype) return error;
  return new RequestError(400, "ERR_REQUEST", `the form cannot be read: ${messageOf(error)}`);
}
