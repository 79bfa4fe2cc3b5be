// The server of a store as any HTTP client meets it: tokens, addresses, hashes, sizes, parts of files.
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { SharedStore } from "../../../src/farm/store/shared-store.js";
import { startStoreServer, type StoreServer } from "../../../src/farm/store/store-server.js";
import { asking, digest, hashOf, TOKEN } from "../../support/store-requests.js";

const KEY = "c".repeat(64);

let root: string;
let folder: SharedStore;
let server: StoreServer;
const at = (...names: string[]): string => join(root, ...names);
const ask = asking(() => server.port);

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-store-"));
  await mkdir(at("store"));
  folder = await SharedStore.open(at("store"));
  const limits = { maxBytes: 2 ** 20, stalledMs: 600_000 };
  server = await startStoreServer({ store: folder, host: "127.0.0.1", port: 0, token: TOKEN, ...limits });
});
afterAll(async () => {
  await server?.close();
  await rm(root, { recursive: true, force: true });
});

describe("startStoreServer", () => {
  it("removes old parts of its own, and nothing else in their folder", async () => {
    const parts = at("old", "parts");
    await mkdir(join(parts, "a folder", "in it"), { recursive: true });
    const hash = "a".repeat(64);
    const own = [`blobs-${hash}-${hash}`, `results-${hash}.page-${hash}`, `crashes-0123456789abcdef-${hash}`];
    const foreign = ["notes.txt", `blobs-${hash}`, hash];
    for (const name of [...own, ...foreign]) await writeFile(join(parts, name), "x");
    await mkdir(join(parts, `results-${hash}.failed-${hash}`));
    for (const name of await readdir(parts)) await utimes(join(parts, name), 0, 0);
    const young = `blobs-${"b".repeat(64)}-${hash}`;
    await writeFile(join(parts, young), "x");
    const store = await SharedStore.open(at("old"));
    const other = await startStoreServer({ store, host: "127.0.0.1", port: 0, token: TOKEN });
    await other.close();
    expect((await readdir(parts)).sort()).toEqual(
      [...foreign, young, "a folder", `results-${hash}.failed-${hash}`].sort(),
    );
  });

  it("answers nobody without the token", async () => {
    for (const authorization of ["", "Bearer wrong", `Basic ${TOKEN}`, "Bearer "])
      expect((await ask("/v1/crashes", { headers: { authorization } })).status).toBe(401);
    expect((await ask("/healthz", { headers: { authorization: "" } })).status).toBe(200);
  });

  it("knows its own addresses and no others", async () => {
    const hash = "a".repeat(64);
    for (const path of [
      "/",
      "/v1/blobs/../../etc/passwd",
      "/v1/blobs/%2e%2e",
      `/v1/blobs/${hash}.page`,
      `/v1/blobs/${hash.toUpperCase()}`,
      `/v1/results/${hash}`,
      "/v1/crashes/..",
      `/v1/parts/${hash}`,
    ])
      expect((await ask(path)).status, path).toBe(404);
    expect((await ask(`/v1/blobs/${hash}`, { method: "POST", body: "x" })).status).toBe(405);
    expect((await ask("/v1/crashes/0123456789abcdef", { method: "DELETE" })).status).toBe(405);
    expect((await ask(`/v1/uploads/blobs/${hash}?sha256=../x`)).status).toBe(400);
    // fetch would mend these.
    for (const path of ["//", "//a:b@/v1", "http://[/v1"]) {
      const socket = connect(server.port, "127.0.0.1");
      socket.write(`GET ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\n\r\n`);
      expect(String((await once(socket, "data"))[0]), path).toMatch(/^HTTP\/1.1 404 /);
      socket.destroy();
    }
  });

  it("refuses files that are not what their hash says, too large or without a length, and keeps nothing of them", async () => {
    const bytes = Buffer.from("a page");
    const path = `/v1/blobs/${hashOf(bytes)}`;
    const put = async (
      headers: Record<string, string>,
      body: string | Uint8Array<ArrayBuffer> = bytes,
      to = path,
    ): Promise<number> => (await ask(to, { method: "PUT", headers, body })).status;
    expect(await put({}, "another")).toBe(422);
    expect(await put(digest(Buffer.from("another")))).toBe(422);
    expect(await put({}, bytes, `/v1/results/${KEY}.page`)).toBe(400);
    expect(await put({ "content-range": "bytes 9-14/15" })).toBe(409);
    for (const range of ["bytes 0-9/6", "bytes 1-5/6", "bytes 0-5/7", "bytes x", "bytes 5-0/6"])
      expect(await put({ "content-range": range }), range).toBe(400);
    const many = `bytes ${2 ** 40}-${2 ** 40 + 5}/${2 ** 40 + 6}`;
    expect(await put({ "content-range": many })).toBe(413);
    expect(await readdir(at("store/parts"))).toEqual([]);
    expect((await ask(path)).status).toBe(404);
    expect(await put({})).toBe(201);
    expect(await (await ask(path)).text()).toBe("a page");
  });

  it("gives parts of files, and takes the rest of them", async () => {
    const bytes = Buffer.from("0123456789");
    const path = `/v1/blobs/${hashOf(bytes)}`;
    const cut = connect(server.port, "127.0.0.1");
    cut.write(`PUT ${path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer ${TOKEN}\r\ncontent-length: 10\r\n\r\n0123`);
    const uploads = `/v1/uploads/blobs/${hashOf(bytes)}?sha256=${hashOf(bytes)}`;
    while ((await ask(uploads)).status !== 409); // it is being sent
    const part = at("store/parts", `blobs-${hashOf(bytes)}-${hashOf(bytes)}`);
    while ((await readFile(part).catch(() => "")).length < 4);
    expect((await ask(path, { method: "PUT", body: bytes })).status).toBe(409); // the other one may still go on
    cut.destroy();
    for (;;) {
      const offset = (await ask(uploads)).headers.get("upload-offset");
      if (offset !== "4") continue; // until the server has noticed
      const rest = { method: "PUT", body: bytes.subarray(4), headers: { "content-range": "bytes 4-9/10" } };
      expect((await ask(path, rest)).status).toBe(201);
      break;
    }
    const rangeOf = async (range: string): Promise<string> => {
      const answer = await ask(path, { headers: { range } });
      return `${answer.status} ${answer.headers.get("content-range")} ${await answer.text()}`;
    };
    expect(await rangeOf("bytes=4-")).toBe("206 bytes 4-9/10 456789");
    expect(await rangeOf("bytes=2-3")).toBe("206 bytes 2-3/10 23");
    expect(await rangeOf("bytes=2-99")).toBe("206 bytes 2-9/10 23456789");
    expect(await rangeOf("bytes=10-")).toMatch(/^416 bytes \*\/10 /);
    expect(await rangeOf("nonsense")).toBe("200 null 0123456789");
    expect((await readFile(folder.path("blobs", hashOf(bytes), ""))).equals(bytes)).toBe(true);
  });

  it("says that a port is in use", async () => {
    const again = { store: folder, host: "127.0.0.1", port: server.port, token: TOKEN };
    await expect(startStoreServer(again)).rejects.toMatchObject({ code: "ERR_LISTEN" });
  });
});
