/**
 * Shape inference for ONNX operators, as far as the graphs of packages use them. Small integer and float tensors
 * (shapes, axes, scales) are computed too, because Reshape and others depend on their values. An unknown operator is
 * assumed to return its input's shape, which is good enough for estimates of memory.
 */
import type { AttributeProto, NodeProto } from "../onnx/schema.js";
import { MAX_NUMBERS, tensorValue, type ShapedValue } from "./shaped-value.js";
import { elementCount } from "../onnx/tensor-data.js";

type Given = readonly (ShapedValue | undefined)[];
type Rule = (given: Given, node: NodeProto) => readonly ShapedValue[];

const attribute = (node: NodeProto, name: string): AttributeProto | undefined =>
  node.attribute.find((one) => one.name === name);
/** An attribute that is 0 has no value in the file. */
const int = (node: NodeProto, name: string, otherwise: number): number => {
  const found = attribute(node, name);
  return found === undefined ? otherwise : (found.i ?? 0);
};
const ints = (node: NodeProto, name: string): readonly number[] | undefined => {
  const found = attribute(node, name)?.ints;
  return found === undefined || found.length === 0 ? undefined : found;
};
const dimsOf = (value: ShapedValue | undefined): readonly number[] => value?.dims ?? [];
const axisOf = (axis: number, rank: number): number => (axis < 0 ? axis + rank : axis);
const scalar = (value: number): ShapedValue => ({ dims: [], numbers: [value] });
const list = (numbers: readonly number[]): ShapedValue => ({ dims: [numbers.length], numbers });

function broadcast(...shapes: readonly (readonly number[])[]): number[] {
  const rank = Math.max(0, ...shapes.map(({ length }) => length));
  return Array.from({ length: rank }, (_, at) => {
    const sizes = shapes.map((dims) => dims[dims.length - rank + at] ?? 1);
    return sizes.includes(0) ? 0 : Math.max(...sizes);
  });
}

function elementwise(compute: (...values: number[]) => number): Rule {
  return (given) => {
    const dims = broadcast(...given.map(dimsOf));
    const parts = given.map((value) => value?.numbers);
    const elements = elementCount(dims);
    if (
      elements > MAX_NUMBERS ||
      parts.some((part) => part === undefined || (part.length !== 1 && part.length !== elements))
    )
      return [{ dims }];
    return [
      {
        dims,
        numbers: Array.from({ length: elements }, (_, at) =>
          compute(...parts.map((part) => (part!.length === 1 ? part![0]! : part![at]!))),
        ),
      },
    ];
  };
}

/** Axes from an attribute or from input 1. */
const axesOf = (given: Given, node: NodeProto): readonly number[] | undefined =>
  ints(node, "axes") ?? given[1]?.numbers;

const reduce: Rule = (given, node) => reduced(dimsOf(given[0]), axesOf(given, node), int(node, "keepdims", 1) === 1);
const argReduce: Rule = (given, node) =>
  reduced(dimsOf(given[0]), [int(node, "axis", 0)], int(node, "keepdims", 1) === 1);

function reduced(dims: readonly number[], axes: readonly number[] | undefined, keep: boolean): ShapedValue[] {
  const gone = (axes ?? dims.map((_, at) => at)).map((axis) => axisOf(axis, dims.length));
  return [{ dims: dims.flatMap((dim, at) => (gone.includes(at) ? (keep ? [1] : []) : [dim])) }];
}

/** Convolution and pooling. */
function windows(channels: (given: Given) => number | undefined): Rule {
  return (given, node) => {
    const [batch = 1, inner = 1, ...sizes] = dimsOf(given[0]);
    const kernel = ints(node, "kernel_shape") ?? dimsOf(given[1]).slice(2);
    const pads = ints(node, "pads") ?? sizes.flatMap(() => [0, 0]);
    const [strides, dilations] = [ints(node, "strides"), ints(node, "dilations")];
    const out = sizes.map(
      (size, at) =>
        Math.floor(
          (size + pads[at]! + pads[at + sizes.length]! - ((dilations?.[at] ?? 1) * (kernel[at]! - 1) + 1)) /
            (strides?.[at] ?? 1),
        ) + 1,
    );
    return [{ dims: [batch, channels(given) ?? inner, ...out] }];
  };
}

/** Where a slice of an axis begins and how much of it there is. */
function sliceOf(size: number, start: number, end: number, step: number): { from: number; length: number } {
  const clamp = (value: number, low: number, high: number): number =>
    Math.min(high, Math.max(low, value < 0 ? value + size : value));
  const [from, to] =
    step > 0 ? [clamp(start, 0, size), clamp(end, 0, size)] : [clamp(start, 0, size - 1), clamp(end, -1, size - 1)];
  return { from, length: Math.max(0, Math.ceil((to - from) / step)) };
}

