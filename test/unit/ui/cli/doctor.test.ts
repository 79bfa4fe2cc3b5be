/** The probes of `doctor`: each operator gives the expected values on the CPU; what the GPU's tool says is read. */
import { describe, expect, it } from "vitest";
import { InferenceSession, Tensor } from "../../../../src/binding/index.js";
import { gpuText } from "../../../../src/ui/cli/doctor/engine-checks.js";
import { probes, PROBE_TOLERANCE } from "../../../../src/ui/cli/doctor/probe-graphs.js";

describe.each(probes())("the probe of $operator", ({ graph, inputs, expected }) => {
  it("gives the values that are written down without ONNX Runtime", async () => {
    using session = await InferenceSession.create(graph, { provider: "cpu" });
    const tensors = Object.entries(inputs).map(([name, { data, dims }]) => [name, Tensor.from("float32", data, dims)]);
    const { y } = await session.run(Object.fromEntries(tensors) as Record<string, Tensor>);
    const values = [...(y!.data as Float32Array)];
    expect(values).toHaveLength(expected.length);
    for (const [i, value] of expected.entries()) expect(values[i]).toBeCloseTo(value, 4);
    // An output that is nothing but zeros, or one and the same value, would pass no check of a device.
    expect(Math.max(...values) - Math.min(...values)).toBeGreaterThan(5 * PROBE_TOLERANCE);
  });
});

it("names the GPU by what its tool prints, and nothing where it prints something else", () => {
  expect(gpuText("NVIDIA H100 80GB HBM3, 9.0, 580.82.07\nNVIDIA H100 80GB HBM3, 9.0, 580.82.07\n")).toBe(
    "NVIDIA H100 80GB HBM3, compute capability 9.0, driver 580.82.07",
  );
  expect(gpuText("No devices were found\n")).toBeUndefined();
  expect(gpuText("")).toBeUndefined();
});
