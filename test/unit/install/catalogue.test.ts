// Catalogues: the built-in one, and those of others, who may write anything.
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { z } from "zod";
import { builtInCatalogue, modelOf, readCatalogue } from "../../../src/install/catalogue/read-catalogue.js";
import type { Catalogue } from "../../../src/install/catalogue/catalogue-schema.js";
import type { Style } from "../../../src/config/settings.js";
import { messageOf } from "../../../src/errors.js";
import { Connection } from "../../../src/install/fetch/connection.js";
import type { Precision } from "../../../src/model/precisions.js";
import { remoteOf } from "../../../src/install/fetch/remote.js";
import { bytesToFetch, packageBytes, wantedFiles } from "../../../src/install/wanted-files.js";
import { releaseCatalogue } from "../../support/release-catalogue.js";

let folder = "";
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), "cobra-catalogue-"));
});
afterAll(() => rm(folder, { recursive: true, force: true }));

const good = (): z.input<typeof import("../../../src/install/catalogue/catalogue-schema.js").catalogueSchema> =>
  releaseCatalogue({ url: "http://localhost:8080/prompt" });
const noNet = (): Connection => {
  throw new Error("a file needs no connection");
};
async function read(text: string): Promise<Catalogue> {
  const path = join(folder, "catalogue.json");
  await writeFile(path, text);
  return readCatalogue(path, noNet);
}

describe("the built-in catalogue", () => {
  it("is valid, also by the published schema, and names the real addresses", async () => {
    const catalogue = await readCatalogue(builtInCatalogue(), noNet);
    const cobra = modelOf(catalogue, "cobra", "built-in");
    const schema = z.fromJSONSchema(
      JSON.parse(readFileSync("models/catalogue.schema.json", "utf8")) as Parameters<typeof z.fromJSONSchema>[0],
    );
    expect(schema.safeParse(JSON.parse(readFileSync(builtInCatalogue(), "utf8"))).error).toBeUndefined();
    const addresses = cobra.files.map(({ source, path }) => {
      const at = cobra.sources[source]!;
      return remoteOf(at, {}).address(path, "revision" in at ? at.revision! : "").href;
    });
    expect(addresses).toContain(
      "https://huggingface.co/JunhaoZhuang/Cobra/resolve/ee2fd07574c9ea8582a7045620b9901998b42bce/LE/erika.pth",
    );
    expect(addresses).toContain(
      "https://github.com/zhuang2002/Cobra/raw/3efe542ed790cc25e4fe2660b64e77a102731c23/prompt_tensor/prompt_embeds.pt",
    );
    for (const { bytes, sha256, path } of cobra.files)
      if (!path.endsWith(".json")) expect([typeof bytes, sha256.length], path).toEqual(["number", 64]);
  });

  it("says how large a package is by its styles and precision", async () => {
    const cobra = modelOf(await readCatalogue(builtInCatalogue(), noNet), "cobra", "built-in");
    const bytes = (styles: readonly Style[], precision: Precision = "fp16"): number =>
      packageBytes(cobra, precision, wantedFiles(cobra, styles));
    expect(bytes(["line", "line + shadow"])).toBe(4_240_000_000);
    expect(bytes(["line"])).toBeLessThan(3_700_000_000);
    expect(bytes(["line"])).toBeGreaterThan(3_000_000_000);
    expect(bytes(["line"], "fp32")).toBe(bytesToFetch(wantedFiles(cobra, ["line"])));
  });

  it("offers a near name, and says what there is", async () => {
    const catalogue = await readCatalogue(builtInCatalogue(), noNet);
    for (const [name, remedy] of [
      ["cobro", "did you mean cobra? It has cobra"],
      ["xyz", "it has cobra"],
    ] as const)
      expect(() => modelOf(catalogue, name, "x")).toThrow(
        expect.objectContaining({ message: `the catalogue x has no model "${name}"`, remedy }),
      );
    expect(() => modelOf(catalogue, "embedded", "x")).toThrow(/comes with the program and needs no installation/u);
  });
});

