/**
 * Single HTTP requests by node's own client, directly or through a proxy. undici is not used here: its 7.30 ends the
 * process by an assertion where a server closes the connection behind a body that is read slower than it comes.
 */
import * as http from "node:http";
import * as https from "node:https";
import { connect as connectTls } from "node:tls";
import type { Duplex } from "node:stream";

/** Milliseconds. */
export interface FetchTimes {
  /** Until a connection is made. */
  readonly connect: number;
  /** Until an answer's headers are there, and between two pieces of its body. */
  readonly silence: number;
  /** In which a body brings 16 KiB at least. */
  readonly rate: number;
}

/** An answer whose body has not been read. */
export interface RawAnswer {
  readonly status: number;
  /** The first of those with the same name. */
  readonly headers: Readonly<Record<string, string>>;
  /** Read it, or give it to `discard`. Fails with a system error where the connection breaks. */
  readonly body: http.IncomingMessage;
}

/** The code of an error for a server that is silent for too long. */
export const SILENT = "ETIME";

/** A proxy refuses a tunnel. */
export class ProxyRefusal extends Error {
  constructor(readonly status: number) {
    super(`the proxy answers with status ${status}`);
  }
}

/** What is left of a body is read up to this length, so that the connection can be used again. */
const DISCARD_BYTES = 65_536;

export class HttpClient {
  readonly #times: FetchTimes;
  readonly #plain = new http.Agent({ keepAlive: true });
  readonly #secure = new https.Agent({ keepAlive: true });
  /** By the proxy's address. */
  readonly #tunnels = new Map<string, https.Agent>();

  constructor(times: FetchTimes) {
    this.#times = times;
  }

  /** Sends a request; redirects are answers. Rejects with system errors, `ProxyRefusal` and the signal's reason. */
  request(
    method: "GET" | "HEAD",
    url: URL,
    headers: Readonly<Record<string, string>>,
    { proxy, signal }: { readonly proxy: URL | undefined; readonly signal: AbortSignal | undefined },
  ): Promise<RawAnswer> {
    const shared = { method, headers, ...(signal === undefined ? {} : { signal }) };
    if (url.protocol === "https:") {
      const agent = proxy === undefined ? this.#secure : this.#tunnelThrough(proxy);
      return this.#send(https.request(url, { ...shared, agent }));
    }
    if (proxy === undefined) return this.#send(http.request(url, { ...shared, agent: this.#plain }));
    const to = toProxy(proxy, { ...shared, path: url.href, headers: { ...headers, host: url.host, ...login(proxy) } });
    return this.#send(to);
  }

  /** Ends all connections. */
  destroy(): void {
    for (const agent of [this.#plain, this.#secure, ...this.#tunnels.values()]) agent.destroy();
  }

  #send(request: http.ClientRequest): Promise<RawAnswer> {
    this.#limitTimes(request);
    return new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (body) => {
        body.on("error", () => {}); // told to whoever reads it; nobody may be reading yet
        const headers = Object.fromEntries(
          Object.entries(body.headersDistinct).map(([name, values]) => [name, values?.[0] ?? ""]),
        );
        resolve({ status: body.statusCode ?? 0, headers, body });
      });
      request.end();
    });
  }

  #limitTimes(request: http.ClientRequest): void {
    const { connect, silence } = this.#times;
    const fail = (code: string, message: string): void =>
      void request.destroy(Object.assign(new Error(message), { code }));
    const silent = (): void => fail(SILENT, "nothing came for too long");
    let timer = setTimeout(() => fail("ETIMEDOUT", "no connection was made in time"), connect);
    const connected = (): void => {
      clearTimeout(timer);
      timer = setTimeout(silent, silence); // headers that come a byte at a time are no silence of the socket
    };
    request.on("socket", (socket) => {
      if (socket.connecting) socket.once("connect", connected);
      else connected();
    });
    for (const event of ["response", "connect", "close"]) request.on(event, () => clearTimeout(timer));
    request.setTimeout(silence, silent);
  }

  #tunnelThrough(proxy: URL): https.Agent {
    const agent = this.#tunnels.get(proxy.href) ?? new TunnelAgent(proxy, (request) => this.#limitTimes(request));
    this.#tunnels.set(proxy.href, agent);
    return agent;
  }
}

/** Reads what is left of a body and forgets it; a long one is cut off. Returns at once. */
export function discard(body: http.IncomingMessage): void {
  let length = 0;
  body.on("data", (chunk: Buffer) => {
    length += chunk.length;
    if (length > DISCARD_BYTES) body.destroy();
  });
}

/** Carries https: through a proxy by `CONNECT`. */
class TunnelAgent extends https.Agent {
  readonly #proxy: URL;
  readonly #limit: (request: http.ClientRequest) => void;

  constructor(proxy: URL, limit: (request: http.ClientRequest) => void) {
    super({ keepAlive: true });
    this.#proxy = proxy;
    this.#limit = limit;
  }

  override createConnection(
    options: https.RequestOptions,
    made?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const fail = (error: Error): void => (made as ((error: Error) => void) | undefined)?.(error);
    const host = String(options.host ?? options.hostname);
    const path = `${host.includes(":") ? `[${host}]` : host}:${options.port ?? 443}`;
    const request = toProxy(this.#proxy, { method: "CONNECT", path, headers: { host: path, ...login(this.#proxy) } });
    this.#limit(request);
    request.on("error", fail);
    request.on("response", (answer) => {
      answer.destroy();
      fail(new ProxyRefusal(answer.statusCode ?? 0));
    });
    request.on("connect", (answer, socket) => {
      socket.setTimeout(0);
      if (answer.statusCode === 200) {
        made?.(null, connectTls({ ...(options as object), socket, servername: options.servername || host }));
        return;
      }
      socket.destroy();
      fail(new ProxyRefusal(answer.statusCode ?? 0));
    });
    request.end();
    return undefined;
  }
}

/** A request to the proxy itself, on a connection of its own. */
function toProxy(proxy: URL, options: https.RequestOptions): http.ClientRequest {
  const { hostname, port } = proxy;
  const host = hostname.replace(/^\[(.*)\]$/u, "$1");
  const to = { ...options, host, port: port || (proxy.protocol === "https:" ? 443 : 80), agent: false as const };
  return proxy.protocol === "https:" ? https.request(to) : http.request(to);
}

function login({ username, password }: URL): Record<string, string> {
  if (username === "" && password === "") return {};
  const pair = `${decodeURIComponent(username)}:${decodeURIComponent(password)}`;
  return { "proxy-authorization": `Basic ${Buffer.from(pair).toString("base64")}` };
}
