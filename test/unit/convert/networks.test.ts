/** The networks beyond the golden cases: half precision, other sizes, configs that cannot be. */
import { describe, expect, it } from "vitest";
import type { Graph } from "../../../src/onnx/graph-builder.js";
import { buildDenoiser } from "../../../src/convert/graphs/denoiser.js";
import { buildGuidedUpsampler } from "../../../src/convert/graphs/guided-upsampler.js";
import { buildImageEncoder } from "../../../src/convert/graphs/image-encoder.js";
import { buildLineExtractor } from "../../../src/convert/graphs/line-extractor.js";
import { buildReferenceEncoder } from "../../../src/convert/graphs/reference-encoder.js";
import { buildVaeDecoder, buildVaeEncoder } from "../../../src/convert/graphs/vae-graphs.js";
import { PRESETS } from "../../../src/convert/presets.js";
import { seededWeights } from "../../../src/convert/weights/sources.js";
import { Weights } from "../../../src/onnx/weights.js";
import { maxDifference } from "../../support/golden.js";
import { runGraph, type HostTensor } from "../../support/run-graph.js";

const config = PRESETS.tiny;
const prompt = { embeds: new Float32Array(48).fill(0.5), mask: [1, 0] };
const random = (label: string): Weights => new Weights(seededWeights(1), label);

function wave(dims: readonly number[], scale = 1): HostTensor {
  const count = dims.reduce((product, size) => product * size, 1);
  return { dims, data: Float32Array.from({ length: count }, (_, at) => scale * Math.sin(at * 1.3 + Math.sin(at))) };
}

type Precision = "float32" | "float16";
interface Example {
  readonly build: (precision: Precision) => Graph;
  /** Float inputs; all but `reference_kv` are float32 in every precision. */
  readonly inputs: Record<string, HostTensor>;
  /** Inputs that are the same in every precision. */
  readonly fixed?: Record<string, HostTensor>;
  readonly output: readonly [name: string, dims: readonly number[]];
  /** Largest difference of half precision, against the largest value. */
  readonly half: number;
}

const resolution = (count: number): HostTensor => ({
  dims: [count, 2],
  data: Float32Array.from({ length: 2 * count }, (_, at) => (at % 2 === 0 ? 96 : 320)),
});
const { transformer } = config;

/** Pages of 160 x 96 pixels: sizes that no golden case has. */
const examples: Record<string, Example> = {
  line_extractor: {
    build: (precision) => buildLineExtractor(config.lineExtractor, random("line"), { precision }),
    inputs: {
      gray: { ...wave([2, 1, 96, 160]), data: wave([2, 1, 96, 160]).data.map((value) => 127.5 + 127.5 * value) },
    },
    output: ["line", [2, 1, 96, 160]],
    half: 0.02,
  },
  image_encoder: {
    build: (precision) => buildImageEncoder(config.imageEncoder, random("clip"), { precision }),
    inputs: { pixels: wave([3, 3, 28, 28]) },
    output: ["embedding", [3, 16]],
    half: 0.01,
  },
  vae_encoder: {
    build: (precision) => buildVaeEncoder(config.vae, random("vae"), { precision }),
    inputs: { image: wave([2, 3, 96, 160]), noise: wave([2, 4, 12, 20]) },
    output: ["latent", [2, 4, 12, 20]],
    half: 0.01,
  },
  vae_decoder: {
    build: (precision) => buildVaeDecoder(config.vae, random("vae"), { precision }),
    inputs: { latent: wave([2, 4, 12, 20]) },
    output: ["image", [2, 3, 96, 160]],
    half: 0.01,
  },
  guided_upsampler: {
    build: (precision) => buildGuidedUpsampler(config.vae, random("upsampler"), random("vae"), { precision }),
    inputs: { color: wave([1, 3, 144, 240]), line: wave([1, 3, 144, 240]), noise: wave([1, 4, 18, 30]) },
    output: ["image", [1, 3, 144, 240]],
    half: 0.02,
  },
  reference_encoder: {
    build: (precision) => buildReferenceEncoder(transformer, random("main"), prompt, { precision }),
    inputs: { latent: wave([2, 4, 6 * 2, 10 * 2]) },
    fixed: { quadrant: { dims: [2], data: Float32Array.of(0, 3), dtype: "int64" }, resolution: resolution(2) },
    output: ["reference_kv", [2, 4, 2, 60, 24]],
    half: 0.01,
  },
  denoiser: {
    build: (precision) =>
      buildDenoiser(transformer, { main: random("main"), control: random("control") }, prompt, { precision }),
    inputs: {
      latent: wave([2, 4, 12, 20]),
      line_latent: wave([2, 4, 12, 20], 0.5),
      hint_latent: wave([2, 4, 12, 20], 0.7),
      hint_mask: wave([2, 1, 12, 20]),
      reference_kv: wave([2, 3, 4, 2, 15, 24]),
    },
    fixed: { timestep: { dims: [2], data: Float32Array.of(999, 1) }, resolution: resolution(2) },
    output: ["noise", [2, 4, 12, 20]],
    half: 0.02,
  },
};

