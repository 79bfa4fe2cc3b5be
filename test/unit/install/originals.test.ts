// The original files of a model, from a server that speaks the hub's API and from this machine: how fetching goes on,
// what is used of what is there. Nothing is imported here, so each case is short.
import { createHash } from "node:crypto";
import { cp, mkdir, mkdtemp, readdir, readFile, rename, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { COMMIT, gitBlob, HubServer } from "../../support/hub-server.js";
import { getFrom, type Got } from "../../support/originals.js";
import { COBRA, PIXART, RELEASE, RELEASE_PATHS, releaseFile } from "../../support/release-catalogue.js";

let root = "";
let home = "";
let hub: HubServer;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-originals-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  home = await mkdtemp(join(root, "home-"));
  hub = await HubServer.start({
    hub: { [COBRA]: join(RELEASE, "cobra"), [PIXART]: join(RELEASE, "pixart") },
    github: { "zhuang2002/Cobra": RELEASE },
  });
});
afterEach(() => hub[Symbol.asyncDispose]());

const get = (options?: Parameters<typeof getFrom>[2]): ReturnType<typeof getFrom> => getFrom(hub, home, options);

/** Each is the release's own file. */
async function expectRight({ found, failure }: Got): Promise<void> {
  expect(failure).toBe("");
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
    const got = await get();
    await expectRight(got);
    expect(hub.ranges(path)).toEqual([undefined, "bytes=1000-", "bytes=1000-", "bytes=6000-"]);
    expect(got.waits.length).toBe(4);
    const { progress } = got;
    const { doneBytes, totalBytes, doneFiles, totalFiles } = progress.at(-1)!;
    expect(doneBytes).toBe(totalBytes);
    expect([doneFiles, totalFiles]).toEqual([RELEASE_PATHS.length, RELEASE_PATHS.length]);
    expect(progress.every((one) => one.doneBytes >= 0 && one.doneBytes <= totalBytes!)).toBe(true);
  });

  it("goes on in a later run with what has come", async () => {
    const path = "transformer/diffusion_pytorch_model.safetensors";
    const cuts = Array.from({ length: 6 }, () => ({ cutAfter: 1000 }));
    hub.fault("cdn", path, ...cuts);
    const { failure } = await get();
    expect(failure).toMatch(
      /^ERR_MODEL_FETCH the connection to .* broke .*HF_ENDPOINT.*--from DIR.*Partial downloads are kept/su,
    );
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

  it("is not mixed of two commits: what the cache has of an older one is fetched of the newest", async () => {
    const cache = join(home, "hub");
    const old = "0123456789012345678901234567890123456789";
    await layCache(cache, old); // and its refs say so
    await expectRight(await get({ env: { HF_HUB_CACHE: cache } }));
    const large = RELEASE_PATHS.filter((path) => !path.endsWith(".json")).length;
    expect(bodies()).toHaveLength(large);
    const links = join(cache, `models--${COBRA.replace("/", "--")}/snapshots`);
    await mkdir(join(links, COMMIT));
    await rename(join(links, old, "LE"), join(links, COMMIT, "LE"));
    await rm(join(home, ".originals"), { recursive: true });
    hub.requests.splice(0);
    const { found } = await get({ env: { HF_HUB_CACHE: cache } });
    expect(bodies()).toHaveLength(large - 1);
    expect(new Set(found.filter(({ file }) => file.source === "cobra").map(({ revision }) => revision))).toEqual(
      new Set([COMMIT]),
    );
  });

  it("is all that --offline uses; what is missing is listed with its address, and nothing is asked of any server", async () => {
    await layCache(join(home, ".cache/huggingface/hub"));
    const { failure } = await get({ offline: true });
    expect(failure).toMatch(/^ERR_MODEL_NOT_FOUND 2 files are missing .*--from DIR, or .* without --offline/su);
    expect(failure).toContain("/zhuang2002/Cobra/raw/HEAD/prompt_tensor/prompt_embeds.pt");
    expect(hub.requests).toEqual([]);
    expect((await get({ env: { HF_HUB_OFFLINE: "1" } })).failure).toBe(failure);
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
    const { failure } = await get({ from: copy });
    expect(failure).toMatch(/^ERR_MODEL_NOT_FOUND 2 files are missing/u);
    expect(failure).toContain(
      `${join(copy, "cobra/LE/erika.pth")}\n    from https://huggingface.co/${COBRA}/resolve/main/LE/erika.pth`,
    );
    expect(failure).toContain(`${vae}: it has the SHA-256`);
    expect(failure).toMatch(/\nfetch them on a machine with internet and put them there$/u);
    await rm(vae);
    await mkdir(vae);
    const upsampler = join(copy, "cobra/line_GSRP/MultiResNetModel.bin");
    await rm(upsampler);
    await symlink("MultiResNetModel.bin", upsampler); // it leads to itself
    const odd = (await get({ from: copy })).failure;
    expect(odd).toContain(`${vae}: it is not a file`);
    expect(odd).toContain(`${upsampler}: it cannot be read (ELOOP)`);
    expect((await get({ from: join(home, "nowhere") })).failure).toContain("is not a folder");
  });
});
