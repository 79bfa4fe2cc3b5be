// A model that a store offers, fetched by a machine that has none.
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { fetchModel, offerModel } from "../../../src/farm/store/farm-model.js";
import { RemoteStore } from "../../../src/farm/store/remote-store.js";
import { SharedStore } from "../../../src/farm/store/shared-store.js";
import { startStoreServer, type StoreServer } from "../../../src/farm/store/store-server.js";
import { openModelPackage } from "../../../src/model/package.js";
import { SMALL_MODEL } from "../../support/shared-models.js";
import { hashOf, TOKEN } from "../../support/store-requests.js";

describe("a model that the store offers", () => {
  let root: string;
  let modelServer: StoreServer;
  let hash: string;
  const at = (...names: string[]): string => join(root, ...names);
  const client = (): Promise<RemoteStore> =>
    RemoteStore.open({ url: `http://127.0.0.1:${modelServer.port}`, token: TOKEN, cache: at("cache") });

  beforeAll(async () => {
    root = await mkdtemp(join(tmpdir(), "cobra-offered-"));
    await mkdir(at("model-store"));
    const store = await SharedStore.open(at("model-store"));
    const model = await offerModel(store, await openModelPackage(SMALL_MODEL));
    ({ hash } = model);
    modelServer = await startStoreServer({ store, host: "127.0.0.1", port: 0, token: TOKEN, model });
  });
  afterAll(async () => {
    await modelServer?.close();
    await rm(root, { recursive: true, force: true });
  });

  it("is fetched once a machine, file by file, and is the package byte for byte", async () => {
    await using store = await client();
    const folder = at("models");
    // What was whole when a fetch was cut off is not fetched again, what was not is.
    const [[whole], [half]] = Object.entries((await openModelPackage(SMALL_MODEL)).manifest.files) as [
      string,
      unknown,
    ][];
    await mkdir(join(folder, `${hash}.part`), { recursive: true });
    await copyFile(join(SMALL_MODEL, whole!), join(folder, `${hash}.part`, whole!));
    await writeFile(join(folder, `${hash}.part`, half!), "half");
    const asked: number[] = [];
    const directory = await fetchModel(store, store.model!, folder, (bytes) => asked.push(bytes));
    const opened = await openModelPackage(directory);
    expect(opened.hash).toBe(hash);
    const sizes = Object.values(opened.manifest.files).map(({ bytes }) => bytes);
    expect(asked).toEqual([sizes.reduce((sum, bytes) => sum + bytes)]);
    expect(await fetchModel(store, store.model!, folder, (bytes) => asked.push(bytes))).toBe(directory);
    expect(asked).toHaveLength(1);
    expect(await readdir(folder)).toEqual([hash]);
  });

  it("is refused where a file is not what the manifest says, too long or cut", async () => {
    await using store = await client();
    const { files } = (await openModelPackage(SMALL_MODEL)).manifest;
    const [, { sha256: name, bytes }] = Object.entries(files).toSorted(([, a], [, b]) => b.bytes - a.bytes)[0]!;
    const blob = at("model-store", "blobs", name.slice(0, 2), name);
    const good = await readFile(blob);
    for (const [number, bad] of [Buffer.concat([good, good]), good.subarray(1), Buffer.alloc(bytes)].entries()) {
      await writeFile(blob, bad);
      await expect(fetchModel(store, store.model!, at(`bad-${number}`), () => {})).rejects.toMatchObject({
        code: "ERR_INPUT_GONE",
      });
      expect(await readdir(at(`bad-${number}`))).toEqual([`${hash}.part`]);
    }
    await writeFile(blob, good);
    await writeFile(at("whole"), "");
    await store.copyTo(at("whole"), { hash: name, bytes });
    expect(hashOf(await readFile(at("whole")))).toBe(name);
  });
});
