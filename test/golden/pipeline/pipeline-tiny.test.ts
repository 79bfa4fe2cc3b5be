// The whole page pipeline against the original's values in between and at the end (golden case pipeline_tiny/0), through a
// real package on disk, real sessions and the real worker pool.
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { RasterImage } from "../../../src/binding/index.js";
import { Engine } from "../../../src/colorization/engine.js";
import type { PageNoise } from "../../../src/colorization/page-noise.js";
import type { ChosenPatch } from "../../../src/colorization/references.js";
import { buildModelPackage, PRESETS } from "../../../src/model/index.js";
import { loadGolden, maxDifference } from "../../support/golden.js";

const golden = loadGolden("pipeline_tiny/0");
const floats = (name: string): Float32Array => golden.tensor(name).data as Float32Array;

function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]!), 0) / a.length;
}

/** The noise of the case; the references' is given too, so nothing comes from the mean. */
function givenNoise(): PageNoise {
  const { dims, data } = golden.tensor("noise_cond_refs");
  const each = data.length / dims[0]!;
  return {
    start: floats("noise_latents"),
    line: floats("noise_cond_input"),
    hint: floats("noise_hint_color"),
    upsampler: floats("noise_high_resolution"),
    references: Array.from({ length: dims[0]! }, (_, index) => (data as Float32Array).slice(index * each, (index + 1) * each)),
  };
}

describe("the page pipeline, pipeline_tiny/0", () => {
  let folder: string;
  let engine: Engine;
  const values = new Map<string, unknown>();
  let image: RasterImage;

  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), "cobra-pipeline-"));
    const style = {
      main: golden.weights("transformer"),
      control: golden.weights("control"),
      upsampler: golden.weights("guided_upsampler"),
      prompt: { embeds: floats("prompt_embeds"), mask: [...golden.tensor("prompt_attention_mask").data].map(Number) },
    };
    await buildModelPackage({
      directory: join(folder, "model"),
      config: PRESETS.tiny,
      weights: { lineExtractor: golden.weights("line_extractor"), imageEncoder: golden.weights("image_encoder"), vae: golden.weights("vae"), styles: { "line + shadow": style } },
      info: { name: "golden", version: "1", licence: "CC0-1.0", trained: false },
    });
    engine = await Engine.open({ model: join(folder, "model") });
    using references = engine.references([
      { name: "ref_0", image: await golden.image("ref_0") },
      { name: "ref_1", image: await golden.image("ref_1") },
    ]);
    const hints = (golden.config["hints_xy_rgb"] as [[number, number], [number, number, number]][]).map(([[x, y], color]) => ({ x, y, color }));
    const result = await engine.colorize(references, {
      page: await golden.image("page"),
      style: "line + shadow",
      seed: 0,
      steps: golden.config["num_inference_steps"] as number,
      topK: golden.config["top_k"] as number,
      hints,
      ink: "model",
      noise: givenNoise(),
      onValue: (name, value) => values.set(name, value),
    });
    expect(result.bucket).toEqual({ width: 96, height: 128 });
    image = result.image;
  });

  afterAll(async () => {
    await engine?.close();
    await rm(folder, { recursive: true, force: true });
  });

  it("extracts the line picture", async () => {
    const line = values.get("line") as RasterImage;
    expect(maxDifference(line.data, (await golden.picture("line_image_gray")).data)).toBeLessThanOrEqual(1);
  });

  it("chooses the same patches in the same order, with the same pixels", async () => {
    const chosen = values.get("chosen") as ChosenPatch[];
    const order = [...golden.tensor("top_k").data].map(Number);
    expect(chosen.map(({ patch }) => patch.label)).toEqual(order.map((index) => `ref_${Math.floor(index / 5)}#${index % 5}`));
    const wanted = await golden.pictures("selected_refs");
    chosen.forEach(({ patch }, index) => expect(maxDifference(patch.image.data, wanted[index]!.data)).toBe(0));
  });

  it("gives the latents of every step", () => {
    for (let step = 0; step < 4; step++) {
      expect(maxDifference(values.get(`latent_${step}`) as Float32Array, floats(`step${step}_latents_after`))).toBeLessThanOrEqual(golden.tolerance("latents_abs"));
    }
    expect(maxDifference(values.get("latent") as Float32Array, floats("final_latents"))).toBeLessThanOrEqual(golden.tolerance("latents_abs"));
  });

  it("gives the pipeline's picture and the upsampled one", async () => {
    expect(maxDifference((values.get("picture") as RasterImage).data, (await golden.picture("pipeline_image")).data)).toBeLessThanOrEqual(1);
    const wanted = await golden.picture("high_resolution_image");
    expect([image.width, image.height]).toEqual([wanted.width, wanted.height]);
    expect(maxDifference(image.data, wanted.data)).toBeLessThanOrEqual(golden.tolerance("image_max_abs"));
    expect(meanDifference(image.data, wanted.data)).toBeLessThanOrEqual(golden.tolerance("image_mean_abs"));
  });
});
