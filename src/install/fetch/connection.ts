/**
 * The way to a server: proxies by the usual variables, redirects followed here, so that a token never goes to another
 * host and nothing goes from https: to http:.
 */
import type { Dispatcher } from "undici";
import { ConfigurationError, messageOf } from "../../errors.js";
import { connectionFault, FetchFault } from "./fetch-fault.js";
import { isLoopbackName } from "./web-address.js";

/** Milliseconds. */
export interface FetchTimes {
  /** Until a connection is made. */
  readonly connect: number;
  /** Until an answer begins, and between two pieces of one. */
  readonly silence: number;
}

export const FETCH_TIMES: FetchTimes = { connect: 20_000, silence: 60_000 };

const MAX_REDIRECTS = 6;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A token for one origin, such as the hub's. */
export interface Credential {
  /** As `URL.origin`. */
  readonly origin: string;
  readonly token: string;
}

/** One answer, after redirects. Its body must be read or dumped. */
export interface Answer {
  readonly status: number;
  /** Of the last server. */
  readonly headers: Readonly<Record<string, string>>;
  /** Headers of the first server's answers, redirects included: what the hub says of a file that lies elsewhere. */
  readonly told: Readonly<Record<string, string>>;
  readonly body: Dispatcher.ResponseData["body"];
  readonly url: URL;
}

/** What is used of undici. */
interface Client {
  readonly agent: Dispatcher;
  readonly request: typeof import("undici").request;
}

/** Sends requests. Dispose it when all is fetched. */
export class Connection implements AsyncDisposable {
  readonly #times: FetchTimes;
  #client: Promise<Client> | undefined;
  readonly #proxies: { http: URL | undefined; https: URL | undefined };
  readonly #noProxy: string;
  /** Hosts that have answered. */
  readonly #reached = new Set<string>();

  /** @throws ConfigurationError `ERR_CONFIG` for a proxy's address that is none */
  constructor(env: Readonly<Record<string, string | undefined>>, times: FetchTimes = FETCH_TIMES) {
    const all = proxyOf(env, "all_proxy");
    this.#proxies = { http: proxyOf(env, "http_proxy") ?? all, https: proxyOf(env, "https_proxy") ?? all };
    this.#noProxy = env["no_proxy"] ?? env["NO_PROXY"] ?? "";
    this.#times = times;
  }

  /**
   * Sends a request and follows redirects.
   * @param options.stop whether a redirect tells enough, so that it is not followed
   * @throws FetchFault; the signal's reason
   */
  async send(
    method: "GET" | "HEAD",
    address: URL,
    options: {
      readonly headers?: Readonly<Record<string, string>>;
      readonly credential?: Credential | undefined;
      readonly stop?: (headers: Readonly<Record<string, string>>) => boolean;
      readonly signal?: AbortSignal | undefined;
    } = {},
  ): Promise<Answer> {
    const { credential, signal } = options;
    let url = address;
    let told: Record<string, string> = {};
    for (let redirects = 0; ; redirects++) {
      const headers: Record<string, string> = {
        "accept-encoding": "identity",
        "user-agent": "cobra-batch",
        ...options.headers,
        ...(credential !== undefined && mayHave(url, credential)
          ? { authorization: `Bearer ${credential.token}` }
          : {}),
      };
      const answer = await this.#once(method, url, headers, signal);
      if (url.origin === address.origin) told = { ...answer.headers, ...told };
      const { location } = answer.headers;
      if (!REDIRECTS.has(answer.status) || location === undefined || options.stop?.(answer.headers) === true)
        return { ...answer, told, url };
      await answer.body.dump();
      url = this.#next(url, location, redirects);
    }
  }

  /** A fault for an error in the middle of a body; undefined for an error that is not the connection's. */
  faultOf(error: unknown, url: URL): FetchFault | undefined {
    const isNew = !this.#reached.has(url.host);
    return connectionFault(error, { address: withoutSecrets(url), host: url.host, proxy: this.proxyFor(url), isNew });
  }

