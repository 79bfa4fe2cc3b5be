/** Reference encoder and main branch against the original's values. */
import { describe, expect, it } from "vitest";
import { GraphBuilder, type Graph } from "../../../src/onnx/graph-builder.js";
import { mainBranch } from "../../../src/convert/graphs/denoiser.js";
import { pagePositions } from "../../../src/convert/graphs/positions.js";
import { captionProjection, PromptConstants, type Prompt } from "../../../src/convert/graphs/prompt.js";
import { buildReferenceEncoder } from "../../../src/convert/graphs/reference-encoder.js";
import { widthOf } from "../../../src/convert/graphs/transformer-config.js";
import { Weights } from "../../../src/onnx/weights.js";
import { transformerConfig } from "../../support/golden-configs.js";
import { expectGolden, loadGolden, type GoldenCase } from "../../support/golden.js";
import { runGraph, type HostTensor } from "../../support/run-graph.js";

const home = loadGolden("transformer/first_step_equal");
const config = transformerConfig(home.config);
const width = widthOf(config);
const newWeights = (): Weights => new Weights(home.weights(), "transformer");

function promptOf(golden: GoldenCase): Prompt {
  return { embeds: golden.tensor("encoder_hidden_states").data, mask: golden.tensor("encoder_attention_mask").data };
}

/** The main branch alone with all 8 output channels; the control residuals are inputs. */
function mainGraph(golden: GoldenCase, exposeIntermediates = false): Graph {
  const g = new GraphBuilder("main", { exposeIntermediates });
  const latent = g.input("latent", "float32", ["B", 4, "h", "w"]);
  const timestep = g.input("timestep", "float32", ["B"]);
  const resolution = g.input("resolution", "float32", ["B", 2]);
  const referenceKv = g.input("reference_kv", "float32", ["B", "R", config.layers, 2, "tokens", width]);
  const residuals = Array.from({ length: config.controlLayers }, (_, index) =>
    g.input(`control_${index}`, "float32", ["B", "page", width]),
  );
  const positions = g.expose("pos_page", pagePositions(g, latent, width));
  g.output(
    "noise_pred",
    mainBranch(
      g,
      { latent, timestep, resolution, positions },
      referenceKv,
      residuals,
      newWeights(),
      promptOf(golden),
      config,
      config.outChannels,
    ),
    "float32",
  );
  return g.build();
}

function mainInputs(golden: GoldenCase, referenceKv: HostTensor): Record<string, HostTensor> {
  const names = ["latent", "resolution", "control_0", "control_1"];
  return {
    ...Object.fromEntries(names.map((name) => [name, golden.tensor(name)])),
    timestep: { ...golden.tensor("timestep"), dtype: "float32" },
    reference_kv: referenceKv,
  };
}

async function encodeReferences(golden: GoldenCase, exposeIntermediates = false): Promise<Record<string, HostTensor>> {
  const refs = golden.tensor("refs");
  const [, count, ...patch] = refs.dims as [number, number, number, number, number];
  const quadrant = Array.from(golden.tensor("n_ref_list").data).flatMap((times, at) => Array<number>(times).fill(at));
  const resolution = golden.tensor("resolution").data;
  return runGraph(buildReferenceEncoder(config, newWeights(), promptOf(golden), { exposeIntermediates }), {
    latent: { dims: [count, ...patch], data: refs.data },
    quadrant: { dims: [count], data: Float32Array.from(quadrant), dtype: "int64" },
    resolution: { dims: [count, 2], data: Float32Array.from({ length: 2 * count }, (_, at) => resolution[at % 2]!) },
  });
}

/** [N, layers, 2, tokens, width] as the original's K_i and V_i, each [1, N * tokens, width]. */
function splitLayers(referenceKv: HostTensor): Record<string, HostTensor> {
  const [count, layers, , tokens] = referenceKv.dims as [number, number, number, number, number];
  const size = tokens * width;
  const result: Record<string, HostTensor> = {};
  for (let layer = 0; layer < layers; layer++) {
    for (const [kind, name] of ["K", "V"].entries()) {
      const data = new Float32Array(count * size);
      for (let index = 0; index < count; index++)
        data.set(
          referenceKv.data.subarray(((index * layers + layer) * 2 + kind) * size).subarray(0, size),
          index * size,
        );
      result[`${name}_${layer}`] = { dims: [1, count * tokens, width], data };
    }
  }
  return result;
}

/** The other way: a case's K_i and V_i as [1, N, layers, 2, tokens, width]. */
function joinLayers(golden: GoldenCase, tokens: number): HostTensor {
  const count = golden.tensor("K_0").dims[1]! / tokens;
  const size = tokens * width;
  const data = new Float32Array(count * config.layers * 2 * size);
  for (let index = 0; index < count; index++) {
    for (let layer = 0; layer < config.layers; layer++) {
      for (const [kind, name] of ["K", "V"].entries()) {
        data.set(
          golden.tensor(`${name}_${layer}`).data.subarray(index * size, (index + 1) * size),
          ((index * config.layers + layer) * 2 + kind) * size,
        );
      }
    }
  }
  return { dims: [1, count, config.layers, 2, tokens, width], data };
}

const keysAndValues = Array.from({ length: config.layers }, (_, layer) => [`K_${layer}`, `V_${layer}`]).flat();
const batched = (tensor: HostTensor): HostTensor => ({ ...tensor, dims: [1, ...tensor.dims] });

