/** Connections of one client: it may not have all that there are, and so keep everybody else out. */
import type { Server } from "node:http";

/** Closes what an address opens beyond its share, without an answer. */
export function shareConnections(server: Server, ofClient: number): void {
  const counts = new Map<string, number>();
  server.on("connection", (socket) => {
    const client = socket.remoteAddress ?? "";
    const count = counts.get(client) ?? 0;
    if (count >= ofClient) return void socket.destroy();
    counts.set(client, count + 1);
    socket.once("close", () => {
      const left = counts.get(client)! - 1;
      if (left === 0) counts.delete(client);
      else counts.set(client, left);
    });
  });
}
