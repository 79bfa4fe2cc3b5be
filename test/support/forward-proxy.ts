// A forward proxy for tests, as companies have them: plain requests and tunnels, with or without a password.
import { createServer, request as plainRequest, type IncomingMessage, type Server } from "node:http";
import { connect as connectSocket, type AddressInfo, type Socket } from "node:net";

/** A proxy that forwards plain requests and tunnels, and writes down what it was asked. */
export class ForwardProxy implements AsyncDisposable {
  readonly asked: string[] = [];
  readonly authorizations: (string | undefined)[] = [];
  readonly #sockets = new Set<Socket>();
  private constructor(
    readonly server: Server,
    readonly wants: string | undefined,
  ) {}

  static async start(wants?: string): Promise<ForwardProxy> {
    const proxy = new ForwardProxy(createServer(), wants);
    const isAllowed = (request: IncomingMessage): boolean =>
      wants === undefined ||
      request.headers["proxy-authorization"] === `Basic ${Buffer.from(wants).toString("base64")}`;
    proxy.server.on("request", (request: IncomingMessage, response) => {
      proxy.asked.push(`${request.method} ${request.url}`);
      proxy.authorizations.push(request.headers.authorization);
      if (!isAllowed(request)) return response.writeHead(407).end();
      if (!request.url!.startsWith("http://127.0.0.1:")) return response.writeHead(404).end();
      const { ["proxy-authorization"]: _own, ...headers } = request.headers;
      const onward = plainRequest(request.url!, { method: request.method, headers }, (answer) => {
        response.writeHead(answer.statusCode!, answer.headers);
        answer.pipe(response);
      });
      onward.on("error", () => response.destroy());
      return request.pipe(onward);
    });
    proxy.server.on("connect", (request: IncomingMessage, socket: Socket) => {
      proxy.asked.push(`CONNECT ${request.url}`);
      if (!isAllowed(request)) return socket.end("HTTP/1.1 407 Proxy Authentication Required\r\n\r\n");
      const [host, port] = request.url!.split(":");
      const onward = connectSocket(Number(port), host, () => {
        socket.write("HTTP/1.1 200 Connection Established\r\n\r\n");
        onward.pipe(socket).pipe(onward);
      });
      onward.on("error", () => socket.destroy());
      return socket;
    });
    proxy.server.on("connection", (socket) => {
      proxy.#sockets.add(socket);
      socket.on("error", () => {});
    });
    await new Promise<void>((ready) => proxy.server.listen(0, "127.0.0.1", () => ready()));
    return proxy;
  }

  get host(): string {
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    await new Promise<void>((closed) => this.server.close(() => closed()));
  }
}
