// Requests of the tus protocol, as a client sends them.
import { tusHeaders, type TestServer } from "./web-server.js";

/** Begins an upload. */
export async function begin(to: TestServer, length: number, metadata: Record<string, string>): Promise<Response> {
  return fetch(`${to.url}/api/v1/uploads`, { method: "POST", headers: tusHeaders(length, metadata) });
}

/** Sends bytes of an upload from an offset. */
export function piece(url: string, offset: number, body: Uint8Array): Promise<Response> {
  return fetch(url, {
    method: "PATCH",
    headers: {
      "tus-resumable": "1.0.0",
      "upload-offset": String(offset),
      "content-type": "application/offset+octet-stream",
    },
    body: body as Uint8Array<ArrayBuffer>,
  });
}

/** Asks how much of an upload has come. */
export function head(url: string): Promise<Response> {
  return fetch(url, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
}
