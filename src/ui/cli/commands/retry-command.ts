/** `cobra-batch retry`: tries failed pages again. */
import { Command } from "commander";
import { withOutput } from "../flags/output-argument.js";
import type { RunFlags } from "../flags/run-flags.js";
import { withSetFlag, type SetFlags } from "../flags/set-flag.js";

/** The command, ready to be added to the program. */
export function retryCommand(): Command {
  return withSetFlag(withOutput(new Command("retry")), "a setting for the pages that are tried again")
    .summary("try failed pages again")
    .description(
      "Tries failed pages again, including pages that were quarantined because they crashed the process, and colours pages that were not started.",
    )
    .option("--failed", "only the failed pages")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch retry coloured --failed
  cobra-batch retry chapter_colorized.cbz --failed --set topK=1

Exit codes: as for \`cobra-batch colorize\`.`,
    )
    .action(async (output: string, flags: RunFlags & SetFlags & { failed?: boolean }, command: Command) => {
      const { retry } = await import("../actions/continue-run.js");
      process.exitCode = await retry(output, flags, command);
    });
}
