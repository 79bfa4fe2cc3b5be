/**
 * The constant text prompt. Its cross-attention is folded when the graph is built: with one kept token (the real prompt
 * mask keeps 1 of 120) it adds the same vector to every token, with more its keys and values are constants.
 */
import { ModelError } from "../../errors.js";
import type { GraphBuilder, Value } from "../../onnx/graph-builder.js";
import { add, attention, concat, linear, sizeOf } from "../../onnx/ops.js";
import { hostLinear } from "../weights/host-linear.js";
import type { Weights, WeightTensor } from "../../onnx/weights.js";
import { widthOf, type TransformerConfig } from "./transformer-config.js";

/** A prompt as the text encoder gave it. */
export interface Prompt {
  /** [tokens, captionChannels], row major. */
  readonly embeds: Float32Array;
  /** Per token: 0 = dropped. At least one must be kept. */
  readonly mask: ArrayLike<number>;
}

/** A prompt made ready for all blocks of one transformer. */
export class PromptConstants {
  readonly #kept: readonly Float32Array[];
  readonly #projection: (token: Float32Array) => Float32Array;
  readonly #width: number;
  readonly #heads: number;
  #caption: Float32Array[] | undefined;

  /**
   * `w` is the root scope of the transformer's weights. Throws ERR_MODEL_GRAPH when the prompt's sizes are wrong or
   * nothing is kept.
   */
  constructor(prompt: Prompt, w: Weights, config: TransformerConfig) {
    const { captionChannels: channels } = config;
    if (prompt.embeds.length !== prompt.mask.length * channels) {
      throw new ModelError(
        "ERR_MODEL_GRAPH",
        `the prompt has ${prompt.embeds.length} values and ${prompt.mask.length} mask entries; it needs ${channels} values a token`,
      );
    }
    this.#kept = Array.from(prompt.mask).flatMap((keep, token) =>
      keep === 0 ? [] : [prompt.embeds.subarray(token * channels, (token + 1) * channels)],
    );
    if (this.#kept.length === 0)
      throw new ModelError(
        "ERR_MODEL_GRAPH",
        "the prompt's attention mask is all zeros; at least one token must be unmasked",
      );
    this.#projection = captionProjection(w, config);
    this.#width = widthOf(config);
    this.#heads = config.heads;
  }

  /** Adds the cross-attention of one block to `x` [N, tokens, width]. `w` is the scope `transformer_blocks.i.attn2`. */
  apply(g: GraphBuilder, x: Value, w: Weights): Value {
    const width = this.#width;
    if (this.#kept.length === 1) return add(g, x, g.weight(this.#folded(w)));
    const query = linear(g, x, w.scope("to_q"), width, width);
    const [key, value] = ["to_k", "to_v"].map((name) => {
      const constant = g.weight(this.#projected(w.scope(name), `${w.label}/${w.prefix}${name}#prompt`));
      return g.node("Expand", [constant, concat(g, [sizeOf(g, x, 0), g.int64s([1, 1])], 0)]);
    }) as [Value, Value];
    return add(g, x, linear(g, attention(g, query, key, value, this.#heads), w.scope("to_out.0"), width, width));
  }

  /** to_out(to_v(caption(token))). */
  #folded(w: Weights): WeightTensor {
    for (const name of ["to_q.weight", "to_q.bias", "to_k.weight", "to_k.bias"]) w.skip(name);
    const value = hostLinear(w.scope("to_v"), this.#width, this.#width);
    const out = hostLinear(w.scope("to_out.0"), this.#width, this.#width);
    return {
      name: `${w.label}/${w.prefix}folded`,
      dims: [this.#width],
      data: () => out()(value()(this.#captions()[0]!)),
    };
  }

  /** A linear layer of the kept tokens: [1, kept, width]. */
  #projected(w: Weights, name: string): WeightTensor {
    const layer = hostLinear(w, this.#width, this.#width);
    const dims = [1, this.#kept.length, this.#width];
    return {
      name,
      dims,
      data: () => Float32Array.from(this.#captions().flatMap((token) => Array.from(layer()(token)))),
    };
  }

  #captions(): Float32Array[] {
    this.#caption ??= this.#kept.map(this.#projection);
    return this.#caption;
  }
}

/** Linear, GELU by tanh, linear: what a prompt's token becomes before the blocks. `w` is the root scope. */
export function captionProjection(w: Weights, config: TransformerConfig): (token: Float32Array) => Float32Array {
  const width = widthOf(config);
  const scope = w.scope("caption_projection");
  const first = hostLinear(scope.scope("linear_1"), config.captionChannels, width);
  const second = hostLinear(scope.scope("linear_2"), width, width);
  return (token) => second()(first()(token).map(geluTanh));
}

function geluTanh(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}
