/** `cobra-batch model untrained`: a model with random weights. */
import { ensurePresetPackage } from "../../../convert/presets.js";
import type { UntrainedFlags } from "../commands/model-command.js";
import { reportErrors } from "../output/report-errors.js";
import { printText } from "../output/terminal-text.js";

/** Makes the package unless it is there already, and prints its folder. */
export function makeUntrained({ out, preset, seed, precision }: UntrainedFlags): Promise<void> {
  return reportErrors(async () => {
    const { directory } = await ensurePresetPackage({
      directory: out,
      preset,
      seed,
      precision: precision === "fp16" ? "float16" : "float32",
    });
    printText(`${directory}\n`);
  });
}
