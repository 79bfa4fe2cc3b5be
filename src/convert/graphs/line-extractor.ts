/**
 * The line network of Cobra: `res_skip` of MangaLineExtraction (Li et al., "Deep Extraction of Manga Structural Lines",
 * SIGGRAPH 2017; the PyTorch port's names), in eval mode. Gray page in, line picture out.
 */
import { ModelError } from "../../errors.js";
import { GraphBuilder, type Graph, type GraphOptions, type Value } from "../../onnx/graph-builder.js";
import { add, conv, floatInput, floatOutput, upsampleNearest } from "../../onnx/ops.js";
import type { Weights } from "../../onnx/weights.js";

/**
 * Sizes of the network. The original: channels 24, 48, 96, 192, 384; repetitions 2, 3, 5, 7, 12 down, 7, 5, 3, 2 up;
 * last block 16 (2).
 */
export interface LineExtractorConfig {
  /** Channels of the five levels. */
  readonly channels: readonly number[];
  /** Basic blocks of each level on the way down. */
  readonly downRepetitions: readonly number[];
  /** Basic blocks of each level on the way up. */
  readonly upRepetitions: readonly number[];
  readonly lastChannels: number;
  readonly lastRepetitions: number;
}

const BATCH_NORM_EPSILON = 1e-3;

/**
 * The graph `line_extractor`: `gray` [N, 1, H, W], 0..255, H and W padded to multiples of 16 with ones → `line` [N, 1,
 * H, W], not clamped.
 */
export function buildLineExtractor(config: LineExtractorConfig, weights: Weights, options: GraphOptions = {}): Graph {
  const { channels, downRepetitions, upRepetitions } = config;
  const levels = channels.length;
  if (levels !== 5 || downRepetitions.length !== levels || upRepetitions.length !== levels - 1) {
    throw new ModelError(
      "ERR_MODEL_GRAPH",
      `line_extractor has ${levels} levels, ${downRepetitions.length} and ${upRepetitions.length} repetitions; it takes 5, 5 and 4`,
    );
  }
  const g = new GraphBuilder("line_extractor", options);
  let x = floatInput(g, "gray", ["N", 1, "H", "W"]);
  const levelsDown: Value[] = [];
  for (const [level, size] of channels.entries()) {
    x = down(
      g,
      x,
      weights.scope(`block${level}.model`),
      channels[level - 1] ?? 1,
      size,
      downRepetitions[level]!,
      level === 0 ? 1 : 2,
    );
    levelsDown.push(g.expose(`block${level}`, x));
  }
  for (const [index, repetitions] of upRepetitions.entries()) {
    const level = levels - 2 - index;
    const block = up(
      g,
      x,
      weights.scope(`block${levels + index}.model`),
      channels[level + 1]!,
      channels[level]!,
      repetitions,
    );
    g.expose(`block${levels + index}`, block);
    x = g.expose(`res${index + 1}`, add(g, levelsDown[level]!, block));
  }
  x = g.expose(
    "block9",
    down(g, x, weights.scope("block9.model"), channels[0]!, config.lastChannels, config.lastRepetitions, 1),
  );
  const line = unit(g, x, weights.scope("conv15.model"), config.lastChannels, 1, 1, 1);
  floatOutput(g, "line", line, ["N", 1, "H", "W"]);
  return g.build();
}

/** Basic blocks; the last one has the stride. */
function down(
  g: GraphBuilder,
  x: Value,
  w: Weights,
  inSize: number,
  outSize: number,
  repetitions: number,
  stride: number,
): Value {
  let value = x;
  for (let index = 0; index < repetitions; index++) {
    value = basicBlock(
      g,
      value,
      w.scope(`${index}`),
      index === 0 ? inSize : outSize,
      outSize,
      index === repetitions - 1 ? stride : 1,
    );
  }
  return value;
}

/** A basic block that doubles height and width, then plain ones. */
function up(g: GraphBuilder, x: Value, w: Weights, inSize: number, outSize: number, repetitions: number): Value {
  const first = w.scope("0");
  const raised = upsampleNearest(g, unit(g, x, first.scope("conv1.model"), inSize, outSize, 3, 1));
  const shortcut = upsampleNearest(g, conv(g, x, first.scope("shortcut.model.0"), inSize, outSize, 1));
  let value = add(g, unit(g, raised, first.scope("residual.model"), outSize, outSize, 3, 1), shortcut);
  for (let index = 1; index < repetitions; index++)
    value = basicBlock(g, value, w.scope(`${index}`), outSize, outSize, 1);
  return value;
}

function basicBlock(g: GraphBuilder, x: Value, w: Weights, inSize: number, outSize: number, stride: number): Value {
  const inner = unit(g, x, w.scope("conv1.model"), inSize, outSize, 3, stride);
  const residual = unit(g, inner, w.scope("residual.model"), outSize, outSize, 3, 1);
  const plain = inSize === outSize && stride === 1;
  return add(g, residual, plain ? x : conv(g, x, w.scope("shortcut.model.0"), inSize, outSize, 1, { stride }));
}

/** BatchNorm with stored statistics, LeakyReLU 0.2, convolution. */
function unit(
  g: GraphBuilder,
  x: Value,
  w: Weights,
  inSize: number,
  outSize: number,
  kernel: number,
  stride: number,
): Value {
  const norm = w.scope("0");
  norm.skip("num_batches_tracked");
  const stored = ["weight", "bias", "running_mean", "running_var"].map((name) => g.weight(norm.tensor(name, [inSize])));
  const normal = g.node("BatchNormalization", [x, ...stored], { epsilon: { float: BATCH_NORM_EPSILON } });
  const active = g.node("LeakyRelu", [normal], { alpha: { float: 0.2 } });
  return conv(g, active, w.scope("2"), inSize, outSize, kernel, { stride, padding: Math.floor(kernel / 2) });
}
