/**
 * Cobra's position embeddings in float32: looked up where the graph knows its page sizes, else computed inside the
 * graph. The canvas is h x 2w tokens for a page of h x w tokens, cut into 2 x 4 cells: the page lies in the middle
 * four, quadrants 0..3 in the corners. Formula: PixArt's `get_2d_sincos_pos_embed` (diffusers, embeddings.py) with base
 * size 64 and interpolation scale 2.
 */
import type { GraphBuilder, Value } from "../../onnx/graph-builder.js";
import { add, concat, mul, reshape, sizeOf } from "../../onnx/ops.js";
import { DATA_TYPE } from "../../onnx/schema.js";
import { PATCH } from "./transformer-config.js";

/** Pixels of a page for each token: 8 for a latent pixel, 2 of those for a token. */
const PIXELS_PER_TOKEN = 8 * PATCH;
const BASE_SIZE = 64;
const INTERPOLATION_SCALE = 2;

/** Page tokens as int64 values of one axis. */
interface PageTokens {
  readonly rows: Value;
  readonly columns: Value;
}

/**
 * Embeddings of the canvas positions `columns` [N, w] and `rows` [N, h] (int64 token numbers): [N, h * w, width],
 * float32. The first half of the channels is x, the second y; of each, sines come before cosines.
 */
export function positionEmbedding(
  g: GraphBuilder,
  columns: Value,
  rows: Value,
  page: PageTokens,
  width: number,
): Value {
  const canvasColumns = mul(g, page.columns, g.int64s([2]));
  const half = width / 2;
  const table = (edge: 0 | 1): Value | undefined =>
    g.pageSizes &&
    axisTable(
      g,
      edge === 0 ? page.columns : page.rows,
      g.pageSizes.map((size) => size[edge] / PIXELS_PER_TOKEN),
      edge === 0 ? 2 : 1,
      half,
    );
  const [columnTable, rowTable] = [table(0), table(1)];
  const x =
    columnTable === undefined
      ? axisEmbedding(g, columns, canvasColumns, half)
      : g.node("Gather", [columnTable, columns]);
  const y = rowTable === undefined ? axisEmbedding(g, rows, page.rows, half) : g.node("Gather", [rowTable, rows]);
  const shape = concat(g, [sizeOf(g, rows, 0), sizeOf(g, rows, 1), sizeOf(g, columns, 1), g.int64s([width / 2])], 0);
  const xs = g.node("Expand", [g.node("Unsqueeze", [x, g.int64s([1])]), shape]);
  const ys = g.node("Expand", [g.node("Unsqueeze", [y, g.int64s([2])]), shape]);
  return reshape(g, concat(g, [xs, ys], 3), [0, -1, width]);
}

/** Positions of the page itself: [1, tokens, width], float32. `latent` is [N, C, h, w]. */
export function pagePositions(g: GraphBuilder, latent: Value, width: number): Value {
  const [rows, columns] = [2, 3].map((axis) => g.node("Div", [sizeOf(g, latent, axis), g.int64s([PATCH])])) as [
    Value,
    Value,
  ];
  const left = g.node("Div", [columns, g.int64s([2])]);
  const xs = g.node("Unsqueeze", [add(g, range(g, columns), left), g.int64s([0])]);
  const ys = g.node("Unsqueeze", [range(g, rows), g.int64s([0])]);
  return positionEmbedding(g, xs, ys, { rows, columns }, width);
}

/**
 * Positions of reference patches: [N, tokens, width], float32. `latent` [N, C, h, w] is of half the page's size,
 * `quadrant` int64 [N]. A patch of h' x w' tokens lies at row 0 or h', column 0 or 3w'.
 */
