// A client that is generated at run time from the server's own OpenAPI document does all that a script would do.
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { OpenAPIClientAxios } from "openapi-client-axios";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { rootListing } from "../../src/ui/web/api/requests.js";
import * as schemas from "../../src/ui/web/api/schemas.js";
import { rawZip } from "../support/archives.js";
import { chapterFiles, colourPage, linePage, writeFolder } from "../support/chapter.js";
import { goodZip } from "../support/archives.js";
import { dataFolder, startCommand, type TestServer } from "../support/web-server.js";

type Call = (
  parameters?: object | null,
  body?: unknown,
  config?: object,
) => Promise<{ status: number; data: unknown; headers: Record<string, string> }>;

const TOKEN = "a-token-of-the-test-0123";
let data: Awaited<ReturnType<typeof dataFolder>>;
let server: TestServer;
let client: Record<string, Call>;

beforeAll(async () => {
  data = await dataFolder();
  await writeFolder(join(data.path, "library/ch 1"), await chapterFiles(1));
  server = await startCommand([
    "--data",
    join(data.path, "data"),
    "--token",
    TOKEN,
    "--root",
    `books=${join(data.path, "library")}`,
  ]);
  client = await generateClient();
});
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await data[Symbol.asyncDispose]();
});

async function generateClient(): Promise<Record<string, Call>> {
  const headers = { authorization: `Bearer ${TOKEN}` };
  const definition = (await (await fetch(`${server.url}/api/v1/openapi.json`, { headers })).json()) as object;
  const api = new OpenAPIClientAxios({
    definition: { ...definition, servers: [{ url: server.url }] } as never,
    axiosConfigDefaults: { headers, validateStatus: () => true },
  });
  return (await api.init()) as unknown as Record<string, Call>;
}

async function jobOf(answer: ReturnType<Call>, status = 200): Promise<schemas.Job> {
  const { data: body, status: got } = await answer;
  expect(got, JSON.stringify(body)).toBe(status);
  return schemas.job.parse(body);
}

/** Follows a job's events until it is in one of the states. */
async function until(job: string, ...states: schemas.JobState[]): Promise<schemas.Job> {
  const answer = await client["readEvents"]!({ job }, undefined, { responseType: "stream", adapter: "http" });
  let text = "";
  for await (const chunk of answer.data as AsyncIterable<Buffer>) {
    text += chunk.toString();
    const blocks = text.split("\n\n");
    text = blocks.pop()!;
    for (const block of blocks) {
      const line = block.split("\n").find((one) => one.startsWith("data: "));
      if (line === undefined) continue;
      const event = schemas.serverEvent.parse(JSON.parse(line.slice(6)));
      if (event.type === "job" && !event.job.scanning && states.includes(event.job.state)) return event.job;
    }
  }
  throw new Error("the stream has ended");
}

async function pictures(job: string): Promise<schemas.Picture[]> {
  return z.array(schemas.picture).parse((await client["listPictures"]!({ job })).data);
}

function form(files: Readonly<Record<string, Uint8Array>>, role = "input"): FormData {
  const made = new FormData();
  made.append("role", role);
  for (const [name, bytes] of Object.entries(files)) {
    made.append("path", name);
    made.append("file", new Blob([bytes as Uint8Array<ArrayBuffer>]), "x");
  }
  return made;
}

it("tells what the server is", async () => {
  const { data: info } = await client["getServer"]!();
  expect(schemas.serverInfo.parse(info)).toMatchObject({ roots: ["books"], model: { standIn: true } });
});

