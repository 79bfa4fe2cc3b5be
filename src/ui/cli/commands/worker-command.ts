/** `cobra-batch worker`: colours the pages of a farm's queue. */
import { Command } from "commander";
import { integer } from "../flags/flag-values.js";
import { withMetricsFlags, type MetricsFlags } from "../flags/metrics-flags.js";
import { withQueueFlags, withStoreFlags, type QueueFlags, type StoreFlags } from "../flags/queue-flags.js";
import { withRunFlags, type RunFlags } from "../flags/run-flags.js";

export interface WorkerFlags extends RunFlags, MetricsFlags, QueueFlags, StoreFlags {
  config?: string;
  maxConcurrent?: number;
  lockSeconds: number;
}

/** The command, ready to be added to the program. */
export function workerCommand(): Command {
  const command = withStoreFlags(withQueueFlags(new Command("worker")))
    .summary("colour pages of a farm's queue")
    .description(
      "Colours pages that `cobra-batch submit` has put into a queue in Redis, until it is stopped. Any number of workers on any number of machines share the work.",
    )
    .option(
      "--config <file>",
      "JSON file whose engine section and maxConcurrent apply, such as tune/settings.json; flags override it",
    )
    .option(
      "--max-concurrent <number>",
      "pages processed at once, at most (default: as memory and cores allow)",
      integer("--max-concurrent", 1),
    )
    .option(
      "--lock-seconds <number>",
      "a page goes to another worker after its worker has been silent for this long",
      integer("--lock-seconds", 1),
      60,
    );
  return withMetricsFlags(withRunFlags(command))
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch worker --queue redis://host --store /share
  cobra-batch worker --provider cuda --metrics-port 9464
  cobra-batch worker --store /share --config tune/settings.json

With a store at an address, a machine without a model fetches the one that
\`cobra-batch store --model\` offers.

The first SIGINT, SIGTERM or SIGHUP finishes the pages in progress, within
--drain; the others go back to the queue. If a worker is killed, only the pages
that it was processing are started again. See docs/farm.md.

Exit codes:
  1              the worker cannot start
  64             wrong flags
  75             the queue does not answer
  129, 130, 143  stopped by SIGHUP, SIGINT, SIGTERM`,
    )
    .action(async (flags: WorkerFlags) => {
      const { worker } = await import("../actions/worker.js");
      process.exitCode = await worker(flags);
    });
}
