// Clients that mean harm or know no better, on the real command: each call of the API with ids, queries and bodies that
// nobody meant, tus out of order, uploads that are no chapters. An answer is always a problem with a status below 500.
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { writeZip } from "../../support/archives.js";
import { colourPage, linePage } from "../../support/chapter.js";
import { dataFolder, newJob, startCommand, tusHeaders, type TestServer } from "../../support/web-server.js";
import { join } from "node:path";
import { readFile } from "node:fs/promises";

let data: Awaited<ReturnType<typeof dataFolder>>;
let server: TestServer;
let api: string;

beforeAll(async () => {
  data = await dataFolder();
  server = await startCommand(["--data", join(data.path, "data")]);
  api = `${server.url}/api/v1`;
});
afterAll(async () => {
  await server?.[Symbol.asyncDispose]();
  await data?.[Symbol.asyncDispose]();
});

interface OpenApi {
  readonly paths: Readonly<Record<string, Readonly<Record<string, { readonly requestBody?: unknown }>>>>;
}

/** Values for a part of the address. */
const IDS = [
  "..%2f..%2fetc%2fpasswd",
  "%00",
  "x".repeat(290),
  "x".repeat(5000),
  "%E0%A4%A",
  "%F0%9F%92%A9",
  "constructor",
  "__proto__",
  "-1",
];
const DEEP = "[".repeat(20_000) + "]".repeat(20_000);
const BODIES = ["[]", "1", '"x"', "{", DEEP, '{"ids":[[]]}', '{"settings":{"seed":1e400}}', '{"__proto__":{}}'];

async function operations(): Promise<[method: string, path: string, hasBody: boolean][]> {
  const { paths } = (await (await fetch(`${api}/openapi.json`)).json()) as OpenApi;
  return Object.entries(paths).flatMap(([path, methods]) =>
    Object.entries(methods).map(([method, { requestBody }]): [string, string, boolean] => [
      method.toUpperCase(),
      path.replace(/^\/api\/v1/, ""),
      requestBody !== undefined,
    ]),
  );
}

async function expectRefusal(answer: Response, what: string): Promise<void> {
  const text = await answer.text();
  expect(answer.status, `${what}: ${text}`).toBeGreaterThanOrEqual(400);
  expect(answer.status, `${what}: ${text}`).toBeLessThan(500);
  expect(text, what).not.toContain(data.path);
  expect(text, what).not.toContain("[object");
  expect(text.length, `${what}: the answer repeats what was sent`).toBeLessThan(2000);
}

/** Uploads a page to a draft. */
async function drawn(job: string): Promise<void> {
  const form = new FormData();
  form.append("file", new Blob([new Uint8Array(await linePage())]), "page.png");
  expect((await fetch(`${api}/jobs/${job}/files`, { method: "POST", body: form })).status).toBe(201);
  await expect
    .poll(async () => (await (await fetch(`${api}/jobs/${job}/pictures`)).json()) as unknown[])
    .toHaveLength(1);
}

describe("every call of the API", () => {
  it("refuses ids that nobody gave, whatever they look like", async () => {
    for (const [method, path] of await operations()) {
      if (!path.includes("{")) continue;
      for (const id of IDS) {
        const address = path.replaceAll(/\{\w+\}/g, id);
        const answer = await fetch(api + address, {
          method,
          ...(method === "GET" || method === "HEAD" || method === "DELETE" ? {} : { body: "{}" }),
          headers: { "content-type": "application/json", "tus-resumable": "1.0.0" },
        });
        await expectRefusal(answer, `${method} ${address.slice(0, 80)}`);
      }
    }
  });

  it("refuses bodies that nobody meant", async () => {
    const id = await newJob(server.url);
    for (const [method, path, hasBody] of await operations()) {
      if (!hasBody || method === "GET") continue;
      for (const body of BODIES) {
        const address = path.replace(/\{\w+\}/, id).replaceAll(/\{\w+\}/g, "aaaaaaaaaaaaaaaa");
        const answer = await fetch(api + address, {
          method,
          body,
          headers: { "content-type": "application/json", "tus-resumable": "1.0.0" },
        });
        await expectRefusal(answer, `${method} ${address}: ${body.slice(0, 30)}`);
      }
    }
    // Most calls take no body at all for an empty one: then it is no fault.
    for (const [method, path, hasBody] of await operations()) {
      if (!hasBody || method === "GET") continue;
      for (const type of ["application/json", "image/png", "multipart/form-data; boundary=x", undefined]) {
        const address = path.replace(/\{\w+\}/, id).replaceAll(/\{\w+\}/g, "aaaaaaaaaaaaaaaa");
        const headers = { "tus-resumable": "1.0.0", ...(type === undefined ? {} : { "content-type": type }) };
        const answer = await fetch(api + address, { method, headers });
        expect(answer.status, `${method} ${address} with no body as ${type}: ${await answer.text()}`).toBeLessThan(500);
      }
    }
    // Where the picture is there, the body is looked at.
    await drawn(id);
    const [{ id: picture }] = (await (await fetch(`${api}/jobs/${id}/pictures`)).json()) as [{ id: string }];
    for (const type of ["application/json", "text/plain", "image/png", ""])
      for (const body of ["", ...BODIES]) {
        const answer = await fetch(`${api}/jobs/${id}/pictures/${picture}/hints`, {
          method: "PUT",
          body: type === "" ? new Blob([body]) : body,
          ...(type === "" ? {} : { headers: { "content-type": type } }),
        });
        await expectRefusal(answer, `hints as ${type}: ${body.slice(0, 30)}`);
      }
    const large = `{"name":"${"x".repeat(2 << 20)}"}`;
    const answer = await fetch(`${api}/jobs`, {
      method: "POST",
      body: large,
      headers: { "content-type": "application/json" },
    });
    expect(answer.status).toBe(413);
    expect((await fetch(`${server.url}/healthz`)).status).toBe(200);
  });
});

