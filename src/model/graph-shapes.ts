/** The shapes of all values of a graph for given inputs. */
import type { ModelProto, ValueInfoProto } from "../onnx/schema.js";
import { shapesOf } from "./shape-rules.js";
import { tensorValue, type ShapedValue } from "./shaped-value.js";

/**
 * Sizes of all values of a graph by name; weights are left out. `inputs`: the dims of each input of the graph that has
 * free ones.
 */
export function graphShapes(
  { graph }: ModelProto,
  inputs: Readonly<Record<string, readonly number[]>>,
): Map<string, ShapedValue> {
  const values = new Map<string, ShapedValue>();
  for (const tensor of graph.initializer) values.set(tensor.name, tensorValue(tensor));
  const weights = [...values.keys()];
  for (const input of graph.input) values.set(input.name, { dims: fixedDims(input) });
  for (const [name, dims] of Object.entries(inputs)) values.set(name, { dims });
  for (const node of graph.node) {
    const given = node.input.map((name) => (name === "" ? undefined : values.get(name)));
    const made = shapesOf(node, given);
    node.output.forEach((name, index) => values.set(name, made[index] ?? made[0]!));
  }
  for (const name of weights) values.delete(name);
  return values;
}

/** The dims of an input as far as they are fixed, as those of weights are. A dim of 0 has no value in the file. */
function fixedDims({ type }: ValueInfoProto): number[] {
  return (type.tensorType.shape?.dim ?? []).map(({ dimValue }) => dimValue ?? 0);
}