export function referencePositions(g: GraphBuilder, latent: Value, quadrant: Value, width: number): Value {
  const [rows, columns] = [2, 3].map((axis) => g.node("Div", [sizeOf(g, latent, axis), g.int64s([PATCH])])) as [
    Value,
    Value,
  ];
  const cell = g.node("Unsqueeze", [quadrant, g.int64s([1])]);
  const right = g.node("Mod", [cell, g.int64s([2])]);
  const bottom = g.node("Div", [cell, g.int64s([2])]);
  const xs = add(g, range(g, columns), mul(g, right, mul(g, columns, g.int64s([3]))));
  const ys = add(g, range(g, rows), mul(g, bottom, rows));
  const page = { rows: mul(g, rows, g.int64s([2])), columns: mul(g, columns, g.int64s([2])) };
  return positionEmbedding(g, xs, ys, page, width);
}

/** 0, 1, …, count - 1 for a count of one axis. */
export function range(g: GraphBuilder, count: Value): Value {
  return g.node("Range", [g.int64(0), g.node("Squeeze", [count]), g.int64(1)]);
}

/**
 * The embeddings of all canvas positions of one axis, [positions, size], for a page of `tokens` tokens there, out of a
 * table for the numbers of tokens in `known`. The canvas has `factor` times the page's tokens. Another number of tokens
 * gives NaN.
 */
function axisTable(g: GraphBuilder, tokens: Value, known: readonly number[], factor: number, size: number): Value {
  const counts = [...new Set(known)];
  const positions = factor * Math.max(...counts);
  const dims = [counts.length + 1, positions, size];
  const data = (): Float32Array => {
    const table = new Float32Array((counts.length + 1) * positions * size).fill(Number.NaN);
    for (const [row, count] of counts.entries()) {
      for (let at = 0; at < factor * count; at++)
        table.set(hostEmbedding(at, factor * count, size), (row * positions + at) * size);
    }
    return table;
  };
  const table = g.inFloat32().table({ name: `positions/${factor}x${counts.join(",")}/${size}`, dims, data });
  return g.node("Gather", [table, indexOf(g, g.node("Equal", [g.int64s(counts), tokens]), 1)]);
}

/**
 * Index of the true one among booleans of `rank` axes over the last of them; the number of booleans, where tables have
 * NaN, when none is.
 */
export function indexOf(g: GraphBuilder, matches: Value, rank: number): Value {
  const before = Array<number>(2 * rank - 1).fill(0);
  const marks = g.node("Pad", [
    g.node("Cast", [matches], { to: DATA_TYPE.float32 }),
    g.int64s([...before, 1]),
    g.float(1, "float32"),
  ]);
  return g.node("ArgMax", [marks], { axis: -1, keepdims: 0 });
}

/** One row of the table, with the roundings of float32 arithmetic. */
function hostEmbedding(at: number, length: number, size: number): Float32Array {
  const position = Math.fround(Math.fround(at / Math.fround(length / BASE_SIZE)) / INTERPOLATION_SCALE);
  const half = size / 2;
  const result = new Float32Array(size);
  for (let k = 0; k < half; k++) {
    const angle = Math.fround(position * Math.fround(10000 ** (-k / half)));
    result[k] = Math.sin(angle);
    result[half + k] = Math.cos(angle);
  }
  return result;
}

/** [N, n] token numbers on an axis of `length` tokens → [N, n, size]. */
function axisEmbedding(g: GraphBuilder, tokens: Value, length: Value, size: number): Value {
  const perBase = g.node("Div", [toFloat(g, length), g.float(BASE_SIZE, "float32")]);
  const position = g.node("Div", [
    g.node("Div", [toFloat(g, tokens), perBase]),
    g.float(INTERPOLATION_SCALE, "float32"),
  ]);
  const half = size / 2;
  const frequencies = g.floats(
    Array.from({ length: half }, (_, k) => 10000 ** (-k / half)),
    [half],
    "float32",
  );
  const angles = mul(g, g.node("Unsqueeze", [position, g.int64s([2])]), frequencies);
  return concat(g, [g.node("Sin", [angles]), g.node("Cos", [angles])], 2);
}

function toFloat(g: GraphBuilder, value: Value): Value {
  return g.node("Cast", [value], { to: 1 });
}
