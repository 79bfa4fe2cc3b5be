// Connections of the HTTP client end with it, at whatever point they are.
import { once } from "node:events";
import { createServer, type AddressInfo, type Server, type Socket } from "node:net";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { HttpClient } from "../../../../src/io/http/http-client.js";

const NEVER = 2 ** 30;

let server: Server;
let sockets: Socket[];
let answer: (socket: Socket) => void;
beforeEach(async () => {
  sockets = [];
  answer = () => {};
  server = createServer((socket) => {
    sockets.push(socket);
    socket.on("error", () => {}).once("data", () => answer(socket));
  }).listen(0, "127.0.0.1");
  await once(server, "listening");
});
afterEach(async () => {
  for (const socket of sockets) socket.destroy();
  await new Promise((resolve) => server.close(resolve));
});

const here = (): URL => new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);

/** What the server does with a connection before the client goes away. */
const PLACES: Readonly<Record<string, { url: () => URL; proxy?: () => URL; says?: string }>> = {
  "a request that nobody answers": { url: here },
  "a request to a proxy that does not answer": { url: () => new URL("http://other.example/"), proxy: here },
  "a tunnel that a proxy does not open": { url: () => new URL("https://other.example/"), proxy: here },
  "a handshake in a tunnel": {
    url: () => new URL("https://other.example/"),
    proxy: here,
    says: "HTTP/1.1 200 OK\r\n\r\n",
  },
};

describe("a client that is disposed", () => {
  for (const [name, { url, proxy, says }] of Object.entries(PLACES))
    it(`ends ${name}`, async () => {
      const client = new HttpClient({ connect: NEVER, silence: NEVER });
      const reached = new Promise<Socket>((resolve) => {
        answer = (socket) => {
          if (says === undefined) return resolve(socket);
          socket.write(says);
          socket.once("data", () => resolve(socket)); // the first bytes of TLS
        };
      });
      const asked = client.request("GET", url(), {}, { proxy: proxy?.() });
      asked.catch(() => {}); // looked at below
      const socket = await reached;
      const closed = once(socket, "close");
      client[Symbol.dispose]();
      await closed;
      await expect(asked).rejects.toThrow();
    });

  it("ends a body that is being read", async () => {
    const client = new HttpClient({ connect: NEVER, silence: NEVER });
    answer = (socket) => void socket.write("HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nsome");
    const { body } = await client.request("GET", here(), {});
    await once(body, "readable");
    client[Symbol.dispose]();
    await expect(body.toArray()).rejects.toThrow();
    expect(body.destroyed).toBe(true);
  });
});
