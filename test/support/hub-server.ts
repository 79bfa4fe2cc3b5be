// A server that speaks the Hugging Face hub's API as far as files are fetched by it, a CDN at another origin that it
// leads to, and GitHub's raw files. It can fail in every way that is known of the real ones. Nothing here waits.
import { createHash } from "node:crypto";
import { readFileSync, existsSync } from "node:fs";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";

/** The commit that every branch of every repository has. */
export const COMMIT = "c0b7a0000000000000000000000000000000beef";

/** What goes wrong with one answer. */
export type Fault =
  | { readonly status: number; readonly headers?: Record<string, string>; readonly body?: string }
  /** The connection ends after so many bytes of the body. */
  | { readonly cutAfter: number }
  /** Nothing more comes after so many bytes. */
  | { readonly stallAfter: number }
  /** One byte of the body is another one. */
  | { readonly flipByte: number }
  /** More bytes than were told. */
  | { readonly more: number }
  /** All is sent, whatever part was asked for. */
  | { readonly noRange: true }
  /** Another part than was asked for. */
  | { readonly wrongRange: true }
  /** Other headers where the bytes are sent. */
  | { readonly bodyHeaders: Record<string, string> }
  /** Headers that are not the file's. */
  | { readonly headers: Record<string, string> }
  | { readonly redirect: string };

/** Which requests a fault is for: the hub's answer to HEAD or GET, or that of who sends the file's bytes. */
type Place = "head" | "get" | "cdn";

export interface SeenRequest {
  readonly place: Place | "other";
  readonly method: string;
  readonly url: string;
  readonly range: string | undefined;
  readonly authorization: string | undefined;
}

export interface HubServerOptions {
  /** Folders by repository, such as "JunhaoZhuang/Cobra". */
  readonly hub?: Readonly<Record<string, string>>;
  /** Folders by GitHub repository. */
  readonly github?: Readonly<Record<string, string>>;
  /** Folders by first part of the path, for plain addresses. */
  readonly files?: Readonly<Record<string, string>>;
  /** The hub gives its files only to who sends this token. */
  readonly token?: string;
  /** Commits that exist besides the newest one. */
  readonly commits?: readonly string[];
}

const LFS = /\.(?:bin|pth|pt|safetensors)$/u;

export class HubServer implements AsyncDisposable {
  readonly requests: SeenRequest[] = [];
  /** Called with each request before it is answered; a promise holds it back. */
  onRequest: (request: SeenRequest) => Promise<void> | void = () => {};
  /** Bytes of bodies that were sent. */
  sentBytes = 0;
  readonly #options: HubServerOptions;
  readonly #servers: [Server, Server];
  readonly #faults = new Map<string, Fault[]>();
  readonly #blobs = new Map<string, string>();

  private constructor(options: HubServerOptions) {
    this.#options = options;
    const serve = (isCdn: boolean): Server =>
      createServer((request, response) => {
        response.on("error", () => {});
        this.#answer(request, response, isCdn).catch(() => response.destroy());
      });
    this.#servers = [serve(false), serve(true)];
  }

  static async start(options: HubServerOptions): Promise<HubServer> {
    const hub = new HubServer(options);
    for (const server of hub.#servers) await new Promise<void>((ready) => server.listen(0, "127.0.0.1", () => ready()));
    return hub;
  }

  /** The hub's address, for `HF_ENDPOINT`. */
  get url(): string {
    return `http://127.0.0.1:${(this.#servers[0].address() as AddressInfo).port}`;
  }

  /** The CDN's address, which is another origin. */
  get cdn(): string {
    return `http://127.0.0.1:${(this.#servers[1].address() as AddressInfo).port}`;
  }

  /** The next answers for a file fail like this, one after the other. */
  fault(place: Place, path: string, ...faults: Fault[]): void {
    const key = `${place} ${path}`;
    this.#faults.set(key, [...(this.#faults.get(key) ?? []), ...faults]);
  }

  /** Ranges that were asked of the CDN for a file. */
  ranges(path: string): (string | undefined)[] {
    return this.requests.filter(({ place, url }) => place === "cdn" && url.includes(path)).map(({ range }) => range);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const server of this.#servers) {
      server.closeAllConnections();
      await new Promise<void>((closed) => server.close(() => closed()));
    }
  }

