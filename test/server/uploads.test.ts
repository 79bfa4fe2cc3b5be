// Uploads to a real server process: by tus, over a kill, in one request, and those that are refused.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canMount } from "../support/mounts.js";
import {
  dataFolder,
  exchange,
  newJob,
  openSocket,
  readAll,
  startFixture,
  tusHeaders,
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

async function begin(to: TestServer, length: number, metadata: Record<string, string>): Promise<Response> {
  return fetch(`${to.url}/api/v1/uploads`, { method: "POST", headers: tusHeaders(length, metadata) });
}

function piece(url: string, offset: number, body: Uint8Array): Promise<Response> {
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

function head(url: string): Promise<Response> {
  return fetch(url, { method: "HEAD", headers: { "tus-resumable": "1.0.0" } });
}

describe("uploads by tus", () => {
  it("come in pieces and lie where the job wants them, byte for byte", async () => {
    const bytes = randomBytes(3 * MiB + 17);
    const begun = await begin(server, bytes.byteLength, { job, role: "input", path: "ch 1/第一話.png" });
    expect(begun.status).toBe(201);
    const location = begun.headers.get("location")!;
    expect(location).toMatch(/^\/api\/v1\/uploads\/[0-9a-f]{32}$/);
    expect(begun.headers.get("upload-expires")).toBeTruthy();
    const url = server.url + location;
    expect((await piece(url, 0, bytes.subarray(0, MiB))).headers.get("upload-offset")).toBe(String(MiB));
    expect((await piece(url, 7, bytes.subarray(7, 9))).status).toBe(409);
    expect((await head(url)).headers.get("upload-offset")).toBe(String(MiB));
    expect((await piece(url, MiB, bytes.subarray(MiB))).status).toBe(204);
    expect(await readFile(join(data.path, "a/jobs", job, "input/ch 1/第一話.png"))).toEqual(bytes);
    // The last answer may get lost: the client asks again, and learns that all is there.
    expect((await head(url)).headers.get("upload-offset")).toBe(String(bytes.byteLength));
    expect((await readdir(join(data.path, "a/uploads"))).filter((name) => !name.endsWith(".json"))).toEqual([]);
  });

  it("take an empty file", async () => {
    expect((await begin(server, 0, { job, path: "empty.png" })).status).toBe(201);
    expect((await stat(join(data.path, "a/jobs", job, "input/empty.png"))).size).toBe(0);
  });

  it("end with their job: nothing more is taken, and what came before goes", async () => {
    const gone = await newJob(server.url);
    const url = server.url + (await begin(server, 10, { job: gone, path: "x.png" })).headers.get("location")!;
    expect((await piece(url, 0, Buffer.from("01234"))).status).toBe(204);
    expect((await fetch(`${server.url}/api/v1/jobs/${gone}`, { method: "DELETE" })).status).toBe(204);
    const answer = await piece(url, 5, Buffer.from("56789"));
    expect(answer.status).toBe(404);
    expect(await answer.json()).toMatchObject({ code: "ERR_JOB_NOT_FOUND" });
    expect((await head(url)).status).toBe(404);
  });

  it("are given up by DELETE", async () => {
    const url = server.url + (await begin(server, 10, { job, path: "x.png" })).headers.get("location")!;
    expect((await fetch(url, { method: "DELETE", headers: { "tus-resumable": "1.0.0" } })).status).toBe(204);
    expect((await head(url)).status).toBe(404);
  });

  it.each([
    ["a job that does not exist", { job: "abcdefgh", path: "x.png" }, 404, "ERR_JOB_NOT_FOUND"],
    ["no path", { job: "", path: "" }, 400, "ERR_ARGUMENT"],
    ["an unknown role", { job: "@", role: "admin", path: "x.png" }, 400, "ERR_ARGUMENT"],
  ])("are refused for %s, before a byte is sent", async (_what, metadata, status, code) => {
    const answer = await begin(server, 10, { ...metadata, job: metadata.job === "@" ? job : metadata.job });
    expect(answer.status).toBe(status);
    expect(answer.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(await answer.json()).toMatchObject({ code, status });
  });

  it("are refused beyond the limit and without a length", async () => {
    expect((await begin(server, 8 * MiB + 1, { job, path: "x.cbz" })).status).toBe(413);
    const { "upload-length": _length, ...headers } = tusHeaders(1, { job, path: "x.cbz" });
    const deferred = await fetch(`${server.url}/api/v1/uploads`, {
      method: "POST",
      headers: { ...headers, "upload-defer-length": "1" },
    });
    expect(deferred.status).toBe(501);
    for (const length of ["-1", "1e3", "9".repeat(30), "x"]) {
      const answer = await fetch(`${server.url}/api/v1/uploads`, {
        method: "POST",
        headers: { ...tusHeaders(1, { job, path: "x.cbz" }), "upload-length": length },
      });
      expect(answer.status, length).toBeGreaterThanOrEqual(400);
      expect(answer.status, length).toBeLessThan(500);
    }
  });

  it("do not take more than they said", async () => {
    const url = server.url + (await begin(server, 10, { job, path: "more.png" })).headers.get("location")!;
    expect((await piece(url, 0, randomBytes(11))).status).toBe(413);
    const chunked = await exchange(
      server.port,
      `PATCH ${new URL(url).pathname} HTTP/1.1\r\nhost: localhost\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\ncontent-type: application/offset+octet-stream\r\ntransfer-encoding: chunked\r\nconnection: close\r\n\r\n14\r\n${"x".repeat(20)}\r\n0\r\n\r\n`,
    );
    expect(chunked).toMatch(/^HTTP\/1\.1 4\d\d /);
    expect(Number((await head(url)).headers.get("upload-offset"))).toBeLessThanOrEqual(10);
  });

  it("are at most so many at once of one client", async () => {
    const held = await Promise.all(
      [0, 1].map(async (index) => {
        const location = (await begin(server, 100, { job, path: `held-${index}.png` })).headers.get("location")!;
        const socket = await openSocket(server.port);
        socket.write(
          `PATCH ${location} HTTP/1.1\r\nhost: localhost\r\ntus-resumable: 1.0.0\r\nupload-offset: 0\r\ncontent-type: application/offset+octet-stream\r\ncontent-length: 100\r\n\r\nfirst`,
        );
        return { socket, location };
      }),
    );
    // Both have begun once their first bytes are on the disk.
    for (const { location } of held) {
      const path = join(data.path, "a/uploads", location.split("/").at(-1)!);
      await expect.poll(async () => (await stat(path)).size, { timeout: 30_000 }).toBe(5);
    }
    const third = await begin(server, 10, { job, path: "third.png" });
    expect(third.status).toBe(429);
    expect(third.headers.get("retry-after")).toBeTruthy();
    for (const { socket } of held) socket.destroy();
    await expect
      .poll(async () => (await begin(server, 10, { job, path: "third.png" })).status, { timeout: 30_000 })
      .toBe(201);
  });

  it("go on after the server was killed in the middle", async () => {
    const folder = join(data.path, "killed");
    const bytes = randomBytes(6 * MiB);
    const first = await startFixture({ data: folder });
    const id = await newJob(first.url);
    const location = (await begin(first, bytes.byteLength, { job: id, path: "big.cbz" })).headers.get("location")!;
    const path = join(folder, "uploads", location.split("/").at(-1)!);
    // A client that sends half and then waits.
    const upload = httpRequest(first.url + location, {
      method: "PATCH",
      headers: {
        "tus-resumable": "1.0.0",
        "upload-offset": "0",
        "content-type": "application/offset+octet-stream",
        "content-length": bytes.byteLength,
      },
    });
    upload.on("error", () => {});
    upload.write(bytes.subarray(0, 3 * MiB));
    await expect.poll(async () => (await stat(path)).size, { timeout: 60_000 }).toBeGreaterThan(MiB);
    await first.end("SIGKILL");

    await using second = await startFixture({ data: folder });
    const offset = Number((await head(second.url + location)).headers.get("upload-offset"));
    expect(offset).toBeGreaterThan(MiB);
    expect(offset).toBeLessThanOrEqual(3 * MiB);
    expect((await piece(second.url + location, offset, bytes.subarray(offset))).status).toBe(204);
    const whole = await readFile(join(folder, "jobs", id, "input/big.cbz"));
    expect(createHash("sha256").update(whole).digest("hex")).toBe(createHash("sha256").update(bytes).digest("hex"));
  });

  it("that are whole are in their place after a kill: when the server starts, and before a client is told so", async () => {
    const folder = join(data.path, "whole");
    const bytes = randomBytes(1000);
    const first = await startFixture({ data: folder });
    const id = await newJob(first.url);
    // As a server leaves them that is killed after the last byte: before the record says so, and after.
    const killed = async (path: string, moved: boolean): Promise<string> => {
      const location = (await begin(first, bytes.byteLength, { job: id, path })).headers.get("location")!;
      const part = join(folder, "uploads", location.split("/").at(-1)!);
      if (moved) {
        const record = JSON.parse(await readFile(`${part}.json`, "utf8")) as { metadata: object };
        await writeFile(`${part}.json`, JSON.stringify({ ...record, metadata: { ...record.metadata, moved: "yes" } }));
      }
      await writeFile(part, bytes);
      return location;
    };
    const asked = await killed("asked.png", false);
    const answer = await head(first.url + asked);
    expect([answer.status, answer.headers.get("upload-offset")]).toEqual([200, "1000"]);
    expect(await readFile(join(folder, "jobs", id, "input/asked.png"))).toEqual(bytes);
    const locations = [await killed("a.png", false), await killed("b.png", true)];
    await first.end("SIGKILL");

    await using second = await startFixture({ data: folder });
    for (const name of ["a.png", "b.png"])
      await expect
        .poll(() => readFile(join(folder, "jobs", id, "input", name)).catch(() => undefined), { timeout: 30_000 })
        .toEqual(bytes);
    for (const location of locations)
      expect((await head(second.url + location)).headers.get("upload-offset")).toBe("1000");
    expect((await readdir(join(folder, "uploads"))).filter((name) => !name.endsWith(".json"))).toEqual([]);
  });

  it("count against what is kept only while they are not complete", async () => {
    await using few = await startFixture({ data: join(data.path, "few"), limits: { keptUploads: 2 } });
    const id = await newJob(few.url);
    for (let number = 0; number < 4; number++) {
      const begun = await begin(few, 2, { job: id, path: `${number}.png` });
      expect(begun.status).toBe(201);
      expect((await piece(few.url + begun.headers.get("location")!, 0, Buffer.from("ok"))).status).toBe(204);
    }
    for (const number of [1, 2]) expect((await begin(few, 2, { job: id, path: `x${number}.png` })).status).toBe(201);
    expect((await begin(few, 2, { job: id, path: "x3.png" })).status).toBe(503);
  });

  it("are removed once nobody has gone on with them for long", async () => {
    const folder = join(data.path, "expired");
    const first = await startFixture({ data: folder });
    const id = await newJob(first.url);
    expect((await begin(first, 10, { job: id, path: "late.png" })).status).toBe(201);
    await first.end("SIGTERM");
    await using second = await startFixture({ data: folder, limits: { uploadExpiryMs: 1 } });
    await expect.poll(() => readdir(join(folder, "uploads")), { timeout: 30_000 }).toEqual([]);
    expect((await fetch(`${second.url}/healthz`)).status).toBe(200);
  });
});

it("refuses uploads that the disk has no room for", async () => {
  await using full = await startFixture({
    data: join(data.path, "full"),
    limits: { uploadBytes: Number.MAX_SAFE_INTEGER },
  });
  const id = await newJob(full.url);
  const answer = await begin(full, 2 ** 50, { job: id, path: "x.cbz" });
  expect(answer.status).toBe(507);
  expect(await answer.json()).toMatchObject({ code: "ERR_OUTPUT_WRITE" });
});

it.skipIf(!canMount())("tells that the disk was filled by others while a form came, and leaves nothing", async () => {
  const disk = join(data.path, "disk");
  await mkdir(disk);
  execFileSync("mount", ["-t", "tmpfs", "-o", "size=8m", "tmpfs", disk]);
  try {
    await using filling = await startFixture({ data: join(disk, "data"), limits: { freeBytes: 0 } });
    const id = await newJob(filling.url);
    const front = '--x\r\ncontent-disposition: form-data; name="file"; filename="a.png"\r\n\r\n';
    const [body, tail] = ["x".repeat(2 * MiB), "\r\n--x--\r\n"];
    const socket = await openSocket(filling.port);
    const answer = readAll(socket);
    socket.write(
      `POST /api/v1/jobs/${id}/files HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: multipart/form-data; boundary=x\r\ncontent-length: ${front.length + body.length + tail.length}\r\n\r\n${front}${body.slice(0, MiB)}`,
    );
    const parts = async (): Promise<string[]> =>
      (await readdir(join(disk, "data/uploads"))).filter((name) => name.endsWith(".part"));
    await expect.poll(parts, { timeout: 30_000 }).toHaveLength(1);
    await writeFile(join(disk, "others"), Buffer.alloc(8 * MiB)).catch(() => undefined);
    socket.write(body.slice(MiB) + tail);
    const told = await answer;
    expect(told).toMatch(/^HTTP\/1\.1 507 /);
    expect(told).toContain("the disk is full");
    expect(told).not.toContain(disk);
    expect(await parts()).toEqual([]);
  } finally {
    execFileSync("umount", ["-l", disk]);
  }
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
    await expect.poll(parts, { timeout: 30_000 }).toBe(1);
    socket.destroy();
    await expect.poll(parts, { timeout: 30_000 }).toBe(0);
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

it("reads an upload only as fast as the disk takes it, in flat memory", async () => {
  await using big = await startFixture({ data: join(data.path, "big") });
  const id = await newJob(big.url);
  const rss = async (): Promise<number> =>
    Number(/VmRSS:\s+(\d+)/.exec(await readFile(`/proc/${big.child.pid}/status`, "utf8"))![1]) / 1024;
  const length = 256 * MiB;
  const location = (await begin(big, length, { job: id, path: "big.cbz" })).headers.get("location")!;
  const before = await rss();
  const block = randomBytes(MiB);
  let most = 0;
  const upload = httpRequest(big.url + location, {
    method: "PATCH",
    headers: {
      "tus-resumable": "1.0.0",
      "upload-offset": "0",
      "content-type": "application/offset+octet-stream",
      "content-length": length,
    },
  });
  const answered = once(upload, "response") as Promise<[{ statusCode: number; resume(): void }]>;
  for (let sent = 0; sent < length; sent += MiB) {
    if (!upload.write(block)) await once(upload, "drain");
    if (sent % (16 * MiB) === 0) most = Math.max(most, await rss());
  }
  upload.end();
  const [answer] = await answered;
  answer.resume();
  expect(answer.statusCode).toBe(204);
  expect(most - before).toBeLessThan(128);
});