describe("a catalogue of somebody else", () => {
  it("is read from a file and from an address of this machine", async () => {
    expect((await read(JSON.stringify(good()))).models[0]!.name).toBe("cobra");
    const server = createServer((_request, response) => response.end(JSON.stringify(good())));
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", () => ready()));
    await using connection = new Connection({});
    const address = `http://127.0.0.1:${(server.address() as AddressInfo).port}/c.json`;
    expect((await readCatalogue(address, () => connection)).models[0]!.name).toBe("cobra");
    server.closeAllConnections();
    server.close();
  });

  it.each([
    ["../../.bashrc"],
    ["/etc/passwd"],
    ["a/../../b"],
    ["a//b"],
    ["a\\b"],
    ["C:/x"],
    [".ssh/authorized_keys"],
    ["a/.hidden"],
    ["a\0b"],
    ["a/"],
    [""],
    ["naïve.bin"],
    ["a b"],
  ])("cannot name the file %j", async (path) => {
    const catalogue = good();
    catalogue.models[0]!.files[0]!.path = path;
    await expect(read(JSON.stringify(catalogue))).rejects.toThrow(/models\.0\.files\.0\.path: must be a path/u);
  });

  it.each<[string, (model: ReturnType<typeof good>["models"][number]) => void, RegExp]>([
    ["a name with a path", (model) => (model.name = "../x"), /models\.0\.name: must be lower-case/u],
    ["the embedded model's name", (model) => (model.name = "embedded"), /is the model that comes with the program/u],
    ["a version with a path", (model) => (model.version = "1/.."), /models\.0\.version: must be letters/u],
    [
      "http: to another machine",
      (model) => (model.sources["prompt"] = { url: "http://192.168.0.9/x" }),
      /sources\.prompt/u,
    ],
    [
      "an address with a password",
      (model) => (model.sources["prompt"] = { url: "https://a:b@example.org/" }),
      /sources\.prompt/u,
    ],
    [
      "a repository with a path",
      (model) => (model.sources["cobra"] = { hub: "a/../b", revision: "main" }),
      /sources\.cobra/u,
    ],
    [
      "a revision with a path",
      (model) => (model.sources["cobra"] = { hub: "a/b", revision: "../x" }),
      /sources\.cobra/u,
    ],
    ["a source that is none", (model) => (model.files[0]!.source = "nobody"), /files\.0\.source: names "nobody"/u],
    [
      "a file twice, by case",
      (model) => (model.files[1]!.path = "le/ERIKA.pth"),
      /is there twice, or differs by case/u,
    ],
    ["a licence's id with a path", (model) => (model.licences[0]!.id = "../x"), /licences\.0\.id: must be a word/u],
    [
      "another kind",
      (model) => Object.assign(model, { kind: "gguf" }),
      /kind: must be cobra-release; another kind needs a newer/u,
    ],
    ["a key that is none", (model) => Object.assign(model, { run: "rm -rf" }), /run/u],
    ["a missing source", (model) => delete model.sources["pixart"], /sources: lacks "pixart"/u],
    ["a title that rewrites the terminal", (model) => (model.title = "x\u001b[2J"), /title: must be one line/u],
    ["a licence of two lines", (model) => (model.licences[0]!.name = "MIT\naccepted"), /name: must be one line/u],
    ["text that turns its direction", (model) => (model.description = "a\u202eb"), /description: must be one line/u],
    [
      "an address with a query",
      (model) => (model.sources["prompt"] = { url: "https://example.org/?a=" }),
      /sources\.prompt/u,
    ],
    [
      "a file that is a folder too",
      (model) => (model.files[1]!.path = "LE/erika.pth/x"),
      /files\.0\.path: LE\/erika\.pth is a file here and a folder in another path/u,
    ],
    ["a negative size", (model) => (model.files[0]!.bytes = -1), /files\.0\.bytes/u],
  ])("cannot have %s", async (_what, spoil, says) => {
    const catalogue = good();
    spoil(catalogue.models[0]!);
    const error = (await read(JSON.stringify(catalogue)).catch((thrown: unknown) => thrown)) as Error;
    expect(error).toMatchObject({ code: "ERR_CATALOGUE" });
    expect(error.message).toMatch(says);
  });

  it.each([
    ["huge", () => `{"format":1,"models":[${" ".repeat(2 ** 20)}]}`, /more than 1048576 bytes/u],
    ["deep", () => `{"format":1,"models":${"[".repeat(5000)}`, /nested deeper than 12/u],
    ["no JSON", () => "<html>", /line 1, column 1/u],
    ["a list", () => "[]", /1 fault/u],
    ["of another format", () => '{"format":2,"models":[]}', /format: must be 1; another format needs another version/u],
  ])("that is %s is refused", async (_what, text, says) => {
    const error = (await read(text()).catch((thrown: unknown) => thrown)) as Error;
    expect(error.message).toMatch(says);
    expect(messageOf(error)).toContain("docs/models.md describes catalogues");
  });

  it("that has no end, or is nowhere, or comes over an unsafe address, is refused", async () => {
    await using connection = new Connection({}, { connect: 5000, silence: 1000, rate: 60_000 });
    const server = createServer((_request, response) => {
      const more = (): void => void response.write(Buffer.alloc(65_536, " "), (error) => (error ? undefined : more()));
      more();
    });
    await new Promise<void>((ready) => server.listen(0, "127.0.0.1", () => ready()));
    const address = `http://localhost:${(server.address() as AddressInfo).port}/c.json`;
    await expect(readCatalogue(address, () => connection)).rejects.toThrow(/more than 1048576 bytes/u);
    server.closeAllConnections();
    server.close();
    for (const place of [
      "http://example.org/c.json",
      "ftp://example.org/c.json",
      "https://me:secret@example.org/c.json",
    ]) {
      const error = (await readCatalogue(place, noNet).catch((thrown: unknown) => thrown)) as Error;
      expect(error.message).toMatch(/must be the path of a file, an https: address/u);
      expect(error.message).not.toContain("secret");
    }
    await expect(readCatalogue("/dev/zero", noNet)).rejects.toThrow(/it is a device, not a file/u);
    await expect(readCatalogue(join(folder, "none.json"), noNet)).rejects.toThrow(/there is no such file/u);
    const pipe = join(folder, "pipe");
    execFileSync("mkfifo", [pipe]);
    await expect(readCatalogue(pipe, noNet)).rejects.toThrow(/empty pipe that nothing writes to/u);
  });
});
