/**
 * The conditions of every block: time step, page size and aspect ratio through AdaLN-single (PixArt, arXiv 2310.00426;
 * diffusers' `AdaLayerNormSingle` and `PixArtAlphaCombinedTimestepSizeEmbeddings`). All of it is float32 in every precision: it is
 * one row a page, and scales and gates come out of it.
 */
import type { GraphBuilder, Value } from "../builder/graph-builder.js";
import { add, concat, linear, mul, reshape, silu, slice } from "../builder/ops.js";
import type { Weights } from "../weights/weights.js";

/** Cosines and sines of a condition. */
const SINUSOIDS = 256;

/** What blocks and the output layer take from the conditions. */
export interface Conditions {
  /** float32 [B, 6, width]: shift, scale, gate of attention, then of the feed-forward; each block adds its own table. */
  readonly modulation: Value;
  /** float32 [B, width]: for the output layer. */
  readonly embedded: Value;
}

/**
 * Sinusoidal embedding of `values` [..., 1] → [..., 256]: cosines, then sines of v * exp(-ln(10000) * i / 128); float32. The
 * frequencies are rounded as the original's float32 arithmetic rounds them: sizes reach thousands.
 */
export function sinusoids(g: GraphBuilder, values: Value): Value {
  const half = SINUSOIDS / 2;
  const logarithm = Math.fround(-Math.log(10000));
  const frequencies = Array.from({ length: half }, (_, i) => Math.fround(Math.exp(Math.fround(Math.fround(logarithm * i) / half))));
  const angles = mul(g, values, g.floats(frequencies, [half], "float32"));
  return concat(g, [g.node("Cos", [angles]), g.node("Sin", [angles])], -1);
}

/**
 * Conditions from `timestep` [B] (undefined: time step 0, for references) and `resolution` [B, 2] = [H, 2W] in pixels of the page,
 * both float32. `w` is the scope `adaln_single`.
 */
export function conditions(graph: GraphBuilder, timestep: Value | undefined, resolution: Value, w: Weights, width: number): Conditions {
  const g = graph.inFloat32();
  const third = width / 3;
  const mlp = (values: Value, name: string, size: number): Value => {
    const inner = w.scope(`emb.${name}`);
    const hidden = silu(g, linear(g, sinusoids(g, values), inner.scope("linear_1"), SINUSOIDS, size));
    return linear(g, hidden, inner.scope("linear_2"), size, size);
  };
  const time = timestep === undefined ? g.floats([0], [1, 1], "float32") : reshape(g, timestep, [-1, 1]);
  const aspect = g.node("Div", [slice(g, resolution, 1, 0, 1), slice(g, resolution, 1, 1, 2)]);
  const sizes = reshape(g, mlp(reshape(g, resolution, [-1, 2, 1]), "resolution_embedder", third), [-1, 2 * third]);
  const page = concat(g, [sizes, mlp(aspect, "aspect_ratio_embedder", third)], 1);
  const embedded = add(g, mlp(time, "timestep_embedder", width), page);
  const modulation = reshape(g, linear(g, silu(g, embedded), w.scope("linear"), width, 6 * width), [-1, 6, width]);
  return { modulation, embedded };
}
