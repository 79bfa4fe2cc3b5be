/**
 * Cobra's guided super resolution: the colour picture and the line picture, both at the upsampled size, go through the
 * VAE's encoder; a small ResNet per level turns their features (`MultiHiddenResNetModel`) into what the VAE's decoder
 * is guided by.
 *
 * The original never calls `.eval()` on that model: its BatchNorm uses mean and biased variance of the current picture.
 * So each is an instance norm here, and pictures of one batch share nothing.
 */
import { ModelError } from "../../errors.js";
import { GraphBuilder, type Graph, type GraphOptions, type Value } from "../../onnx/graph-builder.js";
import { add, concat, conv, floatInput, floatOutput } from "../../onnx/ops.js";
import type { Weights } from "../../onnx/weights.js";
import {
  checkVaeConfig,
  decode,
  encoderFeatures,
  encoderMoments,
  hiddenChannels,
  latentDims,
  samplePosterior,
  type VaeConfig,
} from "./vae.js";

const EPSILON = 1e-5;

/**
 * `guided_upsampler`: `color` and `line` [N, 3, H, W] in [-1, 1], `noise` [N, 4, H/8, W/8] → `image` [N, 3, H, W], not
 * clamped. H and W are multiples of 8. `weights` are the ResNets', `vae` the autoencoder's.
 */
export function buildGuidedUpsampler(
  config: VaeConfig,
  weights: Weights,
  vae: Weights,
  options: GraphOptions = {},
): Graph {
  checkVaeConfig(config);
  if (weights.label === vae.label)
    throw new ModelError("ERR_MODEL_GRAPH", `guided_upsampler: both weight sources are labelled ${vae.label}`, {
      remedy: "give them different labels",
    });
  const g = new GraphBuilder("guided_upsampler", options);
  const color = floatInput(g, "color", ["N", 3, "H", "W"]);
  const line = floatInput(g, "line", ["N", 3, "H", "W"]);
  const noise = floatInput(g, "noise", latentDims(config));
  const colorFeatures = encoderFeatures(g, color, vae, config);
  const lineFeatures = encoderFeatures(g, line, vae, config);
  const sizes = hiddenChannels(config);
  const guides = sizes.map((size, level) => {
    g.expose(`color_hidden_${level}`, colorFeatures[level]!);
    g.expose(`bw_hidden_${level}`, lineFeatures[level]!);
    // Level i guides the decoder where it has the channels of the encoder's level after next (the last ones at the
    // end).
    const outSize = sizes[Math.min(sizes.length - 1, level + 2)]!;
    const both = concat(g, [colorFeatures[level]!, lineFeatures[level]!], 1);
    return g.expose(
      `hidden_${level}`,
      residualNet(g, both, weights.scope(`two_layer_resnets.${level}`), 2 * size, outSize),
    );
  });
  const sample = samplePosterior(
    g,
    encoderMoments(g, colorFeatures.at(-1)!, vae, config),
    noise,
    config.latentChannels,
  );
  floatOutput(g, "image", decode(g.scoped("decoder"), sample, vae, config, guides), ["N", 3, "H", "W"]);
  return g.build();
}

function residualNet(g: GraphBuilder, x: Value, w: Weights, inSize: number, outSize: number): Value {
  let value = x;
  for (const [index, name] of ["block1", "block2", "block3", "block4"].entries()) {
    value = residualBlock(g, value, w.scope(name), index === 0 ? inSize : outSize, outSize);
  }
  return value;
}

function residualBlock(g: GraphBuilder, x: Value, w: Weights, inSize: number, outSize: number): Value {
  const first = g.node("Relu", [
    pictureNorm(
      g,
      conv(g, x, w.scope("conv1"), inSize, outSize, 3, { padding: 1, bias: false }),
      w.scope("bn1"),
      outSize,
    ),
  ]);
  const second = pictureNorm(
    g,
    conv(g, first, w.scope("conv2"), outSize, outSize, 3, { padding: 1, bias: false }),
    w.scope("bn2"),
    outSize,
  );
  const shortcut = w.scope("shortcut");
  const plain = inSize === outSize;
  const side = plain
    ? x
    : pictureNorm(
        g,
        conv(g, x, shortcut.scope("0"), inSize, outSize, 1, { bias: false }),
        shortcut.scope("1"),
        outSize,
      );
  return g.node("Relu", [add(g, second, side)]);
}

/** BatchNorm with the statistics of the picture itself. */
function pictureNorm(g: GraphBuilder, x: Value, w: Weights, size: number): Value {
  for (const name of ["running_mean", "running_var", "num_batches_tracked"]) w.skip(name);
  return g.node(
    "InstanceNormalization",
    [x, g.weight(w.tensor("weight", [size])), g.weight(w.tensor("bias", [size]))],
    { epsilon: { float: EPSILON } },
  );
}
