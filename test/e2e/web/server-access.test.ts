// Who gets in: real requests to a real server process.
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { dataFolder, exchange, newJob, startFixture, type TestServer } from "../../support/web-server.js";

const TOKEN = "a-token-of-the-test-0123";
let data: Awaited<ReturnType<typeof dataFolder>>;
let open: TestServer;
let closed: TestServer;

beforeAll(async () => {
  data = await dataFolder();
  const page = join(data.path, "page");
  await mkdir(join(page, "assets"), { recursive: true });
  await writeFile(join(page, "index.html"), "<!doctype html><title>page</title>");
  await writeFile(join(page, "assets", "app-1234.js"), "export {};");
  await writeFile(join(page, ".secret"), "secret");
  open = await startFixture({ data: join(data.path, "open"), page });
  closed = await startFixture({ data: join(data.path, "closed"), token: TOKEN, page, limits: { wrongTokens: 3 } });
});
afterAll(async () => {
  await open[Symbol.asyncDispose]();
  await closed[Symbol.asyncDispose]();
  await data[Symbol.asyncDispose]();
});

/** A GET with any `Host`, which fetch does not let one set. */
function get(path: string, headers: string): Promise<string> {
  return exchange(open.port, `GET ${path} HTTP/1.1\r\n${headers}connection: close\r\n\r\n`);
}

describe("the Host header", () => {
  it.each([
    "evil.example",
    "evil.example:7860",
    "127.0.0.1.evil.example",
    "localhost.evil.example",
    "user@127.0.0.1",
    "",
  ])("refuses %j on every path", async (host) => {
    for (const path of ["/", "/api/v1/jobs", "/healthz", "/nowhere", "/assets/app-1234.js"]) {
      const answer = await get(path, `host: ${host}\r\n`);
      expect(answer, path).toMatch(/^HTTP\/1\.1 421 /);
      expect(answer).toContain('"code":"ERR_ACCESS"');
    }
  });

  it.each(["127.0.0.1", "localhost", "LOCALHOST:1234", "[::1]:7860", "192.168.1.7", "page.localhost"])(
    "answers to %s",
    async (host) => {
      expect(await get("/api/v1/jobs", `host: ${host}\r\n`)).toMatch(/^HTTP\/1\.1 200 /);
    },
  );

  it("refuses a request without one", async () => {
    expect(await get("/api/v1/jobs", "")).toMatch(/^HTTP\/1\.1 4/);
    expect(await exchange(open.port, "GET /api/v1/jobs HTTP/1.0\r\n\r\n")).toMatch(/^HTTP\/1\.1 421 /);
  });
});

describe("pages of other sites", () => {
  const change = (headers: Record<string, string>, method = "POST", body?: string): Promise<Response> =>
    fetch(`${open.url}/api/v1/jobs`, {
      method,
      headers: { "content-type": "application/json", ...headers },
      ...(body === undefined ? {} : { body }),
    });

  it.each([
    { origin: "http://evil.example" },
    { origin: "null" },
    { origin: "http://127.0.0.1:1" },
    { origin: "https://localhost" },
    { "sec-fetch-site": "cross-site" },
    { "sec-fetch-site": "same-site" },
  ])("cannot change anything: %j", async (headers) => {
    for (const method of ["POST", "PATCH", "DELETE", "PUT", "OPTIONS"]) {
      const answer = await change(headers, method);
      expect(answer.status, method).toBe(403);
      expect(answer.headers.get("access-control-allow-origin")).toBeNull();
    }
  });

  it("cannot hold event streams or read jobs", async () => {
    for (const path of ["events", "jobs", "openapi.json"]) {
      const answer = await fetch(`${open.url}/api/v1/${path}`, { headers: { "sec-fetch-site": "cross-site" } });
      expect(answer.status, path).toBe(403);
    }
  });

  it("cannot send a form as a browser does without asking first", async () => {
    for (const type of ["text/plain", "application/x-www-form-urlencoded"]) {
      const answer = await change({ "content-type": type }, "POST", "name=x");
      expect(answer.status, type).toBe(415);
      expect(((await answer.json()) as { detail: string }).detail).toContain("application/json");
    }
  });

  it("are not needed by our own page and by programs", async () => {
    expect((await change({ origin: open.url, "sec-fetch-site": "same-origin" })).status).toBe(201);
    expect((await change({})).status).toBe(201);
  });
});

