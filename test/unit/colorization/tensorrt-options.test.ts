/** TensorRT's options: shape profiles of all page sizes, and the folder of engines, which nothing else may share. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { tensorRtFolder } from "../../../src/binding/runtime/tensorrt-cache.js";
import { gpuModels } from "../../../src/platform/nvidia-gpus.js";
import { shapeProfile, tensorRtOptions } from "../../../src/colorization/networks/tensorrt-options.js";
import { openModelPackage } from "../../../src/model/package.js";

const model = await openModelPackage("models/default", { verify: false });

/** "a:1x2,b:3" as dims by name. */
const read = (text: string): Record<string, number[]> =>
  Object.fromEntries(
    text.split(",").map((one) => {
      const [name, dims] = one.split(":") as [string, string];
      return [name, dims.split("x").map(Number)];
    }),
  );
const profile = (
  graph: Parameters<typeof shapeProfile>[1],
): Record<"min" | "opt" | "max", Record<string, number[]>> => {
  const found = shapeProfile(model, graph);
  return {
    min: read(found["trt_profile_min_shapes"]!),
    opt: read(found["trt_profile_opt_shapes"]!),
    max: read(found["trt_profile_max_shapes"]!),
  };
};

describe("shape profiles", () => {
  it("hold every page size, from one patch a quadrant to twenty, and up to four pages a step", () => {
    const { min, opt, max } = profile("denoiser");
    const { latent, buckets } = model.manifest;
    const heights = buckets.map(([, height]) => height / latent.downscale);
    expect([min["latent"]![2], max["latent"]![2]]).toEqual([Math.min(...heights), Math.max(...heights)]);
    expect([min["latent"]![0], opt["latent"]![0], max["latent"]![0]]).toEqual([1, 1, 4]);
    expect([min["reference_kv"]![1], opt["reference_kv"]![1], max["reference_kv"]![1]]).toEqual([4, 12, 80]);
  });

  it.each(["line_extractor", "image_encoder", "vae_encoder", "reference_encoder", "denoiser", "vae_decoder"] as const)(
    "of %s are in order, and the usual sizes lie between",
    (graph) => {
      const { min, opt, max } = profile(graph);
      expect(Object.keys(min)).toEqual(Object.keys(max));
      for (const [name, dims] of Object.entries(opt))
        for (const [axis, size] of dims.entries()) {
          expect(size, `${name} ${axis}`).toBeGreaterThanOrEqual(min[name]![axis]!);
          expect(size, `${name} ${axis}`).toBeLessThanOrEqual(max[name]![axis]!);
        }
    },
  );
});

describe("options of a session", () => {
  it("keep engines on disk, and let the caller decide otherwise", () => {
    const options = tensorRtOptions(model, "denoiser", {
      provider: "tensorrt",
      deviceId: 1,
      providerOptions: { trt_fp16_enable: "0" },
    });
    expect(options).toMatchObject({ provider: "tensorrt", deviceId: 1 });
    expect(options.providerOptions).toMatchObject({
      trt_engine_cache_enable: "1",
      trt_engine_cache_path: options.providerOptions!["trt_timing_cache_path"],
      trt_engine_cache_prefix: "denoiser",
      trt_fp16_enable: "0",
    });
  });
});

describe("the folder of engines", () => {
  const machine = { gpus: ["NVIDIA H100 80GB HBM3"], onnxRuntime: "1.29.0", tensorRt: "10.13.3" };
  const env = { XDG_CACHE_HOME: "/cache" };

  it("is of one package, one kind of GPU, and one version of each library", () => {
    const one = tensorRtFolder("0123456789abcdef0123", machine, env);
    expect(one).toBe(
      "/cache/cobra-batch/tensorrt/0123456789abcdef/nvidia-h100-80gb-hbm3_onnxruntime-1.29.0_tensorrt-10.13.3",
    );
    const others = [
      tensorRtFolder("f".repeat(64), machine, env),
      tensorRtFolder("0123456789abcdef0123", { ...machine, gpus: ["NVIDIA L4"] }, env),
      tensorRtFolder("0123456789abcdef0123", { ...machine, gpus: ["NVIDIA H100 80GB HBM3", "NVIDIA L4"] }, env),
      tensorRtFolder("0123456789abcdef0123", { ...machine, onnxRuntime: "1.29.1" }, env),
      tensorRtFolder("0123456789abcdef0123", { ...machine, tensorRt: "10.14.1" }, env),
      tensorRtFolder("0123456789abcdef0123", { ...machine, tensorRt: undefined }, env),
    ];
    expect(new Set([one, ...others]).size).toBe(7);
  });

  it("knows the GPUs that the driver lists", () => {
    const folder = mkdtempSync(join(tmpdir(), "cobra-gpus-"));
    for (const [at, model] of ["NVIDIA L4", "NVIDIA A10", "NVIDIA L4"].entries()) {
      mkdirSync(join(folder, String(at)));
      writeFileSync(join(folder, String(at), "information"), `Model: \t\t ${model}\nIRQ:   1\n`);
    }
    expect(gpuModels(folder)).toEqual(["NVIDIA A10", "NVIDIA L4"]);
    rmSync(folder, { recursive: true });
    expect(gpuModels(folder)).toEqual([]);
  });
});
