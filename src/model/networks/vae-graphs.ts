/** The graphs `vae_encoder` and `vae_decoder`. */
import { GraphBuilder, type Graph, type GraphOptions } from "../builder/graph-builder.js";
import { mul } from "../builder/ops.js";
import type { Weights } from "../weights/weights.js";
import { checkVaeConfig, decode, encoderFeatures, encoderMoments, latentDims, samplePosterior, type VaeConfig } from "./vae.js";

/**
 * `vae_encoder`: `image` [N, 3, H, W] in [-1, 1], `noise` [N, 4, H/8, W/8] → `latent` [N, 4, H/8, W/8], the posterior's draw with
 * that noise, times the scaling factor. Zero noise gives the mean.
 */
export function buildVaeEncoder(config: VaeConfig, weights: Weights, options: GraphOptions = {}): Graph {
  checkVaeConfig(config);
  const g = new GraphBuilder("vae_encoder", options);
  const image = g.input("image", "activation", ["N", 3, "H", "W"]);
  const noise = g.input("noise", "activation", latentDims(config));
  const hidden = encoderFeatures(g, image, weights, config);
  for (const [index, value] of hidden.entries()) g.expose(`hidden_${index}`, value);
  const sample = samplePosterior(g, encoderMoments(g, hidden.at(-1)!, weights, config), noise, config.latentChannels);
  g.output("latent", mul(g, sample, g.float(config.scalingFactor)), "activation", latentDims(config));
  return g.build();
}

/** `vae_decoder`: `latent` [N, 4, h, w], scaled → `image` [N, 3, 8h, 8w], about [-1, 1], not clamped. */
export function buildVaeDecoder(config: VaeConfig, weights: Weights, options: GraphOptions = {}): Graph {
  checkVaeConfig(config);
  const g = new GraphBuilder("vae_decoder", options);
  const latent = g.input("latent", "activation", latentDims(config));
  const image = decode(g, g.node("Div", [latent, g.float(config.scalingFactor)]), weights, config);
  g.output("image", image, "activation", ["N", 3, "H", "W"]);
  return g.build();
}
