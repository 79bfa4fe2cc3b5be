// Models by name: which folder a word means, the default, several versions, folders that all users share; removing.
import { mkdir, mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { removeModel, useModel } from "../../../src/install/manage-models.js";
import { embeddedModelDirectory, modelDirectory } from "../../../src/model/default-model.js";
import { parseModelName } from "../../../src/model/model-name.js";

let root = "";
let env: Record<string, string> = {};
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-names-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  const home = await mkdtemp(join(root, "home-"));
  env = { HOME: home, XDG_DATA_DIRS: `${join(home, "shared")}:relative:${join(home, "more")}` };
});

const own = (...path: string[]): string => join(env["HOME"]!, ".local/share/cobra-batch/models", ...path);
const shared = (...path: string[]): string => join(env["HOME"]!, "shared/cobra-batch/models", ...path);

/** A folder that counts as an installed package: names are looked up, nothing is opened. */
async function put(directory: string, installedAt: string): Promise<string> {
  await mkdir(directory, { recursive: true });
  await writeFile(join(directory, "manifest.json"), "{}");
  await writeFile(join(directory, ".install.json"), JSON.stringify({ installedAt }));
  return directory;
}
const remove = (word: string, all = false, folder?: string): Promise<readonly string[]> =>
  removeModel({ word, all, folder, env, onWait: () => {} }).then(({ folders }) => folders);

it("a name is a name, whatever else is a path", () => {
  for (const word of ["cobra", "cobra@1-fp16", "a.b_c-1"]) expect(parseModelName(word), word).toBeDefined();
  for (const word of ["./cobra", "/cobra", "Cobra", "cobra/1", "..", ".", "", "cobra@", "cobra@../x", "a@b@c"])
    expect(parseModelName(word), word).toBeUndefined();
});

it("a name means the version installed last, the user's own before a shared one", async () => {
  await put(shared("cobra/9-fp32"), "2026-11-01T00:00:00Z");
  expect(modelDirectory("cobra", env)).toBe(shared("cobra/9-fp32"));
  await put(own("cobra/2-fp16"), "2026-01-01T00:00:00Z");
  await put(own("cobra/1-fp16"), "2026-02-01T00:00:00Z");
  expect(modelDirectory("cobra", env)).toBe(own("cobra/1-fp16"));
  expect(modelDirectory("cobra@2-fp16", env)).toBe(own("cobra/2-fp16"));
  expect(modelDirectory("cobra@9-fp32", env)).toBe(shared("cobra/9-fp32"));
  expect(modelDirectory(undefined, { ...env, COBRA_MODEL: "cobra@2-fp16" })).toBe(own("cobra/2-fp16"));
  expect(modelDirectory("embedded", env)).toBe(embeddedModelDirectory());
  // a folder of a model is its version installed last; any other folder is itself
  expect(modelDirectory(own("cobra"), env)).toBe(own("cobra/1-fp16"));
  expect(modelDirectory(own(), env)).toBe(own());
  expect(modelDirectory("test", env)).toBe(resolve("test")); // no such model, but a folder, as always
});

it("a name that is nowhere says what is installed and what to do", async () => {
  await put(own("cobra/1-fp16"), "2026-02-01T00:00:00Z");
  expect(() => modelDirectory("cobro", env)).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(
        /no model "cobro" is installed and there is no folder .*cobro; installed: cobra@1-fp16$/u,
      ) as string,
      remedy: expect.stringMatching(/^install one with `cobra-batch model install cobra`/u) as string,
    }),
  );
  expect(() => modelDirectory("cobra@3", env)).toThrow(/no model "cobra@3" is installed/u);
});

it("the default is what `model use` chose, else the embedded model; a name keeps to the chosen version", async () => {
  expect(modelDirectory(undefined, env)).toBe(embeddedModelDirectory());
  await put(own("cobra/1-fp16"), "2026-01-01T00:00:00Z");
  await put(own("cobra/2-fp16"), "2026-02-01T00:00:00Z");
  await useModel("cobra@1-fp16", env);
  expect(modelDirectory(undefined, env)).toBe(own("cobra/1-fp16"));
  expect(modelDirectory("cobra", env)).toBe(own("cobra/1-fp16"));
  await useModel("cobra", env);
  expect(modelDirectory(undefined, env)).toBe(own("cobra/2-fp16"));
  await useModel("embedded", env);
  expect(modelDirectory(undefined, env)).toBe(embeddedModelDirectory());
  await expect(useModel("nothing", env)).rejects.toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/^no model "nothing" is installed; installed: cobra@2-fp16/u) as string,
      remedy: expect.stringContaining("model install cobra") as string,
    }),
  );
  await expect(useModel("../x", env)).rejects.toThrow(/is not the name of an installed model/u);
});

it("a default that is gone or cannot be read is told, and can be taken back", async () => {
  const directory = await put(own("cobra/1-fp16"), "2026-01-01T00:00:00Z");
  await useModel("cobra", env);
  await rm(directory, { recursive: true });
  expect(() => modelDirectory(undefined, env)).toThrow(
    expect.objectContaining({
      message: expect.stringContaining("made it the default") as string,
      remedy: expect.stringContaining("`cobra-batch model use embedded`") as string,
    }),
  );
  await writeFile(own("default.json"), "{");
  expect(() => modelDirectory(undefined, env)).toThrow(
    expect.objectContaining({
      message: expect.stringMatching(/default\.json cannot be read/u) as string,
      remedy: expect.stringContaining("model use NAME") as string,
    }),
  );
  await useModel("embedded", env);
  expect(modelDirectory(undefined, env)).toBe(embeddedModelDirectory());
});

it("removing needs a version where there are several, takes unfinished ones along, and forgets the default", async () => {
  await put(own("cobra/1-fp16"), "2026-01-01T00:00:00Z");
  await put(own("cobra/2-fp16"), "2026-02-01T00:00:00Z");
  await put(own("other/1"), "2026-02-01T00:00:00Z");
  await mkdir(own("cobra/.2-fp16.unfinished"));
  await useModel("cobra@2-fp16", env);
  await expect(remove("cobra")).rejects.toThrow(
    expect.objectContaining({
      message: "cobra has 2 versions: cobra@2-fp16, cobra@1-fp16",
      remedy: expect.stringContaining("--all") as string,
    }),
  );
  expect(await remove("cobra@2-fp16")).toEqual([own("cobra/2-fp16"), own("cobra/.2-fp16.unfinished")]);
  expect(modelDirectory(undefined, env)).toBe(embeddedModelDirectory());
  expect(await readdir(own("cobra"))).toEqual(["1-fp16"]);
  expect(await remove("cobra", true)).toEqual([own("cobra/1-fp16")]);
  expect(await readdir(own())).toEqual(["other"]);
  await expect(remove("cobra")).rejects.toThrow(/no model "cobra" is installed/u);
});

it("removing a shared model names its folder", async () => {
  await put(shared("cobra/1-fp16"), "2026-01-01T00:00:00Z");
  await expect(remove("cobra")).rejects.toThrow(
    expect.objectContaining({ remedy: `remove it there with --in ${shared()}` }),
  );
  expect(await remove("cobra", false, shared())).toEqual([shared("cobra/1-fp16")]);
});