describe("tus out of order", () => {
  const make = async (job: string, length: number, path = "a.png"): Promise<Response> =>
    fetch(`${api}/uploads`, { method: "POST", headers: tusHeaders(length, { job, role: "input", path }) });
  const send = (address: string, offset: number | string, body: string): Promise<Response> =>
    fetch(new URL(address, server.url), {
      method: "PATCH",
      body,
      headers: {
        "tus-resumable": "1.0.0",
        "upload-offset": String(offset),
        "content-type": "application/offset+octet-stream",
      },
    });

  it("costs the upload nothing: wrong offsets, more than was said, two at once", async () => {
    const job = await newJob(server.url);
    const place = (await make(job, 10)).headers.get("location")!;
    for (const offset of [5, -1, "x", "1e3", 99_999_999_999])
      await expectRefusal(await send(place, offset, "12345"), `offset ${offset}`);
    const many = await send(place, 0, "12345678901234567890");
    expect(many.status).toBeGreaterThanOrEqual(400);
    expect(many.status).toBeLessThan(500);
    const at = async (): Promise<number> => {
      const { headers } = await fetch(new URL(place, server.url), {
        method: "HEAD",
        headers: { "tus-resumable": "1.0.0" },
      });
      return Number(headers.get("upload-offset"));
    };
    const offset = await at();
    expect(offset).toBeLessThanOrEqual(10);
    const both = await Promise.all([send(place, offset, "ab"), send(place, offset, "cd")]);
    for (const { status } of both) expect([204, 409, 423, 400, 404, 410]).toContain(status);
  });

  it("is refused: lengths and metadata that are none, jobs that are gone", async () => {
    const job = await newJob(server.url);
    for (const length of [-1, 1e30, 1.5, NaN]) await expectRefusal(await make(job, length), `length ${length}`);
    for (const metadata of [
      "",
      "job",
      "job !!!,role x",
      `job ${btoa(job)},role ${btoa("boss")},path ${btoa("a.png")}`,
    ]) {
      const answer = await fetch(`${api}/uploads`, {
        method: "POST",
        headers: { "tus-resumable": "1.0.0", "upload-length": "5", "upload-metadata": metadata },
      });
      await expectRefusal(answer, `metadata ${metadata}`);
    }
    const place = (await make(job, 5)).headers.get("location")!;
    await fetch(`${api}/jobs/${job}`, { method: "DELETE" });
    await expectRefusal(await send(place, 0, "12345"), "an upload for a job that is gone");
    await expectRefusal(await make(job, 5), "a job that is gone");
  });
});

describe("uploads that are no chapters", () => {
  const upload = async (job: string, name: string, bytes: Uint8Array): Promise<Response> => {
    const form = new FormData();
    form.append("file", new Blob([new Uint8Array(bytes)]), name);
    return fetch(`${api}/jobs/${job}/files`, { method: "POST", body: form });
  };
  const settled = async (job: string): Promise<Record<string, unknown>> => {
    for (;;) {
      const told = (await (await fetch(`${api}/jobs/${job}`)).json()) as Record<string, unknown>;
      if (told["scanning"] === false) return told;
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  };
  const zipOf = async (name: string, files: Readonly<Record<string, Buffer>>): Promise<Buffer> =>
    readFile(await writeZip(join(data.path, name), files));

  it("are told of in words, and the job can be deleted", async () => {
    const picture = await linePage(1);
    const chapter = await zipOf("inner.cbz", { "p1.png": picture, "ref.jpg": await colourPage(1) });
    const cases: [name: string, bytes: Buffer][] = [
      ["text.cbz", Buffer.from("this is a text")],
      ["empty.cbz", Buffer.alloc(0)],
      ["cut.cbz", chapter.subarray(0, chapter.length >> 1)],
      ["notes.txt", Buffer.from("notes")],
      ["text.png", Buffer.from("this is a text")],
    ];
    const nested = await newJob(server.url);
    await upload(nested, "zips.zip", await zipOf("zips.zip", { "a.cbz": chapter, "b.cbz": chapter }));
    expect(await settled(nested), "archives in an archive are read").toMatchObject({ counts: { pages: 2 } });
    for (const [name, bytes] of cases) {
      const job = await newJob(server.url);
      const answer = await upload(job, name, bytes);
      if (answer.status >= 400) await expectRefusal(answer, name);
      const told = await settled(job);
      const start = await fetch(`${api}/jobs/${job}/start`, { method: "POST" });
      const problem = (await start.json()) as { detail: string; remedy: string };
      expect(start.status, `${name}: ${JSON.stringify([told, problem])}`).toBeGreaterThanOrEqual(400);
      expect(start.status, name).toBeLessThan(500);
      expect(problem.detail, name).not.toContain(data.path);
      expect(problem.remedy, name).not.toMatch(/--[a-z]|cobra-batch [a-z]/);
      expect((await fetch(`${api}/jobs/${job}`, { method: "DELETE" })).status, name).toBe(204);
    }
  });
});