/** Numbers of a small tensor in another order: `source` gives the place that each element comes from. */
function rearranged(
  numbers: readonly number[] | undefined,
  from: readonly number[],
  dims: readonly number[],
  source: (index: readonly number[]) => readonly number[],
): { numbers?: readonly number[] } {
  if (numbers === undefined) return {};
  const unravel = (flat: number): number[] =>
    dims.map((size, axis) => Math.floor(flat / elementCount(dims.slice(axis + 1))) % size);
  return {
    numbers: Array.from(
      { length: elementCount(dims) },
      (_, flat) => numbers[source(unravel(flat)).reduce((at, place, axis) => at * from[axis]! + place, 0)]!,
    ),
  };
}

const slice: Rule = ([data, starts, ends, axes, steps]) => {
  const from = dimsOf(data);
  if (starts?.numbers === undefined || ends?.numbers === undefined) return [{ dims: from }];
  const cuts = from.map((size) => ({ from: 0, length: size, step: 1 }));
  (axes?.numbers ?? starts.numbers.map((_, at) => at)).forEach((axis, at) => {
    const place = axisOf(axis, from.length);
    const step = steps?.numbers?.[at] ?? 1;
    cuts[place] = { ...sliceOf(from[place]!, starts.numbers![at]!, ends.numbers![at]!, step), step };
  });
  const dims = cuts.map(({ length }) => length);
  return [
    {
      dims,
      ...rearranged(data?.numbers, from, dims, (index) =>
        index.map((at, axis) => cuts[axis]!.from + at * cuts[axis]!.step),
      ),
    },
  ];
};

const transpose: Rule = ([value], node) => {
  const from = dimsOf(value);
  const perm = ints(node, "perm") ?? from.map((_, at) => from.length - 1 - at);
  const dims = perm.map((axis) => from[axis]!);
  return [
    { dims, ...rearranged(value?.numbers, from, dims, (index) => from.map((_, axis) => index[perm.indexOf(axis)]!)) },
  ];
};

const reshape: Rule = ([data, shape], node) => {
  const from = dimsOf(data);
  const target = shape?.numbers;
  if (target === undefined) return [{ dims: from }];
  const dims = target.map((dim, at) => (dim === 0 && int(node, "allowzero", 0) === 0 ? (from[at] ?? 1) : dim));
  const open = dims.indexOf(-1);
  if (open >= 0) dims[open] = elementCount(from) / Math.max(1, elementCount(dims.filter((dim) => dim !== -1)));
  return [{ dims, ...(data?.numbers ? { numbers: data.numbers } : {}) }];
};

const gather: Rule = ([data, index], node) => {
  const from = dimsOf(data);
  const axis = axisOf(int(node, "axis", 0), from.length);
  const dims = [...from.slice(0, axis), ...dimsOf(index), ...from.slice(axis + 1)];
  if (!data?.numbers || !index?.numbers || from.length !== 1) return [{ dims }];
  return [{ dims, numbers: index.numbers.map((at) => data.numbers!.at(at)!) }];
};

const concat: Rule = (given, node) => {
  const first = dimsOf(given[0]);
  const axis = axisOf(int(node, "axis", 0), first.length);
  const dims = first.map((dim, at) =>
    at === axis ? given.reduce((sum, value) => sum + (dimsOf(value)[axis] ?? 0), 0) : dim,
  );
  return [
    {
      dims,
      ...(dims.length === 1 && given.every((value) => value?.numbers)
        ? { numbers: given.flatMap((value) => value!.numbers!) }
        : {}),
    },
  ];
};

const split: Rule = (given, node) => {
  const from = dimsOf(given[0]);
  const axis = axisOf(int(node, "axis", 0), from.length);
  const sizes = given[1]?.numbers ?? node.output.map(() => Math.ceil(from[axis]! / node.output.length));
  return node.output.map((_, at) => ({ dims: from.map((dim, place) => (place === axis ? sizes[at]! : dim)) }));
};

const matmul: Rule = ([a, b]) => {
  const [left, right] = [dimsOf(a), dimsOf(b)];
  return [{ dims: [...broadcast(left.slice(0, -2), right.slice(0, -2)), left.at(-2) ?? 1, right.at(-1) ?? 1] }];
};

const keepNumbers: Rule = ([value]) => [value ?? { dims: [] }];

