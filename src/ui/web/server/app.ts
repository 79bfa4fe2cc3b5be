/** Builds the Fastify application: hooks before each request, the routes, and the error handler. */
import type { Socket } from "node:net";
import { STATUS_CODES, type IncomingMessage, type ServerResponse } from "node:http";
import cookie from "@fastify/cookie";
import multipart from "@fastify/multipart";
import Fastify, { type FastifyInstance } from "fastify";
import { getLogger } from "../../../logging.js";
import type { App } from "./app-type.js";
import { shareConnections } from "./connections.js";
import { guards, type GuardOptions } from "./guards.js";
import { describeApi } from "./openapi.js";
import { pageFiles } from "./page-files.js";
import { problem, problemHandler, PROBLEM_TYPE, routeOf, sendProblem } from "./problems.js";
import { colorizeRoute } from "./routes/colorize.js";
import { eventRoutes } from "./routes/events.js";
import { farmRoutes } from "./routes/farm.js";
import { fileRoutes } from "./routes/files.js";
import { jobRoutes } from "./routes/jobs.js";
import { pictureFileRoutes } from "./routes/picture-files.js";
import { pictureRoutes } from "./routes/pictures.js";
import { rootRoutes } from "./routes/roots.js";
import { healthRoute, serverInfoRoutes } from "./routes/server-info.js";
import { uploadRoutes } from "./routes/uploads.js";
import { securityHeaders } from "./security-headers.js";
import type { Services } from "./services.js";
import { readJson, validatorCompiler } from "./validation.js";

const log = getLogger("server");

/** Where the API lies. */
export const API = "/api/v1";
const MOST_CHARACTERS_OF_PARAM = 300;
/** How often Node looks for heads of requests that take too long. */
const CHECK_MS = 1000;
/** How long a client that sent no request may take to read why. */
const LINGER_MS = 1000;

/** Builds the application. It does not listen yet. */
export function createApp(services: Services, options: GuardOptions): App {
  const { limits, redactor } = services;
  const app = Fastify({
    logger: false,
    bodyLimit: limits.jsonBytes,
    routerOptions: { maxParamLength: MOST_CHARACTERS_OF_PARAM },
    // Bodies have their own rule, see `slow-bodies.ts`.
    requestTimeout: 0,
    http: { headersTimeout: limits.headMs, connectionsCheckingInterval: Math.min(CHECK_MS, limits.headMs) },
    forceCloseConnections: "idle",
    clientErrorHandler,
    frameworkErrors: problemHandler(redactor),
  });
  app.server.maxConnections = limits.connections;
  shareConnections(app.server, limits.connectionsOfClient);
  app.server.on("checkExpectation", refuseExpectation);
  app.setValidatorCompiler(validatorCompiler as never);
  app.setSerializerCompiler(() => (data) => redactor.redact(JSON.stringify(data) ?? ""));
  app.setErrorHandler(problemHandler(redactor));
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split("?", 1)[0]!.slice(0, 200);
    sendProblem(reply, problem(404, "ERR_REQUEST", `there is nothing at ${request.method} ${path}`), {}, redactor);
  });
  app.removeAllContentTypeParsers();
  app.addContentTypeParser("application/json", { parseAs: "string" }, (_request, body, done) => {
    try {
      done(null, body === "" ? undefined : readJson(body as string, "the body"));
    } catch (error) {
      done(error as Error);
    }
  });
  app.addHook("onResponse", async (request, reply) => {
    log.debug({ route: routeOf(request), status: reply.statusCode, ms: Math.round(reply.elapsedTime) }, "answered");
  });
  addPlugins(app);
  // After the plugins, so that refusals have their headers, and before the routes, so that it holds for all of them.
  void app.after(() => {
    guards(app as unknown as App, options);
    routes(app.withTypeProvider() as unknown as App, services);
  });
  return app as unknown as App;
}

function addPlugins(app: FastifyInstance): void {
  securityHeaders(app);
  void app.register(cookie);
  void app.register(multipart, { throwFileSizeLimit: true });
  describeApi(app);
}

function routes(app: App, services: Services): void {
  healthRoute(app);
  void app.register(
    async (scope) => {
      const api = scope.withTypeProvider() as App;
      api.addHook("onSend", async (_request, reply) => {
        if (!reply.hasHeader("cache-control")) reply.header("cache-control", "no-store");
      });
      for (const add of [
        serverInfoRoutes,
        jobRoutes,
        pictureRoutes,
        pictureFileRoutes,
        fileRoutes,
        uploadRoutes,
        eventRoutes,
        rootRoutes,
        colorizeRoute,
        farmRoutes,
      ])
        add(api, services);
    },
    { prefix: API },
  );
  pageFiles(app, services.page);
}

/** Of an answer that no route gives and after which the connection ends. */
const HEADERS_OF_LAST_ANSWER = {
  "content-type": PROBLEM_TYPE,
  "cache-control": "no-store",
  "x-content-type-options": "nosniff",
  connection: "close",
} as const;

/** An `Expect` that is none of HTTP's (RFC 9110, 10.1.1). Node itself answers 100-continue. */
function refuseExpectation(_request: IncomingMessage, response: ServerResponse): void {
  const text = JSON.stringify(problem(417, "ERR_REQUEST", "of the header Expect only 100-continue is understood"));
  response.writeHead(417, HEADERS_OF_LAST_ANSWER).end(text);
}

/** What is no request in HTTP, or whose head does not come. */
function clientErrorHandler(error: Error & { code?: string }, socket: Socket): void {
  if (socket.destroyed) return;
  const status = error.code === "ERR_HTTP_REQUEST_TIMEOUT" ? 408 : error.code === "HPE_HEADER_OVERFLOW" ? 431 : 400;
  const detail =
    status === 408
      ? "the head of the request did not come in time"
      : status === 431
        ? "the head of the request is too large"
        : "this is not an HTTP request";
  const text = JSON.stringify(problem(status, status === 431 ? "ERR_REQUEST_LIMIT" : "ERR_REQUEST", detail));
  if (!socket.writable) return void socket.destroy();
  const headers = Object.entries({ ...HEADERS_OF_LAST_ANSWER, "content-length": Buffer.byteLength(text) });
  const head = [`HTTP/1.1 ${status} ${STATUS_CODES[status]}`, ...headers.map(([name, value]) => `${name}: ${value}`)];
  socket.end(`${head.join("\r\n")}\r\n\r\n${text}`);
  // Such a client may never close its end, and the connection would count for ever.
  setTimeout(() => socket.destroy(), LINGER_MS).unref();
}
