/** What a package's precision asks of CUDA. */
import { expect, test } from "vitest";
import { cudaOptions } from "../../../../src/colorization/networks/cuda-options.js";
import type { GraphName } from "../../../../src/model/graph-names.js";
import { openModelPackage } from "../../../../src/model/package.js";
import { TINY_MODEL } from "../../../support/shared-models.js";

test("a half precision package may round to TF32, a float32 package may not, and who names it decides", async () => {
  const { manifest } = await openModelPackage(TINY_MODEL, { verify: false });
  const [exact, half] = [
    { ...manifest, precision: "float32" },
    { ...manifest, precision: "float16" },
  ] as const;
  const options = { provider: "cuda", providerOptions: { gpu_mem_limit: "1" } } as const;
  expect(cudaOptions("line_extractor", exact, options)).toBe(options);
  const given = (graph: GraphName): unknown => cudaOptions(graph, half, options).providerOptions;
  expect(given("denoiser")).toEqual({ gpu_mem_limit: "1", use_tf32: "1" });
  expect(given("line_extractor")).toEqual({ gpu_mem_limit: "1", use_tf32: "1", prefer_nhwc: "1" });
  const named = { ...options, providerOptions: { use_tf32: "0", prefer_nhwc: "0" } };
  expect(cudaOptions("line_extractor", half, named).providerOptions).toEqual(named.providerOptions);
});
