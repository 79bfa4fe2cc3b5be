/** Runs a built graph on the CPU and gives its outputs: the one place where model tests meet ONNX Runtime. */
import { InferenceSession, Tensor, type SessionOptions } from "../../src/binding/index.js";
import type { Graph } from "../../src/onnx/graph-builder.js";
import { modelBytes } from "../../src/onnx/model-file.js";
import { fromFloat16, toFloat16 } from "../../src/onnx/tensor-data.js";

/** A tensor in host memory; int64 and float16 values are given as numbers. */
export interface HostTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
  readonly dtype?: "float32" | "float16" | "int64" | "int32" | "uint8";
}

/** A loaded graph. */
export interface RunnableGraph {
  run(inputs: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>>;
  close(): void;
}

/** Loads a graph from memory, built or as its bytes, or an ONNX file by its path. */
export async function loadGraph(
  model: Graph | Uint8Array | string,
  options: SessionOptions = {},
): Promise<RunnableGraph> {
  const source = typeof model === "string" || model instanceof Uint8Array ? model : modelBytes(model);
  const session = await InferenceSession.create(source, { intraOpThreads: 2, ...options });
  return {
    run: async (inputs) => {
      const given = Object.fromEntries(Object.entries(inputs).map(([name, tensor]) => [name, toTensor(tensor)]));
      const outputs = await session.run(given);
      const results = Object.entries(outputs).map(([name, tensor]) => [
        name,
        { data: numbersOf(tensor), dims: [...tensor.dims] },
      ]);
      for (const tensor of [...Object.values(given), ...Object.values(outputs)]) tensor.dispose();
      return Object.fromEntries(results) as Record<string, HostTensor>;
    },
    close: () => session.dispose(),
  };
}

/** Loads a graph, runs it once, closes it. */
export async function runGraph(
  model: Graph | Uint8Array,
  inputs: Readonly<Record<string, HostTensor>>,
): Promise<Record<string, HostTensor>> {
  const graph = await loadGraph(model);
  try {
    return await graph.run(inputs);
  } finally {
    graph.close();
  }
}

function numbersOf(tensor: Tensor): Float32Array {
  return tensor.dtype === "float16"
    ? Float32Array.from(tensor.data as Uint16Array, fromFloat16)
    : Float32Array.from(tensor.data as Float32Array);
}

function toTensor({ data, dims, dtype }: HostTensor): Tensor {
  if (dtype === "int64") return Tensor.from("int64", BigInt64Array.from(data, BigInt), dims);
  if (dtype === "float16") return Tensor.from("float16", Uint16Array.from(data, toFloat16), dims);
  if (dtype === "uint8") return Tensor.from("uint8", Uint8Array.from(data), dims);
  if (dtype === "int32") return Tensor.from("int32", Int32Array.from(data), dims);
  return Tensor.from("float32", data, dims);
}
