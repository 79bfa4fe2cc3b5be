/** The control branch, position and sinusoidal embeddings against the original's values. */
import { describe, it } from "vitest";
import { GraphBuilder } from "../../../src/onnx/graph-builder.js";
import { reshape } from "../../../src/onnx/ops.js";
import { sinusoids } from "../../../src/convert/graphs/conditions.js";
import { controlBranch } from "../../../src/convert/graphs/denoiser.js";
import { pagePositions, positionEmbedding, range } from "../../../src/convert/graphs/positions.js";
import { widthOf } from "../../../src/convert/graphs/transformer-config.js";
import { Weights } from "../../../src/onnx/weights.js";
import { transformerConfig } from "../../support/golden-configs.js";
import { expectGolden, loadGolden } from "../../support/golden.js";
import { runGraph } from "../../support/run-graph.js";

describe("control branch", () => {
  it("control/0", async () => {
    const golden = loadGolden("control/0");
    const config = transformerConfig(golden.config);
    const width = widthOf(config);
    const weights = new Weights(golden.weights(), "control");
    const g = new GraphBuilder("control", { exposeIntermediates: true });
    const latent = g.input("control_input", "float32", ["B", 13, "h", "w"]);
    const timestep = g.input("timestep", "float32", ["B"]);
    const resolution = g.input("resolution", "float32", ["B", 2]);
    const positions = g.expose("pos_page", pagePositions(g, latent, width));
    controlBranch(g, { latent, timestep, resolution, positions }, weights, config);
    weights.check();
    const inputs = {
      control_input: golden.tensor("control_input"),
      resolution: golden.tensor("resolution"),
      timestep: { ...golden.tensor("timestep"), dtype: "float32" as const },
    };
    const outputs = await runGraph(g.build(), inputs);
    const modulation = { ...outputs["timestep_6d"]!, dims: [1, 6 * width] };
    expectGolden(
      { ...outputs, timestep_6d: modulation },
      golden,
      [...golden.names("mids"), ...golden.names("outputs")],
      golden.tolerance("abs"),
    );
  });
});

describe("embeddings inside the graph", () => {
  it("timestep_embedding/0", async () => {
    const golden = loadGolden("timestep_embedding/0");
    const g = new GraphBuilder("sinusoids");
    g.output("embedding", sinusoids(g, reshape(g, g.input("values", "float32", ["N"]), [-1, 1])), "float32");
    expectGolden(
      await runGraph(g.build(), { values: golden.tensor("values") }),
      golden,
      ["embedding"],
      golden.tolerance("abs"),
    );
  });

  it.each(["pos_embed/0", "pos_embed/1", "pos_embed/2"])("%s", async (id) => {
    const golden = loadGolden(id);
    const [width, height, across] = ["dim", "page_tokens_h", "page_tokens_w"].map(
      (name) => golden.config[name] as number,
    ) as [number, number, number];
    const g = new GraphBuilder("positions");
    const size = g.input("page", "int64", [2]);
    const [rows, columns] = [0, 1].map((at) => g.node("Slice", [size, g.int64s([at]), g.int64s([at + 1])])) as [
      never,
      never,
    ];
    const all = (count: never, times: number): ReturnType<typeof range> =>
      g.node("Unsqueeze", [range(g, g.node("Mul", [count, g.int64s([times])])), g.int64s([0])]);
    g.output(
      "table",
      reshape(g, positionEmbedding(g, all(columns, 2), all(rows, 1), { rows, columns }, width), [-1, width]),
      "float32",
    );
    const outputs = await runGraph(g.build(), {
      page: { dims: [2], data: Float32Array.of(height, across), dtype: "int64" },
    });
    expectGolden(outputs, golden, ["table"], golden.tolerance("abs"));
  });
});
