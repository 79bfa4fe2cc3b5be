/** `cobra-batch store`: serves a folder to machines of a farm that do not share it. */
import { Command } from "commander";
import { integer, MOST_PORT } from "../flags/flag-values.js";
import { withLogFlags, type LogFlags } from "../flags/log-flags.js";

export interface StoreCommandFlags extends LogFlags {
  host: string;
  port: number;
  token?: string;
  maxBytes: number;
  model?: string;
  json?: boolean;
}

/** The command, ready to be added to the program. */
export function storeCommand(): Command {
  const command = new Command("store")
    .summary("serve a farm's store to machines without a shared folder")
    .description(
      "Serves a folder over HTTP as the store of a farm, so that workers and submitters need the address of Redis and this one, and no shared folder.",
    )
    .argument("<dir>", "the store's folder; it must exist")
    .option("--host <address>", "address to listen on; 0.0.0.0 for all", "127.0.0.1")
    .option("--port <number>", "port to listen on; 0 for any that is free", integer("--port", 0, MOST_PORT), 8790)
    .option(
      "--token <text>",
      "token that clients must send, 16 characters or more (default: COBRA_STORE_TOKEN, else a generated one)",
    )
    .option("--max-bytes <number>", "largest file that is accepted", integer("--max-bytes", 1), 2 ** 31)
    .option("--model <name|dir>", "model for the machines that have none; its files are kept in the store")
    .optionsGroup("Logging:");
  return withLogFlags(command)
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .optionsGroup("Options:")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch store /data/store --host 0.0.0.0
  cobra-batch store /data/store --model cobra
  cobra-batch worker --queue redis://host --store http://host:8790 --token TOKEN
  cobra-batch submit chapter.cbz --store http://host:8790 --token TOKEN --wait

Traffic is not encrypted: use a private network, or a proxy with TLS.

Exit codes:
  1              it cannot listen
  64             wrong flags, or a folder that does not exist
  75             the folder cannot be written
  129, 130, 143  stopped by SIGHUP, SIGINT, SIGTERM`,
    )
    .action(async (folder: string, flags: StoreCommandFlags) => {
      const { store } = await import("../actions/store.js");
      process.exitCode = await store(folder, flags);
    });
}
