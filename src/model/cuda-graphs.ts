/**
 * Rewrites graphs for CUDA while sessions open; packages stay as they are. Its InstanceNormalization takes one block of
 * threads for a group of a picture, which leaves most of a GPU idle; its convolutions transpose their inputs and
 * outputs, because tensor cores compute with channels last.
 */
import { DATA_TYPE, decodeModelProto, encodeModelProto, type ModelProto, type TensorProto } from "../onnx/schema.js";
import { withChannelsLast } from "./channels-last.js";
import { GROUP_NORM, withGroupNorms } from "./group-norm.js";
import { GraphIndex } from "./graph-index.js";

/**
 * How far graphs are rewritten: not at all; group norms as one operator, between transposes; the same with weights as
 * constants, which CUDA's option `prefer_nhwc` needs; and with half precision convolutions that have channels last.
 */
export type CudaLayout = "as stored" | "group norms" | "constant weights" | "channels last";

/** What the engine takes. `gpu-check --steps layout` measures them all. */
export const CUDA_LAYOUT: CudaLayout = "channels last";

/**
 * A graph for CUDA; undefined where there is nothing to rewrite.
 * @param stored graphs in the same folder that give weights which this one takes as inputs. With channels last, weights
 * must be constants: those that are stored as they are taken become so, and are no inputs any more.
 */
export function cudaModel(
  model: ModelProto,
  layout: CudaLayout = CUDA_LAYOUT,
  stored: readonly ModelProto[] = [],
): ModelProto | undefined {
  if (layout === "as stored") return undefined;
  const normed = withGroupNorms(model.graph);
  if (!normed.node.some(({ opType }) => opType === GROUP_NORM)) return undefined;
  const hasConstants = layout !== "group norms" && hasHalfConvolutions(normed);
  const graph = hasConstants ? withStoredWeights(normed, stored) : normed;
  return { ...model, graph: withChannelsLast(graph, layout === "channels last") };
}

/**
 * The same for a graph that has all weights inside, by its bytes; gives them back where there is nothing to rewrite.
 */
export function cudaModelBytes(bytes: Uint8Array, layout: CudaLayout = CUDA_LAYOUT): Uint8Array {
  const model = cudaModel(decodeModelProto(bytes), layout);
  return model === undefined ? bytes : encodeModelProto(model);
}

/** Float32 convolutions stay as they are: without TF32, tensor cores have no part in them. */
function hasHalfConvolutions({ node, input, initializer }: ModelProto["graph"]): boolean {
  const halves = new Set([
    ...input.filter(({ type }) => type.tensorType.elemType === DATA_TYPE.float16).map(({ name }) => name),
    ...initializer.filter(({ dataType }) => dataType === DATA_TYPE.float16).map(({ name }) => name),
  ]);
  return node.some(({ opType, input: [, weight = ""] }) => opType === "Conv" && halves.has(weight));
}

function withStoredWeights(graph: ModelProto["graph"], stored: readonly ModelProto[]): ModelProto["graph"] {
  const tensors = new Map(stored.flatMap((one) => storedOutputs(one)));
  const taken = graph.input.filter(({ name }) => tensors.has(name));
  return {
    ...graph,
    input: graph.input.filter(({ name }) => !tensors.has(name)),
    initializer: [...graph.initializer, ...taken.map(({ name }) => ({ ...tensors.get(name)!, name }))],
  };
}

/** What a graph gives as it is stored, without computing: the tensors by the names of the outputs. */
function storedOutputs({ graph }: ModelProto): [string, TensorProto][] {
  const index = new GraphIndex(graph);
  return graph.output.flatMap(({ name }) => {
    const from = index.producer(name);
    const tensor = from?.opType === "Identity" ? index.constant(from.input[0]!) : undefined;
    return tensor === undefined ? [] : [[name, tensor] as [string, TensorProto]];
  });
}
