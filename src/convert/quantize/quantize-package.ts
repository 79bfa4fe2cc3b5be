/**
 * Makes a package with 8-bit weights from one with float weights. What is not quantized is copied as it is. One weight
 * is in memory at a time; a LoRA is folded before its sum is quantized.
 */
import { join } from "node:path";
import { ModelError } from "../../errors.js";
import type { Graph } from "../../onnx/graph-builder.js";
import type { NodeProto } from "../../onnx/schema.js";
import { toHalves, type TensorData } from "../../onnx/tensor-data.js";
import type { ModelPackage } from "../../model/package.js";
import { writePackage, type PackageContent } from "../build-package.js";
import type { PackageFiles } from "../package-graphs.js";
import { BLOCK, blocksOf, toBlocks } from "./int8-blocks.js";
import { computeConstant, pruned, readPackageGraph } from "./package-graph.js";
import {
  blockValues,
  MIN_ELEMENTS,
  namesOf,
  quantizableWeights,
  withBlockWeights,
  type QuantizedWeight,
} from "./quantize-graph.js";

/** What to quantize, and where the result goes. */
export interface QuantizeOptions extends Pick<
  PackageContent,
  "directory" | "overwrite" | "onProgress" | "resumeKey" | "finish"
> {
  readonly source: ModelPackage;
  /** Matrices with fewer elements stay. */
  readonly minElements?: number;
}

type Weights = ReadonlyMap<string, QuantizedWeight>;

/**
 * Writes the package and opens it.
 * @throws ModelError `ERR_MODEL_QUANTIZE`, `ERR_MODEL_FILE`, `ERR_MODEL_WEIGHTS`; ResourceError `ERR_OUTPUT_EXISTS`,
 * `ERR_OUTPUT_WRITE`
 */
export async function quantizePackage({ source, minElements, ...place }: QuantizeOptions): Promise<ModelPackage> {
  checkQuantizable(source);
  return writePackage({
    ...place,
    files: quantizedFiles(source, minElements ?? MIN_ELEMENTS),
    external: true,
    manifest: (files) => ({
      ...source.manifest,
      formatVersion: 3,
      version: `${source.manifest.version}-int8`,
      quantization: { scheme: "int8", blockSize: BLOCK, madeFrom: source.hash },
      files,
    }),
  });
}

/**
 * Whether it can be quantized at all; said before anything is read or written.
 * @throws ModelError `ERR_MODEL_QUANTIZE`
 */
export function checkQuantizable({ directory, manifest }: ModelPackage): void {
  if (manifest.quantization !== undefined)
    throw new ModelError("ERR_MODEL_QUANTIZE", `${directory} has ${manifest.quantization.scheme} weights already`, {
      remedy: "quantize the package it was made from",
    });
  if (manifest.graphs.weights === undefined)
    throw new ModelError(
      "ERR_MODEL_QUANTIZE",
      `${directory} has its weights inside its graphs, as small packages do, and would gain nothing`,
      { remedy: "quantize a package of full size, such as `cobra-batch model install cobra` makes" },
    );
}

/** All graphs of the package, quantized, by file. */
function quantizedFiles(source: ModelPackage, minElements: number): PackageFiles {
  const { shared, styles, weights: apart } = source.manifest.graphs;
  const own = Object.values(styles).filter((graphs) => graphs !== undefined);
  const ownWeights = Object.values(apart?.styles ?? {}).filter((sets) => sets !== undefined);
  const transformers = new Set(own.flatMap((graphs) => [graphs.reference_encoder, graphs.denoiser]));
  const sets = new Set(ownWeights.map(({ transformer }) => transformer));
  const names = new Set(
    [shared, ...own, apart?.shared ?? {}, ...ownWeights].flatMap((some) => Object.values<string>(some)),
  );
  const read = new Map([...names].map((file) => [file, readPackageGraph(join(source.directory, file))] as const));
  const taken = takenWeights(
    [...transformers].map((file) => read.get(file)!.graph),
    minElements,
  );
  const encoder = read.get(shared.image_encoder)!.graph;
  const inEncoder = mapOf(quantizableWeights(encoder, minElements));
  if (taken.size + inEncoder.size === 0)
    throw new ModelError(
      "ERR_MODEL_QUANTIZE",
      `${source.directory} has no linear layer of ${minElements} weights or more, and smaller ones gain nothing`,
      { remedy: "quantize a package of full size" },
    );
  const files: PackageFiles = new Map();
  for (const [file, { graph, weights }] of read) {
    const path = join(source.directory, file);
    const made = transformers.has(file)
      ? withBlockWeights(graph, taken)
      : sets.has(file)
        ? withBlockOutputs(graph, taken, path, file)
        : file === shared.image_encoder
          ? withBlockConstants(graph, inEncoder, path)
          : graph;
    files.set(file, { graph: made, weights });
  }
  return files;
}

