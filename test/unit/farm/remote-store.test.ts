// A store over HTTP: what a client keeps is there byte for byte, whatever is cut off, wrong or too large on the way.
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, open as openFile, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { createServer as createHttpServer } from "node:http";
import { connect, createServer, type AddressInfo, type Server } from "node:net";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { pageFailure } from "../../../src/colorization/request/page-failure.js";
import type { ColorizedPage } from "../../../src/colorization/request/page-request.js";
import { BatchProcessingError } from "../../../src/errors.js";
import { RemoteStore } from "../../../src/farm/store/remote-store.js";
import { StoreClient } from "../../../src/farm/store/store-client.js";
import { SharedStore } from "../../../src/farm/store/shared-store.js";
import { startStoreServer, type StoreServer } from "../../../src/farm/store/store-server.js";
import { canMount } from "../../support/mounts.js";
import { asking, hashOf, TOKEN } from "../../support/store-requests.js";

const QUICK = [1, 10, 100, 500, 1000, 2000];
const KEY = "c".repeat(64);
const FAILURE = pageFailure("p.png", "decode", new BatchProcessingError("ERR_IMAGE_DECODE", "no picture"));

let root: string;
let folder: SharedStore;
let server: StoreServer;
let open: RemoteStore[] = [];
let caches = 0;
const at = (...names: string[]): string => join(root, ...names);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-store-"));
  await mkdir(at("store"));
  folder = await SharedStore.open(at("store"));
  server = await startStoreServer({
    store: folder,
    host: "127.0.0.1",
    port: 0,
    token: TOKEN,
    maxBytes: 2 ** 20,
    stalledMs: 600_000,
  });
});
afterEach(async () => {
  for (const one of open.splice(0)) await one[Symbol.asyncDispose]();
});
afterAll(async () => {
  await server?.close();
  await rm(root, { recursive: true, force: true });
});

const address = (port = server.port): string => `http://127.0.0.1:${port}`;

async function client(port = server.port, cache = at(`cache-${caches++}`)): Promise<RemoteStore> {
  const store = await RemoteStore.open({ url: address(port), token: TOKEN, cache, retryMs: QUICK });
  open.push(store);
  return store;
}

const ask = asking(() => server.port);

const picture = (data: Uint8Array): ColorizedPage => ({
  status: "completed",
  data,
  format: "png",
  width: 1,
  height: 1,
  bucket: "1x1",
  seed: 0,
  references: [],
  stageMs: {},
  warnings: [],
  layers: [{ name: "ink", data: randomBytes(10) }],
});

interface Cutting {
  readonly port: number;
  readonly server: Server;
  /** Bytes that went the way that is cut. */
  passed(): number;
}

/** A way to the server that is cut `cuts` times, after so many bytes in one direction. */
async function cutting(cuts: number, after: number, way: "up" | "down"): Promise<Cutting> {
  let left = cuts;
  let passed = 0;
  const proxy = createServer((near) => {
    const far = connect(server.port, "127.0.0.1");
    const end = (): void => void (near.destroy(), far.destroy());
    for (const one of [near, far]) one.on("error", end).on("close", end);
    const pass = (from: typeof near, to: typeof near, isCut: boolean): void => {
      let bytes = 0;
      from.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (isCut) passed += chunk.length;
        if (!isCut || left === 0 || bytes < after) return void to.write(chunk);
        left--;
        to.write(chunk.subarray(0, chunk.length >> 1), () => setImmediate(end));
        from.pause();
      });
    };
    pass(near, far, way === "up");
    pass(far, near, way === "down");
  }).listen(0, "127.0.0.1");
  await once(proxy, "listening");
  return { port: (proxy.address() as AddressInfo).port, server: proxy, passed: () => passed };
}

