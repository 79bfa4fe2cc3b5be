/** The probes of `doctor`: each operator gives the expected values on the CPU; what the GPU's tool says is read. */
import { describe, expect, it } from "vitest";
import { InferenceSession, Tensor } from "../../../../src/binding/index.js";
import { gpuFinding, gpuText, librariesFinding, readGpus } from "../../../../src/ui/cli/doctor/gpu-checks.js";
import { checkPages } from "../../../../src/ui/cli/doctor/page-checks.js";
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

const H100 = "NVIDIA H100 80GB HBM3, 9.0, 580.82.07, 80500, 81559";

it("reads GPUs from what their tool prints, and none from anything else", () => {
  const gpus = readGpus(`${H100}\nTesla V100, 7.0, 570.1, 100, 16384\n`);
  expect(gpus.map(gpuText)).toEqual([
    "NVIDIA H100 80GB HBM3, compute capability 9.0, driver 580.82.07, 78.6 of 79.6 GiB free",
    "Tesla V100, compute capability 7.0, driver 570.1, 0.1 of 16.0 GiB free",
  ]);
  for (const text of ["No devices were found\n", "", "GPU, 9.0, 580.1, [N/A], [N/A]\n"])
    expect(readGpus(text)).toEqual([]);
});

describe("whether a GPU suits the provider", () => {
  const judged = (capability: string, driver: string, cuda: number | undefined, onnxRuntime = "1.29.0"): string => {
    const gpu = readGpus(`GPU, ${capability}, ${driver}, 1000, 2000`)[0]!;
    const { status, remedy } = gpuFinding(0, gpu, onnxRuntime, cuda);
    return `${status}${remedy === undefined ? "" : `: ${remedy.split(/[;,]/)[0]}`}`;
  };

  it.each(["7.5", "8.0", "8.6", "8.7", "8.9", "9.0", "12.0", "12.1"])("code for %s is there", (capability) => {
    expect(judged(capability, "580.65.06", 13)).toBe("ok");
  });

  it.each(["7.0", "6.0", "10.0", "11.0"])("no code for %s, and none that could be translated", (capability) => {
    expect(judged(capability, "580.65.06", 13)).toBe(
      `warning: ONNX Runtime 1.29.0 has no code for compute capability ${capability}`,
    );
    // Of another ONNX Runtime nothing is known.
    expect(judged(capability, "580.65.06", 13, "1.31.0")).toBe("ok");
  });

  it("names the driver that a CUDA version needs", () => {
    expect(judged("9.0", "580.65.05", 13)).toBe("warning: CUDA 13 needs driver 580.65.06 or newer");
    expect(judged("9.0", "570.211.01", 13)).toMatch(/^warning: CUDA 13/);
    expect(judged("9.0", "570.211.01", 12)).toBe("ok");
    expect(judged("9.0", "525.60.11", 12)).toMatch(/^warning: CUDA 12 needs driver 525.60.13/);
    expect(judged("9.0", "1000.1", 13)).toBe("ok");
    expect(judged("9.0", "470.1", undefined)).toBe("ok");
  });
});

describe("where a provider's libraries are", () => {
  const cudart = { name: "libcudart.so.13", isLinked: true, path: "/a/lib/libcudart.so.13", from: "system" };
  const cudnn = { name: "libcudnn.so.9", isLinked: false };
  const providerFile = "/b/libonnxruntime_providers_cuda.so";

  it("names folders, what is missing, and the packages that bring it", () => {
    const finding = librariesFinding("cuda", { providerFile, cudaVersion: 13, libraries: [cudart, cudnn] }, "error");
    expect(finding).toEqual({
      check: "libraries-cuda",
      title: "libraries of cuda",
      status: "error",
      found: "libcudart.so.13 in /a/lib (system); not found: libcudnn.so.9",
      remedy:
        "python3 -m pip install nvidia-cudnn-cu13, or install CUDA 13, or name the folder that has them with COBRA_CUDA_PATH",
    });
    expect(librariesFinding("cuda", { providerFile, libraries: [cudart] }, "error")).toMatchObject({ status: "ok" });
  });

  it("says how to get the provider where it is missing", () => {
    const finding = librariesFinding("cuda", { libraries: [] }, "note");
    expect(finding.status).toBe("note");
    expect(finding.remedy).toContain("npm run build -- --gpu");
  });
});

describe("how many pages fit", () => {
  const model = "models/default";

  it("says it for the smallest and the largest size, and warns where one does not fit", async () => {
    const roomy = await checkPages(model, { name: "cuda:0", freeBytes: 24 * 2 ** 30 });
    expect(roomy.status).toBe("ok");
    const counts = [...roomy.found.matchAll(/(\d+) of \d+x\d+ at top-k (\d+)/g)].map((one) => Number(one[1]));
    expect(counts.length).toBeGreaterThanOrEqual(2);
    const larger = await checkPages(model, { name: "cuda:0", freeBytes: 48 * 2 ** 30 });
    const more = [...larger.found.matchAll(/(\d+) of \d+x\d+ at/g)].map((one) => Number(one[1]));
    for (const [at, count] of counts.entries()) expect(more[at]).toBeGreaterThan(count);
    const tight = await checkPages(model, { name: "cpu", freeBytes: 2 ** 20 });
    expect(tight).toMatchObject({ check: "pages-cpu", status: "warning" });
    expect(tight.found).toContain("0 of ");
  });

  it("says why it cannot be told", async () => {
    expect(await checkPages("test/nothing-here", { name: "cpu", freeBytes: 1 })).toMatchObject({ status: "note" });
  });
});
