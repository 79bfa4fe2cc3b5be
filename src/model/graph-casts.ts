/**
 * Rewrites graphs of half precision packages for the CPU, which computes in float32: separate weights are computed, and
 * taken as inputs, in float32. Otherwise ONNX Runtime would cast every weight in every run, all of them before the
 * first is used, and each session would hold its own copies.
 */
import {
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  encodeModelProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from "../onnx/schema.js";
import { readGraph } from "./read-graph.js";

/**
 * ONNX Runtime removes casts whose names begin with this, together with the cast back that its insert_cast_transformer
 * adds before an operator that the CPU has in float32 only. Where it keeps both casts, values are the same.
 */
const FREE_CAST = "InsertedPrecisionFreeCast_";

/**
 * The bytes of a graph that takes its half precision weights as float32.
 * @param isWeight whether the input of this name is a weight
 */
export function withFloat32Weights(model: ModelProto, isWeight: (name: string) => boolean): Uint8Array {
  return rewritten(model, (graph) => {
    const wide = graph.input.filter((value) => isHalf(value) && isWeight(value.name));
    const names = new Map(wide.map(({ name }) => [name, `${name}#half`]));
    const used = new Set<string>();
    const node = graph.node.flatMap((one) => {
      // The CPU has these in half precision too, but slower. Made float32, their casts cancel out with those of their
      // neighbours.
      const weight = one.opType === "MatMul" ? one.input[1] : one.opType === "MatMulNBits" ? one.input[2] : undefined;
      if (weight !== undefined && names.has(weight)) return inFloat32(one);
      for (const name of one.input) used.add(name);
      return [{ ...one, input: one.input.map((name) => names.get(name) ?? name) }];
    });
    const casts = wide
      .filter(({ name }) => used.has(name))
      .map(({ name }) => cast(name, names.get(name)!, DATA_TYPE.float16, `${FREE_CAST}${name}`));
    return {
      ...graph,
      input: graph.input.map((value) => (names.has(value.name) ? asFloat32(value) : value)),
      node: [...casts, ...node],
    };
  });
}

/** A half precision product by a float32 matrix, or one with float32 scales, as a float32 product. */
function inFloat32(node: NodeProto): NodeProto[] {
  const [x, ...weight] = node.input as [string, ...string[]];
  const [y] = node.output as [string];
  const [before, after] = [`${y}#in32`, `${y}#out32`];
  return [
    cast(x, before, DATA_TYPE.float32, FREE_CAST + before),
    { ...node, input: [before, ...weight], output: [after] },
    cast(after, y, DATA_TYPE.float16, FREE_CAST + after),
  ];
}

/** The bytes of a graph that outputs its half precision weights as float32, still rounded to half precision. */
export function withFloat32Outputs(model: ModelProto): Uint8Array {
  return rewritten(model, (graph) => {
    const names = new Map(graph.output.filter(isHalf).map(({ name }) => [name, `${name}#half`]));
    const node = graph.node.map((one) => ({ ...one, output: one.output.map((name) => names.get(name) ?? name) }));
    const casts = [...names].map(([name, half]) => cast(half, name, DATA_TYPE.float32, `${name}#widened`));
    return {
      ...graph,
      output: graph.output.map((value) => (names.has(value.name) ? asFloat32(value) : value)),
      node: [...node, ...casts],
    };
  });
}

/** The names of a graph's outputs: of a graph that computes weights, the weights. */
export function outputNames(path: string): string[] {
  return readGraph(path).graph.output.map(({ name }) => name);
}

function rewritten(model: ModelProto, edit: (graph: ModelProto["graph"]) => ModelProto["graph"]): Uint8Array {
  return encodeModelProto({ ...model, graph: edit(model.graph) });
}

function isHalf({ type }: ValueInfoProto): boolean {
  return type.tensorType.elemType === DATA_TYPE.float16;
}

function asFloat32(value: ValueInfoProto): ValueInfoProto {
  return { ...value, type: { tensorType: { ...value.type.tensorType, elemType: DATA_TYPE.float32 } } };
}

function cast(from: string, to: string, type: number, name: string): NodeProto {
  return {
    input: [from],
    output: [to],
    name,
    opType: "Cast",
    attribute: [{ name: "to", type: ATTRIBUTE_TYPE.int, i: type }],
    domain: "",
  };
}
