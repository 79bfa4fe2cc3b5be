/**
 * Runs the golden case pipeline_tiny/0 through an engine over a model package, and holds what comes out against the
 * original's values.
 */
import { expect } from "vitest";
import type { RasterImage } from "../../src/binding/index.js";
import type { Style } from "../../src/config/batch-config.js";
import { Engine } from "../../src/colorization/engine.js";
import { buildModelPackage, type BuildModelPackageOptions } from "../../src/convert/build-package.js";
import { PRESETS } from "../../src/convert/presets.js";
import type { ModelPackage } from "../../src/model/package.js";
import type { PageNoise } from "../../src/colorization/cobra/page-noise.js";
import type { ProbedRequest } from "../../src/colorization/cobra/raster-request.js";
import type { ChosenPatch } from "../../src/colorization/cobra/reference-blocks.js";
import { loadGolden, maxDifference } from "./golden.js";

export const pipelineCase = loadGolden("pipeline_tiny/0");
const floats = (name: string): Float32Array => pipelineCase.tensor(name).data;

/** Builds the package of the case's own weights. */
export function buildPipelinePackage(
  directory: string,
  how: Pick<BuildModelPackageOptions, "precision" | "externalDataAboveBytes">,
): Promise<ModelPackage> {
  const style = {
    main: pipelineCase.weights("transformer"),
    control: pipelineCase.weights("control"),
    upsampler: pipelineCase.weights("guided_upsampler"),
    prompt: {
      embeds: floats("prompt_embeds"),
      mask: [...floats("prompt_attention_mask")].map(Number),
    },
  };
  return buildModelPackage({
    directory,
    config: PRESETS.tiny,
    weights: {
      lineExtractor: pipelineCase.weights("line_extractor"),
      imageEncoder: pipelineCase.weights("image_encoder"),
      vae: pipelineCase.weights("vae"),
      styles: { "line + shadow": style },
    },
    info: { name: "golden", version: "1", licence: "CC0-1.0", trained: false },
    ...how,
  });
}

/** What a run gave: values in between by name, and the final picture. */
export interface PipelineRun {
  readonly values: ReadonlyMap<string, unknown>;
  readonly image: RasterImage;
}

/** How far a run may be from the original's values: of the case for float32, looser ones for half precision. */
export interface PipelineTolerance {
  readonly line: number;
  readonly latents: number;
  /** Of 255, largest and mean, of the pipeline's picture and of the final one. */
  readonly picture: number;
  readonly imageMax: number;
  readonly imageMean: number;
}

export const FLOAT32: PipelineTolerance = {
  line: 1,
  latents: pipelineCase.tolerance("latents_abs"),
  picture: 1,
  imageMax: pipelineCase.tolerance("image_max_abs"),
  imageMean: pipelineCase.tolerance("image_mean_abs"),
};

/** Mean difference of two pictures' samples. */
export function meanDifference(a: Uint8Array, b: Uint8Array): number {
  return a.reduce((sum, value, index) => sum + Math.abs(value - b[index]!), 0) / a.length;
}

/** The noise of the case; the references' is given too, so nothing comes from the mean. */
function givenNoise(): PageNoise {
  const { dims, data } = pipelineCase.tensor("noise_cond_refs");
  const each = data.length / dims[0]!;
  return {
    start: floats("noise_latents"),
    line: floats("noise_cond_input"),
    hint: floats("noise_hint_color"),
    upsampler: floats("noise_high_resolution"),
    references: Array.from({ length: dims[0]! }, (_, index) => data.slice(index * each, (index + 1) * each)),
  };
}

/** Colours the case's page. The engine is left open. */
export async function runPipeline(engine: Engine, style: Style = "line + shadow"): Promise<PipelineRun> {
  const values = new Map<string, unknown>();
  using references = engine.references([
    { name: "ref_0", image: await pipelineCase.image("ref_0") },
    { name: "ref_1", image: await pipelineCase.image("ref_1") },
  ]);
  const hints = (pipelineCase.config["hints_xy_rgb"] as [[number, number], [number, number, number]][]).map(
    ([[x, y], color]) => ({ x, y, color }),
  );
  const request: ProbedRequest = {
    page: await pipelineCase.image("page"),
    style,
    seed: 0,
    steps: pipelineCase.config["num_inference_steps"] as number,
    topK: pipelineCase.config["top_k"] as number,
    hints,
    ink: "model",
    noise: givenNoise(),
    onValue: (name, value) => values.set(name, value),
  };
  const result = await engine.colorize(references, request);
  expect(result.bucket).toEqual({ width: 96, height: 128 });
  return { values, image: result.image };
}

/** The line picture. */
export async function expectLines({ values }: PipelineRun, tolerance: PipelineTolerance): Promise<void> {
  const line = values.get("line") as RasterImage;
  expect(maxDifference(line.data, (await pipelineCase.picture("line_image_gray")).data)).toBeLessThanOrEqual(
    tolerance.line,
  );
}

/** The chosen patches, in their order, to the pixel. */
export async function expectPatches({ values }: PipelineRun): Promise<void> {
  const chosen = values.get("chosen") as ChosenPatch[];
  const order = [...pipelineCase.tensor("top_k").data].map(Number);
  expect(chosen.map(({ patch }) => patch.label)).toEqual(
    order.map((index) => `ref_${Math.floor(index / 5)}#${index % 5}`),
  );
  const wanted = await pipelineCase.pictures("selected_refs");
  chosen.forEach(({ patch }, index) => expect(maxDifference(patch.image.data, wanted[index]!.data)).toBe(0));
}

/** The latents of every step. */
export function expectLatents({ values }: PipelineRun, tolerance: PipelineTolerance): void {
  for (let step = 0; step < 4; step++) {
    expect(
      maxDifference(values.get(`latent_${step}`) as Float32Array, floats(`step${step}_latents_after`)),
      `step ${step}`,
    ).toBeLessThanOrEqual(tolerance.latents);
  }
  expect(maxDifference(values.get("latent") as Float32Array, floats("final_latents"))).toBeLessThanOrEqual(
    tolerance.latents,
  );
}

/** The pipeline's picture and the upsampled one. */
export async function expectPictures({ values, image }: PipelineRun, tolerance: PipelineTolerance): Promise<void> {
  expect(
    maxDifference((values.get("picture") as RasterImage).data, (await pipelineCase.picture("pipeline_image")).data),
  ).toBeLessThanOrEqual(tolerance.picture);
  const wanted = await pipelineCase.picture("high_resolution_image");
  expect([image.width, image.height]).toEqual([wanted.width, wanted.height]);
  expect(maxDifference(image.data, wanted.data)).toBeLessThanOrEqual(tolerance.imageMax);
  expect(meanDifference(image.data, wanted.data)).toBeLessThanOrEqual(tolerance.imageMean);
}
