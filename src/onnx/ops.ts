/**
 * The layers that the networks are made of, in terms of ONNX operators. Activations are [N, C, H, W] for pictures and
 * [N, tokens, width] for tokens. Weight names are PyTorch's, shapes too (a linear layer is [out, in]).
 */
import { elementCount } from "./tensor-data.js";
import type { GraphBuilder, SymbolicDims, Value } from "./graph-builder.js";
import { DATA_TYPE } from "./schema.js";
import { derive, transposed, type Weights, type WeightTensor } from "./weights.js";

/** y = x W^T + b over the last axis. `w` holds `weight` [out, in] and, unless `bias` is false, `bias` [out]. */
export function linear(
  g: GraphBuilder,
  x: Value,
  w: Weights,
  inSize: number,
  outSize: number,
  options: { bias?: boolean } = {},
): Value {
  const bias = options.bias === false ? undefined : w.tensor("bias", [outSize]);
  return linearOf(g, x, w.tensor("weight", [outSize, inSize]), bias);
}

/** A linear layer of given tensors. */
export function linearOf(g: GraphBuilder, x: Value, weight: WeightTensor, bias?: WeightTensor): Value {
  const product = g.node("MatMul", [x, g.weight(transposed(weight))]);
  return bias === undefined ? product : g.node("Add", [product, g.weight(bias)]);
}

/** How a convolution runs. */
interface ConvOptions {
  stride?: number;
  /** Padding of all sides, or [top, left, bottom, right]. Default 0. */
  padding?: number | readonly [number, number, number, number];
  /** Default true. */
  bias?: boolean;
}

/** A square convolution. `w` holds `weight` [out, in, k, k] and, unless `bias` is false, `bias` [out]. */
export function conv(
  g: GraphBuilder,
  x: Value,
  w: Weights,
  inSize: number,
  outSize: number,
  kernel: number,
  options: ConvOptions = {},
): Value {
  const { stride = 1, padding = 0, bias = true } = options;
  const pads = typeof padding === "number" ? [padding, padding, padding, padding] : padding;
  const weight = g.weight(w.tensor("weight", [outSize, inSize, kernel, kernel]));
  const inputs = bias ? [x, weight, g.weight(w.tensor("bias", [outSize]))] : [x, weight];
  return g.node("Conv", inputs, { kernel_shape: [kernel, kernel], strides: [stride, stride], pads });
}

/** Layer norm over the last axis; `w` holds `weight` and `bias`, or is undefined for one without weights. */
export function layerNorm(g: GraphBuilder, x: Value, w: Weights | undefined, size: number, epsilon: number): Value {
  const scale = w === undefined ? g.floats(Array<number>(size).fill(1)) : g.weight(w.tensor("weight", [size]));
  const bias = w === undefined ? undefined : g.weight(w.tensor("bias", [size]));
  return g.node("LayerNormalization", [x, scale, bias], { axis: -1, epsilon: { float: epsilon } });
}

/** Group norm of [N, C, H, W]: an instance norm over the groups, then the channels' scale and bias. */
export function groupNorm(
  g: GraphBuilder,
  x: Value,
  w: Weights,
  channels: number,
  groups: number,
  epsilon: number,
): Value {
  const grouped = reshape(g, x, [0, groups, -1]);
  const ones = g.floats(Array<number>(groups).fill(1));
  const zeros = g.floats(Array<number>(groups).fill(0));
  const normal = g.node("InstanceNormalization", [grouped, ones, zeros], { epsilon: { float: epsilon } });
  const back = g.node("Reshape", [normal, g.node("Shape", [x])]);
  return affine(g, back, w.tensor("weight", [channels]), w.tensor("bias", [channels]));
}

/** x * scale + shift per channel of [N, C, H, W]. */
function affine(g: GraphBuilder, x: Value, scale: WeightTensor, shift: WeightTensor): Value {
  const perChannel = (tensor: WeightTensor): Value =>
    g.weight(derive(tensor, "channels", [elementCount(tensor.dims), 1, 1], (data) => data));
  return g.node("Add", [g.node("Mul", [x, perChannel(scale)]), perChannel(shift)]);
}

