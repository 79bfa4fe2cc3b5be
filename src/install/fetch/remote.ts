/** Addresses of a source's files, and their size and hash as the server gives them before a download. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { ConfigurationError } from "../../errors.js";
import type { CatalogueFile, CatalogueSource } from "../catalogue/catalogue-schema.js";
import { withoutSecrets, type Connection, type Credential } from "./connection.js";
import { FetchFault, isWebPage, statusFault, TRY_WITHOUT, webPageFault } from "./fetch-fault.js";
import { discard } from "../../io/http/http-client.js";
import { cacheHome } from "../../platform/user-folders.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** A source that can be asked. */
export interface Remote {
  /** The address of a file at a revision. */
  address(path: string, revision: string): URL;
  /** The repository on the hub; undefined for another server. */
  readonly hub: string | undefined;
  readonly credential: Credential | undefined;
}

/** The newest revision, where the catalogue names none. */
export const UNKNOWN = "unknown";

const HUB = "https://huggingface.co";
const GITHUB = "https://github.com";
const OTHER_FILE = `take a newer catalogue (--catalogue) or cobra-batch; ${TRY_WITHOUT}`;

/**
 * The server of a source.
 * @param github another address of GitHub, for tests
 * @throws ConfigurationError `ERR_CONFIG` for `HF_ENDPOINT` or a token that cannot be used
 */
export function remoteOf(source: CatalogueSource, env: Environment, github = GITHUB): Remote {
  if ("hub" in source) {
    const endpoint = hubEndpoint(env);
    const token = hubToken(env);
    return {
      hub: source.hub,
      credential: token === undefined ? undefined : { origin: endpoint.origin, token },
      address: (path, revision) =>
        new URL(`${endpoint.href}${source.hub}/resolve/${revision === UNKNOWN ? "main" : revision}/${path}`),
    };
  }
  const base = "github" in source ? `${github}/${source.github}/raw/` : source.url.replace(/\/*$/u, "/");
  return {
    hub: undefined,
    credential: undefined,
    address: (path, revision) =>
      new URL("github" in source ? `${base}${revision === UNKNOWN ? "HEAD" : revision}/${path}` : `${base}${path}`),
  };
}

/** `HF_ENDPOINT` with a slash at its end. */
function hubEndpoint(env: Environment): URL {
  const given = env["HF_ENDPOINT"] || HUB;
  const url = URL.canParse(given) ? new URL(`${given.replace(/\/+$/u, "")}/`) : undefined;
  const isPlain = url !== undefined && `${url.username}${url.password}${url.search}${url.hash}` === "";
  if (isPlain && /^https?:$/u.test(url.protocol)) return url;
  throw new ConfigurationError(
    "ERR_CONFIG",
    `HF_ENDPOINT is ${JSON.stringify(withoutSecrets(given))}, which is not the address of a hub or mirror`,
    { remedy: "name one, https: or http:, without user, password and query, such as https://huggingface.co" },
  );
}

/** The token of the hub's own tools: `HF_TOKEN`, else the file that their login writes. */
function hubToken(env: Environment): string | undefined {
  const token = (env["HF_TOKEN"] || env["HUGGING_FACE_HUB_TOKEN"] || readTokenFile(env) || "").trim();
  if (token === "") return undefined;
  if (/^[\x21-\x7e]{1,1000}$/u.test(token)) return token;
  throw new ConfigurationError(
    "ERR_CONFIG",
    "the hub's token (HF_TOKEN, or the file of its login) has spaces or other characters that no token has",
    { remedy: "copy it again" },
  );
}

function readTokenFile(env: Environment): string | undefined {
  if (env["HF_HUB_DISABLE_IMPLICIT_TOKEN"]) return undefined;
  try {
    return readFileSync(env["HF_TOKEN_PATH"] || join(hubHome(env), "token"), "utf8");
  } catch {
    return undefined;
  }
}

/** The folder of the hub's tools. */
export function hubHome(env: Environment): string {
  return env["HF_HOME"] || join(cacheHome(env), "huggingface");
}

/** A file as its server describes it. */
export interface RemoteFile {
  readonly url: URL;
  readonly bytes: number | undefined;
  /** Of the hub's files in LFS; else undefined. */
  readonly sha256: string | undefined;
  /** SHA-1 of the git blob, of the hub's other files. */
  readonly gitBlob: string | undefined;
  /** The commit, where the hub tells one. */
  readonly commit: string | undefined;
  /** Tells one content from another, as the server does. */
  readonly tag: string;
  /** The `ETag` that the bytes come with, where it is known before: not for the hub, whose storage has its own. */
  readonly etag: string | undefined;
}

/**
 * Asks for a file's size and hash; nothing is fetched.
 * @throws FetchFault, also where they are not what the catalogue says
 */
export async function askFor(
  connection: Connection,
  remote: Remote,
  file: Pick<CatalogueFile, "path" | "bytes" | "sha256">,
  revision: string,
  signal?: AbortSignal,
): Promise<RemoteFile> {
  const url = remote.address(file.path, revision);
  const answer = await connection.send("HEAD", url, {
    credential: remote.credential,
    signal,
    stop: (headers) => remote.hub !== undefined && headers["x-linked-size"] !== undefined,
  });
  discard(answer.body);
  const { told, headers, status } = answer;
  const linked = remote.hub === undefined ? undefined : told["x-linked-size"];
  const address = withoutSecrets(url);
  if (status !== 200 && linked === undefined)
    throw statusFault({
      status,
      headers: { ...headers, ...told },
      address,
      host: answer.url.host,
      proxy: connection.proxyFor(answer.url),
      hub: remote.hub,
      hasToken: remote.credential !== undefined,
    });
  if (linked === undefined && isWebPage(headers, file.path)) throw webPageFault(address);
  const isEncoded = (headers["content-encoding"] ?? "identity") !== "identity"; // its length is that of something else
  const bytes = wholeNumber(linked) ?? (isEncoded ? undefined : wholeNumber(headers["content-length"]));
  const etag = (remote.hub === undefined ? headers["etag"] : (told["x-linked-etag"] ?? headers["etag"])) ?? "";
  const tag = plainTag(etag);
  const isHub = remote.hub !== undefined;
  const sha256 = isHub && /^[0-9a-f]{64}$/u.test(tag) ? tag : undefined;
  if (file.bytes !== UNKNOWN && bytes !== undefined && bytes !== file.bytes)
    throw new FetchFault(`${address} has ${bytes} bytes, and the catalogue says ${file.bytes}: it is another file`, {
      remedy: OTHER_FILE,
      passing: false,
    });
  if (file.sha256 !== UNKNOWN && sha256 !== undefined && sha256 !== file.sha256)
    throw new FetchFault(
      `${address} has the SHA-256 ${sha256}, and the catalogue says ${file.sha256}: it is another file`,
      { remedy: OTHER_FILE, passing: false },
    );
  const commit = told["x-repo-commit"];
  return {
    url,
    bytes: bytes ?? (file.bytes === UNKNOWN ? undefined : file.bytes),
    sha256,
    gitBlob: isHub && /^[0-9a-f]{40}$/u.test(tag) ? tag : undefined,
    commit: isHub && commit !== undefined && /^[0-9a-f]{40}$/u.test(commit) ? commit : undefined,
    tag: tag || String(bytes ?? ""),
    etag: isHub || tag === "" ? undefined : tag,
  };
}

/** An `ETag` without its quotes. */
export function plainTag(etag: string): string {
  return etag.replace(/^W\//u, "").replaceAll('"', "");
}

function wholeNumber(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/u.test(text) ? Number(text) : undefined;
}
