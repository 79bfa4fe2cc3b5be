/**
 * The graph `reference_encoder`: the main branch on reference patches, as far as their keys and values. In Cobra a
 * reference attends only to itself at time step 0, so these depend on the patch, its quadrant, the page's size and the
 * weights alone.
 */
import { GraphBuilder, type Graph, type GraphOptions } from "../../onnx/graph-builder.js";
import { floatInput } from "../../onnx/ops.js";
import type { Weights } from "../../onnx/weights.js";
import { conditions } from "./conditions.js";
import { referencePositions } from "./positions.js";
import { PromptConstants, type Prompt } from "./prompt.js";
import { checkTransformerConfig, widthOf, type TransformerConfig } from "./transformer-config.js";
import { Block, patchTokens, stackKeyValues, type KeyValue } from "./transformer.js";

/**
 * `latent` [N, 4, h, w] (half the page's size), `quadrant` int64 [N] of 0..3, `resolution` float32 [N, 2] = [H, 2W] of
 * the page in pixels → `reference_kv` [N, layers, 2, tokens, width] in the graph's precision; 2 = key, value; tokens =
 * h/2 * w/2.
 */
export function buildReferenceEncoder(
  config: TransformerConfig,
  weights: Weights,
  prompt: Prompt,
  options: GraphOptions = {},
): Graph {
  checkTransformerConfig(config);
  const g = new GraphBuilder("reference_encoder", options);
  const width = widthOf(config);
  const latent = floatInput(g, "latent", ["N", config.latentChannels, "h", "w"]);
  const quadrant = g.input("quadrant", "int64", ["N"]);
  const resolution = g.input("resolution", "float32", ["N", 2]);
  const constants = new PromptConstants(prompt, weights, config);
  const condition = conditions(g, undefined, resolution, weights.scope("adaln_single"), width);
  g.expose("timestep_6d", condition.modulation, "float32");
  const positions = g.expose("positions", referencePositions(g, latent, quadrant, width), "float32");
  let x = patchTokens(g, latent, positions, weights, config.latentChannels, width);
  const pairs: KeyValue[] = [];
  for (let index = 0; index < config.layers; index++) {
    const block = new Block(g.scoped(`block${index}`), condition, weights.scope(`transformer_blocks.${index}`), config);
    const input = block.attentionInput(x);
    const own = block.keyValue(input);
    pairs.push(own);
    // Behind the last keys and values nothing is used.
    if (index === config.layers - 1 && !g.exposesIntermediates) break;
    x = block.feedForward(block.attendToPrompt(block.attend(x, input, own), constants));
    g.expose(`block_${index}`, x);
  }
  g.output("reference_kv", stackKeyValues(g, pairs, width), "activation", ["N", config.layers, 2, "tokens", width]);
  return g.build();
}
