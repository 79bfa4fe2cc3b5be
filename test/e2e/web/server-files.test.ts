// Files as a real server process sends them: ranges, names, what may be kept, thumbnails.
import { mkdir, readdir, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { colourPage, linePage } from "../../support/chapter.js";
import { dataFolder, newJob, startFixture, type TestServer } from "../../support/web-server.js";

let data: Awaited<ReturnType<typeof dataFolder>>;
let onDisk: TestServer;
let inMemory: TestServer;
let page: Buffer;
let job: string;

beforeAll(async () => {
  data = await dataFolder();
  page = await linePage();
  onDisk = await startFixture({ data: join(data.path, "a"), pictureName: '猫 "1";\r\nx-evil: 1/..\\p.png' });
  inMemory = await startFixture({ data: join(data.path, "b"), inMemory: true });
  for (const [server, folder] of [
    [onDisk, "a"],
    [inMemory, "b"],
  ] as const) {
    job = await newJob(server.url);
    const input = join(data.path, folder, "jobs", job, "input");
    await mkdir(input, { recursive: true });
    await writeFile(join(input, "pagepage.png"), page);
    await writeFile(join(input, "damagedp.png"), page.subarray(0, 200));
    await writeFile(join(input, "emptyemp.png"), "");
    await writeFile(join(input, "largelar.png"), await sharp(page).resize(900).png().toBuffer());
    await writeFile(join(input, "colourco.png"), await colourPage());
  }
});
afterAll(async () => {
  await onDisk[Symbol.asyncDispose]();
  await inMemory[Symbol.asyncDispose]();
  await data[Symbol.asyncDispose]();
});

const original = (server: TestServer, headers: Record<string, string> = {}, query = "", method = "GET") =>
  fetch(`${server.url}/api/v1/jobs/${job}/pictures/pagepage/original${query}`, { headers, method });

describe.each([
  ["a file", () => onDisk],
  ["bytes in memory", () => inMemory],
])("of %s", (_what, server) => {
  it("all is sent, with its length and type", async () => {
    const answer = await original(server());
    expect(answer.status).toBe(200);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(page);
    expect(answer.headers.get("content-length")).toBe(String(page.byteLength));
    expect(answer.headers.get("content-type")).toBe("image/png");
    expect(answer.headers.get("accept-ranges")).toBe("bytes");
    expect(answer.headers.get("content-security-policy")).toBe("default-src 'none'; sandbox");
  });

  it("the head alone is sent to HEAD", async () => {
    const answer = await original(server(), {}, "", "HEAD");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-length")).toBe(String(page.byteLength));
    expect((await answer.arrayBuffer()).byteLength).toBe(0);
  });

  it.each([
    ["bytes=0-0", 0, 1],
    ["bytes=10-19", 10, 20],
    ["bytes=100-", 100, undefined],
    ["bytes=-7", -7, undefined],
    ["bytes=5-999999999", 5, undefined],
  ] as const)("a range is sent: %s", async (range, start, end) => {
    const answer = await original(server(), { range });
    const wanted = page.subarray(start, end);
    expect(answer.status).toBe(206);
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(wanted);
    const first = start < 0 ? page.byteLength + start : start;
    expect(answer.headers.get("content-range")).toBe(
      `bytes ${first}-${first + wanted.byteLength - 1}/${page.byteLength}`,
    );
  });

  it.each(["bytes=0-1,5-6", "bytes=5-2", "bytes=x-y", "pages=1-2", "bytes=-", "bytes=1.5-3", "bytes=0-9e9"])(
    "all is sent for several ranges and for what is none: %s",
    async (range) => {
      const answer = await original(server(), { range });
      expect(answer.status).toBe(200);
      expect((await answer.arrayBuffer()).byteLength).toBe(page.byteLength);
    },
  );

  it.each(["bytes=999999999-", "bytes=-0"])("a range beyond the end is refused: %s", async (range) => {
    const answer = await original(server(), { range });
    expect(answer.status).toBe(416);
    expect(answer.headers.get("content-range")).toBe(`bytes */${page.byteLength}`);
    expect(answer.headers.get("content-type")).toMatch(/problem\+json/);
  });

  it("what has not changed is not sent again, and a range of what has changed is all of it", async () => {
    const etag = (await original(server())).headers.get("etag")!;
    expect((await original(server(), { "if-none-match": etag })).status).toBe(304);
    expect((await original(server(), { "if-none-match": `"other", W/${etag}` })).status).toBe(304);
    expect((await original(server(), { "if-none-match": '"other"' })).status).toBe(200);
    expect((await original(server(), { range: "bytes=0-4", "if-range": etag })).status).toBe(206);
    expect((await original(server(), { range: "bytes=0-4", "if-range": '"other"' })).status).toBe(200);
  });

  it("what is named with its version may be kept for ever, and no other", async () => {
    const answer = await original(server());
    const version = answer.headers.get("etag")!.slice(1, -1);
    const cached = async (query: string) => (await original(server(), {}, query)).headers.get("cache-control");
    expect(await cached(`?v=${version}`)).toBe("private, max-age=31536000, immutable");
    expect(await cached("?v=other")).toBe("private, no-cache");
    expect(await cached("")).toBe("private, no-cache");
  });
});

describe("names", () => {
  it("of files are safe in a header, whatever they are", async () => {
    const answer = await original(onDisk, {}, "?download=1");
    expect(answer.headers.get("x-evil")).toBeNull();
    expect(answer.headers.get("content-disposition")).toBe('attachment; filename="p.png"');
    expect((await original(onDisk)).headers.get("content-disposition")).toBe('inline; filename="p.png"');
  });

  it("that are not ASCII are told in both forms", async () => {
    const answer = await fetch(`${onDisk.url}/api/v1/jobs/${job}/result`);
    expect(answer.headers.get("content-disposition")).toBe(
      `attachment; filename="Kapitel 1 ? ?.cbz"; filename*=UTF-8''Kapitel%201%20%E2%80%93%20%E7%8C%AB.cbz`,
    );
    expect(answer.headers.get("content-type")).toBe("application/vnd.comicbook+zip");
    expect(Buffer.from(await answer.arrayBuffer())).toEqual(page);
  });
});

it("resumes the download of an archive that is made while it is sent", async () => {
  const archive = (headers: Record<string, string>) => fetch(`${onDisk.url}/api/v1/jobs/${job}/result`, { headers });
  const first = Buffer.from(await (await archive({ range: "bytes=0-99" })).arrayBuffer());
  const rest = Buffer.from(await (await archive({ range: "bytes=100-" })).arrayBuffer());
  expect(Buffer.concat([first, rest])).toEqual(page);
});

describe("thumbnails", () => {
  const thumbnail = (picture: string, query = "", headers: Record<string, string> = {}) =>
    fetch(`${inMemory.url}/api/v1/jobs/${job}/pictures/${picture}/thumbnail${query}`, { headers });
  const kept = async (): Promise<string[]> =>
    (await readdir(join(data.path, "b/thumbnails"), { recursive: true }).catch(() => []))
      .filter((name) => name.endsWith(".webp"))
      .sort();

  it("are small, WebP, never larger than the picture, and kept by content", async () => {
    const answer = await thumbnail("largelar", "?size=200");
    expect(answer.status).toBe(200);
    expect(answer.headers.get("content-type")).toBe("image/webp");
    const made = Buffer.from(await answer.arrayBuffer());
    const { width, height, format } = await sharp(made).metadata();
    expect({ width, height, format }).toEqual({ width: 229, height: 320, format: "webp" });
    const small = await sharp(Buffer.from(await (await thumbnail("pagepage", "?size=1280")).arrayBuffer())).metadata();
    expect([small.width, small.height]).toEqual([200, 280]);
    const files = await kept();
    expect(files).toHaveLength(2);
    const times = await Promise.all(files.map(async (name) => (await stat(join(data.path, "b/thumbnails", name))).ino));
    expect(Buffer.from(await (await thumbnail("largelar", "?size=300")).arrayBuffer())).toEqual(made);
    expect(
      await Promise.all(files.map(async (name) => (await stat(join(data.path, "b/thumbnails", name))).ino)),
    ).toEqual(times);
  });

  it("are made once for many who ask at the same time", async () => {
    const before = (await kept()).length;
    const answers = await Promise.all(Array.from({ length: 30 }, () => thumbnail("colourco", "?size=160")));
    expect(answers.map(({ status }) => status)).toEqual(Array<number>(30).fill(200));
    expect((await kept()).length).toBe(before + 1);
  });

  it("may be kept for ever under the picture's version, and no other", async () => {
    const version = (await original(inMemory)).headers.get("etag")!.slice(1, -1);
    expect((await thumbnail("pagepage", `?v=${version}`)).headers.get("cache-control")).toContain("immutable");
    expect((await thumbnail("pagepage", "?v=older")).headers.get("cache-control")).toBe("private, no-cache");
  });

  it("have an ETag", async () => {
    const etag = (await thumbnail("pagepage")).headers.get("etag")!;
    expect((await thumbnail("pagepage", "", { "if-none-match": etag })).status).toBe(304);
  });

  it.each(["damagedp", "emptyemp"])("of what cannot be read are a problem: %s", async (picture) => {
    const answer = await thumbnail(picture);
    expect(answer.status).toBe(422);
    const text = await answer.text();
    expect(JSON.parse(text)).toMatchObject({ code: "ERR_IMAGE_DECODE" });
    expect(text).not.toContain(data.path);
  });

  it.each(["?size=0", "?size=-5", "?size=1.5", "?size=x", "?of=../x", "?size=1e400", "?evil=1"])(
    "refuse %s",
    async (query) => {
      expect((await thumbnail("pagepage", query)).status).toBe(400);
    },
  );
});
