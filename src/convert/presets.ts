/**
 * Models that need no file: configs with seeded random weights. `tiny` has the sizes of the golden pipeline, `demo` is
 * quick on two cores, `full` has Cobra's real sizes. None of them is trained: their colours mean nothing.
 */
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { ModelError, ResourceError } from "../errors.js";
import { buildModelPackage, type BuildModelPackageOptions, type ModelInfo } from "./build-package.js";
import { seededLora } from "./cobra-release/seeded-lora.js";
import type { ModelWeights, StyleWeights } from "./package-graphs.js";
import { COBRA_BUCKETS } from "../model/buckets.js";
import type { ModelConfig } from "./model-config.js";
import { MANIFEST_FILE } from "../model/manifest.js";
import { openModelPackage, type ModelPackage } from "../model/package.js";
import type { LineExtractorConfig } from "./graphs/line-extractor.js";
import type { Prompt } from "./graphs/prompt.js";
import { givenWeights, overlay, seededWeights, type SeededRule } from "./weights/sources.js";
import type { WeightSource } from "../onnx/weights.js";

/** Names of the presets. */
export type PresetName = "tiny" | "demo" | "full";

const CLIP_NORMALIZATION: ModelConfig["imageNormalization"] = {
  mean: [0.48145466, 0.4578275, 0.40821073],
  std: [0.26862954, 0.26130258, 0.27577711],
};
const PIXART_SCHEDULER: ModelConfig["scheduler"] = { trainTimesteps: 1000, betaStart: 0.0001, betaEnd: 0.02 };

/** Configs of the presets. */
export const PRESETS: Readonly<Record<PresetName, ModelConfig>> = {
  tiny: {
    lineExtractor: {
      channels: [4, 8, 12, 16, 20],
      downRepetitions: [1, 2, 2, 3, 2],
      upRepetitions: [2, 2, 1, 2],
      lastChannels: 6,
      lastRepetitions: 2,
    },
    imageEncoder: {
      width: 32,
      mlpWidth: 64,
      layers: 2,
      heads: 4,
      imageSize: 28,
      patchSize: 14,
      projection: 16,
      activation: "gelu",
      epsilon: 1e-5,
    },
    imageNormalization: CLIP_NORMALIZATION,
    vae: { channels: [8, 12, 16, 16], layersPerBlock: 2, groups: 4, latentChannels: 4, scalingFactor: 0.18215 },
    transformer: {
      heads: 2,
      headSize: 12,
      layers: 4,
      controlLayers: 2,
      latentChannels: 4,
      outChannels: 8,
      captionChannels: 24,
    },
    upsampler: { scale: 1.5 },
    buckets: [
      [96, 96],
      [96, 128],
      [128, 96],
    ],
    prediction: "epsilon",
    scheduler: PIXART_SCHEDULER,
  },
  demo: {
    lineExtractor: {
      channels: [4, 4, 4, 4, 4],
      downRepetitions: [1, 1, 1, 1, 1],
      upRepetitions: [1, 1, 1, 1],
      lastChannels: 4,
      lastRepetitions: 1,
    },
    imageEncoder: {
      width: 64,
      mlpWidth: 128,
      layers: 2,
      heads: 4,
      imageSize: 112,
      patchSize: 14,
      projection: 64,
      activation: "gelu",
      epsilon: 1e-5,
    },
    imageNormalization: CLIP_NORMALIZATION,
    vae: { channels: [8, 8, 16, 16], layersPerBlock: 1, groups: 4, latentChannels: 4, scalingFactor: 0.5 },
    transformer: {
      heads: 2,
      headSize: 36,
      layers: 4,
      controlLayers: 2,
      latentChannels: 4,
      outChannels: 8,
      captionChannels: 48,
    },
    upsampler: { scale: 1.5 },
    buckets: [
      [448, 448],
      [384, 512],
      [352, 544],
      [512, 384],
      [544, 352],
    ],
    prediction: "sample",
    scheduler: PIXART_SCHEDULER,
  },
  full: {
    lineExtractor: {
      channels: [24, 48, 96, 192, 384],
      downRepetitions: [2, 3, 5, 7, 12],
      upRepetitions: [7, 5, 3, 2],
      lastChannels: 16,
      lastRepetitions: 2,
    },
    imageEncoder: {
      width: 1280,
      mlpWidth: 5120,
      layers: 32,
      heads: 16,
      imageSize: 224,
      patchSize: 14,
      projection: 1024,
      activation: "gelu",
      epsilon: 1e-5,
    },
    imageNormalization: CLIP_NORMALIZATION,
    vae: { channels: [128, 256, 512, 512], layersPerBlock: 2, groups: 32, latentChannels: 4, scalingFactor: 0.18215 },
    transformer: {
      heads: 16,
      headSize: 72,
      layers: 28,
      controlLayers: 14,
      latentChannels: 4,
      outChannels: 8,
      captionChannels: 4096,
    },
    upsampler: { scale: 1.5 },
    buckets: COBRA_BUCKETS.map(({ width, height }) => [width, height] as const),
    prediction: "epsilon",
    scheduler: PIXART_SCHEDULER,
  },
};

/** Random weights keep pictures and latents in range: the last layers are small, the posterior is narrow. */
const RULES: readonly SeededRule[] = [
  { match: /^decoder\.conv_out\.weight$/u, scale: 0.5 },
  { match: /^proj_out\.weight$/u, scale: 0.5 },
];

/**
 * Seeded weights for a config. Both styles share them; with `loraRank` each has a LoRA of that rank on the main branch,
 * and a control branch and an upsampler, of its own, as in the original release. In a line network without training
 * every branch but the first shortcut is silent, so that its line picture is the gray page itself.
 */
