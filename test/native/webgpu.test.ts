/** Staying on the device, on the WebGPU provider with a software Vulkan driver. */
import { afterAll, describe, expect, test } from "vitest";
import { webgpuDriverEnvironment, webgpuDriverFolder } from "../support/webgpu-driver.js";
import { modelFolder, runFixture } from "../support/child.js";
import { sumAndProduct } from "../support/small-models.js";

const models = modelFolder({ sum: sumAndProduct() });
afterAll(models.remove);

const NOTHING = { environments: 1, sessions: 0, tensors: 0, bindings: 0, runs: 0 };

const driver = webgpuDriverEnvironment();
const missing = driver ? "" : ` (skipped: no software Vulkan driver in ${webgpuDriverFolder()}; fetch it with: node scripts/webgpu-driver.mjs)`;

describe.skipIf(!driver)(`on the WebGPU provider${missing}`, () => {
  test("two sessions are chained on the device; copies, bindings and disposal work there", async () => {
    const { code, stdout, stderr } = await runFixture("native/fixtures/webgpu.mjs", { args: [models.path("sum")], env: driver ?? {} });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual({
      provider: "webgpu",
      devices: ["webgpu:0", "webgpu:0", "webgpu:0"],
      chained: [3, 8, 15, 24],
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

  test.each(["alone", "beside the main thread"])("worker threads terminated while they use the device, %s, leave nothing behind", async (how) => {
    const { code, stdout, stderr } = await runFixture("native/fixtures/webgpu-workers.mjs", { args: [models.path("sum"), how], env: driver ?? {} });
    expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
    expect(JSON.parse(stdout)).toEqual(NOTHING);
  });
});