describe("RemoteStore", () => {
  it("keeps files and results as the folder does", async () => {
    const store = await client();
    const bytes = randomBytes(100_000);
    const hash = await store.keep(bytes);
    expect(hash).toBe(hashOf(bytes));
    expect(Buffer.from(await folder.read(hash)).equals(bytes)).toBe(true);
    expect(Buffer.from(await store.read(hash)).equals(bytes)).toBe(true);
    expect(await store.keep(bytes)).toBe(hash);

    expect([await store.hasResult(KEY), await store.result(KEY), await store.failure(KEY)]).toEqual([
      false,
      undefined,
      undefined,
    ]);
    await store.keepResult(KEY, { status: "failed", failure: FAILURE, warnings: [] });
    expect(await store.failure(KEY)).toMatchObject({ failure: FAILURE });
    const result = picture(randomBytes(50_000));
    await store.keepResult(KEY, result);
    expect(await store.failure(KEY)).toBeUndefined();
    expect(await store.hasResult(KEY)).toBe(true);
    for (const one of [folder, store]) {
      const { data, layers, ...facts } = (await one.result(KEY)) as ColorizedPage;
      expect(Buffer.from(data).equals(result.data)).toBe(true);
      expect(Buffer.from(layers![0]!.data).equals(result.layers![0]!.data)).toBe(true);
      expect(facts).toMatchObject({ format: "png", bucket: "1x1" });
    }
  });

  it("goes on where it was when connections are cut, in both directions", async () => {
    const bytes = randomBytes(900_000);
    const up = await cutting(2, 200_000, "up");
    const hash = await (await client(up.port)).keep(bytes);
    expect(Buffer.from(await folder.read(hash)).equals(bytes)).toBe(true);
    const down = await cutting(2, 200_000, "down");
    expect(Buffer.from(await (await client(down.port)).read(hash)).equals(bytes)).toBe(true);
    expect(await readdir(at("store/parts"))).toEqual([]);
    for (const one of [up, down]) {
      expect(one.passed()).toBeLessThan(1_200_000); // from their beginning it would be 1,300,000
      one.server.close();
    }
  });

  it("reads a file on a slow disk from a server that closes the connection behind it", async () => {
    const bytes = randomBytes(4_000_000);
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${bytes.byteLength}\r\nconnection: close\r\n\r\n`;
    const closing = createServer((socket) => {
      socket.on("error", () => {}).once("data", () => void (socket.write(head), socket.end(bytes)));
    }).listen(0, "127.0.0.1");
    await once(closing, "listening");
    const file = await openFile(at("slow"), "w");
    const handles = Object.getPrototypeOf(file) as typeof file;
    await file.close();
    const atOnce = handles.write;
    let pieces = 0;
    const write = vi.spyOn(handles, "write").mockImplementation(async function (
      this: typeof file,
      ...args: Parameters<typeof file.write>
    ) {
      pieces++;
      await sleep(10);
      return atOnce.apply(this, args);
    } as typeof atOnce);
    using client = new StoreClient({
      url: address((closing.address() as AddressInfo).port),
      token: TOKEN,
      retryMs: [],
    });
    await client
      .copyTo(at("slow"), { hash: hashOf(bytes), bytes: bytes.byteLength })
      .finally(() => void (write.mockRestore(), closing.close()));
    expect((await readFile(at("slow"))).equals(bytes)).toBe(true);
    expect(pieces).toBeGreaterThan(10);
  });

  it("asks again at once on another connection where the server has closed one that was kept", async () => {
    let connections = 0;
    const forgetful = createServer((socket) => {
      connections++;
      let isFirst = true;
      socket
        .on("error", () => {})
        .on("data", () => {
          if (isFirst) socket.write("HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok");
          else socket.destroy();
          isFirst = false;
        });
    }).listen(0, "127.0.0.1");
    await once(forgetful, "listening");
    const { port } = forgetful.address() as AddressInfo;
    using client = new StoreClient({ url: address(port), token: TOKEN, retryMs: [] });
    for (let time = 0; time < 3; time++) expect(Buffer.from((await client.get("/blobs"))!).toString()).toBe("ok");
    expect(connections).toBe(3);
    forgetful.close();
  });

  it("keeps references in a folder of this machine, and no damaged ones", async () => {
    const hash = await folder.keep(Buffer.from("a reference"));
    const cache = at("kept");
    const store = await client(undefined, cache);
    await store.read(hash, true);
    await rm(folder.path("blobs", hash, ""));
    expect(Buffer.from(await store.read(hash, true)).toString()).toBe("a reference");
    await writeFile(join(cache, "blobs", hash.slice(0, 2), hash), "another one");
    await expect(store.read(hash, true)).rejects.toMatchObject({ code: "ERR_INPUT_GONE" });
    await mkdir(join(folder.path("blobs", hash, ""), ".."), { recursive: true });
    await writeFile(folder.path("blobs", hash, ""), "damaged");
    await expect(store.read(hash)).rejects.toThrow(/has damaged the file/);
    expect(await store.keep(Buffer.from("a reference"))).toBe(hash); // the damaged one is gone, so this one is sent
    expect(Buffer.from(await store.read(hash)).toString()).toBe("a reference");
    expect((await ask(`/v1/blobs/${hash}`, { method: "DELETE" })).status).toBe(409);
    await rm(folder.path("blobs", hash, ""));
  });

  it("removes old files of the cache's own, and nothing else in its folder", async () => {
    const blobs = at("used", "blobs");
    const hash = "ab".repeat(32);
    const foreign = ["notes.txt", `ab/photo.png`, hash, `cd/${hash}`, `mine/${hash}`];
    for (const name of [`ab/${hash}`, ...foreign]) {
      await mkdir(join(blobs, dirname(name)), { recursive: true });
      await writeFile(join(blobs, name), "x");
      await utimes(join(blobs, name), 0, 0);
    }
    await client(undefined, at("used"));
    const left = await readdir(blobs, { recursive: true, withFileTypes: true });
    const names = left.filter((entry) => entry.isFile()).map(({ parentPath, name }) => join(parentPath, name));
    expect(names.sort()).toEqual(foreign.map((name) => join(blobs, name)).sort());
  });

  it("reads references though the cache cannot be written", async () => {
    const hash = await folder.keep(Buffer.from("a reference"));
    const cache = at("no-cache");
    const store = await client(undefined, cache);
    await writeFile(join(cache, "blobs"), "a file is in the way");
    expect(Buffer.from(await store.read(hash, true)).toString()).toBe("a reference");
    await rm(folder.path("blobs", hash, ""));
  });

  it("takes over an upload whose sender is silent", async () => {
    const bytes = randomBytes(1000);
    const hash = hashOf(bytes);
    const strict = await startStoreServer({ store: folder, host: "127.0.0.1", port: 0, token: TOKEN, stalledMs: 50 });
    const silent = connect(strict.port, "127.0.0.1");
    silent.on("error", () => {});
    silent.write(`PUT /v1/blobs/${hash} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n`);
    silent.write("content-length: 1000\r\n\r\n0123");
    const uploads = `${address(strict.port)}/v1/uploads/blobs/${hash}?sha256=${hash}`;
    while ((await fetch(uploads, { headers: { authorization: `Bearer ${TOKEN}` } })).status !== 409);
    expect(await (await client(strict.port)).keep(bytes)).toBe(hash);
    expect(Buffer.from(await folder.read(hash)).equals(bytes)).toBe(true);
    await strict.close();
  });

  it.skipIf(!canMount())("says that a disk is full, and leaves its space to others", async () => {
    const disk = at("small");
    await mkdir(disk);
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", disk]);
    try {
      const small = await SharedStore.open(disk);
      const serving = await startStoreServer({ store: small, host: "127.0.0.1", port: 0, token: TOKEN });
      const options = { url: address(serving.port), token: TOKEN, cache: at("small-cache"), retryMs: [1] };
      const store = await RemoteStore.open(options);
      await expect(store.keep(randomBytes(500_000))).rejects.toThrow(/status 507: the store's disk is full/);
      expect(await readdir(join(disk, "parts"))).toEqual([]);
      await store.keep(randomBytes(1000));
      await store[Symbol.asyncDispose]();
      await serving.close();
    } finally {
      execFileSync("umount", [disk]);
    }
  });

  it("knows what is no store: pages, other services, redirects, answers that are cut off", async () => {
    const answers: Record<string, [string, object]> = {
      "HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\n<html>": ["a page", { code: "ERR_CONFIG" }],
      "HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\n{}": ["a service", { code: "ERR_CONFIG" }],
      "HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\n\r\n": ["a server", { code: "ERR_CONFIG" }],
      "HTTP/1.1 301 Moved\r\nlocation: http://there/\r\ncontent-length: 0\r\n\r\n": [
        "a redirect",
        { code: "ERR_CONFIG", message: expect.stringContaining("sends elsewhere, to http://there/") },
      ],
      "HTTP/1.1 200 OK\r\ncontent-length: 99\r\n\r\n{": ["a body cut off", { code: "ERR_STORE_CONNECTION" }],
    };
    for (const [answer, [what, error]] of Object.entries(answers)) {
      const other = createServer((socket) => void socket.on("error", () => {}).once("data", () => socket.end(answer)));
      await once(other.listen(0, "127.0.0.1"), "listening");
      const { port } = other.address() as AddressInfo;
      const opening = RemoteStore.open({ url: address(port), token: TOKEN, cache: at("other"), retryMs: [1] });
      await expect(opening, what).rejects.toMatchObject(error);
      other.close();
    }
    const unsendable = { url: address(), token: "t\u{f6}ken\nof 24 letters", cache: at("other") };
    await expect(RemoteStore.open(unsendable)).rejects.toThrow(/^--token: /);
  });

  it("sends what crash handlers of this machine have written, once", async () => {
    const cache = at("crashed");
    const first = await client(undefined, cache);
    await writeFile(first.crashFile("0123456789abcdef"), '{"marks":[]}\n');
    await writeFile(first.crashFile("fedcba9876543210"), "");
    const second = await client(undefined, cache);
    expect(await second.crashNotes()).toEqual(['{"marks":[]}\n']);
    expect(await readdir(join(cache, "crashes"))).toEqual(["fedcba9876543210.ndjson"]);
  });

  it("a file that a proxy before the server, or the server by now, finds too large is asked for once", async () => {
    let asked = 0;
    const strict = createHttpServer((request, response) => {
      request.resume();
      if (request.url === "/v1") return void response.end(JSON.stringify({ maxBytes: 2 ** 30 }));
      if (request.method === "PUT") asked++;
      response.writeHead(request.method === "PUT" ? 413 : 404).end();
    }).listen(0, "127.0.0.1");
    await once(strict, "listening");
    const store = await client((strict.address() as AddressInfo).port);
    await expect(store.keep(randomBytes(1000))).rejects.toMatchObject({ code: "ERR_STORE_LIMIT" });
    expect(asked).toBe(1);
    strict.closeAllConnections();
    await new Promise((resolve) => strict.close(resolve));
  });

  it("says what is wrong: no server, a wrong token, a wrong address, a file that is too large", async () => {
    const store = await client();
    await expect(store.keep(randomBytes(2 ** 20 + 1))).rejects.toMatchObject({
      code: "ERR_STORE_LIMIT",
      message: expect.stringMatching(/takes files of at most 1048576 bytes, /) as string,
      remedy: expect.stringContaining("--max-bytes") as string,
    });
    const cache = at("none");
    const wrong = { url: address(), token: "sesame", cache };
    await expect(RemoteStore.open(wrong)).rejects.toMatchObject({
      code: "ERR_CONFIG",
      message: expect.stringMatching(/^--token: (?!.*sesame)/),
    });
    const nobody = createServer().listen(0, "127.0.0.1");
    await once(nobody, "listening");
    const { port } = nobody.address() as AddressInfo;
    await new Promise((resolve) => nobody.close(resolve));
    await expect(RemoteStore.open({ url: address(port), token: TOKEN, cache, retryMs: [1] })).rejects.toMatchObject({
      code: "ERR_STORE_CONNECTION",
    });
    for (const url of ["http://user:sesame@host", "http://host?token=sesame", "http://"])
      await expect(RemoteStore.open({ url, token: TOKEN, cache })).rejects.toThrow(/^--store: must be (?!.*sesame)/);
  });
});
