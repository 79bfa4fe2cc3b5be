/** `cobra-batch approve`: a preview is good, and the batch goes on. */
import { Command } from "commander";
import { approveRun } from "../../../core/continue-run.js";
import { integer } from "../flags/flag-values.js";
import { runBatchCommand } from "./run-batch-command.js";
import type { RunFlags } from "../flags/run-flags.js";
import { continued, withOutput } from "./stored-run-command.js";

/** The command, ready to be added to the program. */
export function approveCommand(): Command {
  return withOutput(new Command("approve"))
    .summary("approve the preview that waits at an output, and colour the other pages")
    .description(
      "Goes on with a batch that `cobra-batch colorize --preview` has left waiting: all pages, with the preview's settings.",
    )
    .option("--seed <number>", "of a preview with several seeds, the one for all pages", integer)
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch approve coloured\n  cobra-batch approve chapter_colorized.cbz --seed 2\n\nExit codes: those of `cobra-batch colorize`.",
    )
    .action(async (output: string, flags: RunFlags & { seed?: number }, command: Command) => {
      process.exitCode = await runBatchCommand(flags, async () => {
        const run = await approveRun(output, flags.seed);
        return run === undefined
          ? { nothing: `${output} is complete: nothing waits for approval` }
          : continued(run, flags, command);
      });
    });
}
