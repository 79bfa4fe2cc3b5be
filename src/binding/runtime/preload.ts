/** Loads what an NVIDIA provider needs from where it is found, before the provider asks for it by name. */
import { getLogger } from "../../logging.js";
import { findCudaLibraries, type CudaProvider } from "./cuda-libraries.js";
import { runJob } from "./jobs.js";
import { loadRuntime } from "./runtime.js";

const log = getLogger("binding");
const loading = new Map<CudaProvider, Promise<void>>();

/**
 * Once a process for each provider. What is not found or does not load is left to the dynamic linker, whose error
 * names it.
 */
export function preloadCuda(provider: CudaProvider, deviceId: number): Promise<void> {
  let work = loading.get(provider);
  if (work === undefined) {
    work = preload(provider, deviceId);
    loading.set(provider, work);
    work.catch(() => loading.delete(provider));
  }
  return work;
}

async function preload(provider: CudaProvider, deviceId: number): Promise<void> {
  const addon = loadRuntime();
  // TensorRT's provider falls back on CUDA's.
  const needed = (["cuda", ...(provider === "cuda" ? [] : [provider])] as const).flatMap(
    (one) => findCudaLibraries(addon.runtimeInfo().libraryPath, one, process.env).libraries,
  );
  const paths = [...new Set(needed.flatMap(({ path }) => path ?? []))];
  if (paths.length === 0) return;
  const faults = await runJob<string[]>((settle) => addon.preloadLibraries(`cuda:${deviceId}`, paths, settle));
  for (const [at, path] of paths.entries()) {
    const fault = faults[at];
    if (fault === "") log.debug({ path }, "library loaded ahead of the provider");
    else log.warn({ path, fault }, "a library of the provider does not load");
  }
}
