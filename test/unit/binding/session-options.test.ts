/**
 * What ONNX Runtime is told for each provider: defaults that are right for this work, and the caller's wish over them.
 */
import { describe, expect, it } from "vitest";
import { loadAddon } from "../../../src/binding/load.js";
import { normaliseOptions, type SessionOptions } from "../../../src/binding/runtime/session-options.js";

const told = (options: SessionOptions): { intraOpThreads: number; providerOptions: Readonly<Record<string, string>> } =>
  loadAddon().addon.describeSessionOptions(normaliseOptions(options));

describe("what ONNX Runtime is told", () => {
  it("on CUDA: arenas as requested, cuDNN by heuristic, no TF32, one thread", () => {
    expect(told({ provider: "cuda", deviceId: 2 })).toEqual({
      intraOpThreads: 1,
      providerOptions: {
        arena_extend_strategy: "kSameAsRequested",
        cudnn_conv_algo_search: "HEURISTIC",
        use_tf32: "0",
        device_id: "2",
      },
    });
  });

  it("the memory limit of the plan, beyond 4 GiB too", () => {
    expect(told({ provider: "cuda", memoryLimitBytes: 20 * 2 ** 30 }).providerOptions).toMatchObject({
      gpu_mem_limit: "21474836480",
    });
    expect(told({ provider: "cuda" }).providerOptions).not.toHaveProperty("gpu_mem_limit");
  });

  it("what the caller says wins", () => {
    const providerOptions = { use_tf32: "1", gpu_mem_limit: "7", enable_cuda_graph: "1", device_id: "5" };
    expect(told({ provider: "cuda", providerOptions, memoryLimitBytes: 9, intraOpThreads: 3 })).toEqual({
      intraOpThreads: 3,
      providerOptions: {
        ...providerOptions,
        arena_extend_strategy: "kSameAsRequested",
        cudnn_conv_algo_search: "HEURISTIC",
      },
    });
  });

  it("TensorRT gets none of CUDA's own options, and WebGPU nothing but the caller's", () => {
    expect(told({ provider: "tensorrt" })).toEqual({ intraOpThreads: 1, providerOptions: { device_id: "0" } });
    expect(told({ provider: "webgpu" })).toEqual({ intraOpThreads: 1, providerOptions: {} });
  });

  it("the CPU keeps a thread for each core unless told otherwise", () => {
    expect(told({})).toEqual({ intraOpThreads: 0, providerOptions: {} });
    expect(told({ intraOpThreads: 2 }).intraOpThreads).toBe(2);
  });

  it.each([-1, 1.5, Number.NaN, 2 ** 60])("a memory limit of %d is refused", (memoryLimitBytes) => {
    expect(() => normaliseOptions({ memoryLimitBytes })).toThrow(
      expect.objectContaining({ code: "ERR_SESSION_OPTION" }),
    );
  });
});
