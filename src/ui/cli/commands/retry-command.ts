/** `cobra-batch retry`: pages that have failed are tried again. */
import { Command } from "commander";
import { retryRun } from "../../../core/continue-run.js";
import { runBatchCommand } from "./run-batch-command.js";
import type { RunFlags } from "../flags/run-flags.js";
import { readSettings, withSetFlag } from "../flags/set-values.js";
import { continued, withOutput } from "./stored-run-command.js";

/** The command, ready to be added to the program. */
export function retryCommand(): Command {
  return withSetFlag(withOutput(new Command("retry")), "a setting for the pages that are tried again")
    .summary("try the failed pages of an output again")
    .description(
      "Goes on with a batch: pages that have failed are tried again, also those that were set aside because they ended the process twice, and pages that were not begun are done.",
    )
    .option("--failed", "only the pages that have failed")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch retry coloured --failed\n  cobra-batch retry chapter_colorized.cbz --failed --set topK=1\n\nExit codes: those of `cobra-batch colorize`.",
    )
    .action(async (output: string, flags: RunFlags & { failed?: boolean; set?: string[] }, command: Command) => {
      process.exitCode = await runBatchCommand(flags, async () => {
        const run = await retryRun(output, { failedOnly: Boolean(flags.failed), changes: readSettings(flags.set) });
        return run === undefined ? { nothing: `no page of ${output} has failed` } : continued(run, flags, command);
      });
    });
}
