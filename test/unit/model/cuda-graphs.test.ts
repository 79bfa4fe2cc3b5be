/**
 * Graphs rewritten for CUDA: what is found and what it becomes; and that they compute the same, by their meaning in
 * plain operators (GroupNorm and NhwcConv have no kernels on the CPU).
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { buildGuidedUpsampler } from "../../../src/convert/graphs/guided-upsampler.js";
import { buildLineExtractor } from "../../../src/convert/graphs/line-extractor.js";
import type { VaeConfig } from "../../../src/convert/graphs/vae.js";
import { buildVaeDecoder, buildVaeEncoder } from "../../../src/convert/graphs/vae-graphs.js";
import { buildWeightsGraph } from "../../../src/convert/graphs/weights-graph.js";
import { PRESETS } from "../../../src/convert/presets.js";
import { seededWeights } from "../../../src/convert/weights/sources.js";
import { cudaModel, cudaModelBytes, type CudaLayout } from "../../../src/model/cuda-graphs.js";
import { readGraph } from "../../../src/model/read-graph.js";
import type { Graph, GraphOptions } from "../../../src/onnx/graph-builder.js";
import { modelBytes, writeModel, WeightFile } from "../../../src/onnx/model-file.js";
import {
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  decodeModelProto,
  encodeModelProto,
  type AttributeProto,
  type ModelProto,
  type NodeProto,
} from "../../../src/onnx/schema.js";
import { Weights } from "../../../src/onnx/weights.js";
import { maxDifference } from "../../support/golden.js";
import { loadGraph, runGraph, type HostTensor } from "../../support/run-graph.js";

const VAE: VaeConfig = { channels: [8, 16], layersPerBlock: 1, groups: 4, latentChannels: 4, scalingFactor: 0.5 };
const vae = (): Weights => new Weights(seededWeights(1), "vae");
const wave = (...dims: number[]): HostTensor => ({
  dims,
  data: Float32Array.from({ length: dims.reduce((product, size) => product * size) }, (_, at) => Math.sin(at * 0.37)),
});
const BUILD: Record<string, (options: GraphOptions, config?: VaeConfig) => Graph> = {
  vae_encoder: (options, config = VAE) => buildVaeEncoder(config, vae(), options),
  vae_decoder: (options, config = VAE) => buildVaeDecoder(config, vae(), options),
  guided_upsampler: (options, config = VAE) =>
    buildGuidedUpsampler(config, new Weights(seededWeights(2), "upsampler"), vae(), options),
};
const INPUTS: Record<string, Record<string, HostTensor>> = {
  vae_encoder: { image: wave(2, 3, 16, 12), noise: wave(2, 4, 8, 6) },
  vae_decoder: { latent: wave(2, 4, 8, 6) },
  guided_upsampler: { color: wave(1, 3, 16, 12), line: wave(1, 3, 16, 12), noise: wave(1, 4, 8, 6) },
};
/** Norms: two a residual block, one before attention, one at the end. The upsampler encodes two pictures. */
const NORMS: Record<string, number> = { vae_encoder: 10, vae_decoder: 14, guided_upsampler: 24 + 4 };

/** And the largest difference as a share of the largest value. */
const CASES = [
  ["float32", "group norms", 1e-5],
  ["float16", "channels last", 0.01],
] as const;

const count = ({ graph }: ModelProto, ...types: string[]): number =>
  graph.node.filter(({ opType }) => types.includes(opType)).length;

function rewritten(graph: Graph, layout: CudaLayout): ModelProto {
  return cudaModel(decodeModelProto(modelBytes(graph)), layout)!;
}

for (const [name, build] of Object.entries(BUILD)) {
  for (const precision of ["float32", "float16"] as const)
    it(`${name} in ${precision} has all its group norms found, with their SiLU`, () => {
      const graph = build({ precision });
      const before = decodeModelProto(modelBytes(graph));
      for (const layout of ["group norms", "constant weights", "channels last"] as const) {
        const model = rewritten(graph, layout);
        expect(count(model, "GroupNorm")).toBe(NORMS[name]);
        expect(count(model, "InstanceNormalization")).toBe(count(before, "InstanceNormalization") - NORMS[name]!);
        expect(count(model, "QuickGelu")).toBe(0);
        expect(count(model, "NhwcConv") > 0).toBe(precision === "float16" && layout === "channels last");
      }
    });

  it.each(CASES)(`${name} in %s computes the same with %s`, async (precision, layout, most) => {
    const graph = build({ precision });
    const expected = Object.values(await runGraph(graph, INPUTS[name]!))[0]!;
    const model = encodeModelProto(inPlainOperators(rewritten(graph, layout)));
    const actual = Object.values(await runGraph(model, INPUTS[name]!))[0]!;
    expect(actual.dims).toEqual(expected.dims);
    const largest = expected.data.reduce((sum, value) => Math.max(sum, Math.abs(value)), 0);
    expect(maxDifference(actual.data, expected.data) / largest).toBeLessThan(most);
  });
}

it("leaves no transposes between operators that have channels last", () => {
  const graph = BUILD.vae_decoder!({ precision: "float16" }, { ...VAE, channels: [8, 16, 16] });
  const types = rewritten(graph, "channels last").graph.node;
  const weights = new Set(types.filter(({ opType }) => opType === "NhwcConv").map(({ input }) => input[1]));
  const transposes = types.filter(({ opType, output }) => opType === "Transpose" && !weights.has(output[0]));
  // After the first convolution, which has 4 channels; around attention, which has two of its own; before the last one.
  expect(transposes.map(({ output }) => output[0])).toHaveLength(2 + 2 + 2 + 1);
});

