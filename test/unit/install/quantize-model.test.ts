// `quantizeModel` on a small package whose weights lie apart: names, what lies beside the package, what is refused, and
// that an interrupted call goes on. What is quantized: `unit/convert/quantize`.
import { cp, mkdir, mkdtemp, readdir, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { buildModelPackage } from "../../../src/convert/build-package.js";
import { PRESETS, presetWeights } from "../../../src/convert/presets.js";
import { quantizeModel, type QuantizeModelOptions } from "../../../src/install/quantize-model.js";
import { embeddedModelDirectory } from "../../../src/model/default-model.js";
import { apartWeightBytes } from "../../../src/model/requirements.js";
import { openModelPackage } from "../../../src/model/package.js";

const CONFIG = {
  ...PRESETS.tiny,
  lineExtractor: { ...PRESETS.tiny.lineExtractor, channels: [4, 4, 4, 4, 4] as const },
  transformer: { ...PRESETS.tiny.transformer, layers: 1, controlLayers: 1 },
  imageEncoder: { ...PRESETS.tiny.imageEncoder, layers: 1 },
  upsampler: null,
};

let root = "";
let plain = "";
let home = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "cobra-quantize-"));
  plain = join(root, "plain");
  await buildModelPackage({
    directory: plain,
    config: CONFIG,
    weights: presetWeights(CONFIG, 1, 4),
    info: { name: "cobra", version: "1", licence: "CC0-1.0", trained: false },
    precision: "float16",
    externalDataAboveBytes: 0,
  });
});
afterAll(() => rm(root, { recursive: true, force: true }));
beforeEach(async () => {
  home = await mkdtemp(join(root, "home-"));
  await mkdir(join(models(), "cobra"), { recursive: true });
  await cp(plain, join(models(), "cobra/1-fp16"), { recursive: true });
});

const models = (): string => join(home, ".local/share/cobra-batch/models");
const quantize = (options: Partial<QuantizeModelOptions> = {}): ReturnType<typeof quantizeModel> =>
  quantizeModel({ model: "cobra", env: { HOME: home }, onWait: () => {}, minElements: 24 * 24, ...options });
async function failure(options: Partial<QuantizeModelOptions>): Promise<{ code: string; message: string }> {
  const error: unknown = await quantize(options).then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  return error as { code: string; message: string };
}

it("installs a smaller model beside the one it is made from, under the same licences", async () => {
  const from = join(models(), "cobra/1-fp16");
  await writeFile(join(from, "LICENCE-weights.txt"), "terms");
  await writeFile(join(from, ".install.json"), JSON.stringify({ name: "cobra", licences: [{ id: "weights" }] }));
  const { name, version, opened, source, wasThere } = await quantize();
  expect([name, version, wasThere]).toEqual(["cobra-int8", "1-fp16", false]);
  expect(opened.directory).toBe(join(models(), "cobra-int8/1-fp16"));
  expect(opened.manifest).toMatchObject({
    formatVersion: 3,
    precision: "float16",
    version: "1-int8",
    quantization: { scheme: "int8", blockSize: 32, madeFrom: source.hash },
  });
  expect(await openModelPackage(opened.directory)).toMatchObject({ styles: ["line", "line + shadow"] });
  expect(await readFile(join(opened.directory, "LICENCE-weights.txt"), "utf8")).toBe("terms");
  expect(JSON.parse(await readFile(join(opened.directory, ".install.json"), "utf8"))).toMatchObject({
    name: "cobra-int8",
    licences: [{ id: "weights" }],
    quantizedFrom: { hash: source.hash },
  });
  // On the CPU, half precision weights are held in float32 and 8-bit ones as they are.
  expect(apartWeightBytes(opened, "line", "cpu")).toBeLessThan(apartWeightBytes(source, "line", "cpu"));
  expect((await quantize()).wasThere).toBe(true);
});

it("goes on after an interruption, and gives the same package; two calls at once give one", async () => {
  const [first, second] = await Promise.all([
    quantize({ wait: () => Promise.resolve() }),
    quantize({ wait: () => Promise.resolve() }),
  ]);
  expect([first.wasThere, second.wasThere].sort()).toEqual([false, true]);
  const { hash } = first.opened;
  const folder = dirname(first.opened.directory);
  for (const part of [
    "image_encoder.onnx",
    "denoiser.onnx",
    "transformer.line.onnx",
    "transformer.line-shadow.onnx",
    "hash",
  ]) {
    await rm(first.opened.directory, { recursive: true, force: true });
    const onProgress: QuantizeModelOptions["onProgress"] = (progress) => {
      if (progress.part === part) throw Object.assign(new Error("no space"), { code: "ENOSPC" });
    };
    expect(await failure({ onProgress })).toMatchObject({ code: "ERR_OUTPUT_WRITE" });
    expect(await readdir(folder)).toEqual([".1-fp16.unfinished"]);
    const parts: string[] = [];
    const { opened } = await quantize({ onProgress: (progress) => parts.push(progress.part) });
    expect(parts).not.toContain("line_extractor.onnx"); // it was finished
    expect(opened.hash).toBe(hash);
    expect(await readdir(folder)).toEqual(["1-fp16"]);
  }
});

it("refuses what cannot be quantized and names that are none, and leaves nothing behind", async () => {
  const { opened } = await quantize();
  const before = await readdir(models());
  expect(await failure({ model: "cobra-int8" })).toMatchObject({
    code: "ERR_MODEL_QUANTIZE",
    message: `${opened.directory} has int8 weights already`,
    remedy: "quantize the package it was made from",
  });
  const embedded = await failure({ model: "embedded" });
  expect(embedded.code).toBe("ERR_MODEL_QUANTIZE");
  expect(embedded.message).toContain(embeddedModelDirectory());
  expect(await failure({ minElements: 2 ** 20, name: "other" })).toMatchObject({ code: "ERR_MODEL_QUANTIZE" });
  expect(await failure({ model: "nothing" })).toMatchObject({ code: "ERR_MODEL_NOT_FOUND" });
  for (const name of ["A B", "../up", "embedded"])
    expect(await failure({ name })).toMatchObject({
      code: "ERR_CONFIG",
      remedy: expect.stringContaining("--name") as string,
    });
  expect(await failure({ name: "cobra", overwrite: true })).toMatchObject({ code: "ERR_CONFIG" });
  await cp(plain, join(models(), "taken/1-fp16"), { recursive: true });
  expect(await failure({ name: "taken" })).toMatchObject({ code: "ERR_OUTPUT_EXISTS" });
  expect((await readdir(models())).filter((name) => name !== "other" && name !== "taken")).toEqual(before);
});

it("refuses a damaged package, whose weights would be wrong for good", async () => {
  const path = join(models(), "cobra/1-fp16/weights.bin");
  const bytes = await readFile(path);
  bytes[bytes.length - 1]! ^= 1;
  await writeFile(path, bytes);
  expect(await failure({})).toMatchObject({ code: "ERR_MODEL_FILE" });
});