it("colours a chapter: make, upload, roles, settings, start, events, results, redo", async () => {
  const { id: job } = await jobOf(client["createJob"]!(null, { name: "Chapter 1", settings: { seed: 5 } }), 201);
  const { "ref_b.jpg": added, ...files } = await chapterFiles(2);
  await jobOf(client["uploadFiles"]!({ job }, form(files)), 201);
  await jobOf(client["uploadFiles"]!({ job }, form({ "more.jpg": added! }, "reference")), 201);
  await until(job, "draft");
  await expect.poll(async () => (await pictures(job)).length).toBe(4);
  const found = await pictures(job);
  expect(found.map(({ name, role, added: isAdded }) => [name, role, isAdded])).toEqual([
    ["p1.png", "page", false],
    ["p2.png", "page", false],
    ["ref_a.jpg", "inColor", false],
    ["more.jpg", "reference", true],
  ]);
  const [first, second, reference] = found;
  const moved = await client["updatePictures"]!({ job }, { ids: [reference!.id], role: "reference" });
  expect(z.array(schemas.picture).parse(moved.data)).toMatchObject([{ id: reference!.id, role: "reference" }]);
  const changed = await client["updatePictures"]!({ job }, { ids: [second!.id], settings: { seed: 9 } });
  expect(changed.status).toBe(200);
  expect(z.array(schemas.picture).parse(changed.data)).toMatchObject([{ id: second!.id, settings: { seed: 9 } }]);

  await jobOf(client["startJob"]!({ job }));
  expect(await until(job, "completed", "failed")).toMatchObject({
    state: "completed",
    progress: { total: 2, completed: 2, failed: 0 },
    result: { name: "Chapter 1.cbz" },
  });
  const done = await pictures(job);
  expect(done.slice(0, 2).map(({ state, result }) => [state, result?.seed])).toEqual([
    ["completed", 5],
    ["completed", 9],
  ]);

  const bytes = { responseType: "arraybuffer" };
  const ids = { job, picture: first!.id };
  for (const [call, parameters, size] of [
    ["getOriginal", ids, [200, 280]],
    ["getResult", { ...ids, v: done[0]!.result!.version }, [200, 280]],
    ["getThumbnail", { ...ids, size: 160 }, [114, 160]],
    ["getThumbnail", { ...ids, of: "result" }, [200, 280]],
  ] as const) {
    const { data: picture, status } = await client[call]!(parameters, undefined, bytes);
    expect(status, call).toBe(200);
    const { width, height } = await sharp(Buffer.from(picture as ArrayBuffer)).metadata();
    expect([width, height], call).toEqual(size);
  }
  const lines = await client["getLines"]!(ids, undefined, bytes);
  expect((await sharp(Buffer.from(lines.data as ArrayBuffer)).stats()).isOpaque).toBe(true);
  const archive = await client["getArchive"]!({ job }, undefined, bytes);
  expect(archive.headers["content-disposition"]).toBe('attachment; filename="Chapter 1.cbz"');
  expect(
    Buffer.from(archive.data as ArrayBuffer)
      .subarray(0, 2)
      .toString(),
  ).toBe("PK");

  const document = await client["getLayeredPage"]!(ids, undefined, bytes);
  expect(document.headers["content-disposition"]).toMatch(/filename="?p1_colorized\.psd"?/u);
  expect(Buffer.from(document.data as ArrayBuffer).toString("latin1", 0, 4)).toBe("8BPS");
  expect(await client["getLayeredPage"]!({ job, picture: reference!.id })).toMatchObject({
    status: 409,
    data: { code: "ERR_STATE" },
  });

  const before = done[0]!.result!.version;
  await jobOf(
    client["redoPictures"]!({ job }, { ids: [first!.id], settings: { references: [reference!.id], seed: 70 } }),
  );
  await until(job, "completed");
  await expect.poll(async () => (await pictures(job))[0]!.result?.seed, { timeout: 120_000 }).toBe(70);
  expect((await pictures(job))[0]!.result!.version).not.toBe(before);

  expect((await jobOf(client["repeatJob"]!({ job }), 201)).state).toBe("draft");
  expect((await client["deleteJob"]!({ job })).status).toBe(204);
  expect((await client["getJob"]!({ job })).status).toBe(404);
});

it("sends a file in pieces by tus", async () => {
  const { id: job } = await jobOf(client["createJob"]!(), 201);
  const file = await linePage();
  const named = Object.entries({ job, role: "input", path: "p.png" });
  const tus = { "Tus-Resumable": "1.0.0" };
  const begun = await client["beginUpload"]!({
    ...tus,
    "Upload-Length": String(file.byteLength),
    "Upload-Metadata": named.map(([name, value]) => `${name} ${Buffer.from(value).toString("base64")}`).join(","),
  });
  expect(begun.status, JSON.stringify(begun.data)).toBe(201);
  const upload = (begun.headers["location"] as string).split("/").at(-1)!;
  const headers = { "content-type": "application/offset+octet-stream" };
  for (const [from, to] of [
    [0, 100],
    [100, file.byteLength],
  ] as const) {
    expect((await client["getUploadOffset"]!({ upload, ...tus })).headers["upload-offset"]).toBe(String(from));
    const piece = { upload, ...tus, "Upload-Offset": String(from) };
    expect((await client["continueUpload"]!(piece, file.subarray(from, to), { headers })).status).toBe(204);
  }
  await expect.poll(async () => (await pictures(job)).map(({ name }) => name)).toEqual(["p.png"]);
});

