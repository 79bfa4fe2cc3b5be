/** What a package's precision asks of CUDA. */
import { expect, test } from "vitest";
import { cudaOptions } from "../../../../src/colorization/networks/cuda-options.js";
import { openModelPackage } from "../../../../src/model/package.js";
import { TINY_MODEL } from "../../../support/shared-models.js";

test("a half precision package may round to TF32, a float32 package may not, and who names it decides", async () => {
  const { manifest } = await openModelPackage(TINY_MODEL, { verify: false });
  const options = { provider: "cuda", providerOptions: { gpu_mem_limit: "1" } } as const;
  expect(cudaOptions({ ...manifest, precision: "float32" }, options)).toBe(options);
  expect(cudaOptions({ ...manifest, precision: "float16" }, options).providerOptions).toEqual({
    gpu_mem_limit: "1",
    use_tf32: "1",
  });
  const named = { ...options, providerOptions: { use_tf32: "0" } };
  expect(cudaOptions({ ...manifest, precision: "float16" }, named).providerOptions).toEqual({ use_tf32: "0" });
});
