/** The graphs `vae_encoder` and `vae_decoder`. */
import { GraphBuilder, type Graph, type GraphOptions } from "../../onnx/graph-builder.js";
import { floatInput, floatOutput, mul } from "../../onnx/ops.js";
import type { Weights } from "../../onnx/weights.js";
import {
  checkVaeConfig,
  decode,
  encoderFeatures,
  encoderMoments,
  latentDims,
  samplePosterior,
  type VaeConfig,
} from "./vae.js";

/**
 * `vae_encoder`: `image` [N, 3, H, W] in [-1, 1], `noise` [N, 4, H/8, W/8] → `latent` [N, 4, H/8, W/8], the posterior's
 * draw with that noise, times the scaling factor. Zero noise gives the mean.
 */
export function buildVaeEncoder(config: VaeConfig, weights: Weights, options: GraphOptions = {}): Graph {
  checkVaeConfig(config);
  const g = new GraphBuilder("vae_encoder", options);
  const image = floatInput(g, "image", ["N", 3, "H", "W"]);
  const noise = floatInput(g, "noise", latentDims(config));
  const hidden = encoderFeatures(g, image, weights, config);
  for (const [index, value] of hidden.entries()) g.expose(`hidden_${index}`, value);
  const sample = samplePosterior(g, encoderMoments(g, hidden.at(-1)!, weights, config), noise, config.latentChannels);
  floatOutput(g, "latent", mul(g, sample, g.float(config.scalingFactor)), latentDims(config));
  return g.build();
}

/** `vae_decoder`: `latent` [N, 4, h, w], scaled → `image` [N, 3, 8h, 8w], about [-1, 1], not clamped. */
export function buildVaeDecoder(config: VaeConfig, weights: Weights, options: GraphOptions = {}): Graph {
  checkVaeConfig(config);
  const g = new GraphBuilder("vae_decoder", options);
  const latent = floatInput(g, "latent", latentDims(config));
  const image = decode(g, g.node("Div", [latent, g.float(config.scalingFactor)]), weights, config);
  floatOutput(g, "image", image, ["N", 3, "H", "W"]);
  return g.build();
}
