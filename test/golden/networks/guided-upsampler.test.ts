/** The guided upsampler against the original's values. */
import { describe, expect, it } from "vitest";
import { buildGuidedUpsampler } from "../../../src/convert/graphs/guided-upsampler.js";
import { Weights } from "../../../src/onnx/weights.js";
import { vaeConfig } from "../../support/golden-configs.js";
import { expectGolden, loadGolden, maxDifference } from "../../support/golden.js";
import { runGraph } from "../../support/run-graph.js";

const golden = loadGolden("guided_upsampler/as_original");

function build(exposeIntermediates: boolean): ReturnType<typeof buildGuidedUpsampler> {
  const [weights, vae] = [new Weights(golden.weights(), "upsampler"), new Weights(golden.weights("vae"), "vae")];
  const graph = buildGuidedUpsampler(vaeConfig(golden.config["vae"] as Record<string, unknown>), weights, vae, {
    exposeIntermediates,
  });
  weights.check();
  vae.check();
  return graph;
}

describe("guided_upsampler", () => {
  it("guided_upsampler/as_original", async () => {
    const outputs = await runGraph(build(true), {
      color: golden.tensor("color"),
      line: golden.tensor("bw"),
      noise: golden.tensor("noise"),
    });
    const hidden = [0, 1, 2, 3, 4].flatMap((level) => [
      `hidden_${level}`,
      `color_hidden_${level}`,
      `bw_hidden_${level}`,
    ]);
    expectGolden(
      outputs,
      golden,
      [...hidden, ["mean", "h_color_mean"], ["std", "h_color_std"], ["image", "decoded"]],
      golden.tolerance("abs"),
    );
    const picture = await golden.picture("image");
    const pixels = picture.width * picture.height;
    const bytes = picture.data.map(
      (_, at) =>
        (Math.min(1, Math.max(-1, outputs["image"]!.data[(at % 3) * pixels + Math.floor(at / 3)]!)) * 0.5 + 0.5) * 255,
    );
    expect(maxDifference(bytes, picture.data)).toBeLessThanOrEqual(golden.tolerance("image_abs"));
  });

  it("gives each picture of a batch what it gives it alone, and not what running statistics give", async () => {
    const [color, line, noise] = [golden.tensor("color"), golden.tensor("bw"), golden.tensor("noise")];
    const stack = (first: Float32Array, second: Float32Array): Float32Array => Float32Array.from([...first, ...second]);
    const twice = (tensor: typeof color, other: Float32Array): { dims: number[]; data: Float32Array } => ({
      dims: [2, ...tensor.dims.slice(1)],
      data: stack(tensor.data, other),
    });
    const inverted = color.data.map((value) => -value);
    const outputs = await runGraph(build(false), {
      color: twice(color, inverted),
      line: twice(line, line.data),
      noise: twice(noise, noise.data),
    });
    const first = outputs["image"]!.data.subarray(0, color.data.length);
    expect(maxDifference(first, golden.tensor("decoded").data)).toBeLessThanOrEqual(golden.tolerance("abs"));
    expect(maxDifference(first, loadGolden("guided_upsampler/eval_mode").tensor("decoded").data)).toBeGreaterThan(0.1);
  });
});
