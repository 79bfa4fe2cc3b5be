/**
 * The parts of the picture autoencoder (diffusers' `AutoencoderKL`, f = 8): encoder, posterior, decoder. The graphs
 * `vae_encoder`, `vae_decoder` and `guided_upsampler` are made of them.
 */
import { ModelError } from "../../errors.js";
import type { GraphBuilder, Value } from "../../onnx/graph-builder.js";
import {
  add,
  attention,
  conv,
  groupNorm,
  linear,
  mul,
  silu,
  slice,
  toTokens,
  transpose,
  upsampleNearest,
} from "../../onnx/ops.js";
import type { Weights } from "../../onnx/weights.js";

/** Sizes of the autoencoder. PixArt: channels 128, 256, 512, 512, 2 layers, 32 groups, 4 latent channels, 0.18215. */
export interface VaeConfig {
  /** Channels of the levels; each level but the last halves the picture. */
  readonly channels: readonly number[];
  /** Residual blocks of an encoder level; a decoder level has one more. */
  readonly layersPerBlock: number;
  readonly groups: number;
  readonly latentChannels: number;
  /** latent = sample * scalingFactor. */
  readonly scalingFactor: number;
}

const EPSILON = 1e-6;
/** Log variances outside are cut (diffusers' `DiagonalGaussianDistribution`). */
const LOG_VARIANCE_RANGE = [-30, 20] as const;

/** Throws ERR_MODEL_GRAPH when the config cannot be built. */
export function checkVaeConfig(config: VaeConfig): void {
  const odd = config.channels.find((size) => size % config.groups !== 0);
  if (config.channels.length < 2 || odd !== undefined) {
    throw new ModelError(
      "ERR_MODEL_GRAPH",
      `the VAE's channels [${config.channels.join(", ")}] must be two or more, each a multiple of the ${config.groups} groups`,
    );
  }
}

/** Channels of the encoder's hidden features, in their order. */
export function hiddenChannels(config: VaeConfig): number[] {
  return [config.channels[0]!, ...config.channels];
}

/**
 * Picture [N, 3, H, W] → its features after the first convolution and after each level: `channels.length + 1` values.
 * `w` is the root scope.
 */
export function encoderFeatures(g: GraphBuilder, image: Value, w: Weights, config: VaeConfig): Value[] {
  const encoder = w.scope("encoder");
  const { channels } = config;
  let x = conv(g, image, encoder.scope("conv_in"), 3, channels[0]!, 3, { padding: 1 });
  const hidden = [x];
  for (const [level, size] of channels.entries()) {
    const block = encoder.scope(`down_blocks.${level}`);
    for (let index = 0; index < config.layersPerBlock; index++) {
      x = resnet(
        g,
        x,
        block.scope(`resnets.${index}`),
        index === 0 ? (channels[level - 1] ?? channels[0]!) : size,
        size,
        config.groups,
      );
    }
    if (level < channels.length - 1) {
      // Padded by one at the right and the bottom only.
      x = conv(g, x, block.scope("downsamplers.0.conv"), size, size, 3, { stride: 2, padding: [0, 0, 1, 1] });
    }
    hidden.push(x);
  }
  return hidden;
}

/** Features of the last level → moments [N, 2 * latent, h, w]: mean, then log variance. `w` is the root scope. */
export function encoderMoments(g: GraphBuilder, last: Value, w: Weights, config: VaeConfig): Value {
  const encoder = w.scope("encoder");
  const size = config.channels.at(-1)!;
  const moments = 2 * config.latentChannels;
  const middle = g.expose("mid_block", midBlock(g, last, encoder.scope("mid_block"), size, config.groups));
  const normal = silu(g, groupNorm(g, middle, encoder.scope("conv_norm_out"), size, config.groups, EPSILON));
  const out = g.expose("conv_out", conv(g, normal, encoder.scope("conv_out"), size, moments, 3, { padding: 1 }));
  return g.expose("moments", conv(g, out, w.scope("quant_conv"), moments, moments, 1));
}

