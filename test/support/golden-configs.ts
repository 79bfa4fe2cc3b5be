/** The golden cases' constructor arguments (names of the original code) as configs of this project. */
import type { ImageEncoderConfig } from "../../src/convert/graphs/image-encoder.js";
import type { TransformerConfig } from "../../src/convert/graphs/transformer-config.js";
import type { VaeConfig } from "../../src/convert/graphs/vae.js";
import type { LineExtractorConfig } from "../../src/convert/graphs/line-extractor.js";

type Raw = Record<string, unknown>;

export function lineExtractorConfig(raw: Raw): LineExtractorConfig {
  return {
    channels: raw["channels"] as number[],
    downRepetitions: raw["down_reps"] as number[],
    upRepetitions: raw["up_reps"] as number[],
    lastChannels: raw["last_channels"] as number,
    lastRepetitions: raw["last_reps"] as number,
  };
}

export function imageEncoderConfig(raw: Raw): ImageEncoderConfig {
  return {
    width: raw["hidden_size"] as number,
    mlpWidth: raw["intermediate_size"] as number,
    layers: raw["num_hidden_layers"] as number,
    heads: raw["num_attention_heads"] as number,
    imageSize: raw["image_size"] as number,
    patchSize: raw["patch_size"] as number,
    projection: raw["projection_dim"] as number,
    activation: raw["hidden_act"] as "gelu",
    epsilon: raw["layer_norm_eps"] as number,
  };
}

export function vaeConfig(raw: Raw): VaeConfig {
  return {
    channels: raw["block_out_channels"] as number[],
    layersPerBlock: raw["layers_per_block"] as number,
    groups: raw["norm_num_groups"] as number,
    latentChannels: raw["latent_channels"] as number,
    scalingFactor: raw["scaling_factor"] as number,
  };
}

/** `layers` of the original's control config are those of the main branch; it has half as many blocks. */
export function transformerConfig(raw: Raw): TransformerConfig {
  const layers = raw["num_layers"] as number;
  return {
    heads: raw["num_attention_heads"] as number,
    headSize: raw["attention_head_dim"] as number,
    layers,
    controlLayers: Math.floor(layers / 2),
    latentChannels: raw["in_channels"] as number,
    outChannels: raw["out_channels"] as number,
    captionChannels: raw["caption_channels"] as number,
  };
}
