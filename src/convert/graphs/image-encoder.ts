/**
 * CLIP's vision tower with projection (transformers' `CLIPVisionModelWithProjection`): pictures to embeddings for
 * retrieval.
 */
import { ModelError } from "../../errors.js";
import { GraphBuilder, type Graph, type GraphOptions, type Value } from "../../onnx/graph-builder.js";
import {
  add,
  attention,
  conv,
  floatInput,
  floatOutput,
  gelu,
  layerNorm,
  linear,
  reshape,
  slice,
  toTokens,
} from "../../onnx/ops.js";
import { derive, type Weights } from "../../onnx/weights.js";

/**
 * Sizes of the network. ViT-H/14: width 1280, 32 layers, 16 heads, MLP 5120, patch 14, image 224, projection 1024,
 * "gelu", 1e-5.
 */
export interface ImageEncoderConfig {
  readonly width: number;
  readonly mlpWidth: number;
  readonly layers: number;
  readonly heads: number;
  /** Edge of the square picture in pixels. */
  readonly imageSize: number;
  readonly patchSize: number;
  readonly projection: number;
  /** "gelu" (by erf) or "quick_gelu" (OpenAI's own checkpoints). */
  readonly activation: "gelu" | "quick_gelu";
  readonly epsilon: number;
}

/** The graph `image_encoder`: `pixels` [N, 3, S, S], normalised → `embedding` [N, projection], not normalised. */
export function buildImageEncoder(config: ImageEncoderConfig, weights: Weights, options: GraphOptions = {}): Graph {
  const { width, imageSize, patchSize } = config;
  if (imageSize % patchSize !== 0 || width % config.heads !== 0) {
    throw new ModelError(
      "ERR_MODEL_GRAPH",
      `image_encoder: image ${imageSize} must be a multiple of patch ${patchSize}, width ${width} of heads ${config.heads}`,
    );
  }
  const g = new GraphBuilder("image_encoder", options);
  const model = weights.scope("vision_model");
  const pixels = floatInput(g, "pixels", ["N", 3, imageSize, imageSize]);
  let x = layerNorm(
    g,
    embed(g, pixels, model.scope("embeddings"), config),
    model.scope("pre_layrnorm"),
    width,
    config.epsilon,
  );
  g.expose("hidden_0", x);
  for (let index = 0; index < config.layers; index++) {
    x = layer(g.scoped(`layer${index}`), x, model.scope(`encoder.layers.${index}`), config);
    g.expose(`hidden_${index + 1}`, x);
  }
  const first = reshape(g, slice(g, x, 1, 0, 1), [0, width]);
  const pooled = g.expose("pooled", layerNorm(g, first, model.scope("post_layernorm"), width, config.epsilon));
  const embedding = linear(g, pooled, weights.scope("visual_projection"), width, config.projection, { bias: false });
  floatOutput(g, "embedding", embedding, ["N", config.projection]);
  return g.build();
}

/** Class token and patches with their positions: [N, 1 + patches, width]. */
function embed(g: GraphBuilder, pixels: Value, w: Weights, config: ImageEncoderConfig): Value {
  const { width, patchSize } = config;
  const tokens = (config.imageSize / patchSize) ** 2 + 1;
  w.skip("position_ids");
  const patches = toTokens(
    g,
    conv(g, pixels, w.scope("patch_embedding"), 3, width, patchSize, { stride: patchSize, bias: false }),
    width,
  );
  // A row of zeros in front makes room for the class token, which is the same for every picture and so goes into the
  // positions.
  const padded = g.node("Pad", [patches, g.int64s([0, 1, 0, 0, 0, 0])]);
  const classToken = w.tensor("class_embedding", [width]);
  const positions = derive(
    w.tensor("position_embedding.weight", [tokens, width]),
    "with_class",
    [tokens, width],
    (table) => {
      const sum = Float32Array.from(table);
      for (const [at, value] of classToken.data().entries()) sum[at]! += value;
      return sum;
    },
  );
  return add(g, padded, g.weight(positions));
}

function layer(g: GraphBuilder, x: Value, w: Weights, config: ImageEncoderConfig): Value {
  const { width, mlpWidth, epsilon } = config;
  const attentionWeights = w.scope("self_attn");
  const normal = layerNorm(g, x, w.scope("layer_norm1"), width, epsilon);
  const [query, key, value] = ["q_proj", "k_proj", "v_proj"].map((name) =>
    linear(g, normal, attentionWeights.scope(name), width, width),
  ) as [Value, Value, Value];
  const attended = linear(
    g,
    attention(g, query, key, value, config.heads),
    attentionWeights.scope("out_proj"),
    width,
    width,
  );
  const middle = add(g, x, attended);
  const mlp = w.scope("mlp");
  const inner = gelu(
    g,
    linear(g, layerNorm(g, middle, w.scope("layer_norm2"), width, epsilon), mlp.scope("fc1"), width, mlpWidth),
    config.activation,
  );
  return add(g, middle, linear(g, inner, mlp.scope("fc2"), mlpWidth, width));
}