/** What every graph that takes it can take in blocks. */
function takenWeights(graphs: readonly Graph[], minElements: number): Weights {
  const found = graphs.map((graph) => mapOf(quantizableWeights(graph, minElements)));
  const common = found.flatMap((weights) =>
    [...weights].filter(([name]) =>
      graphs.every((graph, at) => found[at]!.has(name) || graph.inputs.every((input) => input.name !== name)),
    ),
  );
  return new Map(common);
}

function mapOf(weights: readonly QuantizedWeight[]): Weights {
  return new Map(weights.map((weight) => [weight.name, weight]));
}

/** A graph that takes weights, with those that are constants in it in blocks. */
function withBlockConstants(graph: Graph, weights: Weights, path: string): Graph {
  const quantized = withBlockWeights(graph, weights);
  const constants = [...weights.values()].flatMap((weight) =>
    blockTensors(weight, path, namesOf(weight.name).values, namesOf(weight.name).scales),
  );
  return { ...quantized, constants: [...quantized.constants, ...constants] };
}

/** A graph that produces weights, with these in blocks. Tensors are named after the file: styles differ in them. */
function withBlockOutputs(graph: Graph, weights: Weights, path: string, file: string): Graph {
  const made = graph.outputs.flatMap(({ name }) => weights.get(name) ?? []);
  const identity = (input: string, output: string): NodeProto => ({
    input: [input],
    output: [output],
    name: output,
    opType: "Identity",
    attribute: [],
    domain: "",
  });
  const nodes: NodeProto[] = [];
  const constants: TensorData[] = [];
  for (const weight of made) {
    const names = namesOf(weight.name);
    const [values, scales] = [`${file}/${names.values}`, `${file}/${names.scales}`];
    constants.push(...blockTensors(weight, path, values, scales));
    nodes.push(identity(values, names.values), identity(scales, names.scales));
  }
  const outputs = graph.outputs.flatMap((output) => {
    const weight = weights.get(output.name);
    return weight === undefined ? [output] : blockValues(weight);
  });
  return pruned({
    ...graph,
    outputs,
    nodes: [...graph.nodes, ...nodes],
    constants: [...graph.constants, ...constants],
  });
}

/** The two tensors of a weight. It is computed when the first of them is written, and forgotten after the second. */
function blockTensors(
  { name, rows, columns, dtype }: QuantizedWeight,
  path: string,
  valuesName: string,
  scalesName: string,
): TensorData[] {
  const blocks = blocksOf(rows);
  let quantized: ReturnType<typeof toBlocks> | undefined;
  const compute = async (): Promise<ReturnType<typeof toBlocks>> =>
    (quantized ??= toBlocks(await computeConstant(path, name), rows, columns, dtype));
  const notAtOnce = (): never => {
    throw new ModelError("ERR_MODEL_GRAPH", `${valuesName} is not loaded`, {
      remedy: "write the graph with writeModel()",
    });
  };
  return [
    {
      name: valuesName,
      dtype: "uint8",
      dims: [columns, blocks, BLOCK],
      byteLength: columns * blocks * BLOCK,
      bytes: notAtOnce,
      load: async () => (await compute()).values,
    },
    {
      name: scalesName,
      dtype,
      dims: [columns, blocks],
      byteLength: columns * blocks * (dtype === "float16" ? 2 : 4),
      bytes: notAtOnce,
      load: async () => {
        const { scales } = await compute();
        quantized = undefined;
        const stored = dtype === "float16" ? toHalves(scales, scalesName) : scales;
        return new Uint8Array(stored.buffer, stored.byteOffset, stored.byteLength);
      },
    },
  ];
}