export function presetWeights(config: ModelConfig, seed: number, loraRank?: number): ModelWeights {
  const source = (part: number): WeightSource => seededWeights(seed * 16 + part, RULES);
  const tokens = 4;
  const embeds = source(0).read("prompt.weight", [tokens, config.transformer.captionChannels]);
  const prompt: Prompt = { embeds, mask: [1, ...Array<number>(tokens - 1).fill(0)] };
  const style = { main: source(1), control: source(2), upsampler: source(3), prompt };
  const own = (part: number): StyleWeights => ({
    main: seededLora(source(1), seed * 16 + part, loraRank!),
    control: source(part + 1),
    upsampler: source(part + 2),
    prompt,
  });
  return {
    lineExtractor: grayPassthrough(config.lineExtractor, seed),
    imageEncoder: source(4),
    vae: source(5),
    styles:
      loraRank === undefined ? { line: style, "line + shadow": style } : { line: own(6), "line + shadow": own(9) },
  };
}

/** Weights with which the line network gives its input: BatchNorm's epsilon (1e-3) is made up for in the last layer. */
export function grayPassthrough(config: LineExtractorConfig, seed: number): WeightSource {
  const silent: readonly SeededRule[] = [
    { match: /residual\.model\.2\.weight$/u, scale: 0 },
    { match: /^block[1-8]\..*shortcut\.model\.0\.weight$/u, scale: 0 },
  ];
  const first = config.channels[0]!;
  const pick = (dims: readonly number[], value: number): { dims: readonly number[]; data: Float32Array } => {
    const data = new Float32Array(dims.reduce((product, size) => product * size, 1));
    data[0] = value;
    return { dims, data };
  };
  const passing = givenWeights(
    {
      "block0.model.0.shortcut.model.0.weight": pick([first, 1, 1, 1], 1),
      "block9.model.0.shortcut.model.0.weight": pick([config.lastChannels, first, 1, 1], 1),
      "conv15.model.2.weight": pick([1, config.lastChannels, 1, 1], Math.sqrt(1.001)),
    },
    "a line network that passes the gray page on",
  );
  return overlay(seededWeights(seed, silent), passing);
}

/** How to build a preset. */
interface BuildPresetOptions extends Partial<
  Pick<BuildModelPackageOptions, "precision" | "overwrite" | "externalDataAboveBytes">
> {
  readonly directory: string;
  readonly preset: PresetName;
  /** Default 1. */
  readonly seed?: number;
  /** See `presetWeights`. */
  readonly loraRank?: number;
}

/** Raised when the presets, their weights or the graphs change, so that packages from before are built again. */
const PRESET_REVISION = 2;

/** Builds a preset's package with seeded weights; see `buildModelPackage` for errors. */
export async function buildPresetPackage(options: BuildPresetOptions): Promise<ModelPackage> {
  const { directory, preset, seed = 1, loraRank, ...rest } = options;
  const config = PRESETS[preset];
  const info: ModelInfo = {
    name: `cobra-${preset}`,
    version: versionOf(seed),
    licence: "CC0-1.0",
    trained: false,
    description: `Random weights (seed ${seed}) in Cobra's architecture, size "${preset}". Not trained: its weights are random, so its colours are meaningless.`,
  };
  return buildModelPackage({ directory, config, weights: presetWeights(config, seed, loraRank), info, ...rest });
}

function versionOf(seed: number): string {
  return `1.${PRESET_REVISION}.0-seed.${seed}`;
}

/**
 * The preset's package at `directory`: the one that is there when it is intact and the same preset, seed and revision,
 * else a new one in its place. A folder that is anything else is left alone: ResourceError `ERR_OUTPUT_EXISTS`. Several
 * processes may call it at once while there is none.
 */
export async function ensurePresetPackage(
  options: Omit<BuildPresetOptions, "overwrite" | "loraRank">,
): Promise<ModelPackage> {
  const found = await openIntact(options);
  if (typeof found === "object") return found;
  try {
    return await buildPresetPackage({
      ...options,
      overwrite: found === "other" && (await isUntrainedPreset(options.directory)),
    });
  } catch (error) {
    // Another process was quicker; what it built is whole, since packages appear by renaming.
    if (found === "none" && error instanceof ResourceError && error.code === "ERR_OUTPUT_EXISTS")
      return openModelPackage(options.directory);
    throw error;
  }
}

/** Whether a folder's manifest, damaged or not, says that it is one of ours and may be thrown away. */
async function isUntrainedPreset(directory: string): Promise<boolean> {
  try {
    const { name, trained } = JSON.parse(await readFile(join(directory, MANIFEST_FILE), "utf8")) as {
      name?: unknown;
      trained?: unknown;
    };
    return trained === false && Object.keys(PRESETS).some((preset) => name === `cobra-${preset}`);
  } catch {
    return false;
  }
}

/** The package, "none", or "other" for one that is damaged or another model. */
async function openIntact({
  directory,
  preset,
  seed = 1,
  precision = "float32",
}: BuildPresetOptions): Promise<ModelPackage | "none" | "other"> {
  try {
    const found = await openModelPackage(directory);
    const { name, version, precision: stored } = found.manifest;
    return name === `cobra-${preset}` && version === versionOf(seed) && stored === precision ? found : "other";
  } catch (error) {
    if (!(error instanceof ModelError)) throw error;
    return error.code === "ERR_MODEL_NOT_FOUND" ? "none" : "other";
  }
}
