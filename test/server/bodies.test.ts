// Bodies of requests to a real server process: forms with files, those that are too large, and those that come slowly.
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import { connect } from "node:net";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { begin, head } from "../support/tus.js";
import {
  dataFolder,
  exchange,
  newJob,
  openSocket,
  readAll,
  startFixture,
  type TestServer,
} from "../support/web-server.js";

const MiB = 2 ** 20;
let data: Awaited<ReturnType<typeof dataFolder>>;
let server: TestServer;
let job: string;

beforeAll(async () => {
  data = await dataFolder();
  server = await startFixture({
    data: join(data.path, "a"),
    limits: { uploadBytes: 8 * MiB, pageBytes: MiB, requestBytes: 2 * MiB, uploadsOfClient: 2 },
  });
  job = await newJob(server.url);
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await data[Symbol.asyncDispose]();
});

describe("a form with files", () => {
  const send = (form: FormData): Promise<Response> =>
    fetch(`${server.url}/api/v1/jobs/${job}/files`, { method: "POST", body: form });

  it("is taken apart while it comes", async () => {
    const form = new FormData();
    form.append("path", "sub/p1.png");
    form.append("file", new Blob(["one"]), "ignored.png");
    form.append("file", new Blob(["two"]), "p2.png");
    const answer = await send(form);
    expect(answer.status).toBe(201);
    expect(await answer.json()).toMatchObject({ id: job });
    const input = join(data.path, "a/jobs", job, "input");
    expect(await readFile(join(input, "sub/p1.png"), "utf8")).toBe("one");
    expect(await readFile(join(input, "p2.png"), "utf8")).toBe("two");
  });

  it("without a file, with an unknown role, or without its length is refused", async () => {
    const empty = new FormData();
    empty.append("role", "input");
    expect((await send(empty)).status).toBe(400);
    const wrong = new FormData();
    wrong.append("role", "admin");
    wrong.append("file", new Blob(["x"]), "x.png");
    expect((await send(wrong)).status).toBe(400);
    const chunked = await fetch(`${server.url}/api/v1/jobs/${job}/files`, {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=x" },
      body: Readable.toWeb(Readable.from(["--x--\r\n"])) as ReadableStream<Uint8Array>,
      duplex: "half",
    } as RequestInit);
    expect(chunked.status).toBe(411);
  });

  it.each([
    ["with another boundary", "boundary=x", "--y\r\n\r\n--y--\r\n"],
    ["without a boundary", "charset=utf-8", "--x--\r\n"],
    ["with a boundary that is too long", `boundary=${"x".repeat(300)}`, "--x--\r\n"],
    ["empty", "boundary=x", ""],
    ["cut off in a part's head", "boundary=x", "--x\r\nContent-Disp"],
    [
      "cut off in a file",
      "boundary=x",
      '--x\r\nContent-Disposition: form-data; name="page"; filename="a.png"\r\n\r\nabc',
    ],
    [
      "with a part called JSON that is none",
      "boundary=x",
      '--x\r\nContent-Disposition: form-data; name="settings"\r\nContent-Type: application/json\r\n\r\n{\r\n--x--\r\n',
    ],
  ])("%s is the client's fault", async (_name, parameter, body) => {
    for (const path of [`jobs/${job}/files`, "colorize"]) {
      const answer = await fetch(`${server.url}/api/v1/${path}`, {
        method: "POST",
        headers: { "content-type": `multipart/form-data; ${parameter}` },
        body,
      });
      expect(await answer.json(), path).toMatchObject({ status: 400, code: "ERR_REQUEST" });
    }
  });

  it("may send its settings as JSON by their Content-Type, as generated clients do", async () => {
    const body =
      `--x\r\nContent-Disposition: form-data; name="page"; filename="a.png"\r\n\r\nabc\r\n` +
      `--x\r\nContent-Disposition: form-data; name="settings"\r\nContent-Type: application/json\r\n\r\n` +
      `{"sead": 7}\r\n--x--\r\n`;
    const answer = await fetch(`${server.url}/api/v1/colorize`, {
      method: "POST",
      headers: { "content-type": "multipart/form-data; boundary=x" },
      body,
    });
    expect(await answer.json()).toMatchObject({ status: 400, detail: 'settings is wrong: unknown "sead"' });
  });

  it("leaves nothing behind that was cut off", async () => {
    const socket = await openSocket(server.port);
    const body = '--x\r\ncontent-disposition: form-data; name="file"; filename="cut.png"\r\n\r\nhalf a pict';
    socket.write(
      `POST /api/v1/jobs/${job}/files HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: 1000\r\n\r\n${body}`,
    );
    const uploads = join(data.path, "a/uploads");
    const parts = async (): Promise<number> => (await readdir(uploads)).filter((name) => name.endsWith(".part")).length;
    await expect.poll(parts).toBe(1);
    socket.destroy();
    await expect.poll(parts).toBe(0);
    expect(await readdir(join(data.path, "a/jobs", job, "input"))).not.toContain("cut.png");
  });
});

