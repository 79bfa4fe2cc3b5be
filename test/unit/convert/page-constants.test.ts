/**
 * What depends on a page's size alone is stored in a graph that knows its sizes: the values are those that are computed
 * otherwise.
 */
import { describe, expect, it } from "vitest";
import type { Graph, GraphOptions } from "../../../src/onnx/graph-builder.js";
import { modelBytes } from "../../../src/onnx/model-file.js";
import { decodeModelProto } from "../../../src/onnx/schema.js";
import { peakActivationBytes } from "../../../src/model/graph-memory.js";
import { graphShapes } from "../../../src/model/graph-shapes.js";
import { buildDenoiser } from "../../../src/convert/graphs/denoiser.js";
import { buildReferenceEncoder } from "../../../src/convert/graphs/reference-encoder.js";
import { PRESETS } from "../../../src/convert/presets.js";
import { seededWeights } from "../../../src/convert/weights/sources.js";
import { Weights } from "../../../src/onnx/weights.js";
import { maxDifference } from "../../support/golden.js";
import { runGraph, type HostTensor } from "../../support/run-graph.js";

const config = PRESETS.tiny.transformer;
const prompt = { embeds: new Float32Array(48).fill(0.5), mask: [1, 0] };
const sizes = [
  [96, 96],
  [96, 160],
  [160, 96],
] as const;
const random = (label: string): Weights => new Weights(seededWeights(3), label);
const denoiser = (options: GraphOptions): Graph =>
  buildDenoiser(config, { main: random("main"), control: random("control") }, prompt, options);
const encoder = (options: GraphOptions): Graph => buildReferenceEncoder(config, random("main"), prompt, options);

function wave(dims: readonly number[], seed: number): HostTensor {
  const count = dims.reduce((product, size) => product * size, 1);
  return { dims, data: Float32Array.from({ length: count }, (_, at) => Math.sin(at * 1.3 + seed)) };
}

/** Two pages of one size. */
function page(across: number, height: number): Record<string, HostTensor> {
  const [h, w] = [height / 8, across / 8];
  return {
    latent: wave([2, 4, h, w], 1),
    line_latent: wave([2, 4, h, w], 2),
    hint_latent: wave([2, 4, h, w], 3),
    hint_mask: wave([2, 1, h, w], 4),
    timestep: { dims: [2], data: Float32Array.of(999, 1) },
    resolution: { dims: [2, 2], data: Float32Array.of(height, 2 * across, height, 2 * across) },
    reference_kv: wave([2, 1, 4, 2, (h / 4) * (w / 4), 24], 5),
  };
}

/** Operators of a graph that make positions and size conditions. */
const operators = (graph: Graph): string[] => graph.nodes.map((node) => node.opType);

describe("page sizes that a graph knows", () => {
  it.each(sizes)("denoiser at %i x %i", async (across, height) => {
    const [known, any] = [
      await runGraph(denoiser({ pageSizes: sizes }), page(across, height)),
      await runGraph(denoiser({}), page(across, height)),
    ];
    expect(maxDifference(known["noise"]!.data, any["noise"]!.data)).toBeLessThan(2e-5);
  });

  it.each(sizes)("reference encoder at %i x %i, all quadrants", async (across, height) => {
    const inputs: Record<string, HostTensor> = {
      latent: wave([4, 4, height / 16, across / 16], 1),
      quadrant: { dims: [4], data: Float32Array.of(0, 1, 2, 3), dtype: "int64" },
      resolution: {
        dims: [4, 2],
        data: Float32Array.from({ length: 8 }, (_, at) => (at % 2 === 0 ? height : 2 * across)),
      },
    };
    const [known, any] = [await runGraph(encoder({ pageSizes: sizes }), inputs), await runGraph(encoder({}), inputs)];
    expect(maxDifference(known["reference_kv"]!.data, any["reference_kv"]!.data)).toBeLessThan(2e-5);
  });

  it("computes nothing of them in a step: the sinusoids left are the time step's", () => {
    const count = (graph: Graph, ...types: string[]): number =>
      operators(graph).filter((type) => types.includes(type)).length;
    expect(count(denoiser({}), "Sin", "Cos")).toBe(16);
    // Main and control branch each embed the time step.
    expect(count(denoiser({ pageSizes: sizes }), "Sin", "Cos")).toBe(4);
    expect(count(encoder({ pageSizes: sizes }), "Sin", "Cos")).toBe(0);
    expect(encoder({ pageSizes: sizes }).constants.some(({ name }) => name.includes("adaln_single.linear"))).toBe(
      false,
    );
  });

  it("changes no shape that the memory's estimate goes by", () => {
    const inputs = Object.fromEntries(Object.entries(page(96, 160)).map(([name, { dims }]) => [name, dims]));
    const bytes = (options: GraphOptions): number =>
      peakActivationBytes(decodeModelProto(modelBytes(denoiser(options))), inputs, 4);
    expect(
      graphShapes(decodeModelProto(modelBytes(denoiser({ pageSizes: sizes }))), inputs).get("noise")?.dims,
    ).toEqual([2, 4, 20, 12]);
    expect(bytes({ pageSizes: sizes }) / bytes({})).toBeCloseTo(1, 1);
  });

  it("has no attention to the prompt where one token is kept, and constant keys and values where more are", () => {
    const attentions = (mask: number[]): number =>
      operators(buildReferenceEncoder(config, random("main"), { embeds: prompt.embeds, mask })).filter(
        (type) => type === "MultiHeadAttention",
      ).length;
    const names = (mask: number[]): string[] =>
      buildReferenceEncoder(config, random("main"), { embeds: prompt.embeds, mask }).constants.map(({ name }) => name);
    expect(attentions([1, 1]) - attentions([1, 0])).toBe(config.layers - 1);
    expect(
      names([1, 0])
        .filter((name) => name.includes("attn2"))
        .every((name) => name.endsWith("attn2.folded")),
    ).toBe(true);
    expect(
      names([1, 1])
        .filter((name) => /attn2\.to_[kv]/u.test(name))
        .every((name) => name.endsWith("#prompt")),
    ).toBe(true);
    expect([...names([1, 0]), ...names([1, 1])].some((name) => name.includes("caption_projection"))).toBe(false);
  });

  it("gives nothing that could be taken for a picture at a size that it does not know, and still runs", async () => {
    for (const [across, height] of [
      [128, 128],
      [32, 32],
    ] as const) {
      const { noise } = await runGraph(denoiser({ pageSizes: sizes }), page(across, height));
      expect(noise!.data.every(Number.isNaN)).toBe(true);
    }
  });
});
