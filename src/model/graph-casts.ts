/**
 * Rewrites graphs of half precision packages for the CPU, which computes them in float32: separate weights are
 * produced, and taken, as float32. Otherwise ONNX Runtime casts each of them in every run, all before the first is
 * used, and each session holds the copies.
 */
import { readFileSync } from "node:fs";
import { messageOf, ModelError } from "../errors.js";
import {
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  decodeModelProto,
  encodeModelProto,
  type ModelProto,
  type NodeProto,
  type ValueInfoProto,
} from "../onnx/schema.js";

/**
 * ONNX Runtime takes a cast whose name begins so for one of its own that may go, with the cast back that it adds before
 * an operator which the CPU has in float32 only (its insert_cast_transformer); where it keeps both, values are the
 * same.
 */
const FREE_CAST = "InsertedPrecisionFreeCast_";

/**
 * The bytes of a graph that takes its half precision weights as float32. `isWeight` tells them from its other inputs.
 */
export function takingFloat32(path: string, isWeight: (name: string) => boolean): Uint8Array {
  return rewritten(path, (graph) => {
    const wide = graph.input.filter((value) => isHalf(value) && isWeight(value.name));
    const names = new Map(wide.map(({ name }) => [name, `${name}#half`]));
    const used = new Set<string>();
    const node = graph.node.flatMap((one) => {
      // The CPU has this one in half precision too, slower: it is made float32, and its casts go where its neighbours
      // are.
      if (one.opType === "MatMul" && names.has(one.input[1]!)) return inFloat32(one);
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

/** A half precision product by a float32 matrix, as a float32 product. */
function inFloat32(node: NodeProto): NodeProto[] {
  const [x, weight] = node.input as [string, string];
  const [y] = node.output as [string];
  const [before, after] = [`${y}#in32`, `${y}#out32`];
  return [
    cast(x, before, DATA_TYPE.float32, FREE_CAST + before),
    { ...node, input: [before, weight], output: [after] },
    cast(after, y, DATA_TYPE.float16, FREE_CAST + after),
  ];
}

/** The bytes of a graph that gives its half precision weights as float32: rounded to half precision all the same. */
export function givingFloat32(path: string): Uint8Array {
  return rewritten(path, (graph) => {
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

/** Names of the weights that a graph gives. */
export function givenNames(path: string): string[] {
  return read(path).graph.output.map(({ name }) => name);
}

function rewritten(path: string, edit: (graph: ModelProto["graph"]) => ModelProto["graph"]): Uint8Array {
  const model = read(path);
  return encodeModelProto({ ...model, graph: edit(model.graph) });
}

function read(path: string): ModelProto {
  try {
    return decodeModelProto(readFileSync(path));
  } catch (cause) {
    throw new ModelError(
      "ERR_MODEL_FILE",
      `${path} is not an ONNX graph that can be read (${messageOf(cause)}); get the package again or build it anew`,
      { cause },
    );
  }
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
