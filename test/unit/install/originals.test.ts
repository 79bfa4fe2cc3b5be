// The original files of a model, from a server that speaks the hub's API and from this machine: how fetching goes on,
// what is used of what is there. Nothing is imported here, so each case is short.
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { catalogueSchema } from "../../../src/install/catalogue/catalogue-schema.js";
import { Connection } from "../../../src/install/fetch/connection.js";
import type { FetchProgress } from "../../../src/install/fetch/meter.js";
import { getOriginals, type GetOriginalsOptions } from "../../../src/install/originals/get-originals.js";
import type { OriginalFile } from "../../../src/install/originals/original-file.js";
import { OriginalStore } from "../../../src/install/originals/store.js";
import { COMMIT, gitBlob, HubServer } from "../../support/hub-server.js";
import {
  COBRA,
  PIXART,
  RELEASE,
  RELEASE_PATHS,
  releaseCatalogue,
  releaseFile,
} from "../../support/release-catalogue.js";

const { sources, files } = catalogueSchema.parse(releaseCatalogue({ github: "zhuang2002/Cobra", revision: "unknown" }))
  .models[0]!;

let root = "";
let home = "";
let hub: HubServer;
let progress: FetchProgress[] = [];
let waits: number[] = [];
let notices: string[] = [];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-originals-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  home = await mkdtemp(join(root, "home-"));
  [progress, waits, notices] = [[], [], []];
  hub = await HubServer.start({
    hub: { [COBRA]: join(RELEASE, "cobra"), [PIXART]: join(RELEASE, "pixart") },
    github: { "zhuang2002/Cobra": RELEASE },
  });
});
afterEach(() => hub[Symbol.asyncDispose]());

async function get(options: Partial<GetOriginalsOptions> = {}): Promise<OriginalFile[]> {
  const env = { HOME: home, HF_ENDPOINT: hub.url, ...options.env };
  await using connection = new Connection(env, { connect: 5000, silence: 300 });
  return await getOriginals({
    sources,
    files,
    store: new OriginalStore(home),
    offline: false,
    from: undefined,
    packageBytes: 0,
    connect: () => connection,
    retry: {
      wait: (ms) => {
        waits.push(ms);
        return Promise.resolve();
      },
      onRetry: ({ message }) => notices.push(message),
    },
    signal: undefined,
    onProgress: (one) => progress.push(one),
    onFound: () => {},
    github: `${hub.url}/github`,
    ...options,
    env,
  });
}