it("takes the published sizes whole, and leaves groups of an odd number of channels", () => {
  const norms = (config: VaeConfig): number =>
    count(
      rewritten(BUILD.vae_encoder!({ precision: "float16", weightsAsInputs: true }, config), "group norms"),
      "GroupNorm",
    );
  expect(norms(PRESETS.full.vae)).toBe(22);
  // Groups of three channels: the second level's, but its first norm.
  expect(norms(PRESETS.tiny.vae)).toBe(22 - 3 - 1);
});

it("makes constants of weights that are stored as they are taken", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cobra-cuda-graphs-"));
  try {
    const graph = BUILD.vae_decoder!({ precision: "float16", weightsAsInputs: true });
    await using file = await WeightFile.create(join(folder, "weights.bin"));
    await writeModel(buildWeightsGraph(graph.weights, "vae"), join(folder, "vae.onnx"), file);
    const stored = readGraph(join(folder, "vae.onnx"));
    const model = cudaModel(decodeModelProto(modelBytes(graph)), "channels last", [stored])!;
    expect(model.graph.input.map(({ name }) => name)).toEqual(["latent"]);
    expect(count(model, "NhwcConv")).toBeGreaterThan(10);
    expect(model.graph.initializer.some(({ externalData }) => externalData?.[0]?.value === "weights.bin")).toBe(true);
    const inside = await runGraph(BUILD.vae_decoder!({ precision: "float16" }), INPUTS.vae_decoder!);
    const config = { "session.model_external_initializers_file_folder_path": folder };
    const loaded = await loadGraph(encodeModelProto(inPlainOperators(model)), { config });
    const { image } = await loaded.run(INPUTS.vae_decoder!);
    loaded.close();
    expect(maxDifference(image!.data, inside.image!.data)).toBeLessThan(0.01);
    // Without them, as inputs, CUDA has no convolution with channels last.
    expect(count(rewritten(graph, "channels last"), "NhwcConv")).toBe(0);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

it("leaves other graphs as they are", () => {
  const line = buildLineExtractor(PRESETS.tiny.lineExtractor, new Weights(seededWeights(3), "line"));
  expect(cudaModel(decodeModelProto(modelBytes(line)))).toBeUndefined();
  const bytes = modelBytes(line);
  expect(cudaModelBytes(bytes)).toBe(bytes);
  expect(cudaModel(decodeModelProto(modelBytes(BUILD.vae_decoder!({}))), "as stored")).toBeUndefined();
});

/** The model with what GroupNorm and NhwcConv mean (onnxruntime's docs/ContribOperators.md) in their place. */
function inPlainOperators({ graph, ...model }: ModelProto): ModelProto {
  const initializer = [...graph.initializer];
  const int64s = (name: string, values: number[]): string => {
    const rawData = new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    initializer.push({ name, dims: [values.length], dataType: DATA_TYPE.int64, rawData });
    return name;
  };
  const floats = (name: string, values: number[]): string => {
    const rawData = new Uint8Array(Float32Array.from(values).buffer);
    initializer.push({ name, dims: [values.length], dataType: DATA_TYPE.float32, rawData });
    return name;
  };
  const node = graph.node.flatMap((one) => {
    const [y] = one.output as [string];
    let made = 0;
    const nodes: NodeProto[] = [];
    const add = (
      opType: string,
      input: string[],
      attribute: AttributeProto[] = [],
      output = `${y}~${made++}`,
    ): string => {
      nodes.push({ opType, input, output: [output], name: output, attribute, domain: "" });
      return output;
    };
    const perm = (ints: number[]): AttributeProto[] => [{ name: "perm", type: ATTRIBUTE_TYPE.ints, ints }];
    const to = (type: number): AttributeProto[] => [{ name: "to", type: ATTRIBUTE_TYPE.int, i: type }];
    if (one.opType === "NhwcConv") {
      const [x, w, ...bias] = one.input as [string, string, ...string[]];
      const inputs = [add("Transpose", [x], perm([0, 3, 1, 2])), add("Transpose", [w], perm([0, 3, 1, 2])), ...bias];
      add("Transpose", [add("Conv", inputs, [...one.attribute])], perm([0, 2, 3, 1]), y);
      return nodes;
    }
    if (one.opType !== "GroupNorm") return [one];
    const value = (name: string): AttributeProto => one.attribute.find((attribute) => attribute.name === name)!;
    const groups = value("groups").i!;
    expect(value("channels_last").i).toBe(1);
    const [x, gamma, beta] = one.input as [string, string, string];
    const first = add("Cast", [add("Transpose", [x], perm([0, 3, 1, 2]))], to(DATA_TYPE.float32));
    const grouped = add("Reshape", [first, int64s(`${y}~groups`, [0, groups, -1])]);
    const [ones, zeros] = [1, 0].map((fill) => floats(`${y}~${fill}s`, Array<number>(groups).fill(fill))) as [
      string,
      string,
    ];
    const normal = add("InstanceNormalization", [grouped, ones, zeros], [value("epsilon")]);
    const back = add("Reshape", [normal, add("Shape", [first])]);
    const last = add("Add", [add("Mul", [add("Transpose", [back], perm([0, 2, 3, 1])), gamma]), beta]);
    const active = value("activation").i === 1 ? add("Mul", [last, add("Sigmoid", [last])]) : last;
    add("CastLike", [active, x], [], y);
    return nodes;
  });
  return { ...model, graph: { ...graph, node, initializer } };
}