const RULES: Readonly<Record<string, Rule>> = {
  Cast: keepNumbers,
  Identity: keepNumbers,
  Constant: (_given, node) => {
    const tensor = attribute(node, "value")?.t;
    if (tensor) return [tensorValue(tensor)];
    const [one, many] = [
      attribute(node, "value_int")?.i ?? attribute(node, "value_float")?.f ?? 0,
      ints(node, "value_ints") ?? attribute(node, "value_floats")?.floats,
    ];
    return [many !== undefined && many.length > 0 ? list(many) : scalar(one)];
  },
  ConstantOfShape: ([shape], node) => {
    const dims = shape?.numbers ?? [1];
    const tensor = attribute(node, "value")?.t;
    const fill = tensor === undefined ? 0 : (tensorValue(tensor).numbers?.[0] ?? 0);
    return [
      { dims, ...(elementCount(dims) <= MAX_NUMBERS ? { numbers: Array<number>(elementCount(dims)).fill(fill) } : {}) },
    ];
  },
  Shape: ([value], node) => [
    list(
      dimsOf(value).slice(
        int(node, "start", 0),
        attribute(node, "end") === undefined ? undefined : int(node, "end", 0),
      ),
    ),
  ],
  Add: elementwise((a, b) => a + b),
  Sub: elementwise((a, b) => a - b),
  Mul: elementwise((a, b) => a * b),
  Div: elementwise((a, b) => (Number.isInteger(a) && Number.isInteger(b) ? Math.trunc(a / b) : a / b)),
  Mod: elementwise((a, b) => ((a % b) + b) % b),
  Min: elementwise(Math.min),
  Max: elementwise(Math.max),
  Equal: elementwise((a, b) => Number(a === b)),
  Less: elementwise((a, b) => Number(a < b)),
  LessOrEqual: elementwise((a, b) => Number(a <= b)),
  Greater: elementwise((a, b) => Number(a > b)),
  GreaterOrEqual: elementwise((a, b) => Number(a >= b)),
  And: elementwise((a, b) => Number(a !== 0 && b !== 0)),
  Or: elementwise((a, b) => Number(a !== 0 || b !== 0)),
  Where: elementwise((condition, a, b) => (condition === 0 ? b : a)),
  Pow: elementwise((a, b) => a ** b),
  Conv: windows((given) => dimsOf(given[1])[0]),
  MaxPool: windows(() => undefined),
  AveragePool: windows(() => undefined),
  MatMul: matmul,
  FusedMatMul: matmul,
  MatMulNBits: ([a], node) => [{ dims: [...dimsOf(a).slice(0, -1), int(node, "N", 1)] }],
  Gemm: ([a, b], node) => [
    { dims: [dimsOf(a)[int(node, "transA", 0) ? 1 : 0] ?? 1, dimsOf(b)[int(node, "transB", 0) ? 0 : 1] ?? 1] },
  ],
  MultiHeadAttention: ([query, , value]) => [{ dims: [...dimsOf(query).slice(0, 2), dimsOf(value).at(-1) ?? 1] }],
  Concat: concat,
  Split: split,
  Slice: slice,
  Gather: gather,
  Reshape: reshape,
  Transpose: transpose,
  Unsqueeze: (given, node) => {
    const axes = axesOf(given, node) ?? [0];
    const rank = dimsOf(given[0]).length + axes.length;
    const dims = [...dimsOf(given[0])];
    for (const axis of axes.map((one) => axisOf(one, rank)).sort((a, b) => a - b)) dims.splice(axis, 0, 1);
    return [{ ...given[0], dims }];
  },
  Squeeze: (given, node) => {
    const from = dimsOf(given[0]);
    const axes = axesOf(given, node)?.map((axis) => axisOf(axis, from.length));
    return [{ ...given[0], dims: from.filter((dim, at) => (axes === undefined ? dim !== 1 : !axes.includes(at))) }];
  },
  Expand: ([value, shape]) => [{ dims: broadcast(dimsOf(value), shape?.numbers ?? []) }],
  Range: ([from, to, step]) => [
    {
      dims: [Math.max(0, Math.ceil(((to?.numbers?.[0] ?? 1) - (from?.numbers?.[0] ?? 0)) / (step?.numbers?.[0] ?? 1)))],
    },
  ],
  Pad: ([value, pads, , axes]) => {
    const dims = [...dimsOf(value)];
    const padded = axes?.numbers ?? dims.map((_, at) => at);
    padded.forEach(
      (axis, at) =>
        (dims[axisOf(axis, dims.length)]! += (pads?.numbers?.[at] ?? 0) + (pads?.numbers?.[at + padded.length] ?? 0)),
    );
    return [{ dims }];
  },
  Resize: ([value, , scales, sizes]) => [
    { dims: sizes?.numbers ?? dimsOf(value).map((dim, at) => Math.floor(dim * (scales?.numbers?.[at] ?? 1))) },
  ],
  DepthToSpace: ([value], node) => {
    const [batch = 1, channels = 1, height = 1, width = 1] = dimsOf(value);
    const block = int(node, "blocksize", 1);
    return [{ dims: [batch, channels / block ** 2, height * block, width * block] }];
  },
  ArgMax: argReduce,
  ArgMin: argReduce,
};

/** The shapes of the outputs of a node. */
export function shapesOf(node: NodeProto, given: Given): readonly ShapedValue[] {
  const rule = RULES[node.opType] ?? (node.opType.startsWith("Reduce") ? reduce : undefined);
  return rule === undefined ? [{ dims: dimsOf(given[0]) }] : rule(given, node);
}
