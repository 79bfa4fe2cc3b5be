/**
 * Estimates the memory of a graph's values while it runs: the most that is alive at once, from the shapes and the
 * order of the nodes.
 */
import type { ModelProto, NodeProto } from "../onnx/schema.js";
import { graphShapes } from "./graph-shapes.js";
import { elementCount } from "../onnx/tensor-data.js";

/** Operators whose output is their input with another shape: it takes no memory. */
const ALIASES: ReadonlySet<string> = new Set(["Reshape", "Squeeze", "Unsqueeze", "Identity", "Flatten"]);
/** Operators that write over an input which nobody needs any more. */
const IN_PLACE: ReadonlySet<string> = new Set([
  "Add",
  "Sub",
  "Mul",
  "Div",
  "Relu",
  "Sigmoid",
  "Tanh",
  "Clip",
  "Sqrt",
  "Exp",
  "Sin",
  "Cos",
  "QuickGelu",
  "Gelu",
  "Softmax",
  "LayerNormalization",
]);

/**
 * ONNX Runtime's CPU convolutions work on channels in blocks of this many (its NCHWc layout; 8 on processors without
 * AVX-512).
 */
const CHANNEL_BLOCK = 16;

/**
 * Bytes of the values (not the weights) that are alive at once at the worst moment of a run.
 * @param inputs dims of each input of the graph that has free ones
 * @param elementBytes 4 for float32, 2 for float16; small integer values are counted alike
 */
export function peakActivationBytes(
  model: ModelProto,
  inputs: Readonly<Record<string, readonly number[]>>,
  elementBytes = 4,
): number {
  const { node: nodes } = model.graph;
  const shapes = graphShapes(model, inputs);
  const blocked = blockedValues(nodes);
  const bytesOf = (name: string): number => {
    const dims = shapes.get(name)?.dims ?? [0];
    const channels = dims[1] ?? 1;
    const padding = blocked.has(name)
      ? (Math.ceil(channels / CHANNEL_BLOCK) * CHANNEL_BLOCK) / Math.max(1, channels)
      : 1;
    return elementCount(dims) * elementBytes * padding;
  };
  // What is made of weights alone (half precision cast up) is made once, when the graph is loaded.
  const loaded = new Set(model.graph.initializer.map(({ name }) => name));
  for (const { input, output } of nodes)
    if (input.length > 0 && input.every((name) => loaded.has(name))) for (const name of output) loaded.add(name);
  // What shares memory goes by the name of the first of it.
  const owner = new Map<string, string>();
  const ownerOf = (name: string): string => owner.get(name) ?? name;
  const lastUse = new Map<string, number>();
  nodes.forEach((node, at) => {
    if (ALIASES.has(node.opType) && shapes.has(node.input[0]!)) owner.set(node.output[0]!, ownerOf(node.input[0]!));
    for (const name of node.input) if (shapes.has(name)) lastUse.set(ownerOf(name), at);
  });
  for (const { name } of model.graph.output) lastUse.set(ownerOf(name), nodes.length);
  const fromOutside = new Set(model.graph.input.map(({ name }) => name));
  const dying = new Map<number, string[]>();
  for (const [name, at] of lastUse)
    if (!fromOutside.has(name) && !loaded.has(name)) dying.set(at, [...(dying.get(at) ?? []), name]);
  let live = 0;
  let peak = 0;
  nodes.forEach((node, at) => {
    const ends = dying.get(at) ?? [];
    const made = node.output
      .filter((name) => name !== "" && !owner.has(name) && !loaded.has(name))
      .reduce((sum, name) => sum + bytesOf(name), 0);
    const reused = IN_PLACE.has(node.opType)
      ? node.input.find((name) => ends.includes(ownerOf(name)) && bytesOf(name) === bytesOf(node.output[0]!))
      : undefined;
    const scratch = scratchElements(node) * elementBytes;
    peak = Math.max(peak, live + made + scratch - (reused === undefined ? 0 : bytesOf(reused)));
    live += made;
    for (const name of ends) live -= bytesOf(name);
  });
  return peak;
}

/** What an operator takes beside its values: MatMulNBits brings its whole matrix to the activations' type. */
function scratchElements({ opType, attribute }: NodeProto): number {
  if (opType !== "MatMulNBits") return 0;
  const size = (name: string): number => attribute.find((one) => one.name === name)?.i ?? 0;
  return size("K") * size("N");
}

/**
 * Values whose channels are padded to whole blocks: what convolutions give, and what is made of it element by element.
 */
function blockedValues(nodes: readonly NodeProto[]): Set<string> {
  const blocked = new Set<string>();
  for (const { opType, input, output } of nodes) {
    if (opType === "Conv" || ((IN_PLACE.has(opType) || opType === "Resize") && input.some((name) => blocked.has(name))))
      blocked.add(output[0]!);
  }
  return blocked;
}
