// Uploads by tus to a real server process: in pieces, over a kill, and those that are refused.
import { execFileSync } from "node:child_process";
import { createHash, randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdir, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { request as httpRequest } from "node:http";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { canMount } from "../support/mounts.js";
import { begin, head, piece } from "../support/tus.js";
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
      await expect.poll(async () => (await stat(path)).size).toBe(5);
    }
    const third = await begin(server, 10, { job, path: "third.png" });
    expect(third.status).toBe(429);
    expect(third.headers.get("retry-after")).toBeTruthy();
    for (const { socket } of held) socket.destroy();
    await expect.poll(async () => (await begin(server, 10, { job, path: "third.png" })).status).toBe(201);
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
    await expect.poll(async () => (await stat(path)).size).toBeGreaterThan(MiB);
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
      await expect.poll(() => readFile(join(folder, "jobs", id, "input", name)).catch(() => undefined)).toEqual(bytes);
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
    await expect.poll(() => readdir(join(folder, "uploads"))).toEqual([]);
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
    await expect.poll(parts).toHaveLength(1);
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
