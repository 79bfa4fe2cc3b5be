/** The line network against the original's values. */
import { describe, expect, it } from "vitest";
import { buildLineExtractor } from "../../../src/convert/graphs/line-extractor.js";
import { Weights } from "../../../src/onnx/weights.js";
import { lineExtractorConfig } from "../../support/golden-configs.js";
import { expectGolden, loadGolden, maxDifference } from "../../support/golden.js";
import { runGraph } from "../../support/run-graph.js";

describe("line_extractor", () => {
  it.each(["line_extractor/0", "line_extractor/1"])("%s", async (id) => {
    const golden = loadGolden(id);
    const weights = new Weights(golden.weights(), "line_extractor");
    const graph = buildLineExtractor(lineExtractorConfig(golden.config), weights, { exposeIntermediates: true });
    weights.check();
    const outputs = await runGraph(graph, { gray: golden.tensor("padded") });
    expectGolden(outputs, golden, [...golden.names("mids"), ["line", "raw"]], golden.tolerance("raw_abs"));
    const lines = await golden.picture("lines");
    const [, , , padded] = outputs["line"]!.dims as [number, number, number, number];
    const cut = lines.data.map((_, at) =>
      Math.min(255, Math.max(0, outputs["line"]!.data[Math.floor(at / lines.width) * padded + (at % lines.width)]!)),
    );
    expect(maxDifference(cut, lines.data)).toBeLessThanOrEqual(golden.tolerance("lines_abs"));
  });
});