  async #answer(request: IncomingMessage, response: ServerResponse, isCdn: boolean): Promise<void> {
    const url = new URL(request.url ?? "/", isCdn ? this.cdn : this.url);
    const method = request.method ?? "GET";
    const place: Place = isCdn ? "cdn" : method === "HEAD" ? "head" : "get";
    const { range, authorization } = request.headers;
    const seen = { place, method, url: url.href, range, authorization };
    this.requests.push(seen);
    await this.onRequest(seen);
    if (isCdn) return this.#sendBlob(url, request, response);
    const hub = /^\/([^/]+\/[^/]+)\/resolve\/([^/]+)\/(.+)$/u.exec(url.pathname);
    if (hub !== null) return this.#resolve(hub[1]!, hub[2]!, hub[3]!, place, request, response);
    const cache = /^\/api\/resolve-cache\/models\/([^/]+\/[^/]+)\/[0-9a-f]{40}\/(.+)$/u.exec(url.pathname);
    if (cache !== null) return this.#sendSmall(cache[1]!, cache[2]!, request, response);
    const raw = /^\/github\/([^/]+\/[^/]+)\/raw\/[^/]+\/(.+)$/u.exec(url.pathname);
    if (raw !== null) return this.#raw(raw[1]!, raw[2]!, response);
    const file = /^\/files\/([^/]+)\/(.+)$/u.exec(url.pathname);
    const folder = file === null ? undefined : this.#options.files?.[file[1]!];
    if (folder === undefined || !existsSync(join(folder, file![2]!))) return end(response, 404);
    return this.#send(readFileSync(join(folder, file![2]!)), file![2]!, place, request, response, {});
  }

  /** As the hub resolves a file: LFS leads to the CDN, the rest to its own cache; headers say what it is. */
  #resolve(
    repository: string,
    revision: string,
    path: string,
    place: Place,
    request: IncomingMessage,
    response: ServerResponse,
  ): void {
    const fault = this.#take(place, path);
    if (fault !== undefined && "status" in fault) return end(response, fault.status, fault.headers, fault.body);
    if (fault !== undefined && "redirect" in fault) return end(response, 302, { location: fault.redirect });
    const { hub = {}, token, commits = [] } = this.#options;
    const folder = hub[repository];
    if (folder === undefined || (token !== undefined && request.headers.authorization !== `Bearer ${token}`))
      return end(response, 401, { "x-error-code": "RepoNotFound" });
    if (!["main", COMMIT, ...commits].includes(revision))
      return end(response, 404, { "x-error-code": "RevisionNotFound" });
    const full = join(folder, path);
    if (!existsSync(full)) return end(response, 404, { "x-error-code": "EntryNotFound" });
    const bytes = readFileSync(full);
    const headers = {
      "x-repo-commit": revision === "main" ? COMMIT : revision,
      "x-linked-size": String(bytes.length),
      ...(fault !== undefined && "headers" in fault ? fault.headers : {}),
    };
    if (LFS.test(path)) {
      const sha256 = createHash("sha256").update(bytes).digest("hex");
      this.#blobs.set(sha256, full);
      return end(response, 302, {
        "x-linked-etag": `"${sha256}"`,
        ...headers,
        location: `${this.cdn}/blobs/${sha256}/${path}?signature=secret-signature`,
      });
    }
    const location = `/api/resolve-cache/models/${repository}/${COMMIT}/${path}`;
    return end(response, 307, { "x-linked-etag": `"${gitBlob(bytes)}"`, ...headers, location });
  }

  #sendSmall(repository: string, path: string, request: IncomingMessage, response: ServerResponse): void {
    const bytes = readFileSync(join(this.#options.hub![repository]!, path));
    this.#send(bytes, path, "cdn", request, response, { etag: `"${gitBlob(bytes)}"` });
  }

  #raw(repository: string, path: string, response: ServerResponse): void {
    const folder = this.#options.github?.[repository];
    if (folder === undefined || !existsSync(join(folder, path))) return end(response, 404);
    const sha256 = createHash("sha256")
      .update(readFileSync(join(folder, path)))
      .digest("hex");
    this.#blobs.set(sha256, join(folder, path));
    return end(response, 302, { location: `${this.cdn}/blobs/${sha256}/${path}` });
  }

  #sendBlob(url: URL, request: IncomingMessage, response: ServerResponse): void {
    const [, sha256, path] = /^\/blobs\/([0-9a-f]{64})\/(.+)$/u.exec(url.pathname) ?? [];
    const file = this.#blobs.get(sha256 ?? "");
    if (file === undefined) return end(response, 404);
    return this.#send(readFileSync(file), path!, "cdn", request, response, { etag: '"of-the-cdn"' });
  }

  #send(
    whole: Buffer,
    path: string,
    place: Place,
    request: IncomingMessage,
    response: ServerResponse,
    headers: Record<string, string>,
  ): void {
    if (request.method === "HEAD") return end(response, 200, { ...headers, "content-length": String(whole.length) });
    const fault = this.#take(place === "cdn" ? "cdn" : "get", path);
    if (fault !== undefined && "status" in fault) return end(response, fault.status, fault.headers, fault.body);
    const asked = /^bytes=(\d+)-$/u.exec(request.headers.range ?? "")?.[1];
    const ignores = fault !== undefined && "noRange" in fault;
    let from = asked === undefined || ignores ? 0 : Number(asked);
    if (from >= whole.length && from > 0) return end(response, 416, { "content-range": `bytes */${whole.length}` });
    if (fault !== undefined && "wrongRange" in fault) from = Math.max(0, from - 1);
    let body = Buffer.from(whole.subarray(from));
    if (fault !== undefined && "flipByte" in fault) body[fault.flipByte]! ^= 1;
    if (fault !== undefined && "more" in fault) body = Buffer.concat([body, Buffer.alloc(fault.more)]);
    const isPart = from > 0 && !ignores;
    response.writeHead(isPart ? 206 : 200, {
      ...headers,
      "content-length": body.length,
      ...(isPart ? { "content-range": `bytes ${from}-${whole.length - 1}/${whole.length}` } : {}),
      ...(fault !== undefined && "bodyHeaders" in fault ? fault.bodyHeaders : {}),
    });
    const stop =
      fault !== undefined && "cutAfter" in fault
        ? fault.cutAfter
        : fault !== undefined && "stallAfter" in fault
          ? fault.stallAfter
          : undefined;
    if (stop === undefined) {
      this.sentBytes += body.length;
      response.end(body);
      return;
    }
    this.sentBytes += stop;
    response.write(body.subarray(0, stop), () => {
      if (fault !== undefined && "cutAfter" in fault) response.socket?.destroySoon();
    });
  }

  #take(place: Place, path: string): Fault | undefined {
    return this.#faults.get(`${place} ${path}`)?.shift();
  }
}

/** The id that git gives to a file. */
export function gitBlob(bytes: Uint8Array): string {
  return createHash("sha1").update(`blob ${bytes.length}\0`).update(bytes).digest("hex");
}

function end(response: ServerResponse, status: number, headers: Record<string, string> = {}, body = ""): void {
  response.writeHead(status, headers);
  response.end(body);
}
