// The rules for configuration files and for which setting wins.
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { configFileJsonSchema, ConfigurationHandler } from "../../../src/config/configuration-handler.js";
import { imagePattern, matchImage } from "../../../src/config/image-match.js";
import { parseJsonText } from "../../../src/config/json-text.js";
import { environmentSettings, layerSettings } from "../../../src/config/layers.js";

let root: string;
beforeAll(async () => (root = await mkdtemp(join(tmpdir(), "cobra-config-"))));
afterAll(() => rm(root, { recursive: true, force: true }));

let files = 0;
async function handlerOf(content: unknown): Promise<ConfigurationHandler> {
  const path = join(root, `${files++}.json`);
  await writeFile(path, typeof content === "string" ? content : JSON.stringify(content));
  const handler = new ConfigurationHandler();
  await handler.loadConfigFile(path);
  return handler;
}

describe("loadConfigFile", () => {
  it("names a key as the file does", () => {
    const faults = new ConfigurationHandler().validateConfig({ default: { my_thing: 1 }, engine: { max_batch: "x" } });
    expect(faults.map(({ message }) => message)).toEqual([
      expect.stringMatching(/^default\.my_thing: unknown setting/u),
      expect.stringMatching(/^engine\.max_batch: /u),
    ]);
  });

  it("reads camelCase and the Python system's snake_case keys", async () => {
    const handler = await handlerOf({
      default: { num_inference_steps: 20, top_k: 5, reference_images: ["a.png"], style: "line" },
      images: { "p1.png": { numInferenceSteps: 7 } },
    });
    expect(handler.getDefaultConfig()).toEqual({
      numInferenceSteps: 20,
      topK: 5,
      referenceImages: [join(root, "a.png")],
      style: "line",
    });
    expect(handler.getImageConfig("p1.png")).toEqual({ numInferenceSteps: 7 });
  });

  it("lists all faults at once with their paths; nothing is silently replaced, not like it", async () => {
    const bad = {
      default: { seed: -1, top_k: "many", topK: 2, sed: 1 },
      images: { "p1.png": { style: "lines", recursive: true }, p2: 3 },
      engine: { workers: 0, threads: 100_000, thread: 2, devices: [], providerOptions: { a: 1 } },
      other: {},
    };
    const error = await handlerOf(bad).catch((reason: unknown) => reason as Error);
    expect(error).toMatchObject({ name: "ConfigurationError", code: "ERR_CONFIG" });
    const text = (error as Error).message;
    for (const part of [
      "other: unknown section; the sections are default, images, engine",
      "engine.workers: must be a whole number from 1 to 256, not 0",
      "engine.threads: must be a whole number from 0 to 256, not 100000",
      "engine.thread: unknown; the keys are model, provider",
      'engine.devices: must be "all" or a list of devices',
      "engine.providerOptions.a: must be a text",
      "default.seed",
      "default.top_k: is the same setting as topK",
      "default.sed: unknown setting",
      'images["p1.png"].style',
      'images["p1.png"].recursive: unknown setting',
      'images["p2"]: must be an object, not 3',
    ])
      expect(text).toContain(part);
    expect(error).toMatchObject({ remedy: "leave top_k or topK out; write seed in place of sed" });
  });

  it.each([
    ['{\n  "default": {\n    "seed": 1,\n  }\n}', "4:3", '"}"'],
    ['{"default": {"seed": 01}}', "1:22", '"0"'],
    ['{"default": {}', "1:15", "the text ends here"],
    ["{'default': {}}", "1:2", '"\'"'],
    ['{"default": {"style": "a\nb"}}', "1:23", '"\\""'],
    ["{} x", "1:4", '"x"'],
    ["", "1:1", "the text ends here"],
    [`{"default":{"seed":"bad","seed":2}}`, "1:26", `the name "seed" is given twice`],
  ])("gives line and column for bad JSON: %j", async (text, place, found) => {
    await expect(handlerOf(text)).rejects.toMatchObject({
      code: "ERR_CONFIG",
      message: expect.stringMatching(
        new RegExp(`\\.json:${place}: not valid JSON: ${found.replace(/[\\"']/g, "\\$&")}`),
      ) as string,
    });
  });

  it("agrees with JSON.parse on what is JSON, and names a place inside the text", () => {
    fc.assert(
      fc.property(fc.json(), fc.nat(), fc.constantFrom("", ",", "]", "}", '"', "\\", "x", "-"), (json, at, insert) => {
        const cut = at % (json.length + 1);
        const text = json.slice(0, cut) + insert + json.slice(cut + 1);
        let valid = true;
        try {
          JSON.parse(text);
        } catch {
          valid = false;
        }
        if (valid) expect(parseJsonText(text, "f")).toEqual(JSON.parse(text));
        else expect(() => parseJsonText(text, "f")).toThrow(/^f:\d+:\d+: not valid JSON/);
      }),
    );
  });

  it("keeps a file until clearCache", async () => {
    const path = join(root, "cached.json");
    await writeFile(path, '{"default": {"seed": 1}}');
    const handler = new ConfigurationHandler();
    await handler.loadConfigFile(path);
    await writeFile(path, '{"default": {"seed": 2}}');
    expect((await handler.loadConfigFile(path)).default).toEqual({ seed: 1 });
    handler.clearCache();
    expect(handler.getDefaultConfig()).toEqual({});
    expect((await handler.loadConfigFile(path)).default).toEqual({ seed: 2 });
    await expect(handler.loadConfigFile(join(root, "nowhere.json"))).rejects.toMatchObject({ code: "ERR_CONFIG" });
  });
});

