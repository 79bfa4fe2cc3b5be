/**
 * Half precision against the original's float32 values: every network on its golden case, fed the exact inputs. The
 * tolerance is a share of the largest value; what was measured stands beside it.
 */
import { describe, expect, it } from "vitest";
import type { Graph } from "../../../src/onnx/graph-builder.js";
import { buildDenoiser } from "../../../src/convert/graphs/denoiser.js";
import { buildGuidedUpsampler } from "../../../src/convert/graphs/guided-upsampler.js";
import { buildImageEncoder } from "../../../src/convert/graphs/image-encoder.js";
import { buildReferenceEncoder } from "../../../src/convert/graphs/reference-encoder.js";
import { buildVaeDecoder, buildVaeEncoder } from "../../../src/convert/graphs/vae-graphs.js";
import { Weights } from "../../../src/onnx/weights.js";
import { imageEncoderConfig, transformerConfig, vaeConfig } from "../../support/golden-configs.js";
import { loadGolden, maxDifference } from "../../support/golden.js";
import { runGraph, type HostTensor } from "../../support/run-graph.js";

const half = { precision: "float16" } as const;
const pipeline = loadGolden("pipeline_tiny/0");
const transformer = transformerConfig(pipeline.config["transformer"] as Record<string, unknown>);
const prompt = { embeds: pipeline.tensor("prompt_embeds").data, mask: pipeline.tensor("prompt_attention_mask").data };
const main = (): Weights => new Weights(pipeline.weights("transformer"), "main");

/** Largest difference as a share of the largest value; fails for what is not finite. */
async function share(
  graph: Graph,
  inputs: Record<string, HostTensor>,
  output: string,
  expected: Float32Array,
): Promise<number> {
  const actual = (await runGraph(graph, inputs))[output]!.data;
  const largest = expected.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
  return maxDifference(actual.subarray(0, expected.length), expected) / largest;
}

function referenceInputs(): Record<string, HostTensor> {
  const latent = pipeline.tensor("cond_refs_latent");
  const count = latent.dims[0]!;
  const quadrant = Array.from(pipeline.tensor("n_ref_list").data).flatMap((times, at) => Array<number>(times).fill(at));
  const resolution = pipeline.tensor("resolution").data;
  return {
    latent,
    quadrant: { dims: [count], data: Float32Array.from(quadrant), dtype: "int64" },
    resolution: { dims: [count, 2], data: Float32Array.from({ length: 2 * count }, (_, at) => resolution[at % 2]!) },
  };
}

describe("half precision", () => {
  it("image_encoder", async () => {
    const golden = loadGolden("image_encoder/real");
    const graph = buildImageEncoder(imageEncoderConfig(golden.config), new Weights(golden.weights(), "clip"), half);
    const [input] = golden.names("inputs") as [string];
    expect(
      await share(
        graph,
        { pixels: golden.tensor(input) },
        "embedding",
        golden.tensor(golden.names("outputs").at(-1)!).data,
      ),
    ).toBeLessThan(0.005);
  });

  it("vae_encoder", async () => {
    const golden = loadGolden("vae_encoder/0");
    const graph = buildVaeEncoder(vaeConfig(golden.config), new Weights(golden.weights(), "vae"), half);
    expect(
      await share(
        graph,
        { image: golden.tensor("image"), noise: golden.tensor("noise") },
        "latent",
        golden.tensor("latent").data,
      ),
    ).toBeLessThan(0.005);
  });

  it("vae_decoder", async () => {
    const golden = loadGolden("vae_decoder/0");
    const graph = buildVaeDecoder(vaeConfig(golden.config), new Weights(golden.weights(), "vae"), half);
    expect(
      await share(graph, { latent: golden.tensor("latent") }, "image", golden.tensor("decoded").data),
    ).toBeLessThan(0.005);
  });

  it("guided_upsampler", async () => {
    const golden = loadGolden("guided_upsampler/as_original");
    const [weights, vae] = [new Weights(golden.weights(), "upsampler"), new Weights(golden.weights("vae"), "vae")];
    const graph = buildGuidedUpsampler(vaeConfig(golden.config["vae"] as Record<string, unknown>), weights, vae, half);
    expect(
      await share(
        graph,
        { color: golden.tensor("color"), line: golden.tensor("bw"), noise: golden.tensor("noise") },
        "image",
        golden.tensor("decoded").data,
      ),
    ).toBeLessThan(0.01);
  });

  it("reference_encoder and denoiser at every step", async () => {
    const encoded = (await runGraph(buildReferenceEncoder(transformer, main(), prompt, half), referenceInputs()))[
      "reference_kv"
    ]!;
    const exact = (await runGraph(buildReferenceEncoder(transformer, main(), prompt), referenceInputs()))[
      "reference_kv"
    ]!;
    const largest = exact.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(maxDifference(encoded.data, exact.data) / largest).toBeLessThan(0.005);
    const graph = buildDenoiser(
      transformer,
      { main: main(), control: new Weights(pipeline.weights("control"), "control") },
      prompt,
      half,
    );
    let latent: HostTensor = pipeline.tensor("noise_latents");
    for (const [step, timestep] of pipeline.tensor("timesteps").data.entries()) {
      const inputs = {
        latent,
        line_latent: pipeline.tensor("cond_input_latent"),
        hint_latent: pipeline.tensor("hint_color_latent"),
        hint_mask: pipeline.tensor("hint_mask_tensor"),
        timestep: { dims: [1], data: Float32Array.of(timestep) },
        resolution: pipeline.tensor("resolution"),
        reference_kv: { ...encoded, dims: [1, ...encoded.dims], dtype: "float16" as const },
      };
      const expected = pipeline.tensor(`step${step}_noise_pred_8ch`).data.subarray(0, latent.data.length);
      expect(await share(graph, inputs, "noise", expected), `step ${step}`).toBeLessThan(0.005);
      latent = pipeline.tensor(`step${step}_latents_after`);
    }
  });
});
