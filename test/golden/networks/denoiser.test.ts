/**
 * Whole graphs on the golden pipeline's weights and values: the denoiser's steps, the reference encoder, and what the
 * original has no case for: no reference, several pages at once, other sizes.
 */
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { buildDenoiser } from "../../../src/convert/graphs/denoiser.js";
import type { Prompt } from "../../../src/convert/graphs/prompt.js";
import { buildReferenceEncoder } from "../../../src/convert/graphs/reference-encoder.js";
import { widthOf } from "../../../src/convert/graphs/transformer-config.js";
import { Weights } from "../../../src/onnx/weights.js";
import { transformerConfig } from "../../support/golden-configs.js";
import { expectGolden, loadGolden, maxDifference } from "../../support/golden.js";
import { loadGraph, type HostTensor, type RunnableGraph } from "../../support/run-graph.js";

const golden = loadGolden("pipeline_tiny/0");
const config = transformerConfig(golden.config["transformer"] as Record<string, unknown>);
const width = widthOf(config);
const prompt: Prompt = {
  embeds: golden.tensor("prompt_embeds").data,
  mask: golden.tensor("prompt_attention_mask").data,
};
const TOLERANCE = 1e-3;

let denoiser: RunnableGraph;
let referenceEncoder: RunnableGraph;

beforeAll(async () => {
  const main = new Weights(golden.weights("transformer"), "main");
  const control = new Weights(golden.weights("control"), "control");
  denoiser = await loadGraph(buildDenoiser(config, { main, control }, prompt));
  referenceEncoder = await loadGraph(buildReferenceEncoder(config, main, prompt));
  main.check();
  control.check();
});
afterAll(() => {
  denoiser.close();
  referenceEncoder.close();
});

function stack(tensors: readonly HostTensor[]): HostTensor {
  const data = new Float32Array(tensors.reduce((sum, tensor) => sum + tensor.data.length, 0));
  let at = 0;
  for (const tensor of tensors) {
    data.set(tensor.data, at);
    at += tensor.data.length;
  }
  return {
    ...tensors[0]!,
    dims: [tensors.reduce((sum, tensor) => sum + tensor.dims[0]!, 0), ...tensors[0]!.dims.slice(1)],
    data,
  };
}

function noiseLike(dims: readonly number[], seed: number): HostTensor {
  const count = dims.reduce((product, size) => product * size, 1);
  return { dims, data: Float32Array.from({ length: count }, (_, at) => Math.sin(at * 12.9898 + seed * 78.233) * 1.5) };
}

async function referenceKv(): Promise<HostTensor> {
  const latent = golden.tensor("cond_refs_latent");
  const count = latent.dims[0]!;
  const quadrant = Array.from(golden.tensor("n_ref_list").data).flatMap((times, at) => Array<number>(times).fill(at));
  const resolution = golden.tensor("resolution");
  const outputs = await referenceEncoder.run({
    latent,
    quadrant: { dims: [count], data: Float32Array.from(quadrant), dtype: "int64" },
    resolution: stack(Array<HostTensor>(count).fill(resolution)),
  });
  const { dims, data } = outputs["reference_kv"]!;
  return { dims: [1, ...dims], data };
}

/** A page of h x w latent pixels with `references` patches, different for each seed. */
function page(height: number, across: number, references: number, seed: number): Record<string, HostTensor> {
  const latent = (part: number): HostTensor => noiseLike([1, 4, height, across], seed + part);
  return {
    latent: latent(1),
    line_latent: latent(2),
    hint_latent: latent(3),
    hint_mask: noiseLike([1, 1, height, across], seed + 4),
    timestep: { dims: [1], data: Float32Array.of(100 + seed) },
    resolution: { dims: [1, 2], data: Float32Array.of(8 * height, 16 * across) },
    reference_kv: noiseLike([1, references, config.layers, 2, (height / 4) * (across / 4), width], seed + 5),
  };
}

const run = async (inputs: Record<string, HostTensor>): Promise<HostTensor> => (await denoiser.run(inputs))["noise"]!;