/** x * sigmoid(x). One operator on every provider: QuickGelu with alpha 1. */
export function silu(g: GraphBuilder, x: Value): Value {
  return g.contrib("QuickGelu", [x], { alpha: { float: 1 } });
}

/** Forms of GELU: by erf, by tanh, and x * sigmoid(1.702 x). */
type GeluForm = "gelu" | "gelu_tanh" | "quick_gelu";

/** GELU in the form asked for. */
export function gelu(g: GraphBuilder, x: Value, form: GeluForm): Value {
  if (form === "quick_gelu") return g.contrib("QuickGelu", [x], { alpha: { float: 1.702 } });
  return g.node("Gelu", [x], { approximate: form === "gelu" ? "none" : "tanh" });
}

/**
 * Attention of queries [N, L, heads * size] over keys and values [N, S, heads * size] with scale 1/sqrt(size), as ONNX
 * Runtime's one operator (CPU, CUDA and WebGPU have it). L and S may differ.
 */
export function attention(g: GraphBuilder, query: Value, key: Value, value: Value, heads: number): Value {
  return g.contrib("MultiHeadAttention", [query, key, value], { num_heads: heads });
}

/** Reshape to fixed sizes; 0 keeps an axis, -1 is what remains. */
export function reshape(g: GraphBuilder, x: Value, dims: readonly number[]): Value {
  return g.node("Reshape", [x, g.int64s(dims)]);
}

export function transpose(g: GraphBuilder, x: Value, perm: readonly number[]): Value {
  return g.node("Transpose", [x], { perm });
}

export function add(g: GraphBuilder, a: Value, b: Value): Value {
  return g.node("Add", [a, b]);
}

export function mul(g: GraphBuilder, a: Value, b: Value): Value {
  return g.node("Mul", [a, b]);
}

export function concat(g: GraphBuilder, values: readonly Value[], axis: number): Value {
  return values.length === 1 ? values[0]! : g.node("Concat", values, { axis });
}

/** Elements `from` to `to` (not included) of an axis. */
export function slice(g: GraphBuilder, x: Value, axis: number, from: number, to: number): Value {
  return g.node("Slice", [x, g.int64s([from]), g.int64s([to]), g.int64s([axis])]);
}

/** One size of a value as an int64 of one axis. */
export function sizeOf(g: GraphBuilder, x: Value, axis: number): Value {
  return g.node("Shape", [x], { start: axis, end: axis + 1 });
}

/** Doubles height and width of [N, C, H, W] by repeating pixels. */
export function upsampleNearest(g: GraphBuilder, x: Value): Value {
  const attributes = { mode: "nearest", nearest_mode: "floor", coordinate_transformation_mode: "asymmetric" };
  return g.node("Resize", [x, undefined, g.floats([1, 1, 2, 2], [4], "float32")], attributes);
}

/** Pictures [N, C, H, W] as tokens [N, H * W, C], row by row. */
export function toTokens(g: GraphBuilder, x: Value, channels: number): Value {
  return transpose(g, reshape(g, x, [0, channels, -1]), [0, 2, 1]);
}

/** A float32 value in the graph's precision. Nothing in a float32 graph. */
export function asActivation(g: GraphBuilder, x: Value): Value {
  return g.precision === "float32" ? x : g.node("Cast", [x], { to: DATA_TYPE[g.precision] });
}

/** A graph input that is float32 in every precision, in the graph's precision. */
export function floatInput(g: GraphBuilder, name: string, dims: SymbolicDims): Value {
  return asActivation(g, g.input(name, "float32", dims));
}

/** A graph output that is float32 in every precision, from a value in the graph's precision. */
export function floatOutput(g: GraphBuilder, name: string, value: Value, dims: SymbolicDims): void {
  g.output(
    name,
    g.precision === "float32" ? value : g.node("Cast", [value], { to: DATA_TYPE.float32 }),
    "float32",
    dims,
  );
}
