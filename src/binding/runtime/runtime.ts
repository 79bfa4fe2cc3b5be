/** ONNX Runtime: which library is used, what it can do, and how many native objects are alive. */
import { existsSync } from "node:fs";
import { join, resolve } from "node:path";
import { guarded } from "../faults.js";
import { loadAddon } from "../load.js";
import { simulateFromEnvironment } from "./simulate.js";
import type { LiveCounts, NativeAddon, RuntimeInfo } from "../types.js";

const LIBRARY = "libonnxruntime.so.1";

/**
 * Where ONNX Runtime is looked for: `COBRA_ORT_LIBRARY` (a file), `COBRA_ORT_SDK` (a folder with lib/), else beside the
 * addon.
 */
function libraryPath(addonDirectory: string): string {
  const file = process.env["COBRA_ORT_LIBRARY"];
  if (file) return resolve(file);
  const sdk = process.env["COBRA_ORT_SDK"];
  if (sdk)
    return (
      [LIBRARY, "libonnxruntime.so"].map((name) => resolve(sdk, "lib", name)).find(existsSync) ??
      resolve(sdk, "lib", LIBRARY)
    );
  return join(addonDirectory, LIBRARY);
}

let ready: NativeAddon | undefined;

/**
 * The addon with ONNX Runtime loaded.
 * @throws ResourceError `ERR_ADDON_LOAD`, `ERR_RUNTIME_LOAD`, `ERR_OUT_OF_MEMORY`
 */
export function loadRuntime(): NativeAddon {
  if (ready) return ready;
  const { addon, directory } = loadAddon();
  guarded(() => {
    addon.useRuntime(libraryPath(directory));
  });
  simulateFromEnvironment(addon);
  // `process.exit` runs no native cleanup hooks: end the device threads while ONNX Runtime is still whole.
  process.once("exit", () => {
    addon.shutDown();
  });
  ready = addon;
  return addon;
}

/**
 * The ONNX Runtime in use; loads it where that has not happened yet.
 * @throws ResourceError `ERR_ADDON_LOAD`, `ERR_RUNTIME_LOAD`
 */
export function runtimeInfo(): RuntimeInfo {
  const addon = loadRuntime();
  return guarded(() => addon.runtimeInfo());
}

/**
 * Native objects alive in this process, over all worker threads. All but `environments` are 0 when everything was
 * disposed and settled.
 */
export function liveCounts(): LiveCounts {
  return loadAddon().addon.liveCounts();
}
