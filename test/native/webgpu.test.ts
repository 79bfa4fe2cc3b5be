/** Staying on the device, on the WebGPU provider with a software Vulkan driver. */
import { afterAll, describe, expect, test } from "vitest";
import { webgpuDriverEnvironment, webgpuDriverFolder } from "../support/webgpu-driver.js";
import { modelFolder, runFixture } from "../support/child.js";
import { sumAndProduct } from "../support/small-models.js";
import { GraphBuilder } from "../../src/onnx/graph-builder.js";
import { modelBytes } from "../../src/onnx/model-file.js";
import { linear } from "../../src/onnx/ops.js";
import { buildWeightsGraph } from "../../src/convert/graphs/weights-graph.js";
import { givenWeights } from "../../src/convert/weights/sources.js";
import { Weights } from "../../src/onnx/weights.js";

const models = modelFolder({ sum: sumAndProduct() });
afterAll(models.remove);

const NOTHING = { environments: 1, sessions: 0, tensors: 0, bindings: 0, runs: 0, leases: 0 };

const driver = webgpuDriverEnvironment();
const missing = driver
  ? ""
  : ` (skipped: no software Vulkan driver in ${webgpuDriverFolder()}; fetch it with: node scripts/webgpu-driver.mjs)`;

describe.skipIf(!driver)(`on the WebGPU provider${missing}`, () => {
  test("two sessions are chained on the device; copies, bindings and disposal work there", async () => {
    const { code, stdout, stderr } = await runFixture("native/fixtures/webgpu.mjs", {
      args: [models.path("sum")],
      env: driver ?? {},
    });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      provider: "webgpu",
      devices: ["webgpu:0", "webgpu:0", "webgpu:0"],
      chained: [3, 8, 15, 24],
      moved: [32, 16], // two inputs of a run went there, one tensor came back
      dataOnDevice: "ERR_TENSOR_DEVICE",
      viewFromTwo: "ERR_TENSOR_DEVICE",
      viewFromStart: [2, 4],
      copied: [1, 2, 3, 4],
      inPlace: [2, 4, 6, 8],
      bound: [2, 6, 12, 20],
      boundAgain: [101, 6, 12, 20],
      toHost: [101, 6, 12, 20],
      allocations: true,
      live: NOTHING,
    });
  });

  test("weights that lie apart from a graph go to the device once and serve two sessions there", async () => {
    const weights = new Weights(
      givenWeights(
        {
          "layer.weight": { dims: [2, 2], data: Float32Array.of(1, 2, 3, 4) },
          "layer.bias": { dims: [2], data: Float32Array.of(10, 20) },
        },
        "four numbers",
      ),
      "main",
    );
    const g = new GraphBuilder("layer", { weightsAsInputs: true });
    g.output("y", linear(g, g.input("x", "float32", ["N", 2]), weights.scope("layer"), 2, 2), "float32");
    const graph = g.build();
    const files = modelFolder({
      layer: modelBytes(graph),
      weights: modelBytes(buildWeightsGraph(graph.weights, "line")),
    });
    try {
      const { code, stdout, stderr } = await runFixture("native/fixtures/webgpu-weights.mjs", {
        args: [files.path("weights"), files.path("layer")],
        env: driver ?? {},
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toEqual({
        once: true,
        devices: ["webgpu:0", "webgpu:0"],
        booked: [{ owner: "weights line", bytes: 24 }],
        values: [
          [15, 31],
          [15, 31],
        ],
        stillBooked: 0,
        live: NOTHING,
      });
    } finally {
      files.remove();
    }
  });

  test.each(["alone", "beside the main thread"])(
    "worker threads terminated while they use the device, %s, leave nothing behind",
    async (how) => {
      const { code, stdout, stderr } = await runFixture("native/fixtures/webgpu-workers.mjs", {
        args: [models.path("sum"), how],
        env: driver ?? {},
      });
      expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
      expect(JSON.parse(stdout)).toEqual(NOTHING);
    },
  );
});
