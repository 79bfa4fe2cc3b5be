/** Model packages: what building writes, what opening refuses. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { buildModelPackage } from "../../../src/convert/build-package.js";
import { parseManifest, type ModelManifest } from "../../../src/model/manifest.js";
import { openModelPackage } from "../../../src/model/package.js";
import { buildPresetPackage, PRESETS, presetWeights } from "../../../src/convert/presets.js";
import { givenWeights, overlay } from "../../../src/convert/weights/sources.js";
import { Tensor } from "../../../src/binding/index.js";
import { Networks } from "../../../src/colorization/networks/networks.js";
import { maxDifference } from "../../support/golden.js";

let root = "";
let built = "";
let folder = "";
beforeAll(async () => {
  root = mkdtempSync(join(tmpdir(), "cobra-package-"));
  built = join(root, "tiny");
  await buildPresetPackage({ directory: built, preset: "tiny" });
});
afterAll(() => rmSync(root, { recursive: true, force: true }));
beforeEach(() => {
  folder = mkdtempSync(join(root, "copy-"));
  for (const name of readdirSync(built)) copyFileSync(join(built, name), join(folder, name));
});

function modelError(code: string, ...texts: string[]): object {
  const messages = texts.map(
    (text) => expect.objectContaining({ code, message: expect.stringContaining(text) as string }) as object,
  );
  return {
    asymmetricMatch: (error: unknown) =>
      messages.every((one) => (one as { asymmetricMatch(value: unknown): boolean }).asymmetricMatch(error)),
    toString: () => `${code} with ${texts.join(" | ")}`,
  };
}

function editManifest(edit: (manifest: Record<string, never> & ModelManifest) => void): void {
  const path = join(folder, "manifest.json");
  const manifest = JSON.parse(readFileSync(path, "utf8")) as Record<string, never> & ModelManifest;
  edit(manifest);
  writeFileSync(path, JSON.stringify(manifest));
}

describe("a built package", () => {
  it("opens, and says what the pipeline needs", async () => {
    const opened = await openModelPackage(folder);
    expect(opened.manifest).toMatchObject({
      trained: false,
      buckets: [
        [96, 96],
        [96, 128],
        [128, 96],
      ],
      latent: { channels: 4, downscale: 8, scalingFactor: 0.18215 },
      prediction: "epsilon",
      imageEncoder: { imageSize: 28, embeddingSize: 16 },
      referenceKv: { layers: 4, width: 24 },
      upsampler: { scale: 1.5 },
    });
    expect(opened.hash).toMatch(/^[0-9a-f]{64}$/u);
    expect(opened.styles).toEqual(["line", "line + shadow"]);
    expect(opened.graphPath("vae_encoder")).toBe(join(folder, "vae_encoder.onnx"));
    expect(opened.graphPath("denoiser", "line")).toBe(join(folder, "denoiser.onnx"));
    expect(() => opened.graphPath("denoiser")).toThrow(modelError("ERR_MODEL_NOT_FOUND", "(none given)"));
  });

  it("is the same to the byte when built again", async () => {
    const again = await buildPresetPackage({ directory: join(root, "again"), preset: "tiny" });
    expect(again.hash).toBe((await openModelPackage(built)).hash);
    const other = await buildPresetPackage({ directory: join(root, "other"), preset: "tiny", seed: 2 });
    expect(other.hash).not.toBe(again.hash);
  });

  it("gives the same values with its weights in one shared file", async () => {
    const outside = await buildPresetPackage({
      directory: join(root, "outside"),
      preset: "tiny",
      externalDataAboveBytes: 0,
    });
    const inside = await openModelPackage(built);
    expect(outside.manifest.files["weights.bin"]?.bytes).toBeGreaterThan(100_000);
    const sum = (files: ModelManifest["files"]): number =>
      Object.values(files).reduce((bytes, file) => bytes + file.bytes, 0);
    // The VAE lies in three graphs and the main branch in two: stored once here. (Graphs of this size are a tenth of
    // structure.)
    expect(outside.manifest.files["weights.bin"]!.bytes).toBeLessThan(0.87 * sum(inside.manifest.files));
    const values = Float32Array.from({ length: 96 }, (_, at) => Math.sin(at));
    using latent = Tensor.from("float32", values, [1, 4, 4, 6]);
    const images = [];
    for (const one of [inside, outside]) {
      using networks = new Networks(one);
      images.push(await networks.decodeLatent(latent));
    }
    expect(maxDifference(images[1]!, images[0]!)).toBeLessThan(1e-5);
  });

  it("has graphs of their own for styles with weights of their own", async () => {
    const config = { ...PRESETS.tiny, upsampler: null };
    const weights = presetWeights(config, 1);
    const info = { name: "two", version: "1", licence: "CC0-1.0", trained: false };
    const styles = { line: weights.styles.line!, "line + shadow": presetWeights(config, 2).styles.line! };
    const two = await buildModelPackage({
      directory: join(root, "two"),
      config,
      weights: { ...weights, styles },
      info,
    });
    expect(two.graphPath("denoiser", "line")).toMatch(/denoiser\.line\.onnx$/u);
    expect(two.graphPath("denoiser", "line + shadow")).toMatch(/denoiser\.line-shadow\.onnx$/u);
    expect(() => two.graphPath("guided_upsampler", "line")).toThrow(
      modelError("ERR_MODEL_NOT_FOUND", "has no guided_upsampler"),
    );
    const one = await buildModelPackage({
      directory: join(root, "one"),
      config,
      weights: { ...weights, styles: { line: weights.styles.line! } },
      info,
    });
    expect(one.styles).toEqual(["line"]);
    expect(() => one.graphPath("denoiser", "line + shadow")).toThrow(
      modelError("ERR_MODEL_NOT_FOUND", 'it has the styles "line"'),
    );
  });
});

describe("building", () => {
  it("leaves an existing folder alone unless asked to replace it, and leaves nothing behind", async () => {
    await expect(buildPresetPackage({ directory: folder, preset: "tiny", seed: 3 })).rejects.toThrow(
      modelError("ERR_OUTPUT_EXISTS", folder),
    );
    await openModelPackage(folder);
    writeFileSync(join(folder, "notes.txt"), "a user's");
    writeFileSync(join(folder, "old.onnx"), "old");
    await buildPresetPackage({ directory: folder, preset: "tiny", seed: 3, overwrite: true });
    expect((await openModelPackage(folder)).manifest.version).toMatch(/-seed\.3$/u);
    expect(existsSync(join(folder, "old.onnx"))).toBe(false);
    expect(readFileSync(join(folder, "notes.txt"), "utf8")).toBe("a user's");
    expect(readdirSync(root).filter((name) => name.startsWith("."))).toEqual([]);
  });

  it("names weights that do not fit, before it writes anything", async () => {
    const weights = presetWeights(PRESETS.tiny, 1);
    const extra = givenWeights({ "encoder.conv_in.bias": { dims: [9], data: new Float32Array(9) } }, "a bad file");
    const directory = join(root, "bad");
    const info = { name: "bad", version: "1", licence: "CC0-1.0", trained: false };
    const attempt = buildModelPackage({
      directory,
      config: PRESETS.tiny,
      weights: { ...weights, vae: overlay(weights.vae, extra) },
      info,
    });
    await expect(attempt).rejects.toThrow(
      modelError("ERR_MODEL_WEIGHTS", "a bad file", "encoder.conv_in.bias: has the shape [9], expected [8]"),
    );
    expect(existsSync(directory)).toBe(false);
  });

  it("refuses a manifest that could not be opened", async () => {
    const config = { ...PRESETS.tiny, buckets: [[100, 96]] as const };
    const info = { name: "", version: "1", licence: "CC0-1.0", trained: false };
    const attempt = buildModelPackage({
      directory: join(root, "bad"),
      config,
      weights: presetWeights(config, 1),
      info,
    });
    await expect(attempt).rejects.toThrow(
      modelError("ERR_MODEL_MANIFEST", "name: must not be empty", "buckets.0.0: must be a multiple of 32"),
    );
  });
});

describe("opening", () => {
  it("wants a folder with a manifest", async () => {
    await expect(openModelPackage(join(root, "nowhere"))).rejects.toThrow(
      modelError("ERR_MODEL_NOT_FOUND", "is not a model package"),
    );
  });

  it("says which file is damaged, missing or foreign, all at once", async () => {
    const denoiser = join(folder, "denoiser.onnx");
    const bytes = readFileSync(denoiser);
    bytes[bytes.length - 100]! ^= 1;
    writeFileSync(denoiser, bytes);
    truncateSync(join(folder, "vae_encoder.onnx"), 1000);
    rmSync(join(folder, "vae_decoder.onnx"));
    writeFileSync(join(folder, "stranger.onnx"), "x");
    mkdirSync(join(folder, "sub"));
    rmSync(join(folder, "line_extractor.onnx"));
    symlinkSync(join(built, "line_extractor.onnx"), join(folder, "line_extractor.onnx"));
    await expect(openModelPackage(folder)).rejects.toThrow(
      modelError(
        "ERR_MODEL_FILE",
        "denoiser.onnx: damaged, expected SHA-256",
        "vae_encoder.onnx: damaged, expected",
        "bytes and found 1000",
        "vae_decoder.onnx: missing",
        "stranger.onnx: foreign",
        "sub: foreign",
        "line_extractor.onnx: foreign, expected a plain file and found a symbolic link",
      ),
    );
  });

  it("skips hashing only when told so, and lets texts and hidden files lie beside", async () => {
    for (const name of ["LICENSE", "README.md", "training.txt", ".gitattributes"])
      writeFileSync(join(folder, name), "text");
    await openModelPackage(folder);
    const path = join(folder, "denoiser.onnx");
    const bytes = readFileSync(path);
    bytes[50]! ^= 1;
    writeFileSync(path, bytes);
    await openModelPackage(folder, { verify: false });
    await expect(openModelPackage(folder)).rejects.toThrow(modelError("ERR_MODEL_FILE", "denoiser.onnx"));
  });

  it.each<[string, string, (manifest: Record<string, never> & ModelManifest) => void]>([
    [
      "a newer format",
      "formatVersion: must be 1, 2 or 3; a newer format needs a newer version of cobra-batch",
      (manifest) => Object.assign(manifest, { formatVersion: 4 }),
    ],
    [
      "quantized weights in a format that has none",
      "formatVersion: is 1 although there is `quantization`",
      (manifest) =>
        Object.assign(manifest, { quantization: { scheme: "int8", blockSize: 32, madeFrom: "0".repeat(64) } }),
    ],
    [
      "weights apart in a format that has none",
      "formatVersion: is 1 although there is `graphs.weights`",
      (manifest) => Object.assign(manifest.graphs, { weights: { shared: { vae: "vae.onnx" }, styles: {} } }),
    ],
    [
      "weights that are no listed file",
      'graphs.weights.shared.vae: names "vae.onnx", which `files` does not list',
      (manifest) => Object.assign(manifest.graphs, { weights: { shared: { vae: "vae.onnx" }, styles: {} } }),
    ],
    [
      "weights apart of one style only",
      "graphs.weights.styles.line: is missing although there are weights apart",
      (manifest) => Object.assign(manifest.graphs, { weights: { shared: { vae: "denoiser.onnx" }, styles: {} } }),
    ],
    [
      "weights of no upsampler",
      "graphs.weights.styles.line.upsampler: is missing although the style has a guided_upsampler",
      (manifest) =>
        Object.assign(manifest.graphs, {
          weights: { shared: { vae: "denoiser.onnx" }, styles: { line: { transformer: "denoiser.onnx" } } },
        }),
    ],
    ["an unknown field", "colour", (manifest) => Object.assign(manifest, { colour: 1 })],
    [
      "a path out of the folder",
      "must be a plain file name",
      (manifest) => Object.assign(manifest.graphs.shared, { vae_encoder: "../vae_encoder.onnx" }),
    ],
    [
      "an absolute path",
      "must be a plain file name",
      (manifest) => Object.assign(manifest.files, { "/etc/passwd": { bytes: 1, sha256: "0".repeat(64) } }),
    ],
    [
      "the manifest as a file",
      "must not be the manifest itself",
      (manifest) => Object.assign(manifest.graphs.shared, { vae_encoder: "manifest.json" }),
    ],
    [
      "a graph that is no listed file",
      'graphs.shared.vae_encoder: names "other.onnx", which `files` does not list',
      (manifest) => Object.assign(manifest.graphs.shared, { vae_encoder: "other.onnx" }),
    ],
    [
      "a name of JavaScript's own",
      'names "constructor"',
      (manifest) => Object.assign(manifest.graphs.shared, { vae_encoder: "constructor" }),
    ],
    [
      "no style",
      "graphs.styles: must have at least one style",
      (manifest) => Object.assign(manifest.graphs, { styles: {} }),
    ],
    [
      "an upsampler without a graph",
      "guided_upsampler: is missing although `upsampler` is given",
      (manifest) => delete manifest.graphs.styles.line!.guided_upsampler,
    ],
    [
      "a bucket off the grid",
      "buckets.1.0: must be a multiple of 32",
      (manifest) => Object.assign(manifest.buckets, { 1: [100, 128] }),
    ],
    [
      "a scale the VAE cannot take",
      "upsampler.scale: times bucket 0 (96 x 96) must give multiples of 8",
      (manifest) => Object.assign(manifest, { upsampler: { scale: 1.3 } }),
    ],
    ["an unknown form of hints", "hints: Invalid option", (manifest) => Object.assign(manifest, { hints: "circles" })],
    [
      "betas in the wrong order",
      "scheduler: needs betaStart < betaEnd < 1",
      (manifest) => Object.assign(manifest.scheduler, { betaStart: 0.5 }),
    ],
    [
      "a width the positions cannot have",
      "referenceKv.width: must be a multiple of 12",
      (manifest) => Object.assign(manifest.referenceKv, { width: 20 }),
    ],
  ])("refuses a manifest with %s", async (_, message, edit) => {
    editManifest(edit);
    await expect(openModelPackage(folder)).rejects.toThrow(
      modelError("ERR_MODEL_MANIFEST", message, join(folder, "manifest.json")),
    );
  });

  it("takes hints as squares where the manifest does not say, and as regions where it does", async () => {
    editManifest((manifest) => Object.assign(manifest, { hints: undefined }));
    expect((await openModelPackage(folder)).manifest.hints).toBe("squares");
    editManifest((manifest) => Object.assign(manifest, { hints: "regions" }));
    expect((await openModelPackage(folder)).manifest.hints).toBe("regions");
  });

  it("lists every fault of a manifest", () => {
    expect(() => parseManifest('{"formatVersion": 1, "name": 5}', "m.json")).toThrow(
      modelError("ERR_MODEL_MANIFEST", "name:", "version:", "buckets:", "files:"),
    );
    expect(() => parseManifest("{", "m.json")).toThrow(modelError("ERR_MODEL_MANIFEST", "m.json is not JSON"));
  });
});
