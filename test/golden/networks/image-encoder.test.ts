/** CLIP's vision tower against the original's values. */
import { describe, expect, it } from "vitest";
import { buildImageEncoder } from "../../../src/convert/graphs/image-encoder.js";
import { seededWeights } from "../../../src/convert/weights/sources.js";
import { Weights } from "../../../src/onnx/weights.js";
import { imageEncoderConfig } from "../../support/golden-configs.js";
import { expectGolden, loadGolden, maxDifference } from "../../support/golden.js";
import { runGraph } from "../../support/run-graph.js";

describe("image_encoder", () => {
  it.each(["image_encoder/real", "image_encoder/random"])("%s", async (id) => {
    const golden = loadGolden(id);
    const weights = new Weights(golden.weights(), "image_encoder");
    const graph = buildImageEncoder(imageEncoderConfig(golden.config), weights, { exposeIntermediates: true });
    weights.check();
    const outputs = await runGraph(graph, { pixels: golden.tensor("pixel_values") });
    expectGolden(
      outputs,
      golden,
      ["hidden_0", "hidden_1", "hidden_2", ["hidden_2", "last_hidden_state"], "pooled", ["embedding", "image_embeds"]],
      golden.tolerance("abs"),
    );
  });

  it("takes quick_gelu, which gives another embedding", async () => {
    const golden = loadGolden("image_encoder/random");
    const config = imageEncoderConfig(golden.config);
    const embeddings = [];
    for (const activation of ["gelu", "quick_gelu"] as const) {
      const graph = buildImageEncoder({ ...config, activation }, new Weights(seededWeights(1), "image_encoder"));
      embeddings.push((await runGraph(graph, { pixels: golden.tensor("pixel_values") }))["embedding"]!.data);
    }
    const difference = maxDifference(embeddings[0]!, embeddings[1]!);
    expect(difference).toBeGreaterThan(1e-4);
    expect(difference).toBeLessThan(1);
  });
});
