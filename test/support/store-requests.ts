// Plain HTTP requests to a store's server, without the client of the product.
import { createHash } from "node:crypto";

export const TOKEN = "a-token-of-24-letters";

export const hashOf = (bytes: Uint8Array): string => createHash("sha256").update(bytes).digest("hex");

export const digest = (bytes: Uint8Array): Record<string, string> => ({
  "content-digest": `sha-256=:${Buffer.from(hashOf(bytes), "hex").toString("base64")}:`,
});

interface Asked {
  readonly method?: string;
  readonly headers?: Record<string, string>;
  readonly body?: string | Uint8Array<ArrayBuffer>;
}

/** Requests to the server on a port of this machine, with its token. */
export function asking(port: () => number): (path: string, asked?: Asked) => Promise<Response> {
  return (path, { headers = {}, ...rest } = {}) =>
    fetch(`http://127.0.0.1:${port()}${path}`, { ...rest, headers: { authorization: `Bearer ${TOKEN}`, ...headers } });
}