describe("getImageConfig and hasImageConfig", () => {
  it("match name, relative path or glob; the more specific wins key by key", async () => {
    const handler = await handlerOf({
      images: {
        "a/p1.png": { seed: 4 },
        "p1.png": { seed: 3, topK: 3 },
        "*.png": { seed: 1, topK: 1, numInferenceSteps: 1 },
        "p*.png": { topK: 2, numInferenceSteps: 2 },
        "b/**": { style: "line" },
      },
    });
    expect(handler.getImageConfig("a/p1.png")).toEqual({ seed: 4, topK: 3, numInferenceSteps: 2 });
    expect(handler.getImageConfig("b/c/p1.png")).toEqual({ seed: 3, topK: 3, numInferenceSteps: 2, style: "line" });
    expect(handler.getImageConfig("z.png")).toEqual({ seed: 1, topK: 1, numInferenceSteps: 1 });
    expect([handler.hasImageConfig("z.png"), handler.hasImageConfig("z.jpg"), handler.getImageConfig("z.jpg")]).toEqual(
      [true, false, {}],
    );
  });

  it.each([
    ["*.png", "a/b.png", true],
    ["a/*.png", "a/b.png", true],
    ["a/*.png", "a/c/b.png", false],
    ["a/**/b.png", "a/b.png", true],
    ["a/**/b.png", "a/c/d/b.png", true],
    ["p?.png", "p1.png", true],
    ["p?.png", "p10.png", false],
    ["p(1)*.png", "p(1)x.png", true],
    ["./a.png", "a.png", true],
    ["A.png", "a.png", false],
  ])("glob %s on %s: %s", (pattern, name, expected) => {
    expect(matchImage(imagePattern(pattern), name) !== undefined).toBe(expected);
  });

  it("mergeConfigs is shallow and replaces lists", () => {
    expect(
      new ConfigurationHandler().mergeConfigs<object>(
        { a: [1, 2], b: { c: 1 } },
        { a: [3], b: { d: 2 }, e: undefined },
      ),
    ).toEqual({ a: [3], b: { d: 2 } });
  });
});

