/**
 * Single HTTP requests by node's own client, directly or through a proxy, on connections that are kept. undici is not
 * used: its 7.30 ends the process by an assertion where a server closes the connection behind a body that is read
 * slower than it comes.
 */
import * as http from "node:http";
import * as https from "node:https";
import { connect as connectTls } from "node:tls";
import type { Duplex } from "node:stream";

/** Milliseconds. */
export interface HttpTimes {
  /** Until a connection is made. */
  readonly connect: number;
  /** From the sent request to the answer's headers, and between two pieces of a body. */
  readonly silence: number;
}

export type Method = "GET" | "HEAD" | "PUT" | "DELETE";

/** What goes with a request. */
export interface RequestParts {
  readonly body?: Uint8Array | undefined;
  readonly proxy?: URL | undefined;
  readonly signal?: AbortSignal | undefined;
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

/** A connection that the server closed while nobody used it. */
const CLOSED = new Set(["ECONNRESET", "EPIPE"]);

export class HttpClient implements Disposable {
  readonly #times: HttpTimes;
  readonly #plain = new http.Agent({ keepAlive: true });
  readonly #secure = new https.Agent({ keepAlive: true });
  /** By the proxy's address. */
  readonly #tunnels = new Map<string, https.Agent>();
  /** On their way, those that ask a proxy for a tunnel too. Agents know nothing of connections that are being made. */
  readonly #underWay = new Set<http.ClientRequest>();

  constructor(times: HttpTimes) {
    this.#times = times;
  }

  /**
   * Sends a request, which may reach the server twice; redirects are answers. Rejects with system errors,
   * `ProxyRefusal` and the signal's reason.
   */
  async request(
    method: Method,
    url: URL,
    headers: Readonly<Record<string, string>>,
    parts: RequestParts = {},
  ): Promise<RawAnswer> {
    for (;;) {
      const request = this.#open(method, url, headers, parts);
      try {
        return await this.#send(request, parts.body);
      } catch (error) {
        // Connections that were kept may all be closed; a new one tells.
        if (!request.reusedSocket || !CLOSED.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
      }
    }
  }

  /** Ends all connections, those in use and those that are being made too. */
  [Symbol.dispose](): void {
    for (const request of this.#underWay) request.destroy(new Error("the client was disposed"));
    for (const agent of [this.#plain, this.#secure, ...this.#tunnels.values()]) agent.destroy();
  }

  #open(
    method: Method,
    url: URL,
    given: Readonly<Record<string, string>>,
    { body, proxy, signal }: RequestParts,
  ): http.ClientRequest {
    const headers = body === undefined ? given : { ...given, "content-length": String(body.byteLength) };
    const shared = { method, headers, ...(signal === undefined ? {} : { signal }) };
    if (url.protocol === "https:") {
      const agent = proxy === undefined ? this.#secure : this.#tunnelThrough(proxy);
      return https.request(url, { ...shared, agent });
    }
    if (proxy === undefined) return http.request(url, { ...shared, agent: this.#plain });
    return toProxy(proxy, { ...shared, path: url.href, headers: { ...headers, host: url.host, ...login(proxy) } });
  }

  #send(request: http.ClientRequest, body: Uint8Array | undefined): Promise<RawAnswer> {
    this.#follow(request);
    return new Promise((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (message) => {
        message.on("error", () => {}); // told to whoever reads it; nobody may be reading yet
        const headers = Object.fromEntries(
          Object.entries(message.headersDistinct).map(([name, values]) => [name, values?.[0] ?? ""]),
        );
        resolve({ status: message.statusCode ?? 0, headers, body: message });
      });
      request.end(body);
    });
  }

  /** Follows a request to its end: it is given up when it takes too long, and with the client. */
  #follow(request: http.ClientRequest): void {
    this.#underWay.add(request);
    request.on("close", () => this.#underWay.delete(request));
    const { connect, silence } = this.#times;
    const fail = (code: string, message: string): void =>
      void request.destroy(Object.assign(new Error(message), { code }));
    const silent = (): void => fail(SILENT, `nothing came for ${silence} ms`);
    let timer: NodeJS.Timeout | undefined = setTimeout(
      () => fail("ETIMEDOUT", `no connection within ${connect} ms`),
      connect,
    );
    let isAnswered = false;
    const stop = (): void => clearTimeout(timer);
    const answered = (): void => {
      isAnswered = true;
      stop();
    };
    request.on("socket", (socket) => {
      if (socket.connecting) socket.once("connect", stop);
      else stop();
    });
    // Headers that come a byte at a time are no silence of the socket.
    request.on("finish", () => {
      stop();
      if (!isAnswered) timer = setTimeout(silent, silence);
    });
    for (const event of ["response", "connect", "close"]) request.on(event, answered);
    request.setTimeout(silence, silent);
  }

  #tunnelThrough(proxy: URL): https.Agent {
    const agent = this.#tunnels.get(proxy.href) ?? new TunnelAgent(proxy, (request) => this.#follow(request));
    this.#tunnels.set(proxy.href, agent);
    return agent;
  }
}

/** Reads what is left of a body and forgets it; a long one is cut off. Returns at once. */
export function discard(body: http.IncomingMessage): void {
  let length = 0;
  body.on("data", (chunk: Buffer) => {
    length += chunk.byteLength;
    if (length > DISCARD_BYTES) body.destroy();
  });
}

/** A body as text. @param limit bytes after which it is cut off */
export async function textOf(body: http.IncomingMessage, limit = Number.POSITIVE_INFINITY): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  for await (const chunk of body as AsyncIterable<Buffer>) {
    chunks.push(chunk);
    length += chunk.byteLength;
    if (length > limit) break;
  }
  return Buffer.concat(chunks).toString();
}

/** Carries https: through a proxy by `CONNECT`. */
class TunnelAgent extends https.Agent {
  readonly #proxy: URL;
  readonly #follow: (request: http.ClientRequest) => void;

  constructor(proxy: URL, follow: (request: http.ClientRequest) => void) {
    super({ keepAlive: true });
    this.#proxy = proxy;
    this.#follow = follow;
  }

  override createConnection(
    options: https.RequestOptions,
    made?: (error: Error | null, stream: Duplex) => void,
  ): undefined {
    const fail = (error: Error): void => (made as ((error: Error) => void) | undefined)?.(error);
    const host = String(options.host ?? options.hostname);
    const path = `${host.includes(":") ? `[${host}]` : host}:${options.port ?? 443}`;
    const request = toProxy(this.#proxy, { method: "CONNECT", path, headers: { host: path, ...login(this.#proxy) } });
    this.#follow(request);
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
