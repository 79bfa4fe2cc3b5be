/** The NVIDIA GPUs of the machine, as their driver lists them, without its libraries. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/** Where the driver has a folder for each GPU. */
export const NVIDIA_GPUS = "/proc/driver/nvidia/gpus";

/** How many GPUs the driver lists; 0 without a driver. */
export function countGpus(folder = NVIDIA_GPUS): number {
  try {
    return readdirSync(folder).length;
  } catch {
    return 0;
  }
}

/** Models of the GPUs that the driver lists, each once; none without a driver. */
export function gpuModels(folder = NVIDIA_GPUS): string[] {
  try {
    const models = readdirSync(folder).flatMap(
      (gpu) => /^Model:\s*(.+?)\s*$/m.exec(readFileSync(join(folder, gpu, "information"), "utf8"))?.[1] ?? [],
    );
    return [...new Set(models)].sort();
  } catch {
    return [];
  }
}
