/**
 * The way to a server: proxies by the usual variables, redirects followed here, so that a token never goes to another
 * host and nothing goes from https: to http:.
 */
import { connectionFault, FetchFault, slowFault, TRY_WITHOUT } from "./fetch-fault.js";
import { discard, HttpClient, type HttpTimes, type RawAnswer } from "../../io/http/http-client.js";
import { Proxies } from "./proxies.js";
import { isLoopbackName } from "./web-address.js";

/** Milliseconds. */
export interface FetchTimes extends HttpTimes {
  /** In which a body brings 16 KiB at least. */
  readonly rate: number;
}

export const FETCH_TIMES: FetchTimes = { connect: 20_000, silence: 60_000, rate: 60_000 };

const MAX_REDIRECTS = 6;
/** A body brings so much in each `FetchTimes.rate`, else its server is given up. */
const LEAST_BYTES = 2 ** 14;
const REDIRECTS = new Set([301, 302, 303, 307, 308]);

/** A token for one origin, such as the hub's. */
export interface Credential {
  /** As `URL.origin`. */
  readonly origin: string;
  readonly token: string;
}

/** One answer, after redirects. Its body must be read or discarded. */
export interface Answer extends RawAnswer {
  /** Headers of the first server's answers, redirects included: what the hub says of a file that lies elsewhere. */
  readonly told: Readonly<Record<string, string>>;
  /** Of the last server. */
  readonly url: URL;
}

/** Sends requests. Dispose it when all is fetched. */
export class Connection implements AsyncDisposable {
  readonly #client: HttpClient;
  readonly #times: FetchTimes;
  readonly #proxies: Proxies;
  /** Hosts that have answered. */
  readonly #reached = new Set<string>();

  /** @throws ConfigurationError `ERR_CONFIG` for a proxy's address that cannot be used */
  constructor(env: Readonly<Record<string, string | undefined>>, times: FetchTimes = FETCH_TIMES) {
    this.#proxies = new Proxies(env);
    this.#client = new HttpClient(times);
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
      discard(answer.body);
      url = this.#next(url, location, redirects);
    }
  }

  /**
   * The pieces of an answer's body.
   * @throws FetchFault for a server that sends a few bytes at a time for ever; system errors of the connection
   */
  async *read({ body, url }: Answer): AsyncGenerator<Buffer> {
    let [since, come] = [performance.now(), 0];
    for await (const chunk of body as AsyncIterable<Buffer>) {
      come += chunk.length;
      if (performance.now() - since >= this.#times.rate) {
        if (come < LEAST_BYTES) throw slowFault(withoutSecrets(url), url.host, this.proxyFor(url));
        [since, come] = [performance.now(), 0];
      }
      yield chunk;
    }
  }

  /** A fault for an error in the middle of a body; undefined for an error that is not the connection's. */
  faultOf(error: unknown, url: URL): FetchFault | undefined {
    const isNew = !this.#reached.has(url.host);
    return connectionFault(error, { address: withoutSecrets(url), host: url.host, proxy: this.proxyFor(url), isNew });
  }

  /** Host and port of the proxy that an address is reached through; undefined for none. */
  proxyFor(url: URL): string | undefined {
    return this.#proxies.for(url)?.host;
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#client[Symbol.dispose]();
    return Promise.resolve();
  }

  async #once(
    method: "GET" | "HEAD",
    url: URL,
    headers: Record<string, string>,
    signal: AbortSignal | undefined,
  ): Promise<RawAnswer> {
    try {
      const answer = await this.#client.request(method, url, headers, { proxy: this.#proxies.for(url), signal });
      this.#reached.add(url.host);
      return answer;
    } catch (error) {
      signal?.throwIfAborted();
      throw this.faultOf(error, url) ?? error;
    }
  }

  #next(from: URL, location: string, redirects: number): URL {
    const shown = withoutSecrets(from);
    if (redirects >= MAX_REDIRECTS)
      throw new FetchFault(`${shown} leads from one address to the next, more than ${MAX_REDIRECTS} times`, {
        remedy: TRY_WITHOUT,
        passing: false,
      });
    const next = URL.canParse(location, from.href) ? new URL(location, from.href) : undefined;
    const isSafe = next?.protocol === "https:" || (next?.protocol === "http:" && from.protocol === "http:");
    if (next === undefined || !isSafe)
      throw new FetchFault(
        `${shown} leads to ${next === undefined ? "something that is no address" : `${withoutSecrets(next)}, which is not https:`}, and is not followed`,
        { remedy: TRY_WITHOUT, passing: false },
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
