// Server-sent events of a real server process: order, what was missed, slow readers, limits.
import { once } from "node:events";
import { request, type IncomingMessage } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { serverEvent } from "../../src/ui/web/api/schemas.js";
import { dataFolder, newJob, openSocket, startFixture, tell, type TestServer } from "../support/web-server.js";

let data: Awaited<ReturnType<typeof dataFolder>>;
let server: TestServer;

beforeAll(async () => {
  data = await dataFolder();
  server = await startFixture({
    data: join(data.path, "a"),
    limits: { keptEvents: 20, streamsOfClient: 4, heartbeatMs: 100, streamBytes: 256 * 1024 },
  });
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await data[Symbol.asyncDispose]();
});

interface Received {
  id?: string;
  data?: unknown;
}

/** A stream of events, read as a browser reads it. */
class Reader implements AsyncDisposable {
  readonly received: Received[] = [];
  beats = 0;
  readonly #answer: IncomingMessage;
  readonly ended: Promise<unknown>;

  private constructor(answer: IncomingMessage) {
    this.#answer = answer;
    this.ended = new Promise((resolve) => answer.on("close", resolve));
    answer.on("error", () => {});
    let text = "";
    answer.setEncoding("utf8").on("data", (chunk: string) => {
      const blocks = (text + chunk).split("\n\n");
      text = blocks.pop()!;
      for (const block of blocks) this.#take(block.split("\n"));
    });
  }

  #take(lines: readonly string[]): void {
    const event: Received = {};
    for (const line of lines) {
      if (line.startsWith("id: ")) event.id = line.slice(4);
      if (line.startsWith("data: ")) event.data = JSON.parse(line.slice(6));
      if (line.startsWith(":")) this.beats++;
    }
    this.received.push(event);
  }

  static async open(url: string, lastId?: string, query = ""): Promise<Reader> {
    const asked = request(`${url}/api/v1/events${query}`, {
      headers: lastId === undefined ? {} : { "last-event-id": lastId },
    });
    asked.on("error", () => {});
    asked.end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    if (answer.statusCode !== 200) throw new Error(`answered ${answer.statusCode}`);
    expect(answer.headers["content-type"]).toBe("text/event-stream; charset=utf-8");
    expect(answer.headers["cache-control"]).toBe("no-store");
    return new Reader(answer);
  }

  get data(): unknown[] {
    return this.received.flatMap(({ data: one }) => (one === undefined ? [] : [one]));
  }

  get lastId(): string {
    return this.received.findLast(({ id }) => id !== undefined)!.id!;
  }

  async until(condition: () => boolean): Promise<void> {
    await expect.poll(condition).toBe(true);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#answer.destroy();
    await this.ended;
  }
}

const removed = (number: number): object => ({ type: "job-removed", id: `job${String(number).padStart(6, "0")}` });

