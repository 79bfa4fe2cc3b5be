/** `cobra-batch redo`: finished pages are done anew, in the place of their pictures. */
import { Command } from "commander";
import { redoRun } from "../../../core/continue-run.js";
import { integer } from "../flags/flag-values.js";
import { runBatchCommand } from "./run-batch-command.js";
import type { RunFlags } from "../flags/run-flags.js";
import { readSettings, withSetFlag } from "../flags/set-values.js";
import { continued, withOutput } from "./stored-run-command.js";

/** The command, ready to be added to the program. */
export function redoCommand(): Command {
  return withSetFlag(
    withOutput(new Command("redo")).argument("<page...>", "pages, by their names in the input or in the output"),
    "a setting for these pages",
  )
    .summary("do finished pages of an output anew, with another seed or other settings")
    .description(
      "Colours pages again and puts the new pictures in the place of the old ones. All other pages stay as they are, in an archive byte for byte.",
    )
    .option("--seed <number>", "seed for these pages (default, where nothing is set: the next one)", integer)
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch redo coloured p12.png --seed 5\n  cobra-batch redo chapter_colorized.cbz 003.png 004.png --set steps=20\n\nExit codes: those of `cobra-batch colorize`.",
    )
    .action(
      async (
        output: string,
        pages: string[],
        flags: RunFlags & { seed?: number; set?: string[] },
        command: Command,
      ) => {
        process.exitCode = await runBatchCommand(flags, async () => {
          const seed = flags.seed === undefined ? [] : [`seed=${flags.seed}`];
          return continued(await redoRun(output, pages, readSettings([...(flags.set ?? []), ...seed])), flags, command);
        });
      },
    );
}
