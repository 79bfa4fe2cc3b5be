/**
 * The model's config from the release's own config files. A missing file or value defaults to that of the published
 * weights; a value that this engine does not support is refused.
 */
import { z } from "zod";
import { messageOf, ModelError } from "../../errors.js";
import { MAX_TRAIN_TIMESTEPS } from "../../model/manifest.js";
import type { ModelConfig } from "../model-config.js";
import type { LineExtractorConfig } from "../graphs/line-extractor.js";
import { PATCH } from "../graphs/transformer-config.js";
import { PRESETS } from "../presets.js";
import type { WeightSource } from "../../onnx/weights.js";
import { parseJson } from "../../text/parse-json.js";
import { readSmallFile } from "../weights/file-bytes.js";
import { foreignFile } from "../weights/foreign-file.js";
import { checkConfig, only, unused } from "./config-rules.js";
import type { ReleaseFiles } from "./release-files.js";

const { transformer, vae, imageEncoder, scheduler } = PRESETS.full;
/** A whole number from 1 on. Its limit is far above every published model, so that a wrong one cannot cost hours. */
const count = (most: number): z.ZodNumber => z.number().int().min(1).max(most);
const LAYERS = 512;
/** Published config files have a few kilobytes. */
const MAX_CONFIG_BYTES = 2 ** 20;
const WIDTH = 65_536;

const TRANSFORMER = {
  num_attention_heads: count(128).default(transformer.heads),
  attention_head_dim: count(512).default(transformer.headSize),
  num_layers: count(LAYERS).min(2).default(transformer.layers),
  in_channels: count(1024).default(transformer.latentChannels),
  out_channels: count(2048).default(transformer.outChannels),
  caption_channels: count(WIDTH).default(transformer.captionChannels),
};
const TRANSFORMER_RULES = {
  _class_name: only("Transformer2DModel", "PixArtTransformer2DModel"),
  patch_size: only(PATCH),
  norm_type: only("ada_norm_single"),
  norm_eps: only(1e-6),
  activation_fn: only("gelu-approximate"),
  attention_bias: only(true),
  attention_type: only("default"),
  norm_elementwise_affine: only(false),
  sample_size: only(128), // the positions' base size is half of it
  interpolation_scale: only(2, null),
  use_additional_conditions: only(true, null),
  cross_attention_dim: unused, // must fit the weights, which are checked
  num_embeds_ada_norm: unused,
  norm_num_groups: unused,
  dropout: unused,
};
const VAE = {
  block_out_channels: z
    .array(count(WIDTH))
    .min(2)
    .max(8)
    .default([...vae.channels]),
  layers_per_block: count(64).default(vae.layersPerBlock),
  norm_num_groups: count(WIDTH).default(vae.groups),
  latent_channels: count(1024).default(vae.latentChannels),
  scaling_factor: z.number().min(1e-6).max(1e6).default(vae.scalingFactor),
};
const VAE_RULES = {
  _class_name: only("AutoencoderKL"),
  act_fn: only("silu"),
  in_channels: only(3),
  out_channels: only(3),
  shift_factor: only(null, 0),
  latents_mean: only(null),
  latents_std: only(null),
  use_quant_conv: only(true),
  use_post_quant_conv: only(true),
  mid_block_add_attention: only(true),
  down_block_types: blocks("DownEncoderBlock2D"),
  up_block_types: blocks("UpDecoderBlock2D"),
  sample_size: unused,
  force_upcast: unused,
};
const IMAGE_ENCODER = {
  hidden_size: count(WIDTH).default(imageEncoder.width),
  intermediate_size: count(4 * WIDTH).default(imageEncoder.mlpWidth),
  num_hidden_layers: count(LAYERS).default(imageEncoder.layers),
  num_attention_heads: count(WIDTH).default(imageEncoder.heads),
  image_size: count(4096).default(imageEncoder.imageSize),
  patch_size: count(4096).default(imageEncoder.patchSize),
  projection_dim: count(WIDTH).default(imageEncoder.projection),
  hidden_act: z.enum(["gelu", "quick_gelu"]).default(imageEncoder.activation),
  layer_norm_eps: z.number().positive().max(1).default(imageEncoder.epsilon),
};
const IMAGE_ENCODER_RULES = {
  architectures: z.array(z.string()).refine((names) => names.join() === "CLIPVisionModelWithProjection", {
    error: "only CLIPVisionModelWithProjection is built",
  }),
  model_type: only("clip_vision_model"),
  num_channels: only(3),
  attention_dropout: unused,
  dropout: unused,
  initializer_factor: unused,
  initializer_range: unused,
  torch_dtype: unused,
  dtype: unused,
  transformers_version: unused,
};
const SCHEDULER = {
  num_train_timesteps: count(MAX_TRAIN_TIMESTEPS).min(2).default(scheduler.trainTimesteps),
  beta_start: z.number().positive().lt(1).default(scheduler.betaStart),
  beta_end: z.number().positive().lt(1).default(scheduler.betaEnd),
  prediction_type: z.enum(["epsilon", "sample"]).default("epsilon"),
};
const SCHEDULER_RULES = {
  _class_name: only("DPMSolverMultistepScheduler"),
  beta_schedule: only("linear"),
  trained_betas: only(null),
  algorithm_type: only("dpmsolver++"),
  solver_order: only(2),
  solver_type: only("midpoint"),
  thresholding: only(false),
  lower_order_final: only(true),
  euler_at_final: only(false),
  use_karras_sigmas: only(false, null),
  use_lu_lambdas: only(false, null),
  use_beta_sigmas: only(false, null),
  use_exponential_sigmas: only(false, null),
  use_flow_sigmas: only(false, null),
  use_dynamic_shifting: only(false),
  rescale_betas_zero_snr: only(false),
  flow_shift: only(1, null),
  final_sigmas_type: only("zero"),
  lambda_min_clipped: only(Number.NEGATIVE_INFINITY, null),
  timestep_spacing: only("linspace"),
  variance_type: only(null),
  steps_offset: unused, // counts for the spacing "leading"
  dynamic_thresholding_ratio: unused, // counts with thresholding
  sample_max_value: unused,
  time_shift_type: unused, // counts with use_dynamic_shifting
};