  /** Host and port of the proxy that an address is reached through; undefined for none. */
  proxyFor({ protocol, hostname }: URL): string | undefined {
    const proxy = protocol === "https:" ? (this.#proxies.https ?? this.#proxies.http) : this.#proxies.http;
    const exempt = this.#noProxy
      .split(/[,\s]+/u)
      .filter((one) => one !== "")
      .map((one) =>
        one
          .replace(/^\*?\./u, "")
          .replace(/:\d+$/u, "")
          .toLowerCase(),
      );
    const isExempt = exempt.some((one) => one === "*" || hostname === one || hostname.endsWith(`.${one}`));
    return isExempt ? undefined : proxy?.host;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const client = await this.#client?.catch(() => undefined);
    await client?.agent.destroy();
  }

  /** undici, loaded with the first request: commands that fetch nothing do without. */
  async #load(): Promise<Client> {
    const { EnvHttpProxyAgent, request } = await import("undici");
    const { http, https } = this.#proxies;
    const agent = new EnvHttpProxyAgent({
      // Empty strings keep undici from reading the variables of the process.
      httpProxy: http?.href ?? "",
      httpsProxy: https?.href ?? http?.href ?? "",
      noProxy: this.#noProxy,
      proxyTunnel: false, // http: through a proxy as proxies expect it, without CONNECT
      connect: { timeout: this.#times.connect },
      headersTimeout: this.#times.silence,
      bodyTimeout: this.#times.silence,
    });
    return { agent, request };
  }

  async #once(
    method: "GET" | "HEAD",
    url: URL,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<Pick<Answer, "status" | "headers" | "body">> {
    const { agent, request } = await (this.#client ??= this.#load());
    try {
      const {
        statusCode,
        headers: given,
        body,
      } = await request(url, {
        method,
        headers,
        dispatcher: agent,
        ...(signal === undefined ? {} : { signal }),
      });
      this.#reached.add(url.host);
      body.on("error", () => {}); // told to whoever reads it; nobody may be reading yet
      const plain = Object.entries(given).map(([name, value]) => [
        name,
        String(Array.isArray(value) ? value[0] : value),
      ]);
      return { status: statusCode, headers: Object.fromEntries(plain) as Record<string, string>, body };
    } catch (error) {
      signal?.throwIfAborted();
      throw this.faultOf(error, url) ?? error;
    }
  }

  #next(from: URL, location: string, redirects: number): URL {
    const shown = withoutSecrets(from);
    if (redirects >= MAX_REDIRECTS)
      throw new FetchFault(`${shown} leads from one address to the next, more than ${MAX_REDIRECTS} times`, {
        passing: false,
      });
    const next = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
    const isSafe = next?.protocol === "https:" || (next?.protocol === "http:" && from.protocol === "http:");
    if (next === undefined || !isSafe)
      throw new FetchFault(
        `${shown} leads to ${next === undefined ? "an address that is none" : withoutSecrets(next)}, which is not https:; it is not followed`,
        { passing: false },
      );
    return next;
  }
}

/** A token goes to its own origin, and over a wire only encrypted. */
function mayHave(url: URL, { origin }: Credential): boolean {
  return url.origin === origin && (url.protocol === "https:" || isLoopbackName(url.hostname));
}

/** An address without user, password and query, which may hold a signature; also of text that is no address. */
export function withoutSecrets(address: URL | string): string {
  const url = URL.canParse(String(address)) ? new URL(String(address)) : undefined;
  if (url !== undefined && url.host !== "") return `${url.protocol}//${url.host}${url.pathname}`;
  return String(address)
    .replace(/^.*@/su, "")
    .replace(/[?#].*$/su, "")
    .slice(0, 200);
}

function proxyOf(env: Readonly<Record<string, string | undefined>>, name: string): URL | undefined {
  const value = env[name] || env[name.toUpperCase()];
  if (value === undefined || value === "") return undefined;
  const address = /^[a-z][a-z0-9+.-]*:\/\//iu.test(value) ? value : `http://${value}`;
  try {
    const url = new URL(address);
    if (url.protocol === "http:" || url.protocol === "https:") return url;
    throw new RangeError(`its kind is ${url.protocol.slice(0, -1)}`);
  } catch (cause) {
    // The value may hold a password, so it is not shown.
    const why = cause instanceof RangeError ? messageOf(cause) : "it is not an address";
    throw new ConfigurationError(
      "ERR_CONFIG",
      `the proxy of the variable ${name} cannot be used (${why}); it must be an address such as http://proxy.example:3128`,
    );
  }
}
