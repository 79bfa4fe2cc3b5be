/** Checks each request before it is read: host, origin, token, slow senders. */
import type { FastifyReply, FastifyRequest } from "fastify";
import type { App } from "./app-type.js";
import { hostCheck } from "./hosts.js";
import { hasBody } from "./body.js";
import { RequestError } from "./request-error.js";
import { foreignOrigin } from "./same-origin.js";
import type { SlowBodies } from "./slow-bodies.js";
import type { TokenCheck } from "./token.js";

export interface GuardOptions {
  /** Names of this server beside IP addresses and the machine's own. */
  readonly hostNames: readonly string[];
  /** Undefined: everyone who reaches the server may use it. */
  readonly token: TokenCheck | undefined;
  readonly slowBodies: SlowBodies;
}

const COOKIE_SECONDS = 30 * 24 * 3600;

/** Adds the guards. Comes before the routes. */
export function guards(app: App, { hostNames, token, slowBodies }: GuardOptions): void {
  const isOwnHost = hostCheck(hostNames);
  app.addHook("onRequest", async (request) => {
    const { headers, method, raw } = request;
    if (!isOwnHost(headers.host))
      throw new RequestError(
        421,
        "ERR_ACCESS",
        `the server does not answer to the name ${JSON.stringify((headers.host ?? "").slice(0, 100))}; use its IP address, or ask the server's administrator to allow the name`,
      );
    const { longBody = false, open = false } = request.routeOptions.config;
    if (hasBody(raw)) slowBodies.watch(raw, longBody);
    else delete raw.headers["content-type"]; // some clients name a type for nothing
    if (!isApi(request)) return;
    const fault = foreignOrigin(method, headers);
    if (fault !== undefined) throw new RequestError(403, "ERR_ACCESS", fault);
    if (!open && token !== undefined) token.admit(request.ip, headers, request.cookies[token.cookieName]);
  });
  if (token === undefined) return;
  // The printed address: it leaves the token in a cookie, and not in the browser's history.
  app.addHook("onRequest", async (request, reply) => {
    const given = tokenOf(request);
    if (given === undefined) return;
    token.admitToken(request.ip, given);
    await toPage(reply.setCookie(token.cookieName, token.cookie, COOKIE));
  });
}

const COOKIE = { path: "/", httpOnly: true, sameSite: "strict", maxAge: COOKIE_SECONDS } as const;

function toPage(reply: FastifyReply): FastifyReply {
  return reply.header("cache-control", "no-store").redirect("/", 303);
}

/** By the route that answers: an address can be spelt in many ways. */
function isApi({ routeOptions, url }: FastifyRequest): boolean {
  return (routeOptions.url ?? url).startsWith("/api/");
}

function tokenOf({ method, url }: FastifyRequest): string | undefined {
  if (method !== "GET" || !url.startsWith("/?")) return undefined;
  return new URLSearchParams(url.slice(2)).get("token") ?? undefined;
}
