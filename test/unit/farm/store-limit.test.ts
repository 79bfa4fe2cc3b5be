// A page whose file is larger than the farm's store takes costs itself: when the chapter is submitted, and where it is
// put together.
import { randomBytes } from "node:crypto";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import sharp from "sharp";
import { afterAll, beforeAll, expect, it } from "vitest";
import { parseBatchConfig } from "../../../src/config/batch-config.js";
import { runBatch } from "../../../src/core/run-batch.js";
import { collectRequests } from "../../../src/farm/queue/collect-requests.js";
import { RemoteStore } from "../../../src/farm/store/remote-store.js";
import { resultKey, withHashes } from "../../../src/farm/store/result-key.js";
import { SharedStore } from "../../../src/farm/store/shared-store.js";
import { storeLimitFailure } from "../../../src/farm/store/store-limit.js";
import { startStoreServer, type StoreServer } from "../../../src/farm/store/store-server.js";
import { storedEngine } from "../../../src/farm/stored-engine.js";
import { sha256 } from "../../../src/platform/sha256.js";
import { chapterFiles, linePage, writeFolder } from "../../support/chapter.js";
import { onPaper, paperEngine } from "../../support/paper-engine.js";
import { TOKEN } from "../../support/store-requests.js";

const MODEL = { hash: "0".repeat(64), name: "paper", version: "1", trained: true };
const MOST = 2 ** 18;

let root: string;
let server: StoreServer;
let store: RemoteStore;
const at = (...names: string[]): string => join(root, ...names);
const noise = (side: number): Promise<Buffer> =>
  sharp(randomBytes(side * side), { raw: { width: side, height: side, channels: 1 } })
    .png()
    .toBuffer();

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-limit-"));
  const files = await chapterFiles(2);
  for (const page of [1, 2, 4]) files[`p${page}.png`] = await linePage(page);
  files["p3.png"] = await noise(640);
  await writeFolder(at("in"), files);
  await writeFolder(at("large"), { "ref.png": await noise(640) });
  await mkdir(at("store"));
  server = await startStoreServer({
    store: await SharedStore.open(at("store")),
    host: "127.0.0.1",
    port: 0,
    token: TOKEN,
    maxBytes: MOST,
  });
  store = await RemoteStore.open({ url: `http://127.0.0.1:${server.port}`, token: TOKEN, cache: at("cache") });
});
afterAll(async () => {
  await store?.[Symbol.asyncDispose]();
  await server?.close();
  await rm(root, { recursive: true, force: true });
});

it("costs its page, and one whose own reference is too large costs that page", async () => {
  const { config } = parseBatchConfig({ inputDir: at("in"), outputDir: at("out") });
  const { pool } = paperEngine();
  const pageConfig = (page: string): object => (page === "p4.png" ? { referenceImages: [at("large/ref.png")] } : {});
  const { requests, failures } = await collectRequests(config, {
    pool,
    model: MODEL,
    pageConfig,
    keep: (bytes) => store.keep(bytes),
    onTooLarge: (request, failure) => store.keepResult(resultKey(request, MODEL.hash), failure),
  });
  expect(requests.map(({ name }) => name)).toEqual(["p1.png", "p2.png"]);
  const facts = ["p3.png", "p4.png"].map((page) => ({
    page,
    code: "ERR_STORE_LIMIT",
    message: expect.stringMatching(/takes files of at most 262144 bytes, and this one has \d+/u) as string,
    remedy: expect.stringContaining("--max-bytes") as string,
  }));
  expect(failures).toMatchObject(facts);

  const engine = storedEngine({
    model: { directory: "", hash: MODEL.hash, manifest: MODEL },
    provider: "the farm",
    inFlight: 2,
    pool,
    find: async (request) =>
      (await store.failure(resultKey(await withHashes(request, sha256), MODEL.hash))) ?? onPaper(request),
  });
  const summary = await runBatch(engine, config, { pageConfig });
  expect(summary).toMatchObject({ completed: 2, failures: facts });
});

it("leaves errors of other kinds to whoever asked", () => {
  const away = new Error("the network is away");
  expect(() => storeLimitFailure("p1.png", away)).toThrow(away);
});
