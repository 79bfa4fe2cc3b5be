/**
 * The graph `denoiser`: control branch and main branch in one. The page attends to itself and to its references, whose
 * keys and values are an input; the control branch's residuals are added to the page's tokens after each of the first
 * blocks.
 */
import { ModelError } from "../../errors.js";
import { GraphBuilder, type Graph, type GraphOptions, type Value } from "../../onnx/graph-builder.js";
import { add, concat, floatInput, floatOutput, linear, mul, reshape } from "../../onnx/ops.js";
import type { Weights } from "../../onnx/weights.js";
import { conditions } from "./conditions.js";
import { pagePositions } from "./positions.js";
import { PromptConstants, type Prompt } from "./prompt.js";
import { checkTransformerConfig, controlChannels, widthOf, type TransformerConfig } from "./transformer-config.js";
import { Block, outputLayer, patchTokens, type KeyValue } from "./transformer.js";

/** Weights of the denoiser. The labels differ. */
interface DenoiserWeights {
  readonly main: Weights;
  readonly control: Weights;
}

/**
 * `latent`, `line_latent`, `hint_latent` [B, 4, h, w], `hint_mask` [B, 1, h, w], `timestep` float32 [B], `resolution`
 * float32 [B, 2] = [H, 2W] in pixels, `reference_kv` [B, R, layers, 2, tokens, width] in the graph's precision with any
 * R, 0 too → `noise` [B, 4, h, w].
 */
export function buildDenoiser(
  config: TransformerConfig,
  weights: DenoiserWeights,
  prompt: Prompt,
  options: GraphOptions = {},
): Graph {
  checkTransformerConfig(config);
  if (weights.main.label === weights.control.label)
    throw new ModelError("ERR_MODEL_GRAPH", `denoiser: both weight sources are labelled ${weights.main.label}`, {
      remedy: "give them different labels",
    });
  const g = new GraphBuilder("denoiser", options);
  const width = widthOf(config);
  const latentShape = ["B", config.latentChannels, "h", "w"];
  const [latent, line, hint] = ["latent", "line_latent", "hint_latent"].map((name) =>
    floatInput(g, name, latentShape),
  ) as [Value, Value, Value];
  const mask = floatInput(g, "hint_mask", ["B", 1, "h", "w"]);
  const timestep = g.input("timestep", "float32", ["B"]);
  const resolution = g.input("resolution", "float32", ["B", 2]);
  const referenceKv = g.input("reference_kv", "activation", ["B", "R", config.layers, 2, "tokens", width]);
  const page = { latent, timestep, resolution, positions: pagePositions(g, latent, width) };
  const control = concat(g, [latent, line, hint, mask], 1);
  const residuals = controlBranch(g.scoped("control"), { ...page, latent: control }, weights.control, config);
  const noise = mainBranch(
    g.scoped("main"),
    page,
    referenceKv,
    residuals,
    weights.main,
    prompt,
    config,
    config.latentChannels,
  );
  floatOutput(g, "noise", noise, latentShape);
  return g.build();
}

/** What both branches know of the page. */
interface PageInputs {
  /** [B, channels, h, w]. */
  readonly latent: Value;
  /** float32 [B]. */
  readonly timestep: Value;
  /** float32 [B, 2]. */
  readonly resolution: Value;
  /** float32 [1, tokens, width], from `pagePositions`. */
  readonly positions: Value;
}

/**
 * The control branch: residuals [B, tokens, width] for the first blocks. `page.latent` has all 13 channels; no
 * references, no prompt.
 */
export function controlBranch(g: GraphBuilder, page: PageInputs, w: Weights, config: TransformerConfig): Value[] {
  const width = widthOf(config);
  const condition = conditions(g, page.timestep, page.resolution, w.scope("adaln_single"), width);
  g.expose("timestep_6d", condition.modulation, "float32");
  g.expose("embedded_timestep", condition.embedded, "float32");
  // The original's checkpoints hold the last adapter twice.
  for (const name of ["after_proj.weight", "after_proj.bias"]) w.skip(name);
  let x = patchTokens(g, page.latent, page.positions, w, controlChannels(config), width);
  return Array.from({ length: config.controlLayers }, (_, index) => {
    const block = new Block(g.scoped(`block${index}`), condition, w.scope(`transformer_blocks.${index}`), config);
    const input = block.attentionInput(x);
    x = g.expose(`block_${index}`, block.feedForward(block.attend(x, input, block.keyValue(input))));
    return g.expose(`control_${index}`, linear(g, x, w.scope(`adapter_linear.${index}`), width, width));
  });
}

/**
 * The main branch: the first `channels` output channels [B, channels, h, w]. `referenceKv` is [B, R, layers, 2, tokens,
 * width].
 */
export function mainBranch(
  g: GraphBuilder,
  page: PageInputs,
  referenceKv: Value,
  residuals: readonly Value[],
  w: Weights,
  prompt: Prompt,
  config: TransformerConfig,
  channels: number,
): Value {
  const width = widthOf(config);
  const constants = new PromptConstants(prompt, w, config);
  const condition = conditions(g, page.timestep, page.resolution, w.scope("adaln_single"), width);
  g.expose("timestep_6d", condition.modulation, "float32");
  g.expose("embedded_timestep", condition.embedded, "float32");
  // One axis for layer and kind: a layer's keys are then one Gather away, and only one layer's are copied at a time.
  // The shape is not a Concat, which ONNX Runtime would turn into one with a -1, and that fails on a page without
  // references.
  const shape = mul(
    g,
    g.node("Gather", [g.node("Shape", [referenceKv]), g.int64s([0, 1, 2, 4, 5])]),
    g.int64s([1, 1, 2, 1, 1]),
  );
  const rows = g.node("Reshape", [referenceKv, shape]);
  let x = patchTokens(g, page.latent, page.positions, w, config.latentChannels, width);
  for (let index = 0; index < config.layers; index++) {
    const block = new Block(g.scoped(`block${index}`), condition, w.scope(`transformer_blocks.${index}`), config);
    const input = block.attentionInput(x);
    const references: KeyValue = {
      key: layerRow(g, rows, 2 * index, width),
      value: layerRow(g, rows, 2 * index + 1, width),
    };
    x = block.attend(x, input, block.keyValue(input), references);
    x = g.expose(`block_${index}`, block.feedForward(block.attendToPrompt(x, constants)));
    const residual = residuals[index];
    if (residual !== undefined) x = add(g, x, residual);
  }
  return outputLayer(g, x, condition, page.latent, w, config, channels);
}

/** One row of [B, R, rows, tokens, width] with the references side by side: [B, R * tokens, width]. */
function layerRow(g: GraphBuilder, rows: Value, row: number, width: number): Value {
  return reshape(g, g.node("Gather", [rows, g.int64(row)], { axis: 2 }), [0, -1, width]);
}