describe("events", () => {
  it("come in order, as the schema says, and with signs of life between them", async () => {
    await using reader = await Reader.open(server.url);
    await newJob(server.url);
    tell(server, removed(1));
    tell(server, removed(2));
    await reader.until(() => reader.data.length === 3);
    expect(reader.data.map((one) => serverEvent.parse(one).type)).toEqual(["job", "job-removed", "job-removed"]);
    expect(reader.data.slice(1)).toEqual([removed(1), removed(2)]);
    await reader.until(() => reader.beats >= 2);
  });

  it("go on from Last-Event-ID: nothing twice, nothing lost", async () => {
    const first = await Reader.open(server.url);
    tell(server, removed(10));
    await first.until(() => first.data.length === 1);
    const { lastId } = first;
    await first[Symbol.asyncDispose]();
    for (const number of [11, 12, 13]) tell(server, removed(number));
    await using other = await Reader.open(server.url);
    tell(server, removed(14));
    await other.until(() => other.data.length > 0);
    await using second = await Reader.open(server.url, lastId);
    tell(server, removed(15));
    await second.until(() => second.data.length >= 5);
    expect(second.data).toEqual([11, 12, 13, 14, 15].map(removed));
  });

  it("are told to a reader that had seen none yet", async () => {
    const first = await Reader.open(server.url);
    await first.until(() => first.received.length > 0);
    const { lastId } = first;
    await first[Symbol.asyncDispose]();
    tell(server, removed(20));
    await using second = await Reader.open(server.url, lastId);
    await second.until(() => second.data.length === 1);
    expect(second.data).toEqual([removed(20)]);
  });

  it("are a reset where some were missed, or the server is another", async () => {
    const first = await Reader.open(server.url);
    await first.until(() => first.received.length > 0);
    const { lastId } = first;
    await using witness = await Reader.open(server.url);
    tell(server, { ...removed(30), times: 21 });
    await witness.until(() => witness.data.length === 21);
    for (const missed of [lastId, "000000000000-3", "nonsense", `${lastId}9999`]) {
      await using late = await Reader.open(server.url, missed);
      await late.until(() => late.data.length === 1);
      expect(late.data, missed).toEqual([{ type: "reset" }]);
      // From there on it is whole again.
      const again = late.lastId;
      tell(server, removed(31));
      await late.until(() => late.data.length === 2);
      await late[Symbol.asyncDispose]();
      await using next = await Reader.open(server.url, again);
      await next.until(() => next.data.length === 1);
      expect(next.data).toEqual([removed(31)]);
    }
    await first[Symbol.asyncDispose]();
  });

  it("can be those of one job, which they begin with as it is", async () => {
    const job = await newJob(server.url);
    await using reader = await Reader.open(server.url, undefined, `?job=${job}`);
    const mine = { type: "job-removed", id: job };
    tell(server, removed(40));
    tell(server, mine);
    tell(server, removed(42));
    tell(server, { type: "reset" });
    await reader.until(() => reader.data.length === 3);
    expect(reader.data).toEqual([{ type: "job", job: expect.objectContaining({ id: job }) }, mine, { type: "reset" }]);
    expect((await fetch(`${server.url}/api/v1/events?job=abcdefgh`)).status).toBe(404);
  });
});

describe("readers", () => {
  it("are at most so many of one client, and a place is free again once one has gone", async () => {
    const readers = await Promise.all([0, 1, 2, 3].map(() => Reader.open(server.url)));
    const refused = await fetch(`${server.url}/api/v1/events`);
    expect(refused.status).toBe(429);
    expect(await refused.json()).toMatchObject({ code: "ERR_QUEUE_FULL" });
    await readers[0]![Symbol.asyncDispose]();
    await expect
      .poll(() =>
        Reader.open(server.url).then(
          (one) => readers.push(one) > 0,
          () => false,
        ),
      )
      .toBe(true);
    for (const one of readers) await one[Symbol.asyncDispose]();
  });

  it("that do not read are dropped, and the others get all", async () => {
    await using busy = await startFixture({ data: join(data.path, "busy"), limits: { streamBytes: 64 * 1024 } });
    const deaf = await openSocket(busy.port);
    deaf.pause();
    deaf.write("GET /api/v1/events HTTP/1.1\r\nhost: localhost\r\n\r\n");
    await using reader = await Reader.open(busy.url);
    const big = { type: "job", job: { id: "jobjobjo", name: "x".repeat(4000) } };
    // Far more than the buffers of two sockets hold.
    for (let round = 1; round <= 400; round++) {
      tell(busy, { ...big, times: 10 });
      await reader.until(() => reader.data.length === round * 10);
    }
    deaf.resume();
    await once(deaf, "close");
    expect(reader.data.length).toBe(4000);
  });

  it("are let go when the server ends", async () => {
    await using ending = await startFixture({ data: join(data.path, "ending") });
    await using reader = await Reader.open(ending.url);
    expect(await ending.end("SIGTERM")).toMatchObject({ code: 0 });
    await reader.ended;
  });
});
