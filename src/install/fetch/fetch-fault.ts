/** Errors of requests: the cause, whether and when to try again, and the remedy. */
import { ModelError, ResourceError, systemCode, type BatchProcessingError } from "../../errors.js";

/** One failed try. */
export class FetchFault extends Error {
  /** The message without its address, for a line about a try that is made again. */
  readonly what: string;
  /** The same request may succeed later. */
  readonly passing: boolean;
  /** What the server asked to wait, in milliseconds. */
  readonly waitMs: number | undefined;
  /** What to do about it. */
  readonly remedy: string | undefined;
  /** The server could not be reached at all: most likely there is no way to it. */
  readonly unreached: boolean;
  constructor(
    message: string,
    details: {
      passing: boolean;
      what?: string;
      remedy?: string | undefined;
      waitMs?: number | undefined;
      unreached?: boolean;
      cause?: unknown;
    },
  ) {
    const { passing, what = message, remedy, waitMs, unreached = false, cause } = details;
    super(message, cause === undefined ? undefined : { cause });
    this.what = what;
    this.remedy = remedy;
    this.passing = passing;
    this.waitMs = waitMs;
    this.unreached = unreached;
  }

  /** The error for the caller, once it is given up. */
  asError(): BatchProcessingError {
    const { message, remedy } = this;
    if (!this.passing) return new ModelError("ERR_MODEL_SOURCE", message, { cause: this, remedy });
    const all = [...(remedy === undefined ? [] : [remedy]), RESUME].join(". ");
    return new ResourceError("ERR_MODEL_FETCH", message, { cause: this, remedy: all });
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

const RESUME = "Partial downloads are kept: run the same command again to resume";
const BRING = "on a machine without internet, copy the files there and name their folder with --from DIR";

const SIGN_IN = "put its user and password into its address (http_proxy, https_proxy)";

/** What node and undici call a connection that fails; else the error is one of the program. */
const CONNECTION =
  /^(?:UND_ERR_|E(?:CONN|PIPE|HOST|NET|TIMEDOUT|NOTFOUND|AI_|PROTO|ADDR)|HPE_|ERR_(?:SSL|TLS|STREAM))/u;
/** How undici says that a proxy refused. */
const PROXY_STATUS = /^Proxy (?:response|Authentication Required) \((\d+)\)/u;
const UNREACHED = /^(?:ENOTFOUND|EAI_AGAIN|ECONNREFUSED|UND_ERR_CONNECT_TIMEOUT|E(?:HOST|NET)(?:UNREACH|DOWN))$/u;
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
      passing: false,
      cause: error,
      remedy:
        "if a company's proxy reads the traffic, name its certificate with NODE_EXTRA_CA_CERTS, otherwise stop: the connection may be intercepted",
    });
  const tunnel = PROXY_STATUS.exec(error instanceof Error ? error.message : "")?.[1];
  if (tunnel === undefined && !CONNECTION.test(code)) return undefined;
  if (tunnel !== undefined)
    return new FetchFault(`the proxy ${proxy ?? ""} refuses a connection to ${host} (${tunnel})`, {
      passing: Number(tunnel) >= 500,
      cause: error,
      remedy: tunnel === "407" ? SIGN_IN : "ask who runs it, or name another one with https_proxy",
    });
  const what =
    code === "UND_ERR_BODY_TIMEOUT" || code === "UND_ERR_HEADERS_TIMEOUT"
      ? `${host} has stopped answering${through}`
      : code === "ENOTFOUND" || code === "EAI_AGAIN"
        ? `the name ${host} cannot be resolved${through}`
        : UNREACHED.test(code)
          ? `${host} cannot be reached${through}`
          : `the connection to ${host}${through} broke`;
  return new FetchFault(`${what} (${code}, ${address})`, {
    passing: true,
    what: `${what} (${code})`,
    unreached: isNew && UNREACHED.test(code),
    cause: error,
    remedy: `check the connection, name a proxy with https_proxy or a mirror with HF_ENDPOINT, or ${BRING}`,
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
  const reason = refusalReason(refusal);
  if (reason !== undefined)
    return new FetchFault(`${address}: ${reason.what} (status ${status})`, { passing: false, remedy: reason.remedy });
  const waitMs = retryAfterMs(headers["retry-after"], now);
  if (status === 429) {
    const what = "the server limits requests (status 429)";
    const token =
      refusal.hub !== undefined && !refusal.hasToken ? ", or set HF_TOKEN, which has a limit of its own" : "";
    return new FetchFault(`${address}: ${what}`, {
      passing: true,
      what,
      waitMs,
      remedy: `wait some minutes${token}`,
    });
  }
  if (status === 408 || status === 425 || status >= 500) {
    const what = `server error (status ${status})`;
    return new FetchFault(`${address}: ${what}`, { passing: true, what, waitMs, remedy: "try again later" });
  }
  return new FetchFault(`${address}: the server answers with status ${status}`, {
    passing: false,
    remedy: `if a proxy or a mirror stands between, try without it, or ${BRING}`,
  });
}

interface RefusalReason {
  readonly what: string;
  readonly remedy?: string;
}

const NEWER_CATALOGUE = "take a newer catalogue (--catalogue) or a newer cobra-batch";

/** What keeps a file from this user. */
function refusalReason({ status, headers, hub, hasToken, proxy }: Refusal): RefusalReason | undefined {
  const code = headers["x-error-code"];
  if (status === 407) return { what: `the proxy ${proxy ?? ""} wants a user and a password`, remedy: SIGN_IN };
  if (hub === undefined) {
    if (status === 401 || status === 403) return { what: "the server requires authentication for this file" };
    return status === 404 || status === 410
      ? { what: "the file is not there", remedy: `${NEWER_CATALOGUE}, or ${BRING}` }
      : undefined;
  }
  if (code === "GatedRepo" || (status === 403 && hasToken))
    return {
      what: `the hub gives ${hub} to those who have accepted its terms`,
      remedy: "open its page there, accept them, then set HF_TOKEN to a token of that account",
    };
  if (code === "RevisionNotFound")
    return { what: `the hub has ${hub}, but not the revision that the catalogue names`, remedy: NEWER_CATALOGUE };
  if (code === "EntryNotFound" || (status === 404 && code === undefined))
    return { what: `${hub} has no such file at the revision that the catalogue names`, remedy: NEWER_CATALOGUE };
  if (status === 401 || status === 403 || code === "RepoNotFound")
    return hasToken
      ? {
          what: `the hub refuses the token, or ${hub} does not exist`,
          remedy: "set HF_TOKEN to a token that is valid, or unset it",
        }
      : {
          what: `the hub requires a login, or ${hub} does not exist`,
          remedy: 'set HF_TOKEN to one of your access tokens (its page "Access Tokens" makes one)',
        };
  return undefined;
}

/** The header's seconds or date, at most ten minutes. */
export function retryAfterMs(header: string | undefined, now: number): number | undefined {
  if (header === undefined) return undefined;
  const ms = /^\d+$/u.test(header) ? Number(header) * 1000 : Date.parse(header) - now;
  return Number.isNaN(ms) ? undefined : Math.min(Math.max(ms, 0), 600_000);
}
