/**
 * Puts 8-bit weights into a graph: a MatMul by a weight becomes a MatMulNBits by the same weight in blocks. Which
 * weights stay as they are is said here, and why.
 */
import type { Graph } from "../../onnx/graph-builder.js";
import {
  ATTRIBUTE_TYPE,
  CONTRIB_DOMAIN,
  DATA_TYPE,
  type AttributeProto,
  type NodeProto,
  type ValueInfoProto,
} from "../../onnx/schema.js";
import { BLOCK, blocksOf } from "./int8-blocks.js";

/** A weight that is quantized: the right side [rows, columns] of MatMuls. */
export interface QuantizedWeight {
  readonly name: string;
  readonly rows: number;
  readonly columns: number;
  /** What its scales are stored as: what the weight was. */
  readonly dtype: "float32" | "float16";
}

/** Smaller matrices stay: together they are less than a hundredth of the weights. */
export const MIN_ELEMENTS = 2 ** 19;

/**
 * Matrices that stay, whatever their size:
 * - `adaln_single`: time and size conditions. They scale and shift every token of every block, and work on one row a
 *   page, so that nothing is gained.
 * - `proj_out`, `visual_projection`: last layers. No later layer makes up for their error.
 *
 * The first layers (patch embeddings), the VAE, the upsampler and the line network are convolutions, which MatMulNBits
 * does not have; norms, biases, tables and the prompt are no matrices.
 */
const STAYS = /(?:^|[/.])(?:adaln_single|proj_out|visual_projection)\./u;

/** The names of an 8-bit weight and of its scales. */
export const namesOf = (name: string): { readonly values: string; readonly scales: string } => ({
  values: `${name}#int8`,
  scales: `${name}#int8_scales`,
});

/**
 * The weights of a graph that can be quantized: matrices that MatMuls, and nothing else, take on their right side.
 * @param graph its weights are inputs or constants
 */
export function quantizableWeights(graph: Graph, minElements: number = MIN_ELEMENTS): QuantizedWeight[] {
  const users = new Map<string, boolean>();
  for (const { opType, input } of graph.nodes)
    input.forEach((name, at) => users.set(name, (users.get(name) ?? true) && opType === "MatMul" && at === 1));
  const found: QuantizedWeight[] = [];
  const consider = (name: string, type: number, dims: readonly number[]): void => {
    const [rows = 0, columns = 0] = dims;
    if (dims.length !== 2 || rows * columns < minElements || STAYS.test(name) || users.get(name) !== true) return;
    if (type === DATA_TYPE.float32) found.push({ name, rows, columns, dtype: "float32" });
    if (type === DATA_TYPE.float16) found.push({ name, rows, columns, dtype: "float16" });
  };
  for (const { name, dtype, dims } of graph.constants) consider(name, DATA_TYPE[dtype], dims);
  for (const { name, type } of graph.inputs)
    consider(
      name,
      type.tensorType.elemType,
      (type.tensorType.shape?.dim ?? []).map(({ dimValue }) => dimValue ?? 0),
    );
  return found;
}

/** The graph with these weights in blocks, as inputs where the weights were inputs. */
export function withBlockWeights(graph: Graph, weights: ReadonlyMap<string, QuantizedWeight>): Graph {
  const nodes = graph.nodes.map((node) => {
    const weight = node.opType === "MatMul" ? weights.get(node.input[1]!) : undefined;
    return weight === undefined ? node : blockProduct(node, weight);
  });
  const inputs = graph.inputs.flatMap((input) => {
    const weight = weights.get(input.name);
    return weight === undefined ? [input] : blockValues(weight);
  });
  return { ...graph, nodes, inputs, constants: graph.constants.filter(({ name }) => !weights.has(name)) };
}

/** The two values that stand for a weight. */
export function blockValues({ name, rows, columns, dtype }: QuantizedWeight): ValueInfoProto[] {
  const { values, scales } = namesOf(name);
  const blocks = blocksOf(rows);
  const info = (called: string, elemType: number, dims: readonly number[]): ValueInfoProto => ({
    name: called,
    type: { tensorType: { elemType, shape: { dim: dims.map((dimValue) => ({ dimValue })) } } },
  });
  return [info(values, DATA_TYPE.uint8, [columns, blocks, BLOCK]), info(scales, DATA_TYPE[dtype], [columns, blocks])];
}

function blockProduct(node: NodeProto, { name, rows, columns }: QuantizedWeight): NodeProto {
  const { values, scales } = namesOf(name);
  const int = (key: string, i: number): AttributeProto => ({ name: key, type: ATTRIBUTE_TYPE.int, i });
  return {
    ...node,
    opType: "MatMulNBits",
    domain: CONTRIB_DOMAIN,
    input: [node.input[0]!, values, scales],
    // accuracy_level 0: weights are brought to the activations' type, not activations to int8.
    attribute: [int("K", rows), int("N", columns), int("bits", 8), int("block_size", BLOCK), int("accuracy_level", 0)],
  };
}
