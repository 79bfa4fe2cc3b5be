/**
 * The LoRA of the golden case: every merged weight, and what the merged network gives, against the original's unmerged
 * run.
 */
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../../src/onnx/graph-builder.js";
import { mainBranch } from "../../../src/convert/graphs/denoiser.js";
import { pagePositions } from "../../../src/convert/graphs/positions.js";
import { buildReferenceEncoder } from "../../../src/convert/graphs/reference-encoder.js";
import { widthOf } from "../../../src/convert/graphs/transformer-config.js";
import { mergeLora, type LoraOptions } from "../../../src/convert/cobra-release/lora.js";
import { NAME_TABLES, renamed } from "../../../src/convert/cobra-release/name-table.js";
import { givenWeights, prefixView, union } from "../../../src/convert/weights/sources.js";
import { Weights, type WeightSource } from "../../../src/onnx/weights.js";
import { transformerConfig } from "../../support/golden-configs.js";
import { expectGolden, loadGolden, maxDifference } from "../../support/golden.js";
import { runGraph, type HostTensor } from "../../support/run-graph.js";

const golden = loadGolden("lora/0");
const config = transformerConfig(golden.config["transformer"] as Record<string, unknown>);
const width = widthOf(config);
const base = prefixView(golden.weights(), "base/");
const adapter = prefixView(golden.weights(), "adapter/");
const extra = prefixView(golden.weights(), "extra/");
const IGNORED_BY_THE_ORIGINAL = ["pos_embed_1d.weight", "transformer_blocks.1.ff.net.2.bias"];

const merged = (file: WeightSource, options?: LoraOptions): WeightSource =>
  mergeLora(base, renamed(file, NAME_TABLES.adapter), options);
const prompt = {
  embeds: golden.tensor("encoder_hidden_states").data,
  mask: golden.tensor("encoder_attention_mask").data,
};

async function run(weights: WeightSource): Promise<Record<string, HostTensor>> {
  const refs = golden.tensor("refs");
  const [, count, ...patch] = refs.dims as [number, number, number, number, number];
  const quadrant = Array.from(golden.tensor("n_ref_list").data).flatMap((times, at) => Array<number>(times).fill(at));
  const resolution = golden.tensor("resolution");
  const kv = (
    await runGraph(buildReferenceEncoder(config, new Weights(weights, "main"), prompt), {
      latent: { dims: [count, ...patch], data: refs.data },
      quadrant: { dims: [count], data: Float32Array.from(quadrant), dtype: "int64" },
      resolution: {
        dims: [count, 2],
        data: Float32Array.from({ length: 2 * count }, (_, at) => resolution.data[at % 2]!),
      },
    })
  )["reference_kv"]!;
  const g = new GraphBuilder("main");
  const latent = g.input("latent", "float32", ["B", 4, "h", "w"]);
  const page = {
    latent,
    timestep: g.input("timestep", "float32", ["B"]),
    resolution: g.input("resolution", "float32", ["B", 2]),
    positions: pagePositions(g, latent, width),
  };
  const referenceKv = g.input("reference_kv", "float32", ["B", "R", config.layers, 2, "tokens", width]);
  g.output(
    "noise_pred",
    mainBranch(g, page, referenceKv, [], new Weights(weights, "main"), prompt, config, config.outChannels),
    "float32",
  );
  const outputs = await runGraph(g.build(), {
    latent: golden.tensor("latent"),
    resolution,
    timestep: { ...golden.tensor("timestep"), dtype: "float32" },
    reference_kv: { ...kv, dims: [1, ...kv.dims] },
  });
  const [, layers, , tokens] = kv.dims as [number, number, number, number, number];
  const size = tokens * width;
  for (let layer = 0; layer < layers; layer++) {
    for (const [kind, letter] of ["K", "V"].entries()) {
      const data = new Float32Array(count * size);
      for (let index = 0; index < count; index++)
        data.set(kv.data.subarray(((index * layers + layer) * 2 + kind) * size).subarray(0, size), index * size);
      outputs[`${letter}_${layer}`] = { dims: [1, count * tokens, width], data };
    }
  }
  return outputs;
}