async function failure(options: Partial<GetOriginalsOptions> = {}): Promise<{ code: string; message: string }> {
  const error: unknown = await get(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error as { code: string; message: string };
}

/** Each is the release's own file. */
async function expectRight(found: readonly OriginalFile[]): Promise<void> {
  expect(found.map(({ file }) => `${file.source}/${file.path}`)).toEqual(RELEASE_PATHS);
  for (const { file, path, bytes, sha256 } of found) {
    const right = await readFile(releaseFile(file.source, file.path));
    expect((await readFile(path)).equals(right), path).toBe(true);
    expect({ bytes, sha256 }).toEqual({
      bytes: right.length,
      sha256: createHash("sha256").update(right).digest("hex"),
    });
  }
}

const bodies = (): string[] =>
  hub.requests.filter(({ place, method }) => place === "cdn" && method === "GET").map(({ url }) => url);

describe("fetching", () => {
  it("goes on by Range where connections break, and tells progress", async () => {
    const path = "line_GSRP/MultiResNetModel.bin";
    hub.fault("cdn", path, { cutAfter: 1000 }, { status: 503 }, { cutAfter: 5000 }, { noRange: true });
    hub.fault("cdn", "vae/config.json", { cutAfter: 10 });
    await expectRight(await get());
    expect(hub.ranges(path)).toEqual([undefined, "bytes=1000-", "bytes=1000-", "bytes=6000-"]);
    expect(waits.length).toBe(4);
    const { doneBytes, totalBytes, doneFiles, totalFiles } = progress.at(-1)!;
    expect(doneBytes).toBe(totalBytes);
    expect([doneFiles, totalFiles]).toEqual([RELEASE_PATHS.length, RELEASE_PATHS.length]);
    expect(progress.every((one) => one.doneBytes >= 0 && one.doneBytes <= totalBytes!)).toBe(true);
  });

  it("goes on in a later run with what has come", async () => {
    const path = "transformer/diffusion_pytorch_model.safetensors";
    const cuts = Array.from({ length: 6 }, () => ({ cutAfter: 1000 }));
    hub.fault("cdn", path, ...cuts);
    const error = await failure();
    expect(error.code).toBe("ERR_MODEL_FETCH");
    expect(error.message).toMatch(/the connection to .* broke .*HF_ENDPOINT.*--from DIR.*What has come is kept/su);
    expect(hub.ranges(path).at(-1)).toBe("bytes=5000-");
    hub.requests.splice(0);
    await expectRight(await get());
    expect(hub.ranges(path)).toEqual(["bytes=6000-"]);
    expect(hub.requests.filter(({ url, method }) => method === "GET" && url.includes("erika")).length).toBe(0);
  });
});

describe("what is on this machine", () => {
  /** Lays the hub's cache as its own tools do. */
  async function layCache(folder: string, commit = COMMIT): Promise<void> {
    for (const [name, repository] of [
      ["cobra", COBRA],
      ["pixart", PIXART],
    ] as const) {
      const base = join(folder, `models--${repository.replace("/", "--")}`);
      for (const path of RELEASE_PATHS.filter((one) => one.startsWith(`${name}/`)).map((one) =>
        one.slice(name.length + 1),
      )) {
        const bytes = await readFile(releaseFile(name, path));
        const blob = path.endsWith(".json") ? gitBlob(bytes) : createHash("sha256").update(bytes).digest("hex");
        const link = join(base, "snapshots", commit, path);
        await mkdir(dirname(link), { recursive: true });
        await mkdir(join(base, "blobs"), { recursive: true });
        await writeFile(join(base, "blobs", blob), bytes);
        await symlink(join(base, "blobs", blob), link);
      }
      await mkdir(join(base, "refs"), { recursive: true });
      await writeFile(join(base, "refs/main"), commit);
    }
  }

  it("is used from the hub's cache, which stays as it is; a damaged file there is fetched", async () => {
    const cache = join(home, "hub");
    await layCache(cache);
    const damaged = join(cache, `models--${COBRA.replace("/", "--")}/snapshots/${COMMIT}/LE/erika.pth`);
    const bytes = await readFile(damaged);
    bytes[100]! ^= 1;
    await writeFile(damaged, bytes);
    await expectRight(await get({ env: { HF_HUB_CACHE: cache } }));
    expect(
      bodies()
        .map((url) => new URL(url).pathname.slice(72))
        .sort(),
    ).toEqual(["LE/erika.pth", "prompt_tensor/prompt_attention_mask.pt", "prompt_tensor/prompt_embeds.pt"]);
    expect(await readFile(damaged)).toEqual(bytes);
  });

  it("is all that --offline uses; what is missing is listed with its address, and nothing is asked of any server", async () => {
    await layCache(join(home, ".cache/huggingface/hub"));
    const { code, message } = await failure({ offline: true });
    expect(code).toBe("ERR_MODEL_NOT_FOUND");
    expect(message).toMatch(/^2 files are missing/u);
    expect(message).toContain("/zhuang2002/Cobra/raw/HEAD/prompt_tensor/prompt_embeds.pt");
    expect(hub.requests).toEqual([]);
    expect((await failure({ env: { HF_HUB_OFFLINE: "1" } })).message).toBe(message);
    expect(hub.requests).toEqual([]);
  });

  it.each([
    ["as the release is laid", (to: string) => cp(RELEASE, to, { recursive: true })],
    [
      "by the repositories' names",
      async (to: string) => {
        await cp(join(RELEASE, "cobra"), join(to, "Cobra"), { recursive: true });
        await cp(join(RELEASE, "pixart"), join(to, "PixArt-XL-2-1024-MS"), { recursive: true });
        await cp(join(RELEASE, "prompt_tensor"), join(to, "Cobra/prompt_tensor"), { recursive: true });
      },
    ],
    [
      "all in one folder",
      async (to: string) => {
        for (const part of ["cobra", "pixart"]) await cp(join(RELEASE, part), to, { recursive: true });
        await cp(join(RELEASE, "prompt_tensor"), join(to, "prompt_tensor"), { recursive: true });
      },
    ],
    [
      "as the hub's tools save it",
      async (to: string) => {
        await layCache(to, "0123456789012345678901234567890123456789");
        await cp(join(RELEASE, "prompt_tensor"), join(to, "prompt_tensor"), { recursive: true });
      },
    ],
  ])("is taken from a copy brought by hand, laid out %s, and the copy stays", async (_name, lay) => {
    const copy = join(home, "copy");
    await lay(copy);
    const before = await readdir(copy, { recursive: true });
    await expectRight(await get({ from: copy }));
    expect(await readdir(copy, { recursive: true })).toEqual(before);
    expect(hub.requests).toEqual([]);
  });

  it("is refused from a copy that lacks files or has other ones, each named with its address", async () => {
    const copy = join(home, "copy");
    await cp(RELEASE, copy, { recursive: true });
    await rm(join(copy, "cobra/LE"), { recursive: true });
    const vae = join(copy, "pixart/vae/diffusion_pytorch_model.safetensors");
    const bytes = await readFile(vae);
    bytes[5000]! ^= 1;
    await writeFile(vae, bytes);
    const { code, message } = await failure({ from: copy });
    expect(code).toBe("ERR_MODEL_NOT_FOUND");
    expect(message).toMatch(/^2 files are missing/u);
    expect(message).toContain(
      `${join(copy, "cobra/LE/erika.pth")}\n    from https://huggingface.co/${COBRA}/resolve/main/LE/erika.pth`,
    );
    expect(message).toContain(`${vae}: it has the SHA-256`);
    expect((await failure({ from: join(home, "nowhere") })).message).toContain("is no folder");
  });
});