/** A list of block types that are all this one. */
function blocks(type: string): z.ZodType {
  return z
    .array(z.string())
    .refine((types) => types.every((one) => one === type), { error: `only blocks of type ${type} are built` });
}

/**
 * The config of a release; `buckets` are page sizes [width, height], `ignored` names settings that are let through.
 * Throws ERR_MODEL_GRAPH, with all faults by name, for a config file that cannot be used.
 */
export function releaseConfig(
  files: ReleaseFiles,
  lineExtractor: WeightSource,
  buckets: ModelConfig["buckets"],
  ignored: readonly string[] = [],
): ModelConfig {
  const given = new Set(ignored);
  const t = read(files.transformerConfig, TRANSFORMER, TRANSFORMER_RULES, given);
  const v = read(files.vaeConfig, VAE, VAE_RULES, given);
  const i = read(files.imageEncoderConfig, IMAGE_ENCODER, IMAGE_ENCODER_RULES, given);
  const s = read(files.schedulerConfig, SCHEDULER, SCHEDULER_RULES, given);
  if (s.beta_start >= s.beta_end)
    unusable(
      files.schedulerConfig ?? "scheduler",
      `beta_start is ${s.beta_start}; it must be below beta_end, ${s.beta_end}`,
    );
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

function read<T extends z.ZodRawShape>(
  path: string | undefined,
  shape: T,
  rules: Readonly<Record<string, z.ZodType>>,
  ignored: ReadonlySet<string>,
): z.infer<z.ZodObject<T>> {
  if (path === undefined) return z.object(shape).parse({});
  try {
    const bytes = readSmallFile(path, MAX_CONFIG_BYTES);
    const foreign = foreignFile(bytes.subarray(0, 512));
    if (foreign !== undefined) throw new RangeError(foreign);
    return checkConfig(parseJson(bytes.toString("utf8"), { pythonNumbers: true }), shape, rules, ignored);
  } catch (cause) {
    return unusable(path, messageOf(cause), cause);
  }
}

function unusable(path: string, reason: string, cause?: unknown): never {
  throw new ModelError("ERR_MODEL_GRAPH", `${path} cannot be used: ${reason}`, { cause });
}

/**
 * The line network has no config file; its weights' shapes say its sizes. What they do not fit is found when it is
 * built.
 */
function lineExtractorConfig(weights: WeightSource): LineExtractorConfig {
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
