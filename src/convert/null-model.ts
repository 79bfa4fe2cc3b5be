/**
 * The null model: a package whose networks have Cobra's inputs, outputs and page sizes, and compute next to nothing.
 * With it everything around the networks can be measured: what it costs is the engine's own. Its pictures mean nothing.
 */
import type { ModelPackage } from "../model/package.js";
import { GraphBuilder, type Graph, type Value } from "../onnx/graph-builder.js";
import { concat, floatInput, floatOutput, reshape, slice, transpose, upsampleNearest } from "../onnx/ops.js";
import { buildModelPackage } from "./build-package.js";
import type { ModelConfig } from "./model-config.js";
import { WEIGHT_FILE, type PackageFiles, type PackageGraphs } from "./package-graphs.js";
import { PRESETS } from "./presets.js";

/** Channels of a latent. */
const CHANNELS = 4;
/** Width of keys and values, which are the latent's own values, three times: the least that a manifest allows. */
const WIDTH = 3 * CHANNELS;
/** An embedding is the mean of each colour. */
const COLORS = 3;
const LATENT = ["N", CHANNELS, "h", "w"] as const;
const PICTURE = ["N", 3, "H", "W"] as const;

/** Cobra's sizes where they are sizes of pictures; one layer elsewhere. */
const CONFIG: ModelConfig = {
  ...PRESETS.full,
  imageEncoder: { ...PRESETS.full.imageEncoder, projection: COLORS },
  upsampler: { scale: 1.5, pageInk: false },
  transformer: { ...PRESETS.full.transformer, heads: 1, headSize: WIDTH, layers: 1, controlLayers: 1 },
};

/** Builds the null model's package; see `buildModelPackage` for errors. */
export function buildNullPackage(directory: string, overwrite = false): Promise<ModelPackage> {
  return buildModelPackage({
    directory,
    overwrite,
    config: CONFIG,
    graphs: nullGraphs(),
    info: {
      name: "null",
      version: "1",
      licence: "CC0-1.0",
      trained: false,
      description: "Networks that do nothing, to measure what is around them.",
    },
  });
}

/** All graphs and their files. Both styles have the same. */
function nullGraphs(): PackageGraphs {
  const graphs = {
    line_extractor: passing("line_extractor", "gray", "line", ["N", 1, "H", "W"]),
    image_encoder: meanColors(),
    vae_encoder: noiseAsLatent(),
    vae_decoder: enlargedLatent(),
    reference_encoder: latentAsKeys(),
    denoiser: latentAsNoise(),
    guided_upsampler: colorAsPicture(),
  };
  const files: PackageFiles = new Map(
    Object.entries(graphs).map(([name, graph]) => [`${name}.onnx`, { graph, weights: WEIGHT_FILE }]),
  );
  const style = {
    reference_encoder: "reference_encoder.onnx",
    denoiser: "denoiser.onnx",
    guided_upsampler: "guided_upsampler.onnx",
  };
  const shared = {
    line_extractor: "line_extractor.onnx",
    image_encoder: "image_encoder.onnx",
    vae_encoder: "vae_encoder.onnx",
    vae_decoder: "vae_decoder.onnx",
  };
  return { files, graphs: { shared, styles: { line: style, "line + shadow": style } } };
}

/** A graph whose output is its input. */
function passing(name: string, input: string, output: string, dims: readonly (string | number)[]): Graph {
  const g = new GraphBuilder(name);
  floatOutput(g, output, g.node("Identity", [floatInput(g, input, dims)]), dims);
  return g.build();
}

function meanColors(): Graph {
  const g = new GraphBuilder("image_encoder");
  const mean = g.node("GlobalAveragePool", [floatInput(g, "pixels", PICTURE)]);
  floatOutput(g, "embedding", reshape(g, mean, [0, COLORS]), ["N", COLORS]);
  return g.build();
}

function noiseAsLatent(): Graph {
  const g = new GraphBuilder("vae_encoder");
  floatInput(g, "image", PICTURE);
  floatOutput(g, "latent", g.node("Identity", [floatInput(g, "noise", LATENT)]), LATENT);
  return g.build();
}

/** Squares of 32 pixels in one colour: like a coloured page, and unlike noise, to ink and to encode. */
function enlargedLatent(): Graph {
  const g = new GraphBuilder("vae_decoder");
  const colors = slice(g, floatInput(g, "latent", LATENT), 1, 0, COLORS);
  let picture: Value = g.node("AveragePool", [colors], { kernel_shape: [4, 4], strides: [4, 4] });
  for (let size = 1; size < 32; size *= 2) picture = upsampleNearest(g, picture);
  floatOutput(g, "image", picture, PICTURE);
  return g.build();
}

/** [N, 4, h, w] → [N, 1, 2, h/2 * w/2, 12]. */
function latentAsKeys(): Graph {
  const g = new GraphBuilder("reference_encoder");
  const latent = floatInput(g, "latent", LATENT);
  g.input("quadrant", "int64", ["N"]);
  g.input("resolution", "float32", ["N", 2]);
  const patches = g.node("AveragePool", [latent], { kernel_shape: [2, 2], strides: [2, 2] });
  const tokens = transpose(g, reshape(g, patches, [0, CHANNELS, -1]), [0, 2, 1]);
  const row = g.node("Unsqueeze", [concat(g, [tokens, tokens, tokens], 2), g.int64s([1, 2])]);
  g.output("reference_kv", concat(g, [row, row], 2), "activation", ["N", 1, 2, "tokens", WIDTH]);
  return g.build();
}

function latentAsNoise(): Graph {
  const g = new GraphBuilder("denoiser");
  const dims = ["B", CHANNELS, "h", "w"];
  const latent = floatInput(g, "latent", dims);
  for (const name of ["line_latent", "hint_latent"]) floatInput(g, name, dims);
  floatInput(g, "hint_mask", ["B", 1, "h", "w"]);
  g.input("timestep", "float32", ["B"]);
  g.input("resolution", "float32", ["B", 2]);
  g.input("reference_kv", "activation", ["B", "R", 1, 2, "tokens", WIDTH]);
  floatOutput(g, "noise", g.node("Identity", [latent]), dims);
  return g.build();
}

function colorAsPicture(): Graph {
  const g = new GraphBuilder("guided_upsampler");
  const color = floatInput(g, "color", PICTURE);
  floatInput(g, "line", PICTURE);
  floatInput(g, "noise", LATENT);
  floatOutput(g, "image", g.node("Identity", [color]), PICTURE);
  return g.build();
}