describe("bodies that are too large", () => {
  /** Sends only the head, which says how much is to come: an answer means that nothing was waited for. */
  const headOnly = (path: string, method: string, type: string, length: number): Promise<string> =>
    exchange(
      server.port,
      `${method} /api/v1/${path} HTTP/1.1\r\nhost: localhost\r\ncontent-type: ${type}\r\ncontent-length: ${length}\r\n\r\n`,
    );

  it.each([
    ["jobs", "POST", "application/json", 2 * MiB],
    ["jobs/@/files", "POST", "multipart/form-data; boundary=x", 9 * MiB],
    ["jobs/@/pictures/abcdefgh/hints", "PUT", "image/png", 2 * MiB],
    ["colorize", "POST", "multipart/form-data; boundary=x", 3 * MiB],
  ])("are refused before they are sent: %s", async (path, method, type, length) => {
    const answer = await headOnly(path.replace("@", job), method, type, length);
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
    expect(answer).toContain('"code":"ERR_REQUEST_LIMIT"');
  });

  it("are cut off where they lie about their length", async () => {
    const answer = await exchange(
      server.port,
      `POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n200000\r\n${" ".repeat(0x200000)}\r\n0\r\n\r\n`,
    );
    expect(answer).toMatch(/^HTTP\/1\.1 413 /);
  });

  it("lets a client that is still sending read the answer", async () => {
    const answer = await fetch(`${server.url}/api/v1/jobs`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: " ".repeat(3 * MiB),
    });
    expect(answer.status).toBe(413);
    expect(await answer.json()).toMatchObject({ code: "ERR_REQUEST_LIMIT" });
  });
});

describe("slow senders", () => {
  it("are dropped, and others are served meanwhile", async () => {
    await using strict = await startFixture({
      data: join(data.path, "slow"),
      limits: { headMs: 500, bodyMs: 1000, slowMs: 500, slowBytes: 100 },
    });
    const id = await newJob(strict.url);
    const location = (await begin(strict, 1000, { job: id, path: "x.png" })).headers.get("location")!;
    const drip = async (head: string): Promise<string> => {
      const socket = await openSocket(strict.port);
      socket.write(head);
      const timer = setInterval(() => socket.write("x"), 50);
      return readAll(socket).finally(() => clearInterval(timer));
    };
    const answers = Promise.all([
      drip("GET /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\nx-drip: "),
      drip(
        "POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\ncontent-type: application/json\r\ncontent-length: 1000\r\n\r\n",
      ),
      drip(
        `PATCH ${location} HTTP/1.1\r\nhost: localhost\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\ncontent-type: application/offset+octet-stream\r\ncontent-length: 1000\r\n\r\n`,
      ),
    ]);
    expect((await fetch(`${strict.url}/healthz`)).status).toBe(200);
    // Each ends, by the server's doing.
    const [byHead, byBody, byUpload] = await answers;
    expect(byHead).toMatch(/^HTTP\/1\.1 408 /);
    expect(byBody).toBe("");
    expect(byUpload).toBe("");
    // What came of the upload is kept.
    expect(Number((await head(strict.url + location)).headers.get("upload-offset"))).toBeGreaterThan(0);
  });

  it("count no longer once they were told, whether or not they close their end; one address has its share alone", async () => {
    await using strict = await startFixture({
      data: join(data.path, "held"),
      limits: { headMs: 500, connectionsOfClient: 2 },
    });
    const held = Array.from({ length: 2 }, () =>
      connect({ port: strict.port, host: "127.0.0.1", allowHalfOpen: true }),
    );
    try {
      await Promise.all(held.map((socket) => once(socket, "connect")));
      for (const socket of held) socket.write("GET /healthz HTTP/1.1\r\nhost: loc");
      expect(await exchange(strict.port, "GET /healthz HTTP/1.1\r\nhost: localhost\r\n\r\n").catch(() => "")).toBe("");
      const answers = await Promise.all(held.map(async (socket) => String((await once(socket, "data"))[0])));
      for (const answer of answers) expect(answer).toMatch(/^HTTP\/1\.1 408 /);
      const served = (): Promise<number> =>
        fetch(`${strict.url}/healthz`).then(
          ({ status }) => status,
          () => 0,
        );
      await expect.poll(served).toBe(200);
    } finally {
      for (const socket of held) socket.destroy();
    }
  });

  it("may take long with an upload that moves", async () => {
    await using strict = await startFixture({
      data: join(data.path, "steady"),
      limits: { bodyMs: 100, slowMs: 500, slowBytes: 10 },
    });
    const id = await newJob(strict.url);
    const location = (await begin(strict, 400, { job: id, path: "x.png" })).headers.get("location")!;
    const socket = await openSocket(strict.port);
    socket.write(
      `PATCH ${location} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\ncontent-type: application/offset+octet-stream\r\ncontent-length: 400\r\n\r\n`,
    );
    let sent = 0;
    const timer = setInterval(() => {
      if (sent < 400) socket.write("x".repeat(20));
      sent += 20;
    }, 100);
    const answer = await readAll(socket).finally(() => clearInterval(timer));
    expect(answer).toMatch(/^HTTP\/1\.1 204 /);
  });
});
