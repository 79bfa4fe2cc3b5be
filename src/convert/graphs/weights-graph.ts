/**
 * A graph that takes nothing and produces weights which other graphs take as inputs. A LoRA is folded here: its
 * matrices are stored beside the base that all styles share, and base + product is computed once, when the graph runs.
 */
import { ModelError } from "../../errors.js";
import { GraphBuilder, weightData, type Graph, type InputWeight, type Value } from "../../onnx/graph-builder.js";
import { add } from "../../onnx/ops.js";
import { DATA_TYPE } from "../../onnx/schema.js";
import { elementCount } from "../../onnx/tensor-data.js";
import type { WeightTensor } from "../../onnx/weights.js";

/** A sum whose parts are more than this share of the whole is stored whole. */
const MAX_SHARE_OF_WHOLE = 0.5;

/**
 * `weights`: what some graphs take; a name that several of them take is given once. `owner` goes before the names of
 * what is not shared, so that such graphs can share weight files.
 */
export function buildWeightsGraph(weights: readonly InputWeight[], owner: string): Graph {
  const g = new GraphBuilder("weights");
  const given = new Map<string, InputWeight>();
  for (const weight of weights) {
    const { name, dtype, tensor } = weight;
    const known = given.get(name);
    if (known !== undefined && (known.dtype !== dtype || known.tensor.dims.join() !== tensor.dims.join())) {
      throw new ModelError(
        "ERR_MODEL_GRAPH",
        `two graphs take ${name}, as ${known.dtype} [${known.tensor.dims.join(", ")}] and as ${dtype} [${tensor.dims.join(", ")}]`,
        { remedy: "give the weight sources different labels" },
      );
    }
    given.set(name, known ?? weight);
  }
  for (const { name, dtype, tensor } of given.values()) {
    const stored = (part: WeightTensor): Value =>
      g.constant(weightData(part, dtype, `${part.shared === true ? "" : `${owner}/`}${part.name}#stored#${dtype}`));
    const value = isStoredAsSum(tensor) ? sumOf(g, tensor.sum!, dtype, stored) : stored(tensor);
    g.output(name, value, dtype, tensor.dims);
  }
  return g.build();
}

function isStoredAsSum({ dims, sum }: WeightTensor): boolean {
  return (
    sum !== undefined &&
    elementCount(sum.left.dims) + elementCount(sum.right.dims) <= MAX_SHARE_OF_WHOLE * elementCount(dims)
  );
}

/** base + left right, summed in float32 whatever it is stored as, and rounded once. */
function sumOf(
  g: GraphBuilder,
  { base, left, right }: NonNullable<WeightTensor["sum"]>,
  dtype: "float32" | "float16",
  stored: (part: WeightTensor) => Value,
): Value {
  const cast = (value: Value, to: "float32" | "float16"): Value =>
    dtype === "float32" ? value : g.node("Cast", [value], { to: DATA_TYPE[to] });
  const product = g.node("MatMul", [cast(stored(left), "float32"), cast(stored(right), "float32")]);
  return cast(add(g, cast(stored(base), "float32"), product), dtype);
}
