/**
 * The model's config from the release's own config files. A file or a value that is missing is that of the published
 * weights; a value that this engine cannot build is refused.
 */
import { readFileSync } from "node:fs";
import { z } from "zod";
import { messageOf, ModelError } from "../../errors.js";
import type { ModelConfig } from "../model-config.js";
import type { LineExtractorConfig } from "../graphs/line-extractor.js";
import { PATCH } from "../graphs/transformer-config.js";
import { PRESETS } from "../presets.js";
import type { WeightSource } from "../../onnx/weights.js";
import type { ReleaseFiles } from "./release-files.js";

const { transformer, vae, imageEncoder, scheduler } = PRESETS.full;
const count = z.number().int().min(1);
/** A value that must be the one that the networks are built for. */
const only = <T extends string | number | boolean>(value: T): z.ZodDefault<z.ZodType<T>> =>
  z
    .literal(value, `must be ${JSON.stringify(value)}; nothing else is built`)
    .default(value as never) as unknown as z.ZodDefault<z.ZodType<T>>;

const transformerSchema = z.object({
  num_attention_heads: count.default(transformer.heads),
  attention_head_dim: count.default(transformer.headSize),
  num_layers: count.min(2).default(transformer.layers),
  in_channels: count.default(transformer.latentChannels),
  out_channels: count.default(transformer.outChannels),
  caption_channels: count.default(transformer.captionChannels),
  patch_size: only(PATCH),
  norm_type: only("ada_norm_single"),
  activation_fn: only("gelu-approximate"),
  attention_bias: only(true),
  norm_elementwise_affine: only(false),
});
const vaeSchema = z.object({
  block_out_channels: z
    .array(count)
    .min(2)
    .default([...vae.channels]),
  layers_per_block: count.default(vae.layersPerBlock),
  norm_num_groups: count.default(vae.groups),
  latent_channels: count.default(vae.latentChannels),
  scaling_factor: z.number().positive().default(vae.scalingFactor),
  act_fn: only("silu"),
});
const imageEncoderSchema = z.object({
  hidden_size: count.default(imageEncoder.width),
  intermediate_size: count.default(imageEncoder.mlpWidth),
  num_hidden_layers: count.default(imageEncoder.layers),
  num_attention_heads: count.default(imageEncoder.heads),
  image_size: count.default(imageEncoder.imageSize),
  patch_size: count.default(imageEncoder.patchSize),
  projection_dim: count.default(imageEncoder.projection),
  hidden_act: z.enum(["gelu", "quick_gelu"]).default(imageEncoder.activation),
  layer_norm_eps: z.number().positive().default(imageEncoder.epsilon),
});
const schedulerSchema = z.object({
  num_train_timesteps: count.default(scheduler.trainTimesteps),
  beta_start: z.number().positive().default(scheduler.betaStart),
  beta_end: z.number().positive().default(scheduler.betaEnd),
  beta_schedule: only("linear"),
  prediction_type: z.enum(["epsilon", "sample"]).default("epsilon"),
  algorithm_type: only("dpmsolver++"),
  solver_order: only(2),
  solver_type: only("midpoint"),
  use_karras_sigmas: only(false),
  thresholding: only(false),
});

/**
 * The config of a release; `buckets` are page sizes [width, height]. Throws ERR_MODEL_GRAPH for a config file that
 * cannot be used.
 */
export function releaseConfig(
  files: ReleaseFiles,
  lineExtractor: WeightSource,
  buckets: ModelConfig["buckets"],
): ModelConfig {
  const t = read(files.transformerConfig, transformerSchema);
  const v = read(files.vaeConfig, vaeSchema);
  const i = read(files.imageEncoderConfig, imageEncoderSchema);
  const s = read(files.schedulerConfig, schedulerSchema);
  return {
    lineExtractor: lineExtractorConfig(lineExtractor),
    imageEncoder: {
      width: i.hidden_size,
      mlpWidth: i.intermediate_size,
      layers: i.num_hidden_layers,
      heads: i.num_attention_heads,
      imageSize: i.image_size,
      patchSize: i.patch_size,
      projection: i.projection_dim,
      activation: i.hidden_act,
      epsilon: i.layer_norm_eps,
    },
    imageNormalization: PRESETS.full.imageNormalization,
    vae: {
      channels: v.block_out_channels,
      layersPerBlock: v.layers_per_block,
      groups: v.norm_num_groups,
      latentChannels: v.latent_channels,
      scalingFactor: v.scaling_factor,
    },
    transformer: {
      heads: t.num_attention_heads,
      headSize: t.attention_head_dim,
      layers: t.num_layers,
      controlLayers: Math.floor(t.num_layers / 2),
      latentChannels: t.in_channels,
      outChannels: t.out_channels,
      captionChannels: t.caption_channels,
    },
    upsampler: { scale: PRESETS.full.upsampler!.scale, pageInk: false },
    buckets,
    prediction: s.prediction_type,
    scheduler: { trainTimesteps: s.num_train_timesteps, betaStart: s.beta_start, betaEnd: s.beta_end },
  };
}

function read<T extends z.ZodType>(path: string | undefined, schema: T): z.infer<T> {
  if (path === undefined) return schema.parse({});
  try {
    const result = schema.safeParse(JSON.parse(readFileSync(path, "utf8")));
    if (result.success) return result.data;
    throw new RangeError(
      result.error.issues.map((issue) => `${issue.path.join(".") || "(whole)"}: ${issue.message}`).join("; "),
    );
  } catch (cause) {
    throw new ModelError("ERR_MODEL_GRAPH", `${path} cannot be used: ${messageOf(cause)}`, { cause });
  }
}

/**
 * The line network has no config file; its weights' shapes say its sizes. What they do not fit is found when it is
 * built.
 */
export function lineExtractorConfig(weights: WeightSource): LineExtractorConfig {
  const size = (name: string): number => {
    const dims = weights.dims(name);
    return Array.isArray(dims) ? (dims as number[])[0]! : 1;
  };
  const repetitions = (block: number): number => {
    let found = 1;
    while (weights.dims(`block${block}.model.${found}.conv1.model.2.weight`) !== undefined) found++;
    return found;
  };
  const channels = (block: number): number => size(`block${block}.model.0.conv1.model.2.weight`);
  return {
    channels: [0, 1, 2, 3, 4].map(channels),
    downRepetitions: [0, 1, 2, 3, 4].map(repetitions),
    upRepetitions: [5, 6, 7, 8].map(repetitions),
    lastChannels: channels(9),
    lastRepetitions: repetitions(9),
  };
}
