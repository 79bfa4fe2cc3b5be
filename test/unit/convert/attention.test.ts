/**
 * The attention operator that all networks use, against the formula: head sizes, lengths, batches that the models have.
 */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { modelBytes } from "../../../src/onnx/model-file.js";
import { decodeModelProto } from "../../../src/onnx/schema.js";
import { GraphBuilder, type Graph } from "../../../src/onnx/graph-builder.js";
import { attention } from "../../../src/onnx/ops.js";
import { buildDenoiser } from "../../../src/convert/graphs/denoiser.js";
import { buildImageEncoder } from "../../../src/convert/graphs/image-encoder.js";
import { buildReferenceEncoder } from "../../../src/convert/graphs/reference-encoder.js";
import { buildVaeDecoder } from "../../../src/convert/graphs/vae-graphs.js";
import { PRESETS } from "../../../src/convert/presets.js";
import { seededWeights } from "../../../src/convert/weights/sources.js";
import { Weights } from "../../../src/onnx/weights.js";
import { loadPeer, peerMissing } from "../../support/peer.js";
import { maxDifference } from "../../support/golden.js";
import { runGraph, type HostTensor } from "../../support/run-graph.js";

function wave(dims: readonly number[], phase: number): HostTensor {
  const count = dims.reduce((product, size) => product * size, 1);
  return { dims, data: Float32Array.from({ length: count }, (_, at) => 2 * Math.sin(at * 1.7 + phase + Math.sin(at))) };
}

/** softmax(q k^T / sqrt(size)) v in doubles. */
function formula(query: HostTensor, key: HostTensor, value: HostTensor, heads: number): Float32Array {
  const [batch, length, width] = query.dims as [number, number, number];
  const others = key.dims[1]!;
  const size = width / heads;
  const result = new Float32Array(query.data.length);
  for (let n = 0; n < batch; n++) {
    for (let head = 0; head < heads; head++) {
      for (let i = 0; i < length; i++) {
        const from = (n * length + i) * width + head * size;
        const scores = Array.from({ length: others }, (_, j) => {
          const to = (n * others + j) * width + head * size;
          let sum = 0;
          for (let c = 0; c < size; c++) sum += query.data[from + c]! * key.data[to + c]!;
          return sum / Math.sqrt(size);
        });
        const largest = Math.max(...scores);
        const powers = scores.map((score) => Math.exp(score - largest));
        const total = powers.reduce((sum, power) => sum + power, 0);
        for (let c = 0; c < size; c++) {
          let sum = 0;
          for (let j = 0; j < others; j++) sum += powers[j]! * value.data[(n * others + j) * width + head * size + c]!;
          result[from + c] = sum / total;
        }
      }
    }
  }
  return result;
}

describe("MultiHeadAttention on the CPU provider", () => {
  it.each([
    ["the golden heads, page and references", 2, 12, 1, 48, 144],
    ["Cobra's heads of 72", 16, 72, 1, 20, 50],
    ["heads of 72, a batch, more queries than keys", 4, 72, 3, 33, 7],
    ["the VAE's single head", 1, 512, 2, 24, 24],
    ["one key only", 2, 12, 2, 5, 1],
    ["lengths above the kernels' block sizes", 2, 36, 1, 300, 700],
  ])("%s", async (_, heads, size, batch, length, others) => {
    const width = heads * size;
    const g = new GraphBuilder("attention");
    const [q, k, v] = ["q", "k", "v"].map((name) =>
      g.input(name, "float32", ["N", name === "q" ? "L" : "S", width]),
    ) as [never, never, never];
    g.output("y", attention(g, q, k, v, heads), "float32", ["N", "L", width]);
    const [query, key, value] = [
      wave([batch, length, width], 0),
      wave([batch, others, width], 1),
      wave([batch, others, width], 2),
    ];
    const outputs = await runGraph(g.build(), { q: query, k: key, v: value });
    expect(outputs["y"]!.dims).toEqual([batch, length, width]);
    // Scores reach about 45, so float32 leaves some 1e-5 of each weight.
    expect(maxDifference(outputs["y"]!.data, formula(query, key, value, heads))).toBeLessThan(5e-5);
  });
});

/**
 * Operators of a graph as ONNX Runtime 1.29 runs it on the CPU, by name, with how often they occur. The peer can write
 * the optimised graph.
 */
async function optimised(graph: Graph): Promise<Record<string, number>> {
  const folder = mkdtempSync(join(tmpdir(), "cobra-optimised-"));
  try {
    const path = join(folder, "optimised.onnx");
    const session = await loadPeer().InferenceSession.create(modelBytes(graph), {
      graphOptimizationLevel: "all",
      optimizedModelFilePath: path,
    });
    await session.release();
    const counts: Record<string, number> = {};
    for (const { opType, domain } of decodeModelProto(readFileSync(path)).graph.node) {
      const name = domain === "" ? opType : `${domain}.${opType}`;
      counts[name] = (counts[name] ?? 0) + 1;
    }
    return counts;
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

describe.skipIf(peerMissing !== undefined)(
  `the optimised graphs${peerMissing === undefined ? "" : ` (${peerMissing})`}`,
  () => {
    const random = (label: string): Weights => new Weights(seededWeights(1), label);
    // Cobra's heads of 72, at two layers.
    const transformer = { ...PRESETS.tiny.transformer, heads: 2, headSize: 72, layers: 2, controlLayers: 1 };
    const prompt = { embeds: new Float32Array(48).fill(0.5), mask: [1, 0] };

    it.each([
      ["float32", false],
      ["float32", true],
      ["float16", false],
      ["float16", true],
    ] as const)(
      "hold one fused attention for each attention layer, and no softmax, in %s, weights as inputs: %s",
      async (precision, weightsAsInputs) => {
        const attentions = async (graph: Graph): Promise<[number, number]> => {
          const counts = await optimised(graph);
          return [counts["com.microsoft.MultiHeadAttention"] ?? 0, counts["Softmax"] ?? 0];
        };
        // Page and control branch; references stop behind the last keys and values; the prompt's attention is folded
        // away.
        expect(
          await attentions(
            buildDenoiser(transformer, { main: random("main"), control: random("control") }, prompt, {
              precision,
              weightsAsInputs,
            }),
          ),
        ).toEqual([3, 0]);
        expect(
          await attentions(buildReferenceEncoder(transformer, random("main"), prompt, { precision, weightsAsInputs })),
        ).toEqual([1, 0]);
        expect(await attentions(buildImageEncoder(PRESETS.tiny.imageEncoder, random("clip"), { precision }))).toEqual([
          2, 0,
        ]);
        expect(
          await attentions(buildVaeDecoder(PRESETS.tiny.vae, random("vae"), { precision, weightsAsInputs })),
        ).toEqual([1, 0]);
      },
    );
  },
);