it("puts hints on a page, reads them back and takes them away", async () => {
  const { id: job } = await jobOf(client["createJob"]!(), 201);
  await jobOf(client["uploadFiles"]!({ job }, form({ "p.png": await linePage() })), 201);
  await expect.poll(async () => (await pictures(job)).length).toBe(1);
  const ids = { job, picture: (await pictures(job))[0]!.id };
  const transparent = { create: { width: 200, height: 280, channels: 4 as const, background: "#0000" } };
  const dot = { create: { width: 20, height: 20, channels: 4 as const, background: "#c03028ff" } };
  const png = await sharp(transparent)
    .composite([{ input: await sharp(dot).png().toBuffer(), left: 50, top: 60 }])
    .png()
    .toBuffer();
  const put = await client["putHints"]!(ids, png, { headers: { "content-type": "image/png" } });
  expect(put.status, JSON.stringify(put.data)).toBe(200);
  expect(schemas.picture.parse(put.data).settings).toEqual({ hints: "strokes" });
  const got = await client["getHints"]!(ids, undefined, { responseType: "arraybuffer" });
  expect(Buffer.from(got.data as ArrayBuffer)).toEqual(png);
  const wrong = await client["putHints"]!(ids, Buffer.from("no picture"), { headers: { "content-type": "image/png" } });
  expect(wrong).toMatchObject({ status: 422, data: { code: "ERR_HINTS" } });
  expect((await client["deleteHints"]!(ids)).status).toBe(200);
  expect((await client["getHints"]!(ids)).status).toBe(404);
});

it("colours one page in one request, as a picture and with its facts", async () => {
  const made = async (settings: object): Promise<FormData> => {
    const parts = new FormData();
    parts.append("page", new Blob([new Uint8Array(await linePage())]), "p 1.png");
    parts.append("references", new Blob([new Uint8Array(await colourPage(1))]), "a.jpg");
    parts.append("references", new Blob([new Uint8Array(await colourPage(2))]), "b.jpg");
    parts.append("settings", JSON.stringify(settings));
    return parts;
  };
  const picture = await client["colorize"]!(null, await made({ seed: 3, format: "webp" }), {
    responseType: "arraybuffer",
    headers: { accept: "image/*" },
  });
  expect(picture.headers).toMatchObject({
    "content-type": "image/webp",
    "x-picture-size": "200x280",
    "x-picture-seed": "3",
    "content-disposition": 'attachment; filename="p 1_colorized.webp"',
  });
  expect((await sharp(Buffer.from(picture.data as ArrayBuffer)).metadata()).format).toBe("webp");
  const json = { headers: { accept: "application/json" } };
  const facts = await client["colorize"]!(null, await made({ seed: 3 }), json);
  expect(facts.data).toMatchObject({ format: "png", width: 200, height: 280, seed: 3, warnings: [] });
  const hints = [{ x: 100, y: 90, color: "#c03028" }]; // on the circle's outline
  const onLine = expect.stringMatching(
    /^the hint at 100,90 lies on a line.* nearest clear place is \d+,\d+$/,
  ) as string;
  const hinted = await client["colorize"]!(null, await made({ hints }), json);
  expect(hinted.data).toMatchObject({ warnings: [onLine] });
  const bad = await client["colorize"]!(null, await made({ sed: 3 }));
  expect(bad).toMatchObject({ status: 400, data: { code: "ERR_ARGUMENT", detail: expect.stringContaining('"sed"') } });
  const noPage = new FormData();
  noPage.append("page", new Blob(["no picture"]), "x.png");
  noPage.append("references", new Blob([new Uint8Array(await colourPage())]), "a.jpg");
  expect(await client["colorize"]!(null, noPage)).toMatchObject({ status: 422, data: { code: "ERR_IMAGE_DECODE" } });
});

