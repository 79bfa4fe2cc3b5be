/** `cobra-batch colorize`: colours a chapter. */
import { Command } from "commander";
import { withNamedHintFlags, type NamedHintFlags } from "../flags/hint-flags.js";
import { withRunFlags, type RunFlags } from "../flags/run-flags.js";
import { withSettingFlags, type SettingFlags } from "../flags/setting-flags.js";

export type ColorizeFlags = SettingFlags & NamedHintFlags & RunFlags & { fresh?: boolean };

/** The command, ready to be added to the program. */
export function colorizeCommand(): Command {
  const command = withNamedHintFlags(withSettingFlags(new Command("colorize")))
    .summary("colour a chapter of line art from coloured references")
    .description(
      "Colours every line-art page of a chapter from coloured references. Without --reference-dir, the coloured pictures of the chapter itself are the references.",
    )
    .optionsGroup("Running:")
    .option("--fresh", "colour all pages again instead of resuming an earlier run");
  return withRunFlags(command)
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch colorize chapter.cbz
  cobra-batch colorize pages --reference-dir colour --output-dir coloured
  cobra-batch colorize --input-zip a.cbz --output-zip coloured.cbz --format webp
  cobra-batch colorize chapter.cbz --hint "003.png:410,220=#c03028"
  cobra-batch colorize chapter.cbz --preview

Run the same command again to resume a run that was stopped or killed. Finished
pages are kept. The first SIGINT or SIGTERM finishes the pages in progress, the
second abandons them, the third ends the process at once.

Exit codes:
  0         all pages are done
  1         nothing could be done
  2         some pages failed
  3         a preview waits for approval
  64        wrong flags or settings
  75        out of memory or storage, or the output is in use: try again later
  130, 143  stopped by SIGINT, SIGTERM`,
    )
    .action(async (input: string | undefined, flags: ColorizeFlags) => {
      const { colorize } = await import("../actions/colorize.js");
      process.exitCode = await colorize(input, flags);
    });
}
