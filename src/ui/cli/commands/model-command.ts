/** `cobra-batch model`: what to do with model packages. */
import { Command, Option } from "commander";
import { ensurePresetPackage, PRESETS, type PresetName } from "../../../convert/presets.js";
import { integer } from "../flags/flag-values.js";
import { importCommand } from "./model-import.js";
import { infoCommand, listCommand, verifyCommand } from "./model-look.js";
import { reportErrors } from "../output/report-errors.js";

/** The command with its subcommands. */
export function modelCommand(): Command {
  const command = new Command("model")
    .summary("look at and make model packages")
    .description("Looks at model packages and makes them.");
  command
    .command("untrained")
    .summary(
      "build a small model with random weights where it is not there yet, to try the pipeline; its colours mean nothing",
    )
    .requiredOption("--out <dir>", "where the package goes")
    .addOption(new Option("--preset <name>", "size of the model").choices(Object.keys(PRESETS)).default("demo"))
    .option("--seed <number>", "seed of the weights", integer, 1)
    .addOption(new Option("--precision <name>", "of weights and activations").choices(["fp16", "fp32"]).default("fp32"))
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch model untrained --out untrained\n  cobra-batch model untrained --preset tiny --out tiny",
    )
    .action((flags: { out: string; preset: PresetName; seed: number; precision: "fp16" | "fp32" }) =>
      reportErrors(async () => {
        const { out, preset, seed } = flags;
        const { directory } = await ensurePresetPackage({
          directory: out,
          preset,
          seed,
          precision: flags.precision === "fp16" ? "float16" : "float32",
        });
        process.stdout.write(`${directory}\n`);
      }),
    );
  for (const one of [importCommand(), infoCommand(), verifyCommand(), listCommand()]) command.addCommand(one);
  return command;
}
