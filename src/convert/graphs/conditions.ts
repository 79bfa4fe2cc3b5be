/**
 * The conditions of every block: time step, page size and aspect ratio through AdaLN-single (PixArt, arXiv 2310.00426;
 * diffusers' `AdaLayerNormSingle` and `PixArtAlphaCombinedTimestepSizeEmbeddings`). All of it is float32 in every
 * precision: it is one row a page, and scales and gates come out of it. Where the graph knows its page sizes, their
 * part is looked up.
 */
import type { GraphBuilder, Value } from "../../onnx/graph-builder.js";
import { add, concat, linear, mul, reshape, silu, slice } from "../../onnx/ops.js";
import { DATA_TYPE } from "../../onnx/schema.js";
import { hostLinear, hostSilu } from "../weights/host-linear.js";
import type { Weights } from "../../onnx/weights.js";
import { indexOf } from "./positions.js";

/** Cosines and sines of a condition. */
const SINUSOIDS = 256;

/** What blocks and the output layer take from the conditions. */
export interface Conditions {
  /**
   * float32 [B, 6, width]: shift, scale, gate of attention, then of the feed-forward; each block adds its own table.
   */
  readonly modulation: Value;
  /** float32 [B, width]: for the output layer. */
  readonly embedded: Value;
}

/**
 * exp(-ln(10000) * i / 128), i = 0..127, rounded as the original's float32 arithmetic rounds them: sizes reach
 * thousands.
 */
function frequencies(): number[] {
  const half = SINUSOIDS / 2;
  const logarithm = Math.fround(-Math.log(10000));
  return Array.from({ length: half }, (_, i) => Math.fround(Math.exp(Math.fround(Math.fround(logarithm * i) / half))));
}

/** Sinusoidal embedding of `values` [..., 1] → [..., 256]: cosines, then sines of v * frequency; float32. */
export function sinusoids(g: GraphBuilder, values: Value): Value {
  const angles = mul(g, values, g.floats(frequencies(), [SINUSOIDS / 2], "float32"));
  return concat(g, [g.node("Cos", [angles]), g.node("Sin", [angles])], -1);
}

function hostSinusoids(value: number): Float32Array {
  const angles = frequencies().map((frequency) => Math.fround(value * frequency));
  return Float32Array.from([...angles.map(Math.cos), ...angles.map(Math.sin)]);
}

/**
 * Conditions from `timestep` [B] (undefined: time step 0, for references) and `resolution` [B, 2] = [H, 2W] in pixels
 * of the page, both float32. `w` is the scope `adaln_single`.
 */
export function conditions(
  graph: GraphBuilder,
  timestep: Value | undefined,
  resolution: Value,
  w: Weights,
  width: number,
): Conditions {
  const g = graph.inFloat32();
  if (g.pageSizes !== undefined) return knownConditions(g, timestep, resolution, g.pageSizes, w, width);
  const third = width / 3;
  const aspect = g.node("Div", [slice(g, resolution, 1, 0, 1), slice(g, resolution, 1, 1, 2)]);
  const sizes = reshape(g, mlp(g, reshape(g, resolution, [-1, 2, 1]), w.scope("emb.resolution_embedder"), third), [
    -1,
    2 * third,
  ]);
  const page = concat(g, [sizes, mlp(g, aspect, w.scope("emb.aspect_ratio_embedder"), third)], 1);
  const time = timestep === undefined ? g.floats([0], [1, 1], "float32") : reshape(g, timestep, [-1, 1]);
  return modulated(g, add(g, mlp(g, time, w.scope("emb.timestep_embedder"), width), page), w, width);
}

function modulated(g: GraphBuilder, embedded: Value, w: Weights, width: number): Conditions {
  return {
    modulation: reshape(g, linear(g, silu(g, embedded), w.scope("linear"), width, 6 * width), [-1, 6, width]),
    embedded,
  };
}

function mlp(g: GraphBuilder, values: Value, w: Weights, size: number): Value {
  return linear(
    g,
    silu(g, linear(g, sinusoids(g, values), w.scope("linear_1"), SINUSOIDS, size)),
    w.scope("linear_2"),
    size,
    size,
  );
}

/**
 * The conditions where the page's size is one of a few: its part is looked up, and without a time step everything is.
 */
function knownConditions(
  g: GraphBuilder,
  timestep: Value | undefined,
  resolution: Value,
  sizes: NonNullable<GraphBuilder["pageSizes"]>,
  w: Weights,
  width: number,
): Conditions {
  const rows = sizes.map(([across, height]) => [height, 2 * across] as const);
  const pages = pageRows(rows, w, width);
  const key = `${w.label}/${w.prefix}page_sizes`;
  // [B, sizes, 2] → [B, sizes]: both numbers are the row's.
  const equal = g.node("Equal", [
    g.node("Unsqueeze", [resolution, g.int64s([1])]),
    g.floats(rows.flat(), [rows.length, 2], "float32"),
  ]);
  const both = g.node("ReduceMin", [g.node("Cast", [equal], { to: DATA_TYPE.float32 }), g.int64s([2])], {
    keepdims: 0,
  });
  const index = indexOf(g, g.node("Greater", [both, g.float(0.5, "float32")]), 2);
  if (timestep !== undefined) {
    const page = g.node("Gather", [
      g.weight({ name: key, dims: [rows.length + 1, width], data: () => joined([...pages(), unknown(width)]) }),
      index,
    ]);
    return modulated(
      g,
      add(g, mlp(g, reshape(g, timestep, [-1, 1]), w.scope("emb.timestep_embedder"), width), page),
      w,
      width,
    );
  }
  const time = hostMlp(w.scope("emb.timestep_embedder"), width);
  const last = hostLinear(w.scope("linear"), width, 6 * width);
  const embedded = (): Float32Array[] => pages().map((page) => time(0).map((value, at) => value + page[at]!));
  const modulation = (): Float32Array[] => {
    const layer = last();
    return embedded().map((row) => layer(hostSilu(row)));
  };
  return {
    modulation: g.node("Gather", [
      g.weight({
        name: `${key}#modulation_0`,
        dims: [rows.length + 1, 6, width],
        data: () => joined([...modulation(), unknown(6 * width)]),
      }),
      index,
    ]),
    embedded: g.node("Gather", [
      g.weight({
        name: `${key}#embedded_0`,
        dims: [rows.length + 1, width],
        data: () => joined([...embedded(), unknown(width)]),
      }),
      index,
    ]),
  };
}

/** The size's part of the embedding, [width], for each [H, 2W]. */
function pageRows(rows: readonly (readonly [number, number])[], w: Weights, width: number): () => Float32Array[] {
  const size = hostMlp(w.scope("emb.resolution_embedder"), width / 3);
  const aspect = hostMlp(w.scope("emb.aspect_ratio_embedder"), width / 3);
  return () =>
    rows.map(([height, across]) => joined([size(height), size(across), aspect(Math.fround(height / across))]));
}

function hostMlp(w: Weights, size: number): (value: number) => Float32Array {
  const [first, second] = [
    hostLinear(w.scope("linear_1"), SINUSOIDS, size),
    hostLinear(w.scope("linear_2"), size, size),
  ];
  return (value) => second()(hostSilu(first()(hostSinusoids(value))));
}

/** What a page size that the graph does not know gets: nothing that could be taken for a picture. */
function unknown(length: number): Float32Array {
  return new Float32Array(length).fill(Number.NaN);
}

function joined(parts: readonly Float32Array[]): Float32Array {
  return Float32Array.from(parts.flatMap((part) => Array.from(part)));
}
