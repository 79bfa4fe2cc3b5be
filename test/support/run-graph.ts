/** Runs a built graph on the CPU and gives its outputs: the one place where model tests meet ONNX Runtime. */
import { createRequire } from "node:module";
import { modelBytes } from "../../src/model/builder/model-file.js";
import type { Graph } from "../../src/model/builder/graph-builder.js";

/** A tensor in host memory; int64 values are given as numbers. */
export interface HostTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
  readonly dtype?: "float32" | "int64" | "int32";
}

interface PeerTensor {
  readonly dims: readonly number[];
  readonly data: Float32Array;
}
interface PeerSession {
  run(feeds: Record<string, PeerTensor>): Promise<Record<string, PeerTensor>>;
  release(): Promise<void>;
}
interface Peer {
  Tensor: new (type: string, data: ArrayBufferView, dims: readonly number[]) => PeerTensor;
  InferenceSession: { create(model: Uint8Array | string, options: object): Promise<PeerSession> };
}

function peer(): Peer {
  const path = process.env["COBRA_PEER_ORT_NODE"];
  if (path === undefined || path === "") throw new Error("COBRA_PEER_ORT_NODE does not name the onnxruntime-node folder; run the tests with `npm test`");
  return createRequire(import.meta.url)(path) as Peer;
}

/** A loaded graph. */
export interface RunnableGraph {
  run(inputs: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>>;
  close(): Promise<void>;
}

/** Loads a graph from memory, or an ONNX file by its path. */
export async function loadGraph(model: Graph | string, options: { optimization?: "disabled" | "basic" | "extended" | "all" } = {}): Promise<RunnableGraph> {
  const { InferenceSession, Tensor } = peer();
  const source = typeof model === "string" ? model : modelBytes(model);
  const session = await InferenceSession.create(source, { intraOpNumThreads: 2, graphOptimizationLevel: options.optimization ?? "all", logSeverityLevel: 3 });
  return {
    run: async (inputs) => {
      const feeds: Record<string, PeerTensor> = {};
      for (const [name, { data, dims, dtype }] of Object.entries(inputs)) {
        const stored = dtype === "int64" ? BigInt64Array.from(data, BigInt) : dtype === "int32" ? Int32Array.from(data) : data;
        feeds[name] = new Tensor(dtype ?? "float32", stored, dims);
      }
      const outputs = await session.run(feeds);
      return Object.fromEntries(Object.entries(outputs).map(([name, { data, dims }]) => [name, { data: new Float32Array(data), dims: [...dims] }]));
    },
    close: () => session.release(),
  };
}

/** Loads a graph, runs it once, closes it. */
export async function runGraph(model: Graph, inputs: Readonly<Record<string, HostTensor>>): Promise<Record<string, HostTensor>> {
  const graph = await loadGraph(model);
  try {
    return await graph.run(inputs);
  } finally {
    await graph.close();
  }
}