/** A draw from the posterior: mean + exp(logvar / 2) * noise, all [N, latent, h, w]; not scaled. */
export function samplePosterior(g: GraphBuilder, moments: Value, noise: Value, latentChannels: number): Value {
  const mean = g.expose("mean", slice(g, moments, 1, 0, latentChannels));
  const raw = slice(g, moments, 1, latentChannels, 2 * latentChannels);
  const logVariance = g.expose(
    "logvar",
    g.node("Clip", [raw, g.float(LOG_VARIANCE_RANGE[0]), g.float(LOG_VARIANCE_RANGE[1])]),
  );
  const deviation = g.expose("std", g.node("Exp", [mul(g, logVariance, g.float(0.5))]));
  return add(g, mean, mul(g, deviation, noise));
}

/**
 * Unscaled latent [N, latent, h, w] → picture [N, 3, 8h, 8w] in about [-1, 1]. `hidden` (as many values
 * as the encoder gives, each in the shape of the decoder there) is added from its end: after the first convolution,
 * after the middle, before each later level. `w` is the root scope.
 */
export function decode(
  g: GraphBuilder,
  latent: Value,
  w: Weights,
  config: VaeConfig,
  hidden?: readonly Value[],
): Value {
  const decoder = w.scope("decoder");
  const sizes = [...config.channels].reverse();
  const remaining = [...(hidden ?? [])];
  const guided = (x: Value): Value => (remaining.length === 0 ? x : add(g, x, remaining.pop()!));
  const z = conv(g, latent, w.scope("post_quant_conv"), config.latentChannels, config.latentChannels, 1);
  let x = guided(conv(g, z, decoder.scope("conv_in"), config.latentChannels, sizes[0]!, 3, { padding: 1 }));
  x = midBlock(g, x, decoder.scope("mid_block"), sizes[0]!, config.groups);
  for (const [level, size] of sizes.entries()) {
    const block = decoder.scope(`up_blocks.${level}`);
    x = guided(x);
    for (let index = 0; index <= config.layersPerBlock; index++) {
      x = resnet(
        g,
        x,
        block.scope(`resnets.${index}`),
        index === 0 ? (sizes[level - 1] ?? sizes[0]!) : size,
        size,
        config.groups,
      );
    }
    if (level < sizes.length - 1)
      x = conv(g, upsampleNearest(g, x), block.scope("upsamplers.0.conv"), size, size, 3, { padding: 1 });
  }
  const normal = silu(g, groupNorm(g, x, decoder.scope("conv_norm_out"), sizes.at(-1)!, config.groups, EPSILON));
  return conv(g, normal, decoder.scope("conv_out"), sizes.at(-1)!, 3, 3, { padding: 1 });
}

function resnet(g: GraphBuilder, x: Value, w: Weights, inSize: number, outSize: number, groups: number): Value {
  const first = conv(
    g,
    silu(g, groupNorm(g, x, w.scope("norm1"), inSize, groups, EPSILON)),
    w.scope("conv1"),
    inSize,
    outSize,
    3,
    { padding: 1 },
  );
  const second = conv(
    g,
    silu(g, groupNorm(g, first, w.scope("norm2"), outSize, groups, EPSILON)),
    w.scope("conv2"),
    outSize,
    outSize,
    3,
    { padding: 1 },
  );
  return add(g, inSize === outSize ? x : conv(g, x, w.scope("conv_shortcut"), inSize, outSize, 1), second);
}

/** Residual block, attention with one head over all pixels, residual block. */
function midBlock(g: GraphBuilder, x: Value, w: Weights, size: number, groups: number): Value {
  const first = resnet(g, x, w.scope("resnets.0"), size, size, groups);
  const inner = w.scope("attentions.0");
  const tokens = toTokens(g, groupNorm(g, first, inner.scope("group_norm"), size, groups, EPSILON), size);
  const [query, key, value] = ["to_q", "to_k", "to_v"].map((name) =>
    linear(g, tokens, inner.scope(name), size, size),
  ) as [Value, Value, Value];
  const attended = linear(g, attention(g, query, key, value, 1), inner.scope("to_out.0"), size, size);
  const picture = g.node("Reshape", [transpose(g, attended, [0, 2, 1]), g.node("Shape", [first])]);
  const sum = g.expose("mid_attention", add(g, first, picture));
  return resnet(g, sum, w.scope("resnets.1"), size, size, groups);
}

/** Symbolic shape of a latent. */
export function latentDims(config: VaeConfig, height = "h", width = "w", batch = "N"): (string | number)[] {
  return [batch, config.latentChannels, height, width];
}
