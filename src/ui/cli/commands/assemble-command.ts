/** `cobra-batch assemble`: joins the shards of outputs. */
import { Command } from "commander";
import { integer } from "../flags/flag-values.js";
import { withLogFlags, type LogFlags } from "../flags/log-flags.js";

export interface AssembleFlags extends LogFlags {
  json?: boolean;
  drain: number;
}

/** The command, ready to be added to the program. */
export function assembleCommand(): Command {
  const command = new Command("assemble")
    .summary("join what `colorize --shard` has coloured")
    .description(
      "Joins the shards of outputs into the folders or archives that one `colorize` would have written, checks every picture by its hash, and removes the shards.",
    )
    .argument("<output...>", "output folders or archives, as they were named to `colorize --shard`")
    .option("--drain <seconds>", "time to finish after a signal to stop", integer("--drain"), 10)
    .optionsGroup("Logging:");
  return withLogFlags(command)
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .optionsGroup("Options:")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch colorize chapter.cbz --output-zip out.cbz --shard 1/2
  cobra-batch colorize chapter.cbz --output-zip out.cbz --shard 2/2
  cobra-batch assemble out.cbz

If shards are missing or incomplete, they are listed and nothing is written.

Exit codes: as for \`cobra-batch colorize\`; 75 while shards are missing.`,
    )
    .action(async (outputs: string[], flags: AssembleFlags) => {
      const { assemble } = await import("../actions/assemble.js");
      process.exitCode = await assemble(outputs, flags);
    });
}
