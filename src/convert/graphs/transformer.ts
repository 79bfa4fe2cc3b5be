/**
 * The parts that reference encoder, control branch and main branch share: patches to tokens, a block, the output layer.
 */
import type { GraphBuilder, Value } from "../../onnx/graph-builder.js";
import {
  add,
  asActivation,
  attention,
  concat,
  conv,
  gelu,
  layerNorm,
  linear,
  linearOf,
  mul,
  reshape,
  sizeOf,
  toTokens,
  transpose,
} from "../../onnx/ops.js";
import { derive, type Weights, type WeightTensor } from "../../onnx/weights.js";
import type { Conditions } from "./conditions.js";
import type { PromptConstants } from "./prompt.js";
import { NORM_EPSILON, PATCH, widthOf, type TransformerConfig } from "./transformer-config.js";

/** Keys and values [N, tokens, width], before they are split into heads. */
export interface KeyValue {
  readonly key: Value;
  readonly value: Value;
}

/** Latent [N, channels, h, w] → tokens [N, h/2 * w/2, width], positions added. `w` is the root scope. */
export function patchTokens(
  g: GraphBuilder,
  latent: Value,
  positions: Value,
  w: Weights,
  channels: number,
  width: number,
): Value {
  w.skip("pos_embed.pos_embed");
  const patches = toTokens(
    g,
    conv(g, latent, w.scope("pos_embed.proj"), channels, width, PATCH, { stride: PATCH }),
    width,
  );
  return add(g, g.expose("patch_tokens", patches), asActivation(g, positions));
}

/** Shift, scale + 1 and gate of attention, then of the feed-forward: each [B, 1, width]. */
type Modulation = readonly [Value, Value, Value, Value, Value, Value];

/** A block of the transformer, in the steps that its users put together. */
export class Block {
  readonly #modulation: Modulation;
  readonly #width: number;

