/** `cobra-batch submit`: puts chapters into a farm's queue. */
import { Command } from "commander";
import { MOST_PRIORITY } from "../../../farm/queue/priority.js";
import { integer } from "../flags/flag-values.js";
import { withNamedHintFlags, type NamedHintFlags } from "../flags/hint-flags.js";
import { withLogFlags, type LogFlags } from "../flags/log-flags.js";
import { withQueueFlags, withStoreFlags, type QueueFlags, type StoreFlags } from "../flags/queue-flags.js";
import { withSettingFlags, type SettingFlags } from "../flags/setting-flags.js";

export type SubmitFlags = SettingFlags &
  NamedHintFlags &
  LogFlags &
  QueueFlags &
  StoreFlags & {
    fromFile?: string;
    model?: string;
    priority: number;
    wait?: boolean;
    json?: boolean;
    drain: number;
  };

/** The command, ready to be added to the program. */
export function submitCommand(): Command {
  const command = withStoreFlags(withQueueFlags(withNamedHintFlags(withSettingFlags(new Command("submit"), "several"))))
    .summary("put chapters into a farm's queue")
    .description(
      "Puts every page of a chapter into a queue in Redis, from which workers take them. The worker that does the last one puts the chapter together; its input and output must have the same paths there as here.",
    )
    .option("--from-file <file>", "submit the chapters that this file lists, one path a line; - is standard input")
    .option("--priority <number>", "0 to 1000; higher goes first", integer("--priority", 0, MOST_PRIORITY), 0)
    .option(
      "--wait",
      "wait for the pages and put the chapter together here, with the progress and exit code of `colorize`",
    )
    .option(
      "--model <name|dir>",
      "model that workers must have (default: COBRA_MODEL, else the one of `model use`, else the store's)",
    )
    .option("--drain <seconds>", "time to finish after a signal to stop", integer("--drain"), 10)
    .optionsGroup("Logging:");
  return withLogFlags(command)
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .optionsGroup("Options:")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch submit chapter.cbz --queue redis://host --store /share
  cobra-batch submit *.cbz --output-dir /share/coloured --priority 5
  cobra-batch submit chapter.cbz --output-zip out.cbz --wait

Submitting a chapter again is harmless: pages that are done are not done again.

Exit codes: 0 submitted, 75 the queue does not answer; with --wait as for
\`cobra-batch colorize\`.`,
    )
    .action(async (inputs: string[], flags: SubmitFlags) => {
      const { submit } = await import("../actions/submit.js");
      process.exitCode = await submit(inputs, flags);
    });
}
