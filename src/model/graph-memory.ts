/** How much memory a graph's values take while it runs: the most that is alive at a time, from the shapes and the order of the nodes. */
import type { ModelProto } from "./builder/onnx-schema.js";
import { count, graphShapes } from "./graph-shapes.js";

/** Operators whose output is their input under another shape: no memory of its own. */
const ALIASES: ReadonlySet<string> = new Set(["Reshape", "Squeeze", "Unsqueeze", "Identity", "Flatten"]);
/** Operators that write over an input which nobody needs any more. */
const IN_PLACE: ReadonlySet<string> = new Set(["Add", "Sub", "Mul", "Div", "Relu", "Sigmoid", "Tanh", "Clip", "Sqrt", "Exp", "Sin", "Cos", "QuickGelu", "Gelu", "Softmax", "LayerNormalization"]);

/**
 * Bytes of the values (not the weights) that are alive at once at the worst moment of a run.
 * @param inputs dims of each input of the graph
 * @param elementBytes 4 for float32, 2 for float16; small integer values are counted alike
 */
export function peakActivationBytes(model: ModelProto, inputs: Readonly<Record<string, readonly number[]>>, elementBytes = 4): number {
  const { node: nodes } = model.graph;
  const shapes = graphShapes(model, inputs);
  const bytesOf = (name: string): number => count(shapes.get(name)?.dims ?? [0]) * elementBytes;
  // What shares memory goes by the name of the first of it.
  const owner = new Map<string, string>();
  const ownerOf = (name: string): string => owner.get(name) ?? name;
  const lastUse = new Map<string, number>();
  nodes.forEach((node, at) => {
    if (ALIASES.has(node.opType) && shapes.has(node.input[0]!)) owner.set(node.output[0]!, ownerOf(node.input[0]!));
    for (const name of node.input) if (shapes.has(name)) lastUse.set(ownerOf(name), at);
  });
  for (const { name } of model.graph.output) lastUse.set(ownerOf(name), nodes.length);
  const fromOutside = new Set(Object.keys(inputs));
  const dying = new Map<number, string[]>();
  for (const [name, at] of lastUse) if (!fromOutside.has(name)) dying.set(at, [...(dying.get(at) ?? []), name]);
  let live = 0;
  let peak = 0;
  nodes.forEach((node, at) => {
    const ends = dying.get(at) ?? [];
    const made = node.output.filter((name) => name !== "" && !owner.has(name)).reduce((sum, name) => sum + bytesOf(name), 0);
    const reused = IN_PLACE.has(node.opType) ? node.input.find((name) => ends.includes(ownerOf(name)) && bytesOf(name) === bytesOf(node.output[0]!)) : undefined;
    peak = Math.max(peak, live + made - (reused === undefined ? 0 : bytesOf(reused)));
    live += made;
    for (const name of ends) live -= bytesOf(name);
  });
  return peak;
}
