/** `cobra-batch colorize`: flags → settings → one batch. */
import { Command } from "commander";
import { parseBatchConfig } from "../../../config/batch-config.js";
import { runBatchCommand } from "./run-batch-command.js";
import { withRunFlags, type RunFlags } from "../flags/run-flags.js";
import { gatherSettings, withSettingFlags, type SettingFlags } from "../flags/setting-flags.js";

type Flags = SettingFlags & RunFlags & { fresh?: boolean };

/** The command, ready to be added to the program. */
export function colorizeCommand(): Command {
  const command = withSettingFlags(new Command("colorize"))
    .summary("colour a chapter of line art with coloured references")
    .description(
      "Colours every line-art page of a chapter, given as a folder or a ZIP/CBZ, with the colours of its references.\n" +
        "Without --reference-dir the coloured pictures of the chapter itself are the references; they are told apart by themselves.",
    )
    .optionsGroup("Running:")
    .option("--fresh", "do all pages anew instead of going on where an earlier run was stopped");
  return withRunFlags(command)
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch colorize chapter.cbz
  cobra-batch colorize --input-zip a.cbz --output-zip coloured.cbz --steps 4
  cobra-batch colorize pages --reference-dir colour --output-dir coloured
  cobra-batch colorize chapter.cbz --preview

The same command again goes on where a run was stopped or killed; finished pages
are kept. The first SIGINT or SIGTERM finishes the pages in colouring, the
second gives them up, the third ends at once.

Exit codes: 0 all pages done, 1 nothing could be done, 2 some pages failed,
3 a preview waits for approval, 64 wrong flags, 75 worth trying again (memory,
storage), 130 or 143 interrupted.`,
    )
    .action(async (input: string | undefined, flags: Flags) => {
      process.exitCode = await runBatchCommand(flags, async () => {
        const { settings, pageConfig, label, warnings: misspelt } = await gatherSettings(input, flags, process.env);
        const { config, warnings } = parseBatchConfig(settings, label);
        return { config, options: { fresh: Boolean(flags.fresh), pageConfig }, warnings: [...misspelt, ...warnings] };
      });
    });
}
