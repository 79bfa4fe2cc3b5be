// `installModel` against a server that speaks the hub's API: what is fetched, what is made of it, what stays.
import { mkdir, mkdtemp, readdir, readFile, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { catalogueSchema } from "../../../src/install/catalogue/catalogue-schema.js";
import { withInstallLock } from "../../../src/install/install-lock.js";
import { acceptLicences } from "../../../src/install/licences.js";
import { removeModel } from "../../../src/install/manage-models.js";
import { openModelPackage } from "../../../src/model/package.js";
import { installModel, type InstallOptions } from "../../../src/install/install-model.js";
import { COMMIT, HubServer } from "../../support/hub-server.js";
import { COBRA, PIXART, RELEASE, RELEASE_PATHS, releaseCatalogue } from "../../support/release-catalogue.js";

const LINE_PATHS = RELEASE_PATHS.filter((path) => !path.includes("shadow"));

let root = "";
let home = "";
let hub: HubServer;

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-install-"));
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

const catalogue = catalogueSchema.parse(releaseCatalogue({ github: "zhuang2002/Cobra", revision: "unknown" }));

/** Installs one style in full precision, on a machine that has nothing but a home. */
async function install(options: Partial<InstallOptions> = {}): ReturnType<typeof installModel> {
  const path = join(home, "catalogue.json");
  await writeFile(path, JSON.stringify(catalogue));
  return installModel({
    name: "cobra",
    catalogue: path,
    styles: ["line"],
    ask: () => Promise.resolve(true),
    onEvent: () => {},
    github: `${hub.url}/github`,
    ...options,
    env: { HOME: home, HF_ENDPOINT: hub.url, ...options.env },
  });
}

const models = (): string => join(home, ".local/share/cobra-batch/models");
const fetched = (): string[] => [
  ...new Set(
    hub.requests
      .filter(({ method, place, url }) => method === "GET" && (place === "cdn" || url.includes("resolve-cache")))
      .map(({ url }) => new URL(url).pathname),
  ),
];
async function failure(
  options: Partial<InstallOptions> = {},
): Promise<{ code: string; message: string; remedy: string }> {
  const error: unknown = await install(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error as { code: string; message: string; remedy: string };
}

describe("installing a model", () => {
  it("fetches the files of the style and no others, and makes the package; records where it comes from", async () => {
    const { opened, version, wasThere } = await install();
    expect({ version, wasThere }).toEqual({ version: "1-fp32-line", wasThere: false });
    expect(opened.directory).toBe(join(models(), "cobra/1-fp32-line"));
    expect(opened.styles).toEqual(["line"]);
    await openModelPackage(opened.directory); // every hash
    expect(fetched()).toHaveLength(LINE_PATHS.length);
    expect(fetched().some((path) => path.includes("shadow"))).toBe(false);
    const record = JSON.parse(await readFile(join(opened.directory, ".install.json"), "utf8")) as {
      sources: Record<string, object>;
      files: { sha256: string }[];
      licences: { acceptedAt: string }[];
    };
    expect(record.sources).toEqual({
      cobra: { hub: COBRA, revision: COMMIT },
      pixart: { hub: PIXART, revision: COMMIT },
      prompt: { github: "zhuang2002/Cobra", revision: "unknown" },
    });
    expect(record.files).toHaveLength(LINE_PATHS.length);
    expect(record.files.every(({ sha256 }) => /^[0-9a-f]{64}$/u.test(sha256))).toBe(true);
    expect(record.licences.every(({ acceptedAt }) => !Number.isNaN(Date.parse(acceptedAt)))).toBe(true);
    expect(await readFile(join(opened.directory, "LICENCE-cobra.txt"), "utf8")).toContain("Do with it what you like.");
    expect(await readdir(models())).toEqual(["cobra"]); // originals and staging are gone
    expect(await readdir(join(models(), "cobra"))).toEqual(["1-fp32-line"]);
  });

  it("does nothing the second time, makes a damaged package again, keeps originals when asked, and uses them for the other style", async () => {
    const { keptAt, opened } = await install({ keepOriginals: true });
    expect(keptAt).toBe(join(models(), ".originals"));
    hub.requests.splice(0);
    expect(await install({ ask: undefined })).toMatchObject({ wasThere: true }); // licences were accepted
    expect(hub.requests).toEqual([]);
    await rm(join(opened.directory, "weights.bin"));
    expect(await install()).toMatchObject({ wasThere: false, opened: { hash: opened.hash } });
    expect(fetched()).toEqual([]);
    const both = await install({ styles: ["line", "line + shadow"] });
    expect(both.version).toBe("1-fp32");
    expect(fetched()).toHaveLength(3);
    expect(fetched().every((path) => path.includes("shadow"))).toBe(true);
    expect(await readdir(models())).toContain(".originals");
  });

  it("needs the licences accepted, once: asks, or says what to do where nobody can be asked; fetches nothing before", async () => {
    expect(await failure({ ask: undefined })).toMatchObject({ code: "ERR_LICENCE" });
    expect(hub.requests).toEqual([]);
    const { licences } = catalogue.models[0]!;
    const env = { HOME: home };
    const nobody = await acceptLicences(licences, env, undefined).catch((error: unknown) => error as Error);
    expect(nobody).toMatchObject({
      message: expect.stringMatching(
        /not a terminal that can ask:\n.*https:\/\/example\.org\/cobra-licence/su,
      ) as string,
      remedy: "read them, then run the command with --accept-licences",
    });
    await expect(acceptLicences(licences, env, () => Promise.resolve(false))).rejects.toThrow(
      "so nothing was downloaded",
    );
    const asked: string[][] = [];
    const ask: InstallOptions["ask"] = (open) => {
      asked.push(open.map(({ id }) => id));
      return Promise.resolve(true);
    };
    await acceptLicences(licences, env, ask);
    await acceptLicences(licences, env, ask);
    const other = { ...licences[0]!, url: "https://example.org/another-licence" };
    await acceptLicences([other], env, ask);
    expect(asked).toEqual([["cobra", "pixart"], ["cobra"]]);
  });

  it("fetches files again that no package can be made of, where nobody knew their hash; says where they lie", async () => {
    const path = "transformer/config.json";
    hub.fault("head", path, { headers: { "x-linked-etag": '"x"', "x-linked-size": "10" } });
    hub.fault("cdn", path, { status: 200, body: "{ nonsense" });
    const { code, message, remedy } = await failure();
    expect(code).toBe("ERR_MODEL_GRAPH");
    expect(message).toMatch(/\.originals\/.*\/transformer\/config\.json cannot be used: /u);
    expect(remedy).toMatch(/will be fetched again: run the same command again/u);
    expect(message).not.toContain(".staged");
    expect(await install()).toMatchObject({ wasThere: false });
  });

  it("checks kept originals before it uses them again", async () => {
    await install({ keepOriginals: true });
    const vae = join(
      models(),
      `.originals/hub--${PIXART.replace("/", "--")}`,
      COMMIT,
      "vae/diffusion_pytorch_model.safetensors",
    );
    const bytes = await readFile(vae);
    bytes[5000]! ^= 1;
    await writeFile(vae, bytes);
    hub.requests.splice(0);
    await install({ overwrite: true });
    expect(fetched()).toHaveLength(1);
  });

  it("clears what killed processes left, also where the package is there", async () => {
    await install();
    await mkdir(join(models(), ".staged/cobra"), { recursive: true });
    await mkdir(join(models(), "cobra/.1-fp32-line.unfinished-old"));
    await mkdir(join(models(), "cobra/.123-456.removed.unfinished"));
    await writeFile(join(models(), ".install.lock.0123"), "");
    await writeFile(join(models(), ".install.lock.mine"), "");
    for (const name of [".install.lock.0123", ".install.lock.mine"]) await utimes(join(models(), name), 0, 0);
    expect(await install()).toMatchObject({ wasThere: true });
    expect(await readdir(models())).toEqual([".install.lock.mine", "cobra"]);
    expect(await readdir(join(models(), "cobra"))).toEqual(["1-fp32-line"]);
  });

  it("stops when another process has taken the lock over", async () => {
    const onEvent: InstallOptions["onEvent"] = ({ type }) => {
      if (type === "checking" || type === "fetching") throw new Error("it went on");
    };
    const lock = join(models(), ".install.lock");
    const stolen = withInstallLock(models(), { onWait: () => {} }, async (assertHeld) => {
      await writeFile(lock, "of another process");
      assertHeld();
      onEvent({ type: "checking", path: "" });
    });
    await expect(stolen).rejects.toMatchObject({ code: "ERR_OUTPUT_LOCKED" });
    await rm(lock);
  });

  it("is given up with `model remove`, downloads included; kept ones stay until that is asked for", async () => {
    const remove = (originals?: boolean): ReturnType<typeof removeModel> =>
      removeModel({ word: "cobra", all: true, originals, env: { HOME: home }, onWait: () => {} });
    hub.fault("head", "vae/config.json", { status: 404 });
    await failure();
    expect(await readdir(models())).toEqual([".originals"]);
    expect(await remove()).toEqual({ folders: [join(models(), ".originals")], keptAt: undefined });
    expect(await readdir(models())).toEqual([]);
    await install({ keepOriginals: true });
    expect(await remove()).toMatchObject({ keptAt: join(models(), ".originals") });
    expect(await remove(true)).toMatchObject({ folders: [join(models(), ".originals")] });
    expect(await readdir(models())).toEqual([]);
  });

  it("records addresses as they are, and no secret of them", async () => {
    const files = { cobra: RELEASE, of: home };
    const hubs = { [COBRA]: join(RELEASE, "cobra"), [PIXART]: join(RELEASE, "pixart") };
    await using server = await HubServer.start({ hub: hubs, files });
    const prompt = { url: `${server.url}/files/cobra/` };
    await writeFile(join(home, "by-address.json"), JSON.stringify(releaseCatalogue(prompt)));
    const { opened } = await install({
      catalogue: `${server.url}/files/of/by-address.json?signature=secret`,
      env: { HF_ENDPOINT: server.url },
    });
    const text = await readFile(join(opened.directory, ".install.json"), "utf8");
    expect(JSON.parse(text)).toMatchObject({
      catalogue: `${server.url}/files/of/by-address.json`,
      sources: { prompt },
    });
    expect(text).not.toContain("secret");
    expect((JSON.parse(text) as { sources: { prompt: object } }).sources.prompt).toEqual(prompt);
  });

  it("reads no catalogue from an address with --offline", async () => {
    const offline = await failure({ offline: true, catalogue: `${hub.url}/files/catalogue.json` });
    expect(offline).toMatchObject({ code: "ERR_CONFIG", remedy: "name a file with --catalogue" });
    expect(hub.requests).toEqual([]);
  });

  it("refuses a catalogue that lacks files before anything is fetched", async () => {
    const path = join(home, "short.json");
    const [model] = catalogue.models;
    const files = model!.files.filter((file) => !/vae\/diffusion|LE\//u.test(file.path));
    await writeFile(path, JSON.stringify({ ...catalogue, models: [{ ...model, files }] }));
    const { code, message } = await failure({ catalogue: path });
    expect(code).toBe("ERR_CATALOGUE");
    expect(message).toMatch(/does not list all files of cobra: .*missing \(2\)/u);
    expect(message).toContain("/cobra/LE/erika.pth");
    expect(hub.requests).toEqual([]);
  });
});
