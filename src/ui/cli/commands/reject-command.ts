/** `cobra-batch reject`: makes a preview again with other settings. */
import { Command } from "commander";
import { withOutput } from "../flags/output-argument.js";
import type { RunFlags } from "../flags/run-flags.js";
import { withSetFlag, type SetFlags } from "../flags/set-flag.js";

/** The command, ready to be added to the program. */
export function rejectCommand(): Command {
  return withSetFlag(
    withOutput(new Command("reject")),
    "a setting for the new preview, and later for all pages; default: the next seed",
  )
    .summary("make a preview again with other settings")
    .description("Colours the pages of a preview again with other settings, then waits for approval (exit code 3).")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch reject coloured --ink model
  cobra-batch reject coloured --fill model --set referenceDir=colour

Exit codes: as for \`cobra-batch colorize\`.`,
    )
    .action(async (output: string, flags: RunFlags & SetFlags, command: Command) => {
      const { reject } = await import("../actions/continue-run.js");
      process.exitCode = await reject(output, flags, command);
    });
}
