// Ports for servers that have to be told theirs, since they come back at the same one after a kill.
import { once } from "node:events";
import { createServer } from "node:net";

/** Below the ports that the system gives to outgoing connections and to servers that ask for any. */
const [LOWEST, COUNT] = [10_000, 20_000];

/** Each process begins somewhere else. */
let next = (process.pid * 97) % COUNT;

/** A port of 127.0.0.1 that nobody listens on. Only a server that is told this very number can take it. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = LOWEST + next;
    next = (next + 1) % COUNT;
    const server = createServer().listen(port, "127.0.0.1");
    const isFree = await once(server, "listening").then(
      () => true,
      () => false,
    );
    if (!isFree) continue;
    server.close();
    await once(server, "close");
    return port;
  }
}
