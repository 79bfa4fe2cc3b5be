/** The autoencoder against the original's values. */
import { describe, expect, it } from "vitest";
import { GraphBuilder } from "../../../src/onnx/graph-builder.js";
import { decode, hiddenChannels, samplePosterior } from "../../../src/convert/graphs/vae.js";
import { buildVaeDecoder, buildVaeEncoder } from "../../../src/convert/graphs/vae-graphs.js";
import { Weights } from "../../../src/onnx/weights.js";
import { vaeConfig } from "../../support/golden-configs.js";
import { expectGolden, loadGolden, maxDifference } from "../../support/golden.js";
import { runGraph, type HostTensor } from "../../support/run-graph.js";

describe("vae_encoder", () => {
  it("vae_encoder/0", async () => {
    const golden = loadGolden("vae_encoder/0");
    const weights = new Weights(golden.weights(), "vae");
    const graph = buildVaeEncoder(vaeConfig(golden.config), weights, { exposeIntermediates: true });
    weights.check();
    const outputs = await runGraph(graph, { image: golden.tensor("image"), noise: golden.tensor("noise") });
    expectGolden(outputs, golden, [...golden.names("mids"), ...golden.names("outputs")], golden.tolerance("abs"));
  });

  it("vae_posterior/0", async () => {
    const golden = loadGolden("vae_posterior/0");
    const g = new GraphBuilder("posterior", { exposeIntermediates: true });
    const moments = g.input("moments", "float32", ["N", 8, "h", "w"]);
    const noise = g.input("noise", "float32", ["N", 4, "h", "w"]);
    g.output("sample", samplePosterior(g, moments, noise, 4), "float32");
    const outputs = await runGraph(g.build(), { moments: golden.tensor("moments"), noise: golden.tensor("noise") });
    for (const name of ["mean", "logvar", "std", "sample"]) {
      const largest = golden.tensor(name).data.reduce((most, value) => Math.max(most, Math.abs(value)), 1);
      expectGolden(outputs, golden, [name], golden.tolerance("rel") * largest);
    }
  });
});

describe("vae_decoder", () => {
  it("vae_decoder/0", async () => {
    const golden = loadGolden("vae_decoder/0");
    const weights = new Weights(golden.weights(), "vae");
    const graph = buildVaeDecoder(vaeConfig(golden.config), weights);
    weights.check();
    const outputs = await runGraph(graph, { latent: golden.tensor("latent") });
    expectGolden(outputs, golden, [["image", "decoded"]], golden.tolerance("abs"));
    const decoded = outputs["image"]!.data;
    for (const [index, picture] of (await golden.pictures("image")).entries()) {
      const pixels = picture.width * picture.height;
      const bytes = picture.data.map((_, at) => toByte(decoded[(index * 3 + (at % 3)) * pixels + Math.floor(at / 3)]!));
      expect(maxDifference(bytes, picture.data)).toBeLessThanOrEqual(golden.tolerance("image_abs"));
    }
  });

  it("vae_decoder/hidden_list", async () => {
    const golden = loadGolden("vae_decoder/hidden_list");
    const config = vaeConfig(golden.config);
    const g = new GraphBuilder("decode_hidden");
    const z = g.input("z", "float32", ["N", 4, "h", "w"]);
    const hidden = hiddenChannels(config).map((_, index) =>
      g.input(`hidden_${index}`, "float32", ["N", `C${index}`, `h${index}`, `w${index}`]),
    );
    g.output("decoded", decode(g, z, new Weights(golden.weights(), "vae"), config, hidden), "float32");
    const inputs: Record<string, HostTensor> = Object.fromEntries(
      golden.names("inputs").map((name) => [name, golden.tensor(name)]),
    );
    expectGolden(await runGraph(g.build(), inputs), golden, ["decoded"], golden.tolerance("abs"));
  });
});

function toByte(value: number): number {
  return Math.round(Math.min(1, Math.max(0, value / 2 + 0.5)) * 255);
}
