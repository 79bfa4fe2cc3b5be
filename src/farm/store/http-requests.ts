/**
 * Single HTTP requests by node's own client, on connections that are kept. undici is not used: its version 7 ends the
 * process by an assertion where a server closes the connection behind a body that is read slower than it comes.
 */
import * as http from "node:http";
import * as https from "node:https";

export type Method = "GET" | "HEAD" | "PUT" | "DELETE";

/** An answer whose body has not been read. */
export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  /** Read it, or give it to `discard`: until then its connection is taken. Fails where the connection breaks. */
  readonly body: http.IncomingMessage;
}

/** Milliseconds. */
export interface RequestTimes {
  /** Until a connection is made. */
  readonly connect: number;
  /** In which something must be sent or come. */
  readonly silence: number;
}

/** What is left of a body is read up to this length, so that its connection can be used again. */
const DISCARD_BYTES = 65_536;

/** A connection that the server closed while nobody used it. */
const CLOSED = new Set(["ECONNRESET", "EPIPE"]);

export class HttpRequests implements Disposable {
  readonly #times: RequestTimes;
  readonly #plain = new http.Agent({ keepAlive: true });
  readonly #secure = new https.Agent({ keepAlive: true });

  constructor(times: RequestTimes) {
    this.#times = times;
  }

  /** Sends a request, which may reach the server twice; redirects are answers. Rejects with system errors. */
  async send(method: Method, url: URL, headers: Readonly<Record<string, string>>, body?: Uint8Array): Promise<Answer> {
    for (;;) {
      const [request, answer] = this.#start(method, url, headers, body);
      try {
        return await answer;
      } catch (error) {
        // Connections that were kept may all be closed; a new one tells.
        if (!request.reusedSocket || !CLOSED.has((error as NodeJS.ErrnoException).code ?? "")) throw error;
      }
    }
  }

  #start(
    method: Method,
    url: URL,
    headers: Readonly<Record<string, string>>,
    body: Uint8Array | undefined,
  ): readonly [http.ClientRequest, Promise<Answer>] {
    const all = body === undefined ? headers : { ...headers, "content-length": String(body.byteLength) };
    const request =
      url.protocol === "https:"
        ? https.request(url, { method, headers: all, agent: this.#secure })
        : http.request(url, { method, headers: all, agent: this.#plain });
    this.#limitTimes(request);
    const answer = new Promise<Answer>((resolve, reject) => {
      request.on("error", reject);
      request.on("response", (message) => {
        message.on("error", () => {}); // told to whoever reads it; nobody may be reading yet
        resolve({ status: message.statusCode ?? 0, headers: message.headers, body: message });
      });
    });
    request.end(body);
    return [request, answer];
  }

  #limitTimes(request: http.ClientRequest): void {
    const { connect, silence } = this.#times;
    const fail = (message: string): void =>
      void request.destroy(Object.assign(new Error(message), { code: "ETIMEDOUT" }));
    const timer = setTimeout(() => fail(`no connection within ${connect} ms`), connect);
    const connected = (): void => clearTimeout(timer);
    request.on("socket", (socket) => {
      if (socket.connecting) socket.once("connect", connected);
      else connected();
    });
    request.on("close", connected);
    request.setTimeout(silence, () => fail(`nothing came for ${silence} ms`));
  }

  /** Ends all connections, those in use too. */
  [Symbol.dispose](): void {
    this.#plain.destroy();
    this.#secure.destroy();
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