describe("folders on the server", () => {
  it("are listed below a root, by real path", async () => {
    expect((await client["listRoots"]!()).data).toEqual(["books"]);
    const listed = rootListing.parse((await client["listFolder"]!({ root: "books" })).data);
    expect(listed).toEqual({ root: "books", path: "", entries: [{ name: "ch 1", path: "ch 1", kind: "folder" }] });
  });

  it.each(["..", "../data", "ch 1/../..", "/etc", "ch 1/../../data", "\\..\\..", "%2e%2e"])(
    "end at the root: %j",
    async (path) => {
      const answer = await client["listFolder"]!({ root: "books", path });
      expect(answer.status).toBeGreaterThanOrEqual(400);
      expect(answer.status).toBeLessThan(500);
      expect(JSON.stringify(answer.data)).not.toContain(data.path);
      const job = await client["createJob"]!(null, { source: { kind: "root", root: "books", path, recursive: true } });
      expect(job.status).toBeGreaterThanOrEqual(400);
      expect(job.status).toBeLessThan(500);
    },
  );

  it("can be a job's pages", async () => {
    const source = { kind: "root", root: "books", path: "ch 1", recursive: false };
    const { id: job } = await jobOf(client["createJob"]!(null, { source }), 201);
    await expect.poll(async () => (await pictures(job)).length).toBe(3);
  });
});

describe("hostile archives", () => {
  const page = () => linePage();
  it.each([
    [
      "names that lead out",
      async () =>
        rawZip([
          { name: "../../../evil.png", data: await page() },
          { name: "/abs.png", data: await page() },
          { name: "ok.png", data: await page() },
        ]),
      2, // a slash in front is left out, as unpackers do
    ],
    [
      "a link",
      async () =>
        rawZip([
          { name: "link.png", data: "/etc/passwd", mode: 0o120777 },
          { name: "ok.png", data: await page() },
        ]),
      1,
    ],
    [
      "a size that lies",
      async () =>
        rawZip([
          { name: "big.png", data: "x", sizeBytes: 2 ** 31 },
          { name: "ok.png", data: await page() },
        ]),
      1,
    ],
    [
      "a bomb",
      async () =>
        rawZip([
          { name: "bomb.png", data: Buffer.alloc(64 * 2 ** 20), method: 8 },
          { name: "ok.png", data: await page() },
        ]),
      1,
    ],
  ])("harm nothing: %s", async (_what, make, pages) => {
    const { id: job } = await jobOf(client["createJob"]!(), 201);
    const answer = await client["uploadFiles"]!({ job }, form({ "chapter.cbz": await make() }));
    expect(answer.status).toBe(201);
    await expect
      .poll(async () => (await client["getJob"]!({ job })).data)
      .toMatchObject({ scanning: false, counts: { pages } });
    expect(JSON.stringify((await client["getJob"]!({ job })).data)).not.toContain(data.path);
    const found = await pictures(job);
    expect(JSON.stringify(found)).not.toContain(data.path);
    const usable = found.filter(({ role }) => role !== "unreadable");
    for (const { name } of usable) expect(name).toMatch(/^[a-z]+\.png$/);
    expect(usable).toHaveLength(pages);
    expect(await readdir(data.path)).toEqual(["data", "library"]);
  });

  it("say what they are where they are none", async () => {
    const { id: job } = await jobOf(client["createJob"]!(), 201);
    await client["uploadFiles"]!({ job }, form({ "chapter.cbz": Buffer.from("this is no archive") }));
    await expect.poll(async () => (await client["getJob"]!({ job })).data).toMatchObject({ scanning: false });
    const told = (await client["getJob"]!({ job })).data;
    expect(JSON.stringify(told)).toMatch(/ZIP|archive/);
    expect(JSON.stringify(told)).not.toContain(data.path);
    expect((await client["startJob"]!({ job })).status).toBeGreaterThanOrEqual(400);
  });
});

it("starts a job once, however many ask at the same time", async () => {
  const { id: job } = await jobOf(client["createJob"]!(), 201);
  const { "ComicInfo.xml": _info, ...files } = await chapterFiles(1);
  await jobOf(client["uploadFiles"]!({ job }, form({ "c.cbz": await goodZip(files) })), 201);
  const answers = await Promise.all(Array.from({ length: 8 }, () => client["startJob"]!({ job })));
  expect(answers.map(({ status }) => status).sort()).toEqual([200, ...Array<number>(7).fill(409)]);
  expect(await until(job, "completed", "failed")).toMatchObject({ state: "completed" });
});
