/** A small HTTP server for those who watch: `/metrics`, `/healthz` (alive), `/readyz` (able to work). */
import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { messageOf, ResourceError } from "../../errors.js";
import type { Metrics } from "./metrics.js";

export interface MetricsServerOptions {
  readonly host: string;
  /** 0 for any that is free. */
  readonly port: number;
  readonly metrics: Metrics;
  /** What keeps the process from working; none if it can. */
  readonly ready: () => Promise<readonly string[]>;
}

/** A server that listens. */
export interface MetricsServer {
  readonly port: number;
  close(): Promise<void>;
}

/**
 * Starts the server. It keeps no process alive.
 * @throws ResourceError `ERR_LISTEN`
 */
export async function startMetricsServer({ host, port, metrics, ready }: MetricsServerOptions): Promise<MetricsServer> {
  const server = createServer((request, response) => {
    const path = (request.url ?? "/").split("?", 1)[0];
    if (request.method !== "GET" && request.method !== "HEAD") return send(response, 405, "GET only\n");
    const answer =
      path === "/healthz"
        ? alive()
        : path === "/readyz"
          ? readiness(ready)
          : path === "/metrics"
            ? scrape()
            : undefined;
    if (answer === undefined) return send(response, 404, "there are /metrics, /healthz and /readyz\n");
    answer.then(
      ([status, body, type]) => send(response, status, body, type),
      (error: unknown) => send(response, 500, `${messageOf(error)}\n`),
    );
  });
  server.requestTimeout = 10_000;
  server.unref();
  const scrape = async (): Promise<Answer> => {
    const { body, contentType } = await metrics.text();
    return [200, body, contentType];
  };
  await new Promise<void>((resolve, reject) => {
    server.once("error", (cause) =>
      reject(
        new ResourceError("ERR_LISTEN", `cannot serve metrics on ${host}, port ${port}: ${messageOf(cause)}`, {
          cause,
          remedy: "choose another --metrics-port or --metrics-host",
        }),
      ),
    );
    server.listen(port, host, resolve);
  });
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

type Answer = readonly [status: number, body: string, type?: string];

async function alive(): Promise<Answer> {
  return [200, "ok\n"];
}

/** What `/readyz` answers. */
async function readiness(ready: () => Promise<readonly string[]>): Promise<Answer> {
  const faults = await ready();
  return faults.length === 0 ? [200, "ready\n"] : [503, `${faults.join("\n")}\n`];
}

function send(response: ServerResponse, status: number, body: string, type = "text/plain; charset=utf-8"): void {
  response.writeHead(status, { "content-type": type, "cache-control": "no-store" }).end(body);
}
