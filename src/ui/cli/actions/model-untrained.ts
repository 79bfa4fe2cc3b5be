/** `cobra-batch model untrained`: a model with random weights. */
import { ensurePresetPackage } from "../../../convert/presets.js";
import type { UntrainedFlags } from "../commands/model-command.js";
import { printMade } from "../output/installing.js";
import { reportErrors } from "../output/report-errors.js";

/** Makes the package unless it is there already, and prints its folder. */
export function makeUntrained({ out, preset, seed, precision, json = false }: UntrainedFlags): Promise<void> {
  return reportErrors(async () => {
    const made = await ensurePresetPackage({
      directory: out,
      preset,
      seed,
      precision: precision === "fp16" ? "float16" : "float32",
    });
    printMade(made, json);
  }, json);
}
