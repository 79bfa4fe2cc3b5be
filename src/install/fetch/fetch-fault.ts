/** Errors of requests: the cause, whether and when to try again, and the remedy. */
import { ModelError, ResourceError, systemCode, type BatchProcessingError } from "../../errors.js";
import { ProxyRefusal, SILENT } from "../../io/http/http-client.js";

/** The remedy for what a server would not send by itself. */
export const TRY_WITHOUT = "if a proxy or a mirror stands between, try without it";

/** One failed try. */
export class FetchFault extends Error {
  /** What to do about it. */
  readonly remedy: string;
  /** The message without its address, for a line about a try that is made again. */
  readonly what: string;
  /** The same request may succeed later. */
  readonly passing: boolean;
  /** What the server asked to wait, in milliseconds. */
  readonly waitMs: number | undefined;
  /** The server could not be reached at all: most likely there is no way to it. */
  readonly unreached: boolean;
  constructor(
    message: string,
    details: {
      remedy: string;
      passing: boolean;
      what?: string;
      waitMs?: number | undefined;
      unreached?: boolean;
      cause?: unknown;
    },
  ) {
    const { remedy, passing, what = message, waitMs, unreached = false, cause } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.remedy = remedy;
    this.what = what;
    this.passing = passing;
    this.waitMs = waitMs;
    this.unreached = unreached;
  }

  /** The error for the caller, once it is given up. */
  asError(): BatchProcessingError {
    return this.passing
      ? new ResourceError("ERR_MODEL_FETCH", this.message, {
          cause: this,
          remedy: `${this.remedy}. Partial downloads are kept: run the same command again to resume`,
        })
      : new ModelError("ERR_MODEL_SOURCE", this.message, { cause: this, remedy: this.remedy });
  }
}

/** What a fault's message needs to know. */
interface Asked {
  /** The address, without what is secret in it. */
  readonly address: string;
  readonly host: string;
  /** The proxy that it went through, if any: host and port. */
  readonly proxy: string | undefined;
  /** Nothing has come from the host so far. */
  readonly isNew?: boolean;
}

const PROXY_LOGIN = "put its user and password into its address (http_proxy, https_proxy)";
const BRING = "on a machine without internet, copy the files there and name their folder with --from DIR";

/** What node calls a connection that fails; else the error is one of the program. */
const CONNECTION = /^(?:E(?:CONN|PIPE|HOST|NET|TIME|NOTFOUND|AI_|PROTO|ADDR)|HPE_|ERR_(?:SSL|TLS|STREAM|SOCKET))/u;
const UNREACHED = /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ETIMEDOUT|E(?:HOST|NET)(?:UNREACH|DOWN))$/u;
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_(?:GET|VERIFY)/u;

/** A connection that could not be made or broke; undefined for an error of another kind. */
export function connectionFault(
  error: unknown,
  { address, host, proxy, isNew = false }: Asked,
): FetchFault | undefined {
  const code = systemCode(error) ?? "";
  const through = proxy === undefined ? "" : ` through the proxy ${proxy}`;
  if (CERTIFICATE.test(code))
    return new FetchFault(`the certificate of ${host}${through} is not trusted (${code})`, {
      remedy:
        "if a company's proxy reads the traffic, name its certificate with NODE_EXTRA_CA_CERTS, otherwise stop: the connection may be intercepted",
      passing: false,
      cause: error,
    });
  const tunnel = error instanceof ProxyRefusal ? error.status : undefined;
  if (tunnel === undefined && !CONNECTION.test(code)) return undefined;
  if (tunnel !== undefined)
    return new FetchFault(`the proxy ${proxy ?? ""} refuses a connection to ${host} (${tunnel})`, {
      remedy: tunnel === 407 ? PROXY_LOGIN : "ask who runs it, or name another one with https_proxy",
      passing: tunnel >= 500,
      cause: error,
    });
  const what =
    code === SILENT
      ? `${host} has stopped answering${through}`
      : code === "ENOTFOUND" || code === "EAI_AGAIN"
        ? `the name ${host} cannot be resolved${through}`
        : UNREACHED.test(code)
          ? `${host} cannot be reached${through}`
          : `the connection to ${host}${through} broke`;
  return new FetchFault(`${what} (${code}, ${address})`, {
    remedy: `check the connection, name a proxy with https_proxy or a mirror with HF_ENDPOINT, or ${BRING}`,
    passing: true,
    what: `${what} (${code})`,
    unreached: isNew && UNREACHED.test(code),
    cause: error,
  });
}

