/** Flags of the commands that use the farm's queue. */
import type { Command } from "commander";

export interface QueueFlags {
  queue?: string;
  name: string;
}

/** Adds the flags to a command. */
export function withQueueFlags(command: Command): Command {
  return command
    .optionsGroup("Farm:")
    .option("--queue <url>", "Redis of the farm, such as redis://host:6379 (default: COBRA_QUEUE)")
    .option("--name <name>", "name of the farm; several may share one Redis", "comics");
}

export interface StoreFlags {
  store?: string;
  token?: string;
}

/** Adds the store to a command that handles pictures. */
export function withStoreFlags(command: Command): Command {
  return command
    .option(
      "--store <dir|url>",
      "folder that all machines of the farm share, under any path, or address of `cobra-batch store` (default: COBRA_STORE)",
    )
    .option("--token <text>", "token of a store that is named by its address (default: COBRA_STORE_TOKEN)");
}
