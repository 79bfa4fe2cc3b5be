/** Locates the cache of TensorRT engines: one for each package, kind of GPU and version. */
import { realpathSync } from "node:fs";
import { basename, join } from "node:path";
import { findCudaLibraries } from "./cuda-libraries.js";
import { gpuModels } from "../../platform/nvidia-gpus.js";
import { userCacheFolder } from "../../platform/user-folders.js";

type Environment = Readonly<Record<string, string | undefined>>;

/** What an engine depends on, besides its graph. */
export interface TensorRtMachine {
  /** Names of the machine's kinds of GPU; empty where the driver names none. */
  readonly gpus: readonly string[];
  readonly onnxRuntime: string;
  /** Version of TensorRT's library, such as "10.13.3"; undefined if it is not found. */
  readonly tensorRt: string | undefined;
}

/** @param runtime of `runtimeInfo()` */
export function tensorRtMachine(
  runtime: { readonly version: string; readonly libraryPath: string },
  env: Environment,
): TensorRtMachine {
  const { libraries } = findCudaLibraries(runtime.libraryPath, "tensorrt", env);
  const path = libraries.find(({ name, path: found }) => name.startsWith("libnvinfer.") && found !== undefined)?.path;
  return {
    gpus: gpuModels(),
    onnxRuntime: runtime.version,
    tensorRt: path === undefined ? undefined : /\.so\.(.+)$/.exec(basename(realpathSync(path)))?.[1],
  };
}

/** The folder of a package's engines. Another GPU or version has another folder. @param hash of the package */
export function tensorRtFolder(
  hash: string,
  { gpus, onnxRuntime, tensorRt }: TensorRtMachine,
  env: Environment,
): string {
  const key = [gpus.length === 0 ? "gpu" : gpus.join("+"), `onnxruntime-${onnxRuntime}`, `tensorrt-${tensorRt ?? "?"}`];
  const name = key
    .join("_")
    .replaceAll(/[^\w.+-]+/g, "-")
    .toLowerCase();
  return join(userCacheFolder(env), "tensorrt", hash.slice(0, 16), name);
}
