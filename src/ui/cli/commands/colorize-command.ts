/** `cobra-batch colorize`: colours a chapter. */
import { Command, Option } from "commander";
import { readShard, type Shard } from "../../../config/shard.js";
import { fault } from "../flags/flag-values.js";
import { withNamedHintFlags, type NamedHintFlags } from "../flags/hint-flags.js";
import { withMetricsFlags, type MetricsFlags } from "../flags/metrics-flags.js";
import { withRunFlags, type RunFlags } from "../flags/run-flags.js";
import { withSettingFlags, type SettingFlags } from "../flags/setting-flags.js";

export type ColorizeFlags = SettingFlags &
  NamedHintFlags &
  RunFlags &
  MetricsFlags & {
    fresh?: boolean;
    fromFile?: string;
    /** `slurm`: what the environment says. */
    shard?: Shard | "slurm";
  };

/** The command, ready to be added to the program. */
export function colorizeCommand(): Command {
  const command = withNamedHintFlags(withSettingFlags(new Command("colorize"), "several"))
    .summary("colour chapters of line art from coloured references")
    .description(
      "Colours every line-art page of a chapter, or of several, from coloured references. Without --reference-dir, the coloured pictures of the chapter itself are the references.",
    )
    .optionsGroup("Running:")
    .option("--fresh", "colour all pages again instead of resuming an earlier run")
    .addOption(
      new Option(
        "--from-file <file>",
        "colour the chapters that this file lists, one path a line; - is standard input",
      ).helpGroup("Input:"),
    )
    .addOption(
      new Option(
        "--shard <k/n>",
        "do only part k of n, such as 3/20; slurm takes it from the job array. See docs/farm.md",
      ).argParser(shard),
    );
  return withMetricsFlags(withRunFlags(command))
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch colorize chapter.cbz
  cobra-batch colorize pages --reference-dir colour --output-dir coloured
  cobra-batch colorize --input-zip a.cbz --output-zip coloured.cbz --format webp
  cobra-batch colorize chapter.cbz --hint "003.png:410,220=#c03028"
  cobra-batch colorize chapter.cbz --preview
  cobra-batch colorize *.cbz --output-dir coloured
  cobra-batch colorize chapter.cbz --output-zip out.cbz --shard 3/20

Run the same command again to resume a run that was stopped or killed. Finished
pages are kept. The first SIGINT, SIGTERM or SIGHUP finishes the pages in
progress, the second abandons them, the third ends the process at once.

With several chapters, each gets its own result in --output-dir; the exit code
is the most severe one.

Exit codes:
  0              all pages are done
  1              nothing could be done
  2              some pages failed
  3              a preview waits for approval
  64             wrong flags or settings
  75             out of memory or storage, or the output is in use: try later
  129, 130, 143  stopped by SIGHUP, SIGINT, SIGTERM`,
    )
    .action(async (inputs: string[], flags: ColorizeFlags) => {
      const { colorize } = await import("../actions/colorize.js");
      process.exitCode = await colorize(inputs, flags);
    });
}

function shard(text: string): Shard | "slurm" {
  if (text === "slurm") return text;
  return (
    readShard(text) ??
    fault(`--shard: must be k/n with k from 1 to n, such as 3/20, or slurm, not ${JSON.stringify(text)}`)
  );
}
