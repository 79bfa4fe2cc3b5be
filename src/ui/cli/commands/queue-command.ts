/** `cobra-batch queue`: looks at a farm's queue and steers it. */
import { Command } from "commander";
import { withQueueFlags, withStoreFlags, type QueueFlags, type StoreFlags } from "../flags/queue-flags.js";

export interface QueueCommandFlags extends QueueFlags, StoreFlags {
  json?: boolean;
  failed?: boolean;
}

/** What can be asked of a queue. */
export type QueueAction = "list" | "show" | "pause" | "resume" | "cancel" | "retry" | "drain";

const ACTIONS: readonly (readonly [action: QueueAction, summary: string, takesJob: boolean])[] = [
  ["list", "list all chapters in the queue", false],
  ["show", "show one chapter", true],
  ["pause", "stop workers from taking new pages; pages in progress are finished", false],
  ["resume", "let workers take pages again", false],
  ["cancel", "take a chapter out of the queue", true],
  ["retry", "submit a chapter with failed pages again; only these are done", true],
  ["drain", "take all chapters out of the queue", false],
];

/** The command, ready to be added to the program. */
export function queueCommand(): Command {
  const command = new Command("queue")
    .summary("inspect and manage a farm's queue")
    .description("Looks at the chapters in a farm's queue and steers them.")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch queue list --queue redis://host\n  cobra-batch queue cancel 0123456789ab\n\nExit codes: 0 done, 1 there is no such job,\n75 the queue does not answer.",
    );
  for (const [action, summary, takesJob] of ACTIONS) {
    const child = withQueueFlags(
      command
        .command(action)
        .summary(summary)
        .description(`${capital(summary)}.`),
    );
    if (action === "retry") withStoreFlags(child).option("--failed", "only pages that failed, which is the default");
    if (takesJob) child.argument("<job>", "the chapter's job, as `queue list` shows it");
    child
      .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
      .optionsGroup("Options:")
      .addHelpText(
        "after",
        `\nExamples:\n  cobra-batch queue ${action}${takesJob ? " 0123456789ab" : ""} --queue redis://host`,
      )
      .action(async (...given: unknown[]) => {
        const { queue } = await import("../actions/queue.js");
        const [job, flags] = takesJob
          ? (given as [string, QueueCommandFlags])
          : [undefined, given[0] as QueueCommandFlags];
        process.exitCode = await queue(action, job, flags);
      });
  }
  return command;
}

function capital(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}`;
}
