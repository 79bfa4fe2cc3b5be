/** `cobra-batch redo`: colours finished pages again and replaces their pictures. */
import { Command } from "commander";
import { integer } from "../flags/flag-values.js";
import { withHintFlags, type HintFlags } from "../flags/hint-flags.js";
import { withOutput } from "../flags/output-argument.js";
import type { RunFlags } from "../flags/run-flags.js";
import { withSetFlag, type SetFlags } from "../flags/set-flag.js";

export type RedoFlags = RunFlags & HintFlags & SetFlags & { seed?: number };

/** The command, ready to be added to the program. */
export function redoCommand(): Command {
  return withHintFlags(
    withSetFlag(
      withOutput(new Command("redo")).argument("<page...>", "pages, by their names in the input or in the output"),
      "a setting for these pages",
    ),
  )
    .summary("colour finished pages again with other settings")
    .description(
      "Colours pages again and replaces their pictures. All other pages stay as they are; in an archive they stay byte for byte. If a page of an archive fails, its earlier picture is kept.",
    )
    .option(
      "--seed <number>",
      "seed for these pages (default: the next one, if nothing else is set)",
      integer("--seed"),
    )
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch redo chapter_colorized.cbz 003.png --hint 410,220=#c03028
  cobra-batch redo coloured 003.png --hints strokes.png
  cobra-batch redo coloured 003.png --fill model
  cobra-batch redo chapter_colorized.cbz 003.png 004.png --seed 5

Exit codes: as for \`cobra-batch colorize\`.`,
    )
    .action(async (output: string, pages: string[], flags: RedoFlags, command: Command) => {
      const { redo } = await import("../actions/continue-run.js");
      process.exitCode = await redo(output, pages, flags, command);
    });
}
