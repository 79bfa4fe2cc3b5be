/** Errors as answers: `application/problem+json` (RFC 9457), with the status of the error's code. */
import { STATUS_CODES, type OutgoingHttpHeaders } from "node:http";
import type { FastifyError, FastifyReply, FastifyRequest } from "fastify";
import { BatchProcessingError, messageOf, type ErrorCode } from "../../../errors.js";
import { getLogger } from "../../../logging.js";
import type { Problem } from "../api/schemas.js";
import { problemOf } from "../jobs/problem.js";
import { webRemedy } from "../jobs/remedies.js";
import { hasBody } from "./body.js";
import type { Redactor } from "./redactor.js";
import { RequestError } from "./request-error.js";

const log = getLogger("server");
/** Media type of a problem. */
export const PROBLEM_TYPE = "application/problem+json; charset=utf-8";

/** An answer that is an error. */
export interface ProblemAnswer {
  readonly problem: Problem;
  readonly headers: Readonly<Record<string, string>>;
}

/** A problem of the server's own. */
export function problem(status: number, code: ErrorCode, detail: string): Problem {
  return { type: "about:blank", title: STATUS_CODES[status] ?? "Error", status, code, detail, remedy: webRemedy(code) };
}

/** What is answered to an error. What is no error of the engine or of the framework tells nothing about itself. */
function answerTo(error: unknown): ProblemAnswer {
  if (error instanceof RequestError) return withRetry(problem(error.status, error.code, error.message), error.headers);
  if (error instanceof BatchProcessingError) return withRetry(problemOf(error));
  const ofFramework = frameworkProblem(error);
  if (ofFramework !== undefined) return { problem: ofFramework, headers: {} };
  return { problem: problemOf(error), headers: {} };
}

function withRetry(answer: Problem, headers: Readonly<Record<string, string>> = {}): ProblemAnswer {
  const again = answer.status === 503 || answer.status === 429 ? { "retry-after": "5" } : {};
  return { problem: answer, headers: { ...again, ...headers } };
}

const MOST_CHARACTERS = 300;

/** Errors of Fastify and its plugins; those that a client can cause have a status below 500. */
function frameworkProblem(error: unknown): Problem | undefined {
  if (!(error instanceof Error)) return undefined;
  const { statusCode: status, validation, validationContext } = error as Partial<FastifyError>;
  if (validation !== undefined) {
    const faults = validation.map(({ instancePath, message }) => {
      const place = instancePath.slice(1).replaceAll("/", ".");
      return place === "" ? `${validationContext ?? "request"} ${message}` : `${place} ${message}`;
    });
    return problem(400, "ERR_ARGUMENT", `the ${validationContext ?? "request"} is wrong: ${faults.join("; ")}`);
  }
  if (status === 415)
    return problem(415, "ERR_REQUEST", "the body has a media type that is not taken here; JSON is application/json");
  if (status === undefined || status < 400 || status > 499) return undefined;
  // Some of the framework's messages repeat what was sent, such as a whole address.
  const message = messageOf(error).slice(0, MOST_CHARACTERS);
  return problem(status, status === 413 ? "ERR_REQUEST_LIMIT" : "ERR_REQUEST", message);
}

/** Whether the client went away before all of its body had come. */
function isCutOff(error: unknown, { raw }: FastifyRequest): boolean {
  return !raw.complete && error instanceof Error && (error as NodeJS.ErrnoException).code === "ECONNRESET";
}

/** Nobody reads it. */
function cutOff(): Problem {
  return problem(400, "ERR_REQUEST", "the connection ended before the request was whole");
}

/** Answers errors. */
export function problemHandler(redactor: Redactor) {
  return (error: unknown, request: FastifyRequest, reply: FastifyReply): void => {
    const { problem: answer, headers } = isCutOff(error, request)
      ? { problem: cutOff(), headers: {} }
      : answerTo(error);
    if (answer.status >= 500)
      log.error({ error: messageOf(error), code: answer.code, route: routeOf(request) }, "failed");
    if (answer.code === "ERR_INTERNAL")
      log.error({ stack: error instanceof Error ? error.stack : String(error) }, "bug");
    sendProblem(reply, answer, headers, redactor);
  };
}

/** How long and how much of a refused body is still read, so that the client gets to read why. */
const LINGER_MS = 2000;
const LINGER_BYTES = 4 * 2 ** 20;

/** Sends a problem. A body that was not read is not waited for: the connection ends. */
export function sendProblem(
  reply: FastifyReply,
  answer: Problem,
  headers: Readonly<Record<string, string>>,
  redactor: Redactor,
): void {
  const text = redactor.redact(JSON.stringify(answer));
  reply
    .code(answer.status)
    .headers({ ...headers, "cache-control": "no-store" })
    .type(PROBLEM_TYPE);
  const { raw } = reply.request;
  if (raw.complete || !hasBody(raw)) {
    void reply.serializer(String).send(text);
    return;
  }
  reply.header("connection", "close").hijack();
  reply.raw.writeHead(answer.status, {
    ...(reply.getHeaders() as OutgoingHttpHeaders),
    "content-length": Buffer.byteLength(text),
  });
  reply.raw.write(text);
  // Ending at once would reset the connection under the client's hands, with the answer unread.
  let read = 0;
  const end = (): void => {
    clearTimeout(timer);
    reply.raw.end();
  };
  const timer = setTimeout(end, LINGER_MS);
  raw.on("data", (chunk: Buffer) => {
    read += chunk.byteLength;
    if (read > LINGER_BYTES) end();
  });
  raw.once("close", end).once("error", end).resume();
}

/** The route without what the client has put into it. */
export function routeOf(request: FastifyRequest): string {
  return `${request.method} ${request.routeOptions.url ?? "?"}`;
}
