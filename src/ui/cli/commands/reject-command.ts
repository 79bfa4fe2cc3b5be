/** `cobra-batch reject`: a preview is made again with other settings, and waits again. */
import { Command } from "commander";
import { rejectRun } from "../../../core/continue-run.js";
import { runBatchCommand } from "./run-batch-command.js";
import type { RunFlags } from "../flags/run-flags.js";
import { readSettings, withSetFlag } from "../flags/set-values.js";
import { continued, withOutput } from "./stored-run-command.js";

/** The command, ready to be added to the program. */
export function rejectCommand(): Command {
  return withSetFlag(
    withOutput(new Command("reject")),
    "a setting to try next, for the preview and then for all pages; default: the next seed",
  )
    .summary("reject the preview that waits at an output, and make it again with other settings")
    .description(
      "Colours the pages of a preview again, in the place of the rejected pictures, and waits again (exit code 3).",
    )
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch reject coloured\n  cobra-batch reject coloured --set seed=7 --set steps=20\n\nExit codes: those of `cobra-batch colorize`; 3 when the new preview waits.",
    )
    .action(async (output: string, flags: RunFlags & { set?: string[] }, command: Command) => {
      process.exitCode = await runBatchCommand(flags, async () =>
        continued(await rejectRun(output, readSettings(flags.set)), flags, command),
      );
    });
}