/** A server that sends next to nothing. */
export function slowFault(address: string, host: string, proxy: string | undefined): FetchFault {
  const what = `${host} sends next to nothing${proxy === undefined ? "" : ` through the proxy ${proxy}`}`;
  return new FetchFault(`${what} (${address})`, {
    remedy: `check the connection, name a mirror with HF_ENDPOINT, or ${BRING}`,
    passing: true,
    what,
  });
}

/** What a server says with an answer that is no success. */
export interface Refusal extends Asked {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** The repository on the hub; undefined where it is another server. */
  readonly hub: string | undefined;
  readonly hasToken: boolean;
}

/** The fault of an answer. */
export function statusFault(refusal: Refusal, now = Date.now()): FetchFault {
  const { status, address, headers } = refusal;
  const [reason, remedy] = refusalReason(refusal) ?? [];
  if (reason !== undefined && remedy !== undefined)
    return new FetchFault(`${address}: ${reason} (status ${status})`, { remedy, passing: false });
  const waitMs = retryAfterMs(headers["retry-after"], now) || undefined;
  if (status === 429) {
    const what = "the server limits requests (status 429)";
    const token =
      refusal.hub !== undefined && !refusal.hasToken ? ", or set HF_TOKEN, which has a limit of its own" : "";
    return new FetchFault(`${address}: ${what}`, {
      remedy: `wait some minutes${token}`,
      passing: true,
      what,
      waitMs,
    });
  }
  if (status === 408 || status === 425 || status >= 500) {
    const what = `server error (status ${status})`;
    return new FetchFault(`${address}: ${what}`, { remedy: "try again later", passing: true, what, waitMs });
  }
  return new FetchFault(`${address}: the server answers with status ${status}`, {
    remedy: `${TRY_WITHOUT}, or ${BRING}`,
    passing: false,
  });
}

/** A web page where a file should be: what networks with a login send in place of everything. */
export function isWebPage(headers: Readonly<Record<string, string>>, path: string): boolean {
  return /^text\/html\b/iu.test(headers["content-type"] ?? "") && !/\.html?$/iu.test(path);
}

/** The fault of a web page in place of a file. */
export function webPageFault(address: string): FetchFault {
  return new FetchFault(`${address}: the server sends a web page in place of the file, as networks with a login do`, {
    remedy: `log in to the network, or ${TRY_WITHOUT}`,
    passing: false,
  });
}

/** What keeps a file from this user, and what to do about it. */
function refusalReason({
  status,
  headers,
  hub,
  hasToken,
  proxy,
}: Refusal): readonly [reason: string, remedy: string] | undefined {
  const code = headers["x-error-code"];
  const newer = "take a newer catalogue (--catalogue) or a newer cobra-batch";
  if (status === 407) return [`the proxy ${proxy ?? ""} wants a user and a password`, PROXY_LOGIN];
  if (hub === undefined) {
    if (status === 401 || status === 403)
      return [
        "the server requires authentication for this file",
        `get the file another way, then name its folder with --from DIR, or take another catalogue (--catalogue)`,
      ];
    return status === 404 || status === 410
      ? ["the file is not there", `take a newer catalogue (--catalogue), or ${BRING}`]
      : undefined;
  }
  if (proxy !== undefined && code === undefined && (status === 401 || status === 403))
    return [
      `the proxy ${proxy} or the hub refuses it`,
      "try without the proxy (no_proxy), and if that does not help set HF_TOKEN",
    ];
  if (code === "GatedRepo" || (status === 403 && hasToken))
    return [
      `the hub gives ${hub} to those who have accepted its terms`,
      "open its page there, accept them, then set HF_TOKEN to a token of that account",
    ];
  if (code === "RevisionNotFound") return [`the hub has ${hub}, but not the revision that the catalogue names`, newer];
  if (code === "EntryNotFound" || (code === undefined && (status === 404 || status === 410)))
    return [`${hub} has no such file at the revision that the catalogue names`, newer];
  if (status === 401 || status === 403 || code === "RepoNotFound")
    return hasToken
      ? [`the hub refuses the token, or ${hub} does not exist`, "set HF_TOKEN to a token that is valid, or unset it"]
      : [
          `the hub requires a login, or ${hub} does not exist`,
          'set HF_TOKEN to one of your access tokens (its page "Access Tokens" makes one)',
        ];
  return undefined;
}

/** The header's seconds or date, at most ten minutes. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  // Date.parse takes "-5" and "1.5" for dates; those of HTTP begin with a weekday.
  const ms = /^\d+$/u.test(header) ? Number(header) * 1000 : /^[A-Z]/iu.test(header) ? Date.parse(header) - now : NaN;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 600_000);
}