describe.each(Object.entries(examples))("%s", (_, example) => {
  it("takes sizes and batches that no golden case has, in half precision too", async () => {
    const run = async (precision: Precision): Promise<HostTensor> => {
      const own = Object.fromEntries(
        Object.entries(example.inputs).map(([name, tensor]) => [
          name,
          name === "reference_kv" ? { ...tensor, dtype: precision } : tensor,
        ]),
      );
      return (await runGraph(example.build(precision), { ...own, ...example.fixed }))[example.output[0]]!;
    };
    const [full, half] = [await run("float32"), await run("float16")];
    expect(full.dims).toEqual(example.output[1]);
    expect(half.dims).toEqual(full.dims);
    expect(full.data.every(Number.isFinite)).toBe(true);
    const largest = full.data.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    expect(largest).toBeGreaterThan(1e-2);
    const difference = maxDifference(half.data, full.data);
    expect(difference).toBeGreaterThan(0);
    expect(difference / largest).toBeLessThan(example.half);
  });
});

describe("configs that cannot be built", () => {
  const cannot = (text: string): object =>
    expect.objectContaining({ code: "ERR_MODEL_GRAPH", message: expect.stringContaining(text) as string }) as object;

  it.each<[string, () => Graph, string]>([
    [
      "a transformer whose width positions cannot have",
      () => buildReferenceEncoder({ ...transformer, headSize: 10 }, random("main"), prompt),
      "width 20 (2 heads of 10) must be a multiple of 12",
    ],
    [
      "more control layers than layers",
      () => buildReferenceEncoder({ ...transformer, controlLayers: 5 }, random("main"), prompt),
      "5 control layers for 4 layers",
    ],
    [
      "a prompt of the wrong size",
      () => buildReferenceEncoder(transformer, random("main"), { embeds: new Float32Array(47), mask: [1, 1] }),
      "47 values and 2 mask entries; it needs 24",
    ],
    [
      "a prompt of which nothing is kept",
      () => buildReferenceEncoder(transformer, random("main"), { ...prompt, mask: [0, 0] }),
      "is all zeros",
    ],
    [
      "one label for two sources",
      () => buildDenoiser(transformer, { main: random("a"), control: random("a") }, prompt),
      "labelled a",
    ],
    [
      "VAE channels that groups do not divide",
      () => buildVaeEncoder({ ...config.vae, groups: 5 }, random("vae")),
      "a multiple of the 5 groups",
    ],
    [
      "a picture that patches do not divide",
      () => buildImageEncoder({ ...config.imageEncoder, imageSize: 30 }, random("clip")),
      "image 30 must be a multiple of patch 14",
    ],
    [
      "a line network of four levels",
      () => buildLineExtractor({ ...config.lineExtractor, channels: [4, 8, 12, 16] }, random("line")),
      "it takes 5, 5 and 4",
    ],
  ])("%s", (_, build, text) => {
    expect(build).toThrow(cannot(text));
  });
});
