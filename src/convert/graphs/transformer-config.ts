/** Sizes of Cobra's diffusion transformer and what follows from them. */
import { ModelError } from "../../errors.js";

/**
 * Sizes of main and control branch. Cobra (PixArt-alpha XL): 16 heads of 72, 28 layers, 14 control layers, 4 latent
 * channels, 8 output channels, 4096 caption channels. Patches are 2 x 2, the feed-forward is 4 times as wide.
 */
export interface TransformerConfig {
  readonly heads: number;
  readonly headSize: number;
  readonly layers: number;
  readonly controlLayers: number;
  readonly latentChannels: number;
  /** Channels of the output layer's weights: twice the latent channels where the variance is learned too. */
  readonly outChannels: number;
  readonly captionChannels: number;
}

/** Edge of a patch in latent pixels. */
export const PATCH = 2;
/** Epsilon of all layer norms. */
export const NORM_EPSILON = 1e-6;

/** Width of a token. */
export function widthOf(config: TransformerConfig): number {
  return config.heads * config.headSize;
}

/** Channels that the control branch sees: noisy latent, line latent, hint latent, hint mask. */
export function controlChannels(config: TransformerConfig): number {
  return 3 * config.latentChannels + 1;
}

/** Throws ERR_MODEL_GRAPH when the config cannot be built. */
export function checkTransformerConfig(config: TransformerConfig): void {
  const width = widthOf(config);
  if (width % 12 !== 0) {
    throw new ModelError(
      "ERR_MODEL_GRAPH",
      `the transformer's width ${width} (${config.heads} heads of ${config.headSize}) must be a multiple of 12: positions need 4, size conditions 3`,
    );
  }
  if (config.controlLayers > config.layers)
    throw new ModelError(
      "ERR_MODEL_GRAPH",
      `the transformer has ${config.controlLayers} control layers for ${config.layers} layers; it takes at most one each`,
    );
  if (config.outChannels < config.latentChannels)
    throw new ModelError(
      "ERR_MODEL_GRAPH",
      `the transformer's ${config.outChannels} output channels are fewer than its ${config.latentChannels} latent channels`,
    );
}
