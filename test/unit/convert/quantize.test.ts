// 8-bit weights: their numbers, which weights a graph gives up for them, and that ONNX Runtime computes with them what
// they stand for. The golden pipeline with them: `golden/pipeline/pipeline-quantized`.
import { describe, expect, it } from "vitest";
import { BLOCK, blocksOf, toBlocks, type BlockMatrix } from "../../../src/convert/quantize/int8-blocks.js";
import {
  blockValues,
  namesOf,
  quantizableWeights,
  withBlockWeights,
} from "../../../src/convert/quantize/quantize-graph.js";
import { seededWeights } from "../../../src/convert/weights/sources.js";
import { GraphBuilder, type Graph } from "../../../src/onnx/graph-builder.js";
import { linear } from "../../../src/onnx/ops.js";
import { Weights } from "../../../src/onnx/weights.js";
import { maxDifference } from "../../support/golden.js";
import { runGraph } from "../../support/run-graph.js";

const [ROWS, COLUMNS] = [40, 24];
const matrix = Float32Array.from({ length: ROWS * COLUMNS }, (_, at) => Math.sin(at * 1.7) * (1 + (at % 7)));

/** The matrix [rows, columns] that blocks stand for. */
function restored({ values, scales }: BlockMatrix, rows: number, columns: number): Float32Array {
  const blocks = blocksOf(rows);
  return Float32Array.from({ length: rows * columns }, (_, at) => {
    const [row, column] = [Math.floor(at / columns), at % columns];
    const block = column * blocks + Math.floor(row / BLOCK);
    return scales[block]! * (values[block * BLOCK + (row % BLOCK)]! - 128);
  });
}

describe("weights in blocks", () => {
  it.each(["float32", "float16"] as const)("are off by half a step of their block at most, scales in %s", (dtype) => {
    const blocks = toBlocks(matrix, ROWS, COLUMNS, dtype);
    const step = Math.max(...blocks.scales);
    // A scale that was rounded down cuts off the largest value of its block.
    const cut = dtype === "float16" ? 127 * step * 2 ** -11 : 0;
    expect(maxDifference(restored(blocks, ROWS, COLUMNS), matrix)).toBeLessThanOrEqual(1.0001 * (step / 2) + cut);
  });

  it("keep zeros, and fill the last block of a column up with them", () => {
    const { values, scales } = toBlocks(new Float32Array(ROWS * COLUMNS), ROWS, COLUMNS, "float32");
    expect(values).toEqual(new Uint8Array(COLUMNS * 2 * BLOCK).fill(128));
    expect(scales).toEqual(new Float32Array(COLUMNS * 2));
    const { values: filled } = toBlocks(matrix, ROWS, COLUMNS, "float32");
    expect(filled.subarray(BLOCK + ROWS - BLOCK, 2 * BLOCK).every((value) => value === 128)).toBe(true);
  });
});

/** A layer under a name, its weights inputs or constants. */
function layer(scope: string, weightsAsInputs: boolean): Graph {
  const g = new GraphBuilder("layer", { weightsAsInputs });
  const x = g.input("x", "float32", ["N", ROWS]);
  g.output("y", linear(g, x, new Weights(seededWeights(1), "main").scope(scope), ROWS, COLUMNS), "float32");
  return g.build();
}

describe("the weights of a graph that are quantized", () => {
  const names = (graph: Graph, least = 1): string[] => quantizableWeights(graph, least).map(({ name }) => name);

  it("are matrices that products alone take, as inputs or constants", () => {
    for (const asInputs of [true, false])
      expect(names(layer("to_q", asInputs))).toEqual(["main/to_q.weight#transposed"]);
    const graph = layer("to_q", true);
    const other = { input: ["main/to_q.weight#transposed"], output: ["z"], name: "z", attribute: [], domain: "" };
    expect(names({ ...graph, nodes: [...graph.nodes, { ...other, opType: "Relu" }] })).toEqual([]);
  });

  it("are not small ones, conditions and last layers", () => {
    expect(names(layer("to_q", true), ROWS * COLUMNS)).toHaveLength(1);
    expect(names(layer("to_q", true), ROWS * COLUMNS + 1)).toEqual([]);
    for (const scope of ["adaln_single.linear", "proj_out", "visual_projection"])
      expect(names(layer(scope, true))).toEqual([]);
    expect(names(layer("final_proj_out", true))).toHaveLength(1);
  });

  it("give the product of what the blocks stand for", async () => {
    const graph = layer("to_q", true);
    const [weight] = quantizableWeights(graph, 1);
    const quantized = withBlockWeights(graph, new Map([[weight!.name, weight!]]));
    const { values, scales } = namesOf(weight!.name);
    expect(quantized.inputs.map(({ name }) => name).sort()).toEqual([values, scales, "main/to_q.bias", "x"].sort());
    const [valueInfo, scaleInfo] = blockValues(weight!);
    expect([valueInfo!.name, scaleInfo!.name]).toEqual([values, scales]);
    const blocks = toBlocks(matrix, ROWS, COLUMNS, "float32");
    const bias = { dims: [COLUMNS], data: new Float32Array(COLUMNS) };
    const x = { dims: [3, ROWS], data: Float32Array.from({ length: 3 * ROWS }, (_, at) => Math.cos(at)) };
    const given = { x, "main/to_q.bias": bias };
    const { y: expected } = await runGraph(graph, {
      ...given,
      [weight!.name]: { dims: [ROWS, COLUMNS], data: restored(blocks, ROWS, COLUMNS) },
    });
    const { y } = await runGraph(quantized, {
      ...given,
      [values]: { dims: [COLUMNS, 2, BLOCK], data: Float32Array.from(blocks.values), dtype: "uint8" },
      [scales]: { dims: [COLUMNS, 2], data: blocks.scales },
    });
    expect(maxDifference(y!.data, expected!.data)).toBeLessThan(1e-3);
  });
});