describe("denoiser and reference encoder together", () => {
  it("give the golden pipeline's noise at every step", async () => {
    const kv = await referenceKv();
    const timesteps = golden.tensor("timesteps").data;
    let latent: HostTensor = golden.tensor("noise_latents");
    for (const [step, timestep] of timesteps.entries()) {
      const noise = await run({
        latent,
        line_latent: golden.tensor("cond_input_latent"),
        hint_latent: golden.tensor("hint_color_latent"),
        hint_mask: golden.tensor("hint_mask_tensor"),
        timestep: { dims: [1], data: Float32Array.of(timestep) },
        resolution: golden.tensor("resolution"),
        reference_kv: kv,
      });
      const expected = golden.tensor(`step${step}_noise_pred_8ch`).data.subarray(0, noise.data.length);
      expect(maxDifference(noise.data, expected), `step ${step}`).toBeLessThanOrEqual(TOLERANCE);
      latent = golden.tensor(`step${step}_latents_after`);
    }
  });

  it("give the golden pipeline's keys and values", async () => {
    const { dims, data } = await referenceKv();
    const [, count, layers, , tokens] = dims as [number, number, number, number, number, number];
    const size = tokens * width;
    for (let layer = 0; layer < layers; layer++) {
      for (const [kind, name] of [`K_${layer}`, `V_${layer}`].entries()) {
        const rows = Array.from({ length: count }, (_, index) =>
          data.subarray(((index * layers + layer) * 2 + kind) * size).subarray(0, size),
        );
        const joined = stack(rows.map((row) => ({ dims: [tokens, width], data: row })));
        expectGolden({ [name]: { ...joined, dims: [1, ...joined.dims] } }, golden, [name], TOLERANCE);
      }
    }
  });
});

describe("denoiser", () => {
  it("takes a page without references", async () => {
    const noise = await run(page(16, 12, 0, 1));
    expect(noise.dims).toEqual([1, 4, 16, 12]);
    expect(noise.data.every(Number.isFinite)).toBe(true);
    const other = await run(page(16, 12, 1, 1));
    expect(maxDifference(noise.data, other.data)).toBeGreaterThan(1e-3);
  });

  it.each([0, 3])("gives two pages of a batch what each gets alone, with %i references", async (references) => {
    const pages = [page(16, 12, references, 1), page(16, 12, references, 2)];
    const both = await run(
      Object.fromEntries(Object.keys(pages[0]!).map((name) => [name, stack(pages.map((one) => one[name]!))])),
    );
    const alone = stack([await run(pages[0]!), await run(pages[1]!)]);
    expect(both.dims).toEqual([2, 4, 16, 12]);
    expect(maxDifference(both.data, alone.data)).toBeLessThanOrEqual(1e-4);
  });

  it("does not mind the order of references", async () => {
    const inputs = page(12, 20, 3, 4);
    const kv = inputs["reference_kv"]!;
    const size = kv.data.length / 3;
    const turned = Float32Array.from(
      [2, 0, 1].flatMap((index) => Array.from(kv.data.subarray(index * size, (index + 1) * size))),
    );
    const [given, other] = [await run(inputs), await run({ ...inputs, reference_kv: { ...kv, data: turned } })];
    expect(maxDifference(given.data, other.data)).toBeLessThanOrEqual(1e-4);
  });
});

describe("reference encoder", () => {
  it("gives a patch the same alone and among others, and something else in another quadrant", async () => {
    const latents = [1, 2, 3, 4].map((seed) => noiseLike([1, 4, 8, 6], seed));
    const size: HostTensor = { dims: [1, 2], data: Float32Array.of(128, 192) };
    const encode = async (patches: readonly HostTensor[], quadrants: readonly number[]): Promise<Float32Array> => {
      const quadrant: HostTensor = { dims: [quadrants.length], data: Float32Array.from(quadrants), dtype: "int64" };
      return (
        await referenceEncoder.run({ latent: stack(patches), quadrant, resolution: stack(patches.map(() => size)) })
      )["reference_kv"]!.data;
    };
    const together = await encode(latents, [0, 1, 2, 3]);
    const each = together.length / 4;
    for (const [index, latent] of latents.entries()) {
      const alone = await encode([latent], [index]);
      expect(maxDifference(alone, together.subarray(index * each, (index + 1) * each))).toBeLessThanOrEqual(1e-4);
      expect(maxDifference(alone, await encode([latent], [(index + 1) % 4]))).toBeGreaterThan(1e-2);
    }
  });
});