describe("LoRA", () => {
  it("gives every merged weight, the convolution's too, and leaves the rest", () => {
    const weights = merged(adapter);
    const names = golden.names("outputs").filter((name) => name.startsWith("merged/"));
    expect(names).toHaveLength((golden.config["wrapped_modules"] as string[]).length);
    for (const full of names) {
      const name = full.slice("merged/".length);
      const { dims, data } = golden.tensor(full);
      expect(maxDifference(weights.read(name, dims), data), name).toBeLessThanOrEqual(golden.tolerance("merged_abs"));
      expect(maxDifference(base.read(name, dims), data), name).toBeGreaterThan(golden.tolerance("merged_abs"));
    }
    const bias = "pos_embed.proj.bias";
    expect(weights.read(bias, [width])).toEqual(base.read(bias, [width]));
  });

  it("gives the original's noise, keys and values", async () => {
    expectGolden(
      await run(merged(adapter)),
      golden,
      ["noise_pred", "K_0", "V_0", "K_1", "V_1"],
      golden.tolerance("abs"),
    );
  });

  it("takes a checkpoint with extra names, once those that the original ignores are named", async () => {
    const file = union([adapter, extra]);
    const attempt = (): unknown => merged(file);
    for (const name of IGNORED_BY_THE_ORIGINAL)
      expect(attempt).toThrow(
        expect.objectContaining({
          code: "ERR_MODEL_WEIGHTS",
          message: expect.stringContaining(name) as string,
          remedy: expect.stringContaining(`--ignore ${IGNORED_BY_THE_ORIGINAL[0]}`) as string,
        }),
      );
    const weights = merged(file, { ignored: IGNORED_BY_THE_ORIGINAL });
    expectGolden(await run(weights), loadGolden("lora/extra_names"), ["noise_pred"], golden.tolerance("abs"));
  });

  it("scales by alpha over rank", () => {
    const name = "proj_out.weight";
    const dims = base.dims(name) as number[];
    const [plain, once, half] = [
      base.read(name, dims),
      merged(adapter).read(name, dims),
      merged(adapter, { alpha: 2 }).read(name, dims),
    ];
    expect(
      maxDifference(
        half,
        plain.map((value, at) => value + (once[at]! - value) / 2),
      ),
    ).toBeLessThan(1e-6);
  });

  it("lists every tensor that is missing, extra or wrongly shaped", () => {
    const names = adapter.names()!.filter((name) => !name.startsWith("proj_out.lora_B"));
    const tensors = Object.fromEntries(
      names.map((name) => [name, { dims: adapter.dims(name) as number[], data: new Float32Array(0) }]),
    );
    tensors["adaln_single.linear.lora_A.default.weight"] = { dims: [3, 24], data: new Float32Array(72) };
    tensors["scale_shift_table"] = { dims: [3, 24], data: new Float32Array(72) };
    tensors["proj_out.lora_magnitude_vector"] = { dims: [32], data: new Float32Array(32) };
    const attempt = (): unknown => merged(givenWeights(tensors, "adapter.bin"));
    for (const text of [
      "adapter.bin does not fit",
      "proj_out.lora_B.weight: missing",
      "adaln_single.linear.lora_B.weight: has the shape [144, 4], expected [144, 3]",
      "scale_shift_table: has the shape [3, 24], expected [2, 24]",
      "proj_out.lora_magnitude_vector: is neither a part of the base nor of an adapter",
    ]) {
      expect(attempt).toThrow(
        expect.objectContaining({ code: "ERR_MODEL_WEIGHTS", message: expect.stringContaining(text) as string }),
      );
    }
  });
});

describe("names of original checkpoints", () => {
  const one = (names: Record<string, number[]>): WeightSource =>
    givenWeights(
      Object.fromEntries(Object.entries(names).map(([name, dims]) => [name, { dims, data: new Float32Array(0) }])),
      "file.bin",
    );

  it("cuts what savers put around a state dict", () => {
    expect(
      renamed(
        one({ "state_dict.module.block0.x": [1], "state_dict.module.block1.x": [1] }),
        NAME_TABLES.lineExtractor,
      ).names(),
    ).toEqual(["block0.x", "block1.x"]);
    expect(renamed(one({ "module.a": [1], b: [1] }), NAME_TABLES.control).names()).toEqual(["module.a", "b"]);
  });

  it("takes the attention of an old VAE, its convolutions of 1 x 1 too", () => {
    const old = renamed(
      one({
        "encoder.mid_block.attentions.0.query.weight": [4, 4, 1, 1],
        "encoder.mid_block.attentions.0.proj_attn.bias": [4],
        "quant_conv.weight": [8, 8, 1, 1],
      }),
      NAME_TABLES.vae,
    );
    expect(old.names()!.map((name) => [name, old.dims(name)])).toEqual([
      ["encoder.mid_block.attentions.0.to_q.weight", [4, 4]],
      ["encoder.mid_block.attentions.0.to_out.0.bias", [4]],
      ["quant_conv.weight", [8, 8, 1, 1]],
    ]);
  });

  it("refuses two names for one tensor", () => {
    expect(() => renamed(one({ "a.lora_A.weight": [1], "a.lora_A.default.weight": [1] }), NAME_TABLES.adapter)).toThrow(
      expect.objectContaining({
        code: "ERR_MODEL_WEIGHTS",
        message: expect.stringContaining("the same tensor of the LoRA") as string,
      }),
    );
  });
});