  /** `w` is the scope `transformer_blocks.i`. */
  constructor(
    readonly g: GraphBuilder,
    conditions: Conditions,
    readonly w: Weights,
    readonly config: TransformerConfig,
  ) {
    this.#width = widthOf(config);
    const exact = g.inFloat32();
    const table = exact.weight(scaleRowsPlusOne(w.tensor("scale_shift_table", [6, this.#width]), [1, 4]));
    this.#modulation = g.nodes("Split", [asActivation(g, add(exact, conditions.modulation, table))], 6, {
      axis: 1,
      num_outputs: 6,
    }) as unknown as Modulation;
  }

  /** The normalised input of the attention. */
  attentionInput(x: Value): Value {
    return modulate(this.g, x, this.#modulation[0], this.#modulation[1], this.#width);
  }

  /** Keys and values of the attention's input. */
  keyValue(input: Value): KeyValue {
    return { key: this.#projection(input, "to_k"), value: this.#projection(input, "to_v") };
  }

  /** x + gate * to_out(attention). `input` asks, `own` and then each of `others` answer. */
  attend(x: Value, input: Value, own: KeyValue, others?: KeyValue): Value {
    const { g } = this;
    const key = others === undefined ? own.key : concat(g, [own.key, others.key], 1);
    const value = others === undefined ? own.value : concat(g, [own.value, others.value], 1);
    const attended = attention(g, this.#projection(input, "to_q"), key, value, this.config.heads);
    return add(g, x, mul(g, this.#modulation[2], this.#projection(attended, "to_out.0")));
  }

  /** x plus the cross-attention to the prompt. */
  attendToPrompt(x: Value, prompt: PromptConstants): Value {
    return prompt.apply(this.g, x, this.w.scope("attn2"));
  }

  /** x + gate * feed-forward. */
  feedForward(x: Value): Value {
    const { g } = this;
    const width = this.#width;
    const input = modulate(g, x, this.#modulation[3], this.#modulation[4], width);
    const inner = gelu(g, linear(g, input, this.w.scope("ff.net.0.proj"), width, 4 * width), "gelu_tanh");
    return add(g, x, mul(g, this.#modulation[5], linear(g, inner, this.w.scope("ff.net.2"), 4 * width, width)));
  }

  #projection(x: Value, name: string): Value {
    return linear(this.g, x, this.w.scope(`attn1.${name}`), this.#width, this.#width);
  }
}

/**
 * The output layer: tokens [B, L, width] → [B, channels, h, w], the first `channels` of the network's output channels
 * (only their weights are kept). `latent` gives the sizes. `w` is the root scope.
 */
export function outputLayer(
  g: GraphBuilder,
  x: Value,
  conditions: Conditions,
  latent: Value,
  w: Weights,
  config: TransformerConfig,
  channels: number,
): Value {
  const width = widthOf(config);
  const exact = g.inFloat32();
  const table = exact.weight(scaleRowsPlusOne(w.tensor("scale_shift_table", [2, width]), [1]));
  const rows = asActivation(g, add(exact, g.node("Unsqueeze", [conditions.embedded, g.int64s([1])]), table));
  const [shift, scale] = g.nodes("Split", [rows], 2, { axis: 1, num_outputs: 2 }) as [Value, Value];
  const out = w.scope("proj_out");
  const rowCount = PATCH * PATCH * config.outChannels;
  const keep = (tensor: WeightTensor, size: number): WeightTensor =>
    firstChannels(tensor, config.outChannels, channels, size);
  const tokens = linearOf(
    g,
    modulate(g, x, shift, scale, width),
    keep(out.tensor("weight", [rowCount, width]), width),
    keep(out.tensor("bias", [rowCount]), 1),
  );
  // [B, h/2 * w/2, 2 * 2 * channels] → [B, h/2, w/2, 2, 2, channels] → [B, channels, h/2, 2, w/2, 2] → [B, channels, h,
  // w].
  const half = (axis: number): Value => g.node("Div", [sizeOf(g, latent, axis), g.int64s([PATCH])]);
  const grid = concat(g, [sizeOf(g, latent, 0), half(2), half(3), g.int64s([PATCH, PATCH, channels])], 0);
  const picture = transpose(g, g.node("Reshape", [tokens, grid]), [0, 5, 1, 3, 2, 4]);
  const shape = concat(g, [sizeOf(g, latent, 0), g.int64s([channels]), sizeOf(g, latent, 2), sizeOf(g, latent, 3)], 0);
  return g.node("Reshape", [picture, shape]);
}

/** norm(x) * scale + shift; the 1 of the formula's (1 + scale) is already in `scale`. */
function modulate(g: GraphBuilder, x: Value, shift: Value, scale: Value, width: number): Value {
  return add(g, mul(g, layerNorm(g, x, undefined, width, NORM_EPSILON), scale), shift);
}

function scaleRowsPlusOne(table: WeightTensor, rows: readonly number[]): WeightTensor {
  const width = table.dims[1]!;
  return derive(table, "scale_plus_1", table.dims, (data) =>
    data.map((value, at) => (rows.includes(Math.floor(at / width)) ? value + 1 : value)),
  );
}

/** Of rows in the order (2, 2, channels), those of the first channels. */
function firstChannels(tensor: WeightTensor, channels: number, kept: number, width: number): WeightTensor {
  if (kept === channels) return tensor;
  const rows = PATCH * PATCH * kept;
  const dims = [rows, ...tensor.dims.slice(1)];
  return derive(tensor, `first_${kept}`, dims, (data) => {
    const result = new Float32Array(rows * width);
    for (let patch = 0; patch < PATCH * PATCH; patch++)
      result.set(data.subarray(patch * channels * width, (patch * channels + kept) * width), patch * kept * width);
    return result;
  });
}

/** Keys and values of all layers as one tensor [N, layers, 2, tokens, width]. */
export function stackKeyValues(g: GraphBuilder, pairs: readonly KeyValue[], width: number): Value {
  const rows = pairs.flatMap(({ key, value }) => [key, value]).map((one) => g.node("Unsqueeze", [one, g.int64s([1])]));
  return reshape(g, concat(g, rows, 1), [0, pairs.length, 2, -1, width]);
}
