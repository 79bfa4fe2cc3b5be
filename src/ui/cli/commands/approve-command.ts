/** `cobra-batch approve`: accepts a preview and colours the remaining pages. */
import { Command } from "commander";
import { integer } from "../flags/flag-values.js";
import { withOutput } from "../flags/output-argument.js";
import type { RunFlags } from "../flags/run-flags.js";

/** The command, ready to be added to the program. */
export function approveCommand(): Command {
  return withOutput(new Command("approve"))
    .summary("accept a preview and colour the other pages")
    .description(
      "Accepts the preview of `cobra-batch colorize --preview` and colours the other pages with its settings.",
    )
    .option("--seed <number>", "the seed to use, when the preview shows several", integer("--seed"))
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch approve coloured
  cobra-batch approve chapter_colorized.cbz --seed 2

Exit codes: as for \`cobra-batch colorize\`.`,
    )
    .action(async (output: string, flags: RunFlags & { seed?: number }, command: Command) => {
      const { approve } = await import("../actions/continue-run.js");
      process.exitCode = await approve(output, flags, command);
    });
}
