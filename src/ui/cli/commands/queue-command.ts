/** `cobra-batch queue`: shows and manages a farm's queue. */
import { Command } from "commander";
import { MOST_PRIORITY } from "../../../farm/queue/priority.js";
import { integer } from "../flags/flag-values.js";
import { withQueueFlags, withStoreFlags, type QueueFlags, type StoreFlags } from "../flags/queue-flags.js";

export interface QueueCommandFlags extends QueueFlags, StoreFlags {
  json?: boolean;
  failed?: boolean;
  priority?: number;
}

/** What can be asked of a queue. */
export type QueueAction = "list" | "show" | "pause" | "resume" | "cancel" | "prioritize" | "retry" | "drain" | "nodes";

interface Action {
  readonly summary: string;
  readonly description?: string;
  /** The argument, as commander writes it, and what it is. */
  readonly takes?: readonly [argument: string, description: string];
  readonly example?: string;
}

const JOB = ["<job>", "the chapter's job, as `queue list` shows it"] as const;
const NODE = ["[node]", "a worker, as `queue nodes` shows it, or a host: all of its workers"] as const;

const ACTIONS: Readonly<Record<QueueAction, Action>> = {
  list: { summary: "list all chapters in the queue" },
  show: { summary: "show one chapter", takes: JOB },
  pause: {
    summary: "stop workers from taking new pages; with a job, of this chapter alone",
    description:
      "Until `queue resume`, workers take no new pages; with a job, none of this chapter. Pages in progress are finished.",
    takes: ["[job]", JOB[1]],
  },
  resume: {
    summary: "let workers take pages again; with a job, of this chapter alone; with a node, this one alone",
    description:
      "Ends `queue pause`; with a job, for this chapter alone. With a node, ends `queue drain` of that node.",
    takes: ["[job|node]", "a chapter's job, or a worker or a host as for `queue drain`"],
  },
  cancel: { summary: "take a chapter out of the queue", takes: JOB },
  prioritize: {
    summary: "change a chapter's priority",
    takes: JOB,
    example: "0123456789ab --priority 5",
  },
  retry: { summary: "submit a chapter with failed pages again; only those pages are coloured", takes: JOB },
  drain: {
    summary: "take all chapters out of the queue; with a node, stop it from taking more pages",
    description:
      "Without a node, takes all chapters out of the queue. With one, the worker finishes its pages and takes no more, until `queue resume NODE` or until it is started again.",
    takes: NODE,
    example: "render-07",
  },
  nodes: { summary: "list the workers" },
};

/** The command, ready to be added to the program. */
export function queueCommand(): Command {
  const command = new Command("queue")
    .summary("inspect and manage a farm's queue")
    .description("Shows and manages a farm's chapters and workers.")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch queue list --queue redis://host\n  cobra-batch queue cancel 0123456789ab\n  cobra-batch queue drain render-07\n\nExit codes: 0 done, 1 there is no such job or worker,\n75 the queue does not answer.",
    );
  for (const [name, { summary, description, takes, example }] of Object.entries(ACTIONS)) {
    const action = name as QueueAction;
    const child = withQueueFlags(
      command
        .command(action)
        .summary(summary)
        .description(description ?? `${capital(summary)}.`),
    );
    if (action === "retry") withStoreFlags(child).option("--failed", "only pages that failed, which is the default");
    if (action === "prioritize")
      child.requiredOption(
        "--priority <number>",
        "0 to 1000; higher goes first",
        integer("--priority", 0, MOST_PRIORITY),
      );
    if (takes !== undefined) child.argument(...takes);
    const args = example ?? (takes === JOB ? "0123456789ab" : "");
    child
      .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
      .optionsGroup("Options:")
      .addHelpText(
        "after",
        `\nExamples:\n  ${["cobra-batch queue", action, args].join(" ").trim()} --queue redis://host`,
      )
      .action(async (...given: unknown[]) => {
        const { queue } = await import("../actions/queue.js");
        const [argument, flags] =
          takes === undefined
            ? [undefined, given[0] as QueueCommandFlags]
            : (given as [string | undefined, QueueCommandFlags]);
        process.exitCode = await queue(action, argument, flags);
      });
  }
  return command;
}

function capital(text: string): string {
  return `${text[0]!.toUpperCase()}${text.slice(1)}`;
}
