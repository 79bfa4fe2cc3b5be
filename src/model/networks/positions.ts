/**
 * Cobra's position embeddings, computed inside the graph from the sizes at hand, in float32. The canvas is h x 2w tokens for a
 * page of h x w tokens, cut into 2 x 4 cells: the page lies in the middle four, quadrants 0..3 in the corners.
 * Formula: PixArt's `get_2d_sincos_pos_embed` (diffusers, embeddings.py) with base size 64 and interpolation scale 2.
 */
import type { GraphBuilder, Value } from "../builder/graph-builder.js";
import { add, concat, mul, reshape, sizeOf } from "../builder/ops.js";
import { PATCH } from "./transformer-config.js";

const BASE_SIZE = 64;
const INTERPOLATION_SCALE = 2;

/** Page tokens as int64 values of one axis. */
export interface PageTokens {
  readonly rows: Value;
  readonly columns: Value;
}

/**
 * Embeddings of the canvas positions `columns` [N, w] and `rows` [N, h] (int64 token numbers): [N, h * w, width], float32. The first
 * half of the channels is x, the second y; of each, sines come before cosines.
 */
export function positionEmbedding(g: GraphBuilder, columns: Value, rows: Value, page: PageTokens, width: number): Value {
  const canvasColumns = mul(g, page.columns, g.int64s([2]));
  const x = axisEmbedding(g, columns, canvasColumns, width / 2);
  const y = axisEmbedding(g, rows, page.rows, width / 2);
  const shape = concat(g, [sizeOf(g, rows, 0), sizeOf(g, rows, 1), sizeOf(g, columns, 1), g.int64s([width / 2])], 0);
  const xs = g.node("Expand", [g.node("Unsqueeze", [x, g.int64s([1])]), shape]);
  const ys = g.node("Expand", [g.node("Unsqueeze", [y, g.int64s([2])]), shape]);
  return reshape(g, concat(g, [xs, ys], 3), [0, -1, width]);
}

/** Positions of the page itself: [1, tokens, width], float32. `latent` is [N, C, h, w]. */
export function pagePositions(g: GraphBuilder, latent: Value, width: number): Value {
  const [rows, columns] = [2, 3].map((axis) => g.node("Div", [sizeOf(g, latent, axis), g.int64s([PATCH])])) as [Value, Value];
  const left = g.node("Div", [columns, g.int64s([2])]);
  const xs = g.node("Unsqueeze", [add(g, range(g, columns), left), g.int64s([0])]);
  const ys = g.node("Unsqueeze", [range(g, rows), g.int64s([0])]);
  return positionEmbedding(g, xs, ys, { rows, columns }, width);
}

/**
 * Positions of reference patches: [N, tokens, width], float32. `latent` [N, C, h, w] is of half the page's size, `quadrant` int64 [N].
 * A patch of h' x w' tokens lies at row 0 or h', column 0 or 3w'.
 */
export function referencePositions(g: GraphBuilder, latent: Value, quadrant: Value, width: number): Value {
  const [rows, columns] = [2, 3].map((axis) => g.node("Div", [sizeOf(g, latent, axis), g.int64s([PATCH])])) as [Value, Value];
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

/** [N, n] token numbers on an axis of `length` tokens → [N, n, size]. */
function axisEmbedding(g: GraphBuilder, tokens: Value, length: Value, size: number): Value {
  const perBase = g.node("Div", [toFloat(g, length), g.float(BASE_SIZE, "float32")]);
  const position = g.node("Div", [g.node("Div", [toFloat(g, tokens), perBase]), g.float(INTERPOLATION_SCALE, "float32")]);
  const half = size / 2;
  const frequencies = g.floats(Array.from({ length: half }, (_, k) => 10000 ** (-k / half)), [half], "float32");
  const angles = mul(g, g.node("Unsqueeze", [position, g.int64s([2])]), frequencies);
  return concat(g, [g.node("Sin", [angles]), g.node("Cos", [angles])], 2);
}

function toFloat(g: GraphBuilder, value: Value): Value {
  return g.node("Cast", [value], { to: 1 });
}
