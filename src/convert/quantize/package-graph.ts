/**
 * A graph of an existing package, to be written again: its tensors are read from their files when they are needed, one
 * at a time.
 */
import { closeSync, openSync, readSync } from "node:fs";
import { dirname, join } from "node:path";
import { InferenceSession } from "../../binding/index.js";
import { inFolder } from "../../colorization/networks/shared-weights.js";
import { ModelError } from "../../errors.js";
import { readGraph } from "../../model/read-graph.js";
import type { Graph } from "../../onnx/graph-builder.js";
import {
  ATTRIBUTE_TYPE,
  DATA_TYPE,
  ELEMENT_BYTES_OF_TYPE,
  encodeModelProto,
  IR_VERSION,
  OPSET,
  type ElementType,
  type NodeProto,
  type TensorProto,
} from "../../onnx/schema.js";
import { elementCount, type TensorData } from "../../onnx/tensor-data.js";
import { WEIGHT_FILE } from "../package-graphs.js";

const GET_AGAIN = "get the package again";

/**
 * Reads the graph at `path`. `weights`: the weight file of what is its own; what lies in `WEIGHT_FILE` is shared by all
 * styles.
 * @throws ModelError `ERR_MODEL_FILE`
 */
export function readPackageGraph(path: string): { readonly graph: Graph; readonly weights: string } {
  const { name, node, initializer, input, output } = readGraph(path).graph;
  const own = initializer
    .map((tensor) => placeOf(tensor)?.file)
    .find((file) => file !== undefined && file !== WEIGHT_FILE);
  const constants = initializer.map((tensor) => storedTensor(path, tensor));
  return {
    graph: { name, nodes: node, constants, inputs: input, outputs: output, weights: [] },
    weights: own ?? WEIGHT_FILE,
  };
}

/** The nodes that these values need, in their order, and the names of all that they take. */
function needsOf(
  nodes: readonly NodeProto[],
  values: readonly string[],
): { readonly nodes: readonly NodeProto[]; readonly names: ReadonlySet<string> } {
  const names = new Set(values);
  const used = nodes.toReversed().filter(({ input, output }) => {
    const isUsed = output.some((name) => names.has(name));
    if (isUsed) for (const name of input) names.add(name);
    return isUsed;
  });
  return { nodes: used.reverse(), names };
}

/** The graph without the nodes and constants that its outputs do not need. */
export function pruned(graph: Graph): Graph {
  const { nodes, names } = needsOf(
    graph.nodes,
    graph.outputs.map(({ name }) => name),
  );
  return { ...graph, nodes, constants: graph.constants.filter(({ name }) => names.has(name)) };
}

/**
 * A value that the graph at `path` computes from its constants alone, in float32. ONNX Runtime computes it, and nothing
 * but what it needs is loaded.
 */
export async function computeConstant(path: string, name: string): Promise<Float32Array> {
  const { graph } = readGraph(path);
  const output = `${name}#float32`;
  const attribute = [{ name: "to", type: ATTRIBUTE_TYPE.int, i: DATA_TYPE.float32 }];
  const cast: NodeProto = { input: [name], output: [output], name: output, opType: "Cast", attribute, domain: "" };
  const needs = needsOf(graph.node, [name]);
  const bytes = encodeModelProto({
    irVersion: IR_VERSION,
    producerName: "cobra-batch",
    producerVersion: "1",
    opsetImport: [{ domain: "", version: OPSET }],
    graph: {
      name: "constant",
      node: [...needs.nodes, cast],
      initializer: graph.initializer.filter((tensor) => needs.names.has(tensor.name)),
      input: [],
      output: [{ name: output, type: { tensorType: { elemType: DATA_TYPE.float32 } } }],
    },
  });
  const options = { graphOptimization: "disabled", config: { "session.disable_prepacking": "1" } } as const;
  const session = await InferenceSession.create(bytes, inFolder(dirname(path), options));
  try {
    const result = (await session.run({}))[output]!;
    const values = (result.data as Float32Array).slice();
    result.dispose();
    return values;
  } finally {
    session.dispose();
  }
}

interface Place {
  readonly file: string;
  readonly offset: number;
  readonly length: number;
}

function placeOf({ externalData = [] }: TensorProto): Place | undefined {
  if (externalData.length === 0) return undefined;
  const entry = (key: string): string => externalData.find((one) => one.key === key)?.value ?? "0";
  return { file: entry("location"), offset: Number(entry("offset")), length: Number(entry("length")) };
}

function storedTensor(path: string, tensor: TensorProto): TensorData {
  const { name, dims, rawData = new Uint8Array() } = tensor;
  const dtype = (Object.keys(DATA_TYPE) as ElementType[]).find((one) => DATA_TYPE[one] === tensor.dataType);
  if (dtype === undefined)
    throw new ModelError(
      "ERR_MODEL_FILE",
      `${path}: the tensor ${name} has the element type ${tensor.dataType}, which is in no package`,
      { remedy: GET_AGAIN },
    );
  const place = placeOf(tensor);
  return {
    name,
    dtype,
    dims,
    byteLength: elementCount(dims) * ELEMENT_BYTES_OF_TYPE[tensor.dataType]!,
    ...(place?.file === WEIGHT_FILE ? { shared: true } : {}),
    bytes: () => (place === undefined ? rawData : readPlace(join(dirname(path), place.file), place)),
  };
}

function readPlace(path: string, { offset, length }: Place): Uint8Array {
  const bytes = new Uint8Array(length);
  const file = openSync(path, "r");
  try {
    for (let at = 0; at < length;) {
      const read = readSync(file, bytes, at, length - at, offset + at);
      if (read === 0)
        throw new ModelError("ERR_MODEL_FILE", `${path} ends before byte ${offset + length}`, { remedy: GET_AGAIN });
      at += read;
    }
    return bytes;
  } finally {
    closeSync(file);
  }
}
