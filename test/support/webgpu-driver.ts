/** The software Vulkan driver of the WebGPU tests, as scripts/webgpu-driver.mjs leaves it. */
// @ts-expect-error plain JS without declarations
import * as driver from "../../scripts/lib/webgpu-driver.mjs";

const typed = driver as { webgpuDriverEnvironment(): Record<string, string> | undefined; webgpuDriverFolder(): string };

export const { webgpuDriverEnvironment, webgpuDriverFolder } = typed;