describe("the token", () => {
  const api = (headers: Record<string, string> = {}): Promise<Response> =>
    fetch(`${closed.url}/api/v1/jobs`, { headers });

  it("is needed for the API, and neither for the page nor for health", async () => {
    const refused = await api();
    expect(refused.status).toBe(401);
    expect(refused.headers.get("www-authenticate")).toBe("Bearer");
    expect(await refused.json()).toMatchObject({ code: "ERR_ACCESS", status: 401 });
    for (const path of ["server", "events", "uploads", "roots", "openapi.json", "jobs/abcdefgh/result"])
      expect(
        (await fetch(`${closed.url}/api/v1/${path}`, { method: path === "uploads" ? "POST" : "GET" })).status,
      ).toBe(401);
    // However it is spelt.
    for (const path of [
      "/%61pi/v1/jobs",
      "/api/%761/jobs",
      "//api/v1/jobs",
      "/API/v1/jobs",
      "/./api/v1/jobs",
      "/x/../api/v1/jobs",
    ]) {
      const answer = await exchange(
        closed.port,
        `GET ${path} HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n`,
      );
      expect(answer, path).toMatch(/^HTTP\/1\.1 4(?:01|04) /);
    }
    for (const path of ["/", "/healthz", "/assets/app-1234.js"])
      expect((await fetch(closed.url + path)).status, path).toBe(200);
  });

  it("is sent by programs as Bearer", async () => {
    expect((await api({ authorization: `Bearer ${TOKEN}` })).status).toBe(200);
    expect((await api({ authorization: `Basic ${TOKEN}` })).status).toBe(401);
    expect((await api({ authorization: `Bearer ${TOKEN}x` })).status).toBe(401);
  });

  it("becomes a cookie that scripts cannot read, and leaves the address", async () => {
    const answer = await fetch(`${closed.url}/?token=${TOKEN}`, { redirect: "manual" });
    expect(answer.status).toBe(303);
    expect(answer.headers.get("location")).toBe("/");
    const cookie = answer.headers.get("set-cookie")!;
    expect(cookie).toMatch(/; Path=\/; HttpOnly; SameSite=Strict$/);
    expect(cookie).not.toContain(TOKEN);
    const [pair] = cookie.split(";");
    expect((await api({ cookie: pair! })).status).toBe(200);
    expect((await api({ cookie: `${pair!.slice(0, -2)}AA` })).status).toBe(401);
  });

  it("cannot be tried again and again", async () => {
    await using guarded = await startFixture({
      data: join(data.path, "guess"),
      token: TOKEN,
      limits: { wrongTokens: 3 },
    });
    const guess = (token: string): Promise<Response> =>
      fetch(`${guarded.url}/api/v1/jobs`, { headers: { authorization: `Bearer ${token}` } });
    const statuses: number[] = [];
    // Seven, since the minute may change once in between.
    for (let i = 0; i < 7; i++) statuses.push((await guess(`wrong-${i}`)).status);
    expect(statuses[0]).toBe(401);
    expect(statuses).toContain(429);
  });
});

describe("headers of every answer", () => {
  it.each(["/", "/api/v1/jobs", "/nowhere", "/api/v1/jobs/NOT-AN-ID", "/healthz"])("are strict: %s", async (path) => {
    const { headers } = await fetch(open.url + path);
    const policy = headers.get("content-security-policy")!;
    expect(policy).toContain("default-src 'self'");
    expect(policy).toContain("frame-ancestors 'none'");
    expect(policy).not.toMatch(/unsafe|data:|https?:|\*/);
    expect(headers.get("x-content-type-options")).toBe("nosniff");
    expect(headers.get("referrer-policy")).toBe("no-referrer");
    expect(headers.get("cross-origin-resource-policy")).toBe("same-origin");
    expect(headers.get("access-control-allow-origin")).toBeNull();
  });

  it("let the page's files be kept, and nothing else", async () => {
    const cached = async (path: string) => (await fetch(open.url + path)).headers.get("cache-control");
    expect(await cached("/assets/app-1234.js")).toContain("immutable");
    expect(await cached("/")).toBe("no-cache");
    expect(await cached("/api/v1/jobs")).toBe("no-store");
  });
});

