/** `cobra-batch watch`: a hot folder. */
import { Command } from "commander";
import { decimal, positive } from "../flags/flag-values.js";
import { withMetricsFlags, type MetricsFlags } from "../flags/metrics-flags.js";
import { withRunFlags, type RunFlags } from "../flags/run-flags.js";
import { withSettingFlags, type SettingFlags } from "../flags/setting-flags.js";

export type WatchFlags = SettingFlags &
  RunFlags &
  MetricsFlags & {
    done?: string;
    failed?: string;
    every: number;
    quietFor: number;
  };

/** The command, ready to be added to the program. */
export function watchCommand(): Command {
  const command = withSettingFlags(new Command("watch"), "watched")
    .summary("colour every chapter that is put into a folder")
    .description(
      "Colours chapters and single pages that are put into a folder, once they have stopped growing. The folder may be on a network share. Results go to --output-dir. After a restart it continues where it stopped.",
    )
    .optionsGroup("Folder:")
    .option("--done <dir>", "move chapters here once every page is done")
    .option("--failed <dir>", "move chapters with failed pages here")
    .option("--every <seconds>", "polling interval", positive("--every"), 2)
    .option(
      "--quiet-for <seconds>",
      "treat a chapter as complete once it has not changed for this long",
      decimal("--quiet-for"),
      5,
    );
  return withMetricsFlags(withRunFlags(command))
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch watch incoming --output-dir coloured --reference-dir colour
  cobra-batch watch incoming --output-dir coloured --done done --failed failed

Each chapter is one line on standard output; one that cannot be coloured at all
is one on standard error. The first SIGINT, SIGTERM or SIGHUP finishes the pages
in progress, the second abandons them.

Exit codes: 64 wrong flags or settings, 129, 130, 143 stopped by SIGHUP, SIGINT,
SIGTERM.`,
    )
    .action(async (folder: string | undefined, flags: WatchFlags) => {
      const { watch } = await import("../actions/watch.js");
      process.exitCode = await watch(folder, flags);
    });
}