describe("files of the Python system", () => {
  it("say with input_is_zip and output_as_zip what the paths are", async () => {
    const old = { input_dir: "in.zip", input_is_zip: true, output_dir: "out", output_as_zip: true };
    expect((await handlerOf({ default: old })).getDefaultConfig()).toEqual({
      inputZip: join(root, "in.zip"),
      outputZip: `${join(root, "out")}/`,
    });
    const folders = { input_dir: "in", inputIsZip: false, output_dir: "out", output_as_zip: false };
    expect((await handlerOf({ default: folders })).getDefaultConfig()).toEqual({
      inputDir: join(root, "in"),
      outputDir: join(root, "out"),
    });
    expect((await handlerOf({ default: { output_as_zip: true } })).getDefaultConfig()).toEqual({});
  });

  it("are faulty where they contradict themselves", () => {
    expect(
      new ConfigurationHandler().validateConfig({
        default: { input_is_zip: "yes", output_as_zip: false, output_zip: "o.zip" },
      }),
    ).toEqual([
      { message: 'default.input_is_zip: must be true or false, not "yes"' },
      {
        message: "default.output_as_zip: is false, but output_zip is given",
        remedy: "leave output_as_zip or output_zip out",
      },
    ]);
    expect(new ConfigurationHandler().validateConfig({ images: { "a.png": { input_is_zip: true } } })).toEqual([
      { message: expect.stringContaining("input_is_zip: unknown setting") as string },
    ]);
  });
});

it("unmatchedEntries are those that no image has asked for", async () => {
  const handler = await handlerOf({ images: { "a.png": {}, "x/*": {}, "zz*": {} } });
  handler.getImageConfig("b/a.png");
  expect(handler.unmatchedEntries()).toEqual(["x/*", "zz*"]);
  handler.getImageConfig("x/1.png");
  expect(handler.unmatchedEntries()).toEqual(["zz*"]);
});

it("entries of equal weight apply in the file's order, the later over the earlier", async () => {
  const handler = await handlerOf({ images: { "0*1.png": { seed: 1 }, "00*.png": { seed: 2 } } });
  expect(handler.getImageConfig("001.png")).toEqual({ seed: 2 });
});

describe("precedence", () => {
  it("is flag > environment > file > default, and says which won", () => {
    const { settings, origins } = layerSettings({
      file: { seed: 1, topK: 1, numInferenceSteps: 1 },
      environment: { seed: 2, topK: 2 },
      flag: { seed: 3 },
    });
    expect(settings).toEqual({ seed: 3, topK: 2, numInferenceSteps: 1 });
    expect(Object.fromEntries(origins)).toEqual({ seed: "flag", topK: "environment", numInferenceSteps: "file" });
  });

  it("lets a flag's output or input take the file's other one back", () => {
    const { settings, origins } = layerSettings({
      file: { outputDir: "a", inputZip: "b" },
      environment: {},
      flag: { outputZip: "c", inputDir: "d" },
    });
    expect(settings).toEqual({ outputZip: "c", inputDir: "d" });
    expect([...origins.keys()].toSorted()).toEqual(["inputDir", "outputZip"]);
  });

  it("reads COBRA_… by the settings' types and leaves what is wrong for the check", () => {
    expect(
      environmentSettings({
        COBRA_TOP_K: "4",
        COBRA_RECURSIVE: "1",
        COBRA_REFERENCE_IMAGES: "a:b",
        COBRA_STYLE: "line",
        COBRA_SEED: "x",
        COBRA_MODEL: "m",
        COBRA_OVERWRITE: "",
      }),
    ).toEqual({
      topK: 4,
      recursive: true,
      referenceImages: ["a", "b"],
      style: "line",
      seed: "x",
    });
  });
});

it("the JSON Schema has every setting", () => {
  expect(configFileJsonSchema()).toMatchObject({
    properties: {
      default: {
        properties: { seed: { type: "integer" }, style: { enum: ["line", "line + shadow"] } },
        additionalProperties: false,
      },
      images: { additionalProperties: { properties: { topK: {} } } },
    },
  });
});
