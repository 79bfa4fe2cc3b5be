/** `cobra-batch model quantize`: smaller weights. */
import { Command, Option } from "commander";
import { QUANTIZATIONS } from "../../../model/quantizations.js";
import { choice } from "../flags/flag-values.js";

export interface ModelQuantizeFlags {
  scheme: (typeof QUANTIZATIONS)[number];
  name?: string;
  to?: string;
  overwrite?: boolean;
  json?: boolean;
}

export function quantizeCommand(): Command {
  const scheme = new Option("--scheme <name>", "how weights are stored");
  scheme.argChoices = [...QUANTIZATIONS];
  return new Command("quantize")
    .argument("<model>", "installed model, or folder of a package")
    .summary("make a smaller package with 8-bit weights")
    .description(
      "Makes a package of the same model whose large linear layers have 8-bit weights. It takes less memory and disk, and is no faster on a CPU. The model it is made from stays.",
    )
    .addOption(scheme.default("int8").argParser(choice("--scheme", QUANTIZATIONS)))
    .option("--name <name>", "name of the new model (default: the model's own and -int8)")
    .option("--to <dir>", "folder of models (default: yours, ~/.local/share/cobra-batch/models)")
    .option("--overwrite", "make the package again if it is already installed")
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch model quantize cobra
  cobra-batch colorize chapter.cbz --model cobra-int8

An interrupted command resumes when it is run again. What was measured:
docs/models.md. Not tried on a GPU.
Exit codes: 0 made, 1 cannot be made, 64 usage, 75 worth retrying (storage).`,
    )
    .action(async (model: string, flags: ModelQuantizeFlags) => {
      const { runQuantize } = await import("../actions/model-quantize.js");
      await runQuantize(model, flags);
    });
}