describe("what is no request that any route answers", () => {
  const RAW: readonly [string, number, string][] = [
    ["Expect: nonsense", 417, "GET /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\nexpect: nonsense\r\n\r\n"],
    [
      "Expect: nonsense, with a body",
      417,
      "POST /api/v1/jobs HTTP/1.1\r\nhost: localhost\r\nexpect: 200-ok\r\ncontent-length: 2\r\n\r\n{}",
    ],
    ["no HTTP", 400, "NONSENSE\r\n\r\n"],
    ["two lengths", 400, "GET / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\n"],
    [
      "a length beside chunks, as request smuggling has it",
      400,
      "POST /api/v1/jobs HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
    ],
    ["heads without end", 431, `GET / HTTP/1.1\r\nhost: a\r\nx: ${"x".repeat(40_000)}\r\n\r\n`],
  ];
  for (const [name, status, text] of RAW)
    it(`gets a problem and the end of the connection: ${name}`, async () => {
      const [head, body] = (await exchange(open.port, text)).split("\r\n\r\n") as [string, string];
      expect(head).toMatch(new RegExp(`^HTTP/1\\.1 ${status} `));
      expect(head.toLowerCase()).toContain("content-type: application/problem+json");
      expect(head.toLowerCase()).toContain("x-content-type-options: nosniff");
      expect(head.toLowerCase()).toContain("connection: close");
      expect(body).toMatch(new RegExp(`"status":${status},`));
    });
});

describe("paths", () => {
  const UPWARDS = ["../x", "..%2fx", "%2e%2e/x", "..%5cx", "....//x", "%00", "a%00b", "/etc/passwd", "%2fetc%2fpasswd"];

  it("lead nowhere in the address", async () => {
    const id = await newJob(open.url);
    for (const bad of UPWARDS) {
      for (const path of [
        `/${bad}`,
        `/assets/${bad}`,
        `/api/v1/jobs/${bad}`,
        `/api/v1/jobs/${id}/pictures/${bad}/original`,
        `/api/v1/jobs/${id}/pictures/${bad}/thumbnail`,
        `/api/v1/uploads/${bad}`,
        `/api/v1/roots/${bad}?path=${bad}`,
      ]) {
        const answer = await get(path, "host: localhost\r\n");
        expect(answer, path).toMatch(/^HTTP\/1\.1 4\d\d /);
        expect(answer, path).not.toContain("root:x:");
        expect(answer, path).not.toContain(data.path);
      }
    }
    expect((await fetch(`${open.url}/.secret`)).status).toBe(404);
  });

  it("lead nowhere in an upload's name", async () => {
    const id = await newJob(open.url);
    for (const path of ["../../x", "a/../../../x", "\0"]) {
      const form = new FormData();
      form.append("path", path);
      form.append("file", new Blob(["x"]), "x.png");
      const answer = await fetch(`${open.url}/api/v1/jobs/${id}/files`, { method: "POST", body: form });
      expect(answer.status, path).toBe(400);
      expect(await answer.text()).not.toContain(data.path);
    }
  });

  it("of the server are in no message", async () => {
    const answer = await fetch(`${open.url}/api/v1/jobs/abcdefgh`);
    expect(answer.status).toBe(404);
    expect(await answer.json()).toEqual({
      type: "about:blank",
      title: "Not Found",
      status: 404,
      code: "ERR_JOB_NOT_FOUND",
      detail: "there is no job abcdefgh in the server's data folder",
      remedy: expect.any(String),
    });
  });
});

it("says what is wrong with a body: all of it, by name", async () => {
  const post = (body: string): Promise<Response> =>
    fetch(`${open.url}/api/v1/jobs`, { method: "POST", headers: { "content-type": "application/json" }, body });
  const wrong = await (await post('{"nam":1,"settings":{"seed":-1}}')).json();
  expect(wrong).toMatchObject({ status: 400, code: "ERR_ARGUMENT" });
  expect((wrong as { detail: string }).detail).toMatch(/unknown "nam"/);
  expect((wrong as { detail: string }).detail).toMatch(/settings\.seed/);
  for (const body of ["{", '{"name":"a","name":"b"}', '{"__proto__":{"x":1}}', "[]", "[".repeat(100_000)])
    expect((await post(body)).status, body.slice(0, 30)).toBe(400);
});
