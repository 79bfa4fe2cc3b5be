// Locates the software Vulkan driver of the WebGPU tests, and the environment in which a process finds it.
import { existsSync } from "node:fs";
import { join } from "node:path";
import { userCacheFolder } from "./user-cache.mjs";

/** SwiftShader, its manifest, and the Vulkan loader: all three out of one package. */
export const WEBGPU_DRIVER_FILES = ["libvk_swiftshader.so", "vk_swiftshader_icd.json", "libvulkan.so.1"];

export function webgpuDriverFolder() {
  return process.env["COBRA_WEBGPU_DRIVER"] || join(userCacheFolder(), "webgpu-driver");
}

/**
 * Variables under which a child process finds the driver; undefined where it is not there. The loader looks only at
 * process start.
 */
export function webgpuDriverEnvironment() {
  const folder = webgpuDriverFolder();
  if (!WEBGPU_DRIVER_FILES.every((file) => existsSync(join(folder, file)))) return undefined;
  const manifest = join(folder, "vk_swiftshader_icd.json");
  const paths = [folder, process.env["LD_LIBRARY_PATH"]].filter(Boolean).join(":");
  return { LD_LIBRARY_PATH: paths, VK_DRIVER_FILES: manifest, VK_ICD_FILENAMES: manifest };
}
