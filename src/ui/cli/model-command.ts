/** `cobra-batch model`: what to do with model packages. */
import { Command, Option } from "commander";
import { openModelPackage } from "../../model/model-package.js";
import { ensurePresetPackage, PRESETS, type PresetName } from "../../model/presets.js";
import { integer } from "./flag-values.js";
import { importCommand } from "./model-command-import.js";
import { reportErrors } from "./report-errors.js";

/** The command with its subcommands. */
export function modelCommand(): Command {
  const command = new Command("model").summary("look at and make model packages");
  command
    .command("info")
    .argument("<dir>", "model package")
    .summary("say what is in a package and whether its files are whole")
    .action((directory: string) => reportErrors(() => info(directory)));
  command
    .command("untrained")
    .summary("build a small model with random weights where it is not there yet, to try the pipeline; its colours mean nothing")
    .requiredOption("--out <dir>", "where the package goes")
    .addOption(new Option("--preset <name>", "size of the model").choices(Object.keys(PRESETS)).default("demo"))
    .option("--seed <number>", "seed of the weights", integer, 1)
    .action((flags: { out: string; preset: PresetName; seed: number }) =>
      reportErrors(async () => {
        const { directory } = await ensurePresetPackage({ directory: flags.out, preset: flags.preset, seed: flags.seed });
        process.stdout.write(`${directory}\n`);
      }),
    );
  return command.addCommand(importCommand());
}

async function info(directory: string): Promise<void> {
  const { manifest, hash } = await openModelPackage(directory);
  const bytes = Object.values(manifest.files).reduce((sum, file) => sum + file.bytes, 0);
  const rows = [
    ["name", `${manifest.name} ${manifest.version}${manifest.trained ? "" : " (untrained: its colours mean nothing)"}`],
    ["licence", manifest.licence],
    ["hash", hash],
    ["precision", manifest.precision],
    ["styles", Object.keys(manifest.graphs.styles).join(", ")],
    ["buckets", manifest.buckets.map(([width, height]) => `${width}x${height}`).join(", ")],
    ["size", `${(bytes / 1e6).toFixed(1)} MB in ${Object.keys(manifest.files).length} files, all whole`],
  ];
  process.stdout.write(rows.map(([key, value]) => `${key!.padEnd(10)} ${value}\n`).join(""));
}