describe("transformer", () => {
  it.each(["equal", "unequal", "empty_quadrant"])("first step: %s", async (kind) => {
    const golden = loadGolden(`transformer/first_step_${kind}`);
    const referenceKv = (await encodeReferences(golden))["reference_kv"]!;
    expectGolden(splitLayers(referenceKv), golden, keysAndValues, golden.tolerance("abs"));
    const outputs = await runGraph(mainGraph(golden), mainInputs(golden, batched(referenceKv)));
    expectGolden(outputs, golden, ["noise_pred"], golden.tolerance("abs"));
  });

  it.each(["equal", "unequal", "empty_quadrant"])("cached step: %s", async (kind) => {
    const golden = loadGolden(`transformer/cached_step_${kind}`);
    const outputs = await runGraph(mainGraph(golden), mainInputs(golden, joinLayers(golden, 12)));
    expectGolden(outputs, golden, ["noise_pred"], golden.tolerance("abs"));
  });

  it("values in between of the references", async () => {
    const outputs = await encodeReferences(home, true);
    const tolerance = home.tolerance("abs");
    const first = {
      ...outputs["timestep_6d"]!,
      data: outputs["timestep_6d"]!.data.subarray(0, 6 * width),
      dims: [1, 6 * width],
    };
    expectGolden(
      { timestep_ref_6d: first, patch_tokens_refs: outputs["patch_tokens"]! },
      home,
      ["timestep_ref_6d", "patch_tokens_refs"],
      tolerance,
    );
    for (const quadrant of [0, 1, 2, 3]) {
      // Two references each, in quadrant order.
      const size = 12 * width;
      const one = {
        dims: [1, 12, width],
        data: outputs["positions"]!.data.subarray(2 * quadrant * size, (2 * quadrant + 1) * size),
      };
      expectGolden({ one }, home, [["one", `pos_quadrant_${quadrant}`]], 1e-5);
    }
    for (let layer = 0; layer < config.layers; layer++) {
      const block = outputs[`block_${layer}`]!;
      expectGolden({ block: batched(block) }, home, [["block", `block_${layer}_ref`]], tolerance);
    }
  });

  it("values in between of the page", async () => {
    const outputs = await runGraph(
      mainGraph(home, true),
      mainInputs(home, batched((await encodeReferences(home))["reference_kv"]!)),
    );
    const tolerance = home.tolerance("abs");
    const modulation = { ...outputs["timestep_6d"]!, dims: [1, 6 * width] };
    expectGolden(
      { ...outputs, timestep_6d: modulation },
      home,
      ["pos_page", "timestep_6d", "embedded_timestep", ["patch_tokens", "patch_tokens_page"]],
      tolerance,
    );
    for (let layer = 0; layer < config.layers; layer++)
      expectGolden(outputs, home, [[`block_${layer}`, `block_${layer}_page_before_control`]], tolerance);
  });

  it("a reference alone has its slice of the joint keys and values", async () => {
    const golden = loadGolden("transformer/reference_alone");
    const alone = splitLayers((await encodeReferences(golden))["reference_kv"]!);
    expectGolden(alone, golden, keysAndValues, golden.tolerance("abs"));
  });

  it("cross-attention with one kept token is one vector per block", async () => {
    const golden = loadGolden("transformer/cross_attention_constant");
    const weights = newWeights();
    const g = new GraphBuilder("cross_attention");
    const x = g.input("x", "float32", ["N", "tokens", width]);
    const constants = new PromptConstants(promptOf(golden), weights, config);
    for (let layer = 0; layer < config.layers; layer++) {
      g.output(`attn2_${layer}`, constants.apply(g, x, weights.scope(`transformer_blocks.${layer}.attn2`)), "float32");
    }
    const outputs = await runGraph(g.build(), { x: { dims: [1, 1, width], data: new Float32Array(width) } });
    const flat = Object.fromEntries(
      Object.entries(outputs).map(([name, tensor]) => [name, { ...tensor, dims: [1, width] }]),
    );
    expectGolden(flat, golden, golden.names("outputs"), golden.tolerance("abs"));
  });

  it("caption projection", () => {
    const project = captionProjection(newWeights(), config);
    const embeds = promptOf(home).embeds;
    const tokens = Array.from({ length: embeds.length / config.captionChannels }, (_, token) =>
      project(embeds.subarray(token * config.captionChannels, (token + 1) * config.captionChannels)),
    );
    const caption = {
      dims: [1, tokens.length, width],
      data: Float32Array.from(tokens.flatMap((token) => Array.from(token))),
    };
    expectGolden({ caption }, home, ["caption"], 1e-5);
  });

  it("uses every weight", () => {
    const weights = newWeights();
    const g = new GraphBuilder("main");
    const [latent, timestep, resolution, referenceKv] = ["latent", "timestep", "resolution", "reference_kv"].map(
      (name) => g.input(name, "float32", []),
    ) as [never, never, never, never];
    mainBranch(
      g,
      { latent, timestep, resolution, positions: pagePositions(g, latent, width) },
      referenceKv,
      [],
      weights,
      promptOf(home),
      config,
      4,
    );
    expect(weights.unused()).toEqual([]);
    weights.check();
  });
});
