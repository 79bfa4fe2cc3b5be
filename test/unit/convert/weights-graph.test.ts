/**
 * Weights apart from graphs: what gives them, how a LoRA lies in files, and that a graph with its weights as inputs
 * gives the same.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelBytes } from "../../../src/onnx/model-file.js";
import { decodeModelProto } from "../../../src/onnx/schema.js";
import { outputNames, withFloat32Outputs, withFloat32Weights } from "../../../src/model/graph-casts.js";
import { readGraph } from "../../../src/model/read-graph.js";
import { loadPeer, peerMissing } from "../../support/peer.js";
import { GraphBuilder, type Graph, type GraphOptions } from "../../../src/onnx/graph-builder.js";
import { linear } from "../../../src/onnx/ops.js";
import { buildDenoiser } from "../../../src/convert/graphs/denoiser.js";
import { buildWeightsGraph } from "../../../src/convert/graphs/weights-graph.js";
import { buildVaeDecoder } from "../../../src/convert/graphs/vae-graphs.js";
import { PRESETS } from "../../../src/convert/presets.js";
import { mergeLora } from "../../../src/convert/cobra-release/lora.js";
import { givenWeights, seededWeights } from "../../../src/convert/weights/sources.js";
import { Weights, type WeightSource } from "../../../src/onnx/weights.js";
import { maxDifference } from "../../support/golden.js";
import { runGraph, type HostTensor } from "../../support/run-graph.js";

const SIZE = 24;
const random = (seed: number, dims: Record<string, readonly number[]>): WeightSource => {
  const source = seededWeights(seed);
  return givenWeights(
    Object.fromEntries(
      Object.entries(dims).map(([name, shape]) => [name, { dims: shape, data: source.read(name, shape) }]),
    ),
    `random ${seed}`,
  );
};
const base = random(1, { "to_q.weight": [SIZE, SIZE], "to_q.bias": [SIZE] });
const lora = (rank: number, seed = 2): WeightSource =>
  mergeLora(base, random(seed, { "to_q.lora_A.weight": [rank, SIZE], "to_q.lora_B.weight": [SIZE, rank] }));

function layer(source: WeightSource, options: GraphOptions = {}): Graph {
  const g = new GraphBuilder("layer", options);
  g.output(
    "y",
    linear(g, g.input("x", "activation", ["N", SIZE]), new Weights(source, "main").scope("to_q"), SIZE, SIZE),
    "activation",
  );
  return g.build();
}
const stored = (source: WeightSource, owner = "line"): Graph =>
  buildWeightsGraph(layer(source, { weightsAsInputs: true }).weights, owner);
const x: HostTensor = { dims: [3, SIZE], data: Float32Array.from({ length: 3 * SIZE }, (_, at) => Math.sin(at)) };

describe("a graph with its weights as inputs", () => {
  it("has no weights of its own and gives the same with those that the other graph gives", async () => {
    const apart = layer(lora(4), { weightsAsInputs: true });
    expect(apart.constants).toEqual([]);
    expect(apart.inputs.map(({ name }) => name).sort()).toEqual(["main/to_q.bias", "main/to_q.weight#transposed", "x"]);
    const { y: expected } = await runGraph(layer(lora(4)), { x });
    const { y } = await runGraph(apart, { x, ...(await runGraph(stored(lora(4)), {})) });
    expect(maxDifference(y!.data, expected!.data)).toBeLessThan(1e-6);
  });

  it("asks for a weight once, and the whole denoiser gives the same noise", async () => {
    const config = {
      heads: 2,
      headSize: 12,
      layers: 2,
      controlLayers: 1,
      latentChannels: 4,
      outChannels: 8,
      captionChannels: 16,
    };
    const prompt = { embeds: Float32Array.from({ length: 16 }, (_, at) => Math.cos(at)), mask: [1] };
    const build = (options: GraphOptions): Graph =>
      buildDenoiser(
        config,
        { main: new Weights(seededWeights(1), "main"), control: new Weights(seededWeights(2), "control") },
        prompt,
        { ...options, pageSizes: [[96, 96]] },
      );
    const latent = (seed: number, channels = 4): HostTensor => ({
      dims: [1, channels, 12, 12],
      data: Float32Array.from({ length: channels * 144 }, (_, at) => Math.sin(at * 0.3 + seed)),
    });
    const inputs = {
      latent: latent(1),
      line_latent: latent(2),
      hint_latent: latent(3),
      hint_mask: latent(4, 1),
      timestep: { dims: [1], data: Float32Array.of(500) },
      resolution: { dims: [1, 2], data: Float32Array.of(96, 192) },
      reference_kv: { dims: [1, 1, 2, 2, 9, 24], data: Float32Array.from({ length: 864 }, (_, at) => Math.sin(at)) },
    };
    const apart = build({ weightsAsInputs: true });
    const names = apart.inputs.map(({ name }) => name);
    expect(new Set(names).size).toBe(names.length);
    const { noise: expected } = await runGraph(build({}), inputs);
    const { noise } = await runGraph(apart, {
      ...inputs,
      ...(await runGraph(buildWeightsGraph(apart.weights, "line"), {})),
    });
    expect(maxDifference(noise!.data, expected!.data)).toBeLessThan(1e-5);
  });
});

describe("half precision on the CPU", () => {
  it("is given and taken in float32, with the same result", async () => {
    const folder = mkdtempSync(join(tmpdir(), "cobra-widened-"));
    try {
      const graph = layer(lora(4), { weightsAsInputs: true, precision: "float16" });
      const [layerPath, weightsPath] = [join(folder, "layer.onnx"), join(folder, "weights.onnx")];
      writeFileSync(layerPath, modelBytes(graph));
      writeFileSync(weightsPath, modelBytes(buildWeightsGraph(graph.weights, "line")));
      expect(outputNames(weightsPath).sort()).toEqual(["main/to_q.bias", "main/to_q.weight#transposed"]);
      const half: HostTensor = { ...x, dtype: "float16" };
      const run = async (
        layerModel: Graph | Uint8Array,
        weightsModel: Graph | Uint8Array,
        dtype: "float16" | "float32",
      ): Promise<Float32Array> => {
        const weights = await runGraph(weightsModel, {});
        const given = Object.fromEntries(Object.entries(weights).map(([name, tensor]) => [name, { ...tensor, dtype }]));
        return (await runGraph(layerModel, { x: half, ...given }))["y"]!.data;
      };
      const narrow = await run(graph, buildWeightsGraph(graph.weights, "line"), "float16");
      const wide = withFloat32Weights(readGraph(layerPath), (name) => name.startsWith("main/"));
      expect(
        maxDifference(await run(wide, withFloat32Outputs(readGraph(weightsPath)), "float32"), narrow),
      ).toBeLessThan(2 ** -9 * Math.max(...narrow.map(Math.abs)));
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });
});

it.skipIf(peerMissing !== undefined)("half precision on the CPU casts no weight in a run", async () => {
  const folder = mkdtempSync(join(tmpdir(), "cobra-casts-"));
  try {
    const how = { precision: "float16", weightsAsInputs: true, pageSizes: [[96, 96]] } as const;
    const source = (label: string): Weights => new Weights(seededWeights(1), label);
    const { transformer, vae } = PRESETS.tiny;
    const prompt = { embeds: new Float32Array(transformer.captionChannels).fill(0.5), mask: [1] };
    for (const graph of [
      buildDenoiser(transformer, { main: source("main"), control: source("control") }, prompt, how),
      buildVaeDecoder(vae, source("vae"), how),
    ]) {
      const [path, optimised] = [join(folder, `${graph.name}.onnx`), join(folder, `${graph.name}.optimised.onnx`)];
      writeFileSync(path, modelBytes(graph));
      const weights = new Set(graph.weights.map(({ name }) => name));
      await (
        await loadPeer().InferenceSession.create(
          withFloat32Weights(readGraph(path), (name) => weights.has(name)),
          { graphOptimizationLevel: "all", optimizedModelFilePath: optimised },
        )
      ).release();
      const casts = decodeModelProto(readFileSync(optimised)).graph.node.filter(
        ({ opType, input }) => opType === "Cast" && weights.has(input[0]!),
      );
      expect(
        casts.map(({ input }) => input[0]),
        graph.name,
      ).toEqual([]);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

describe("a LoRA", () => {
  const names = (graph: Graph): string[] => graph.constants.map(({ name }) => name).sort();

  it("is stored as its two matrices beside the base, which all styles share", () => {
    const [line, shadow] = [stored(lora(4)), stored(lora(4, 3), "shadow")];
    expect(names(line)).toEqual([
      "line/main/to_q.weight#down#transposed#stored#float32",
      "line/main/to_q.weight#up#transposed#stored#float32",
      "main/to_q.bias#stored#float32",
      "main/to_q.weight#base#transposed#stored#float32",
    ]);
    const shared = ({ constants }: Graph): [string, Uint8Array][] =>
      constants.filter((one) => one.shared === true).map((one) => [one.name, one.bytes()]);
    expect(shared(line)).toHaveLength(2);
    expect(shared(shadow)).toEqual(shared(line));
  });

  it("is stored whole where its matrices are not much smaller", () => {
    expect(names(stored(lora(12)))).toEqual([
      "line/main/to_q.weight#transposed#stored#float32",
      "main/to_q.bias#stored#float32",
    ]);
  });

  it("is summed in float32 and rounded once in half precision", async () => {
    const apart = layer(lora(4), { weightsAsInputs: true, precision: "float16" });
    const given = await runGraph(buildWeightsGraph(apart.weights, "line"), {});
    const { data } = given["main/to_q.weight#transposed"]!;
    const whole = lora(4).read("to_q.weight", [SIZE, SIZE]);
    const exact = Float32Array.from(
      { length: data.length },
      (_, at) => whole[(at % SIZE) * SIZE + Math.floor(at / SIZE)]!,
    );
    // Base, factors and sum are each rounded to 11 bits.
    expect(maxDifference(data, exact)).toBeLessThan(3 * 2 ** -12 * Math.max(...exact.map(Math.abs)));
  });

  it("that replaces a plain tensor has that one for itself", () => {
    const adapter = random(2, {
      "to_q.lora_A.weight": [4, SIZE],
      "to_q.lora_B.weight": [SIZE, 4],
      "to_q.base_layer.bias": [SIZE],
    });
    expect(names(stored(mergeLora(base, adapter)))).toContain("line/main/to_q.bias#stored#float32");
  });
});

it("two graphs that ask for different tensors under one name are an error", () => {
  const [first, second] = [
    layer(base, { weightsAsInputs: true }),
    layer(random(5, { "to_q.weight": [SIZE, SIZE], "to_q.bias": [SIZE] }), {
      weightsAsInputs: true,
      precision: "float16",
    }),
  ];
  expect(() => buildWeightsGraph([...first.weights, ...second.weights], "line")).toThrow(
    expect.objectContaining({
      code: "ERR_MODEL_GRAPH",
      remedy: "give the weight sources different labels",
    }),
  );
});
