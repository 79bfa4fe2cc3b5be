/** `cobra-batch serve`: the web page and its API. */
import { Command } from "commander";
import { collect, integer, MOST_PORT } from "../flags/flag-values.js";
import { withMetricsFlags, type MetricsFlags } from "../flags/metrics-flags.js";
import { withRunFlags, type RunFlags } from "../flags/run-flags.js";

/** Port of Gradio's own pages, which people know. */
const DEFAULT_PORT = 7860;

export interface ServeFlags extends RunFlags, MetricsFlags {
  host: string;
  port: number;
  open?: boolean;
  token?: string;
  data?: string;
  root?: string[];
  hostName?: string[];
  queue?: string | true;
  name: string;
  store?: string;
  storeToken?: string;
}

/** The command, ready to be added to the program. */
export function serveCommand(): Command {
  const command = new Command("serve")
    .summary("colour chapters in a web page")
    .description(
      "Serves a web page that colours chapters, and the HTTP API behind it. It listens on this machine only, unless --host is given. Jobs are kept on disk and continue when the server is started again.",
    )
    .optionsGroup("Server:")
    .option("--host <address>", "address to listen on; 0.0.0.0 for all, which needs a token", "127.0.0.1")
    .option(
      "--port <number>",
      "port to listen on; 0 for any that is free",
      integer("--port", 0, MOST_PORT),
      DEFAULT_PORT,
    )
    .option("--open", "open the page in the browser")
    .option(
      "--token <text>",
      "secret that clients must send (default: COBRA_TOKEN, else a generated one if --host is not this machine)",
    )
    .option("--host-name <name>", "host name that requests may use, such as that of a proxy; may be repeated", collect)
    .option(
      "--data <dir>",
      "folder of jobs, uploads and results (default: $XDG_DATA_HOME/cobra-batch, else ~/.local/share/cobra-batch)",
    )
    .option("--root <name=dir>", "folder on this machine whose chapters the page may read; may be repeated", collect)
    .optionsGroup("Farm:")
    .option(
      "--queue [url]",
      "let the workers of a farm colour, through Redis at this address, such as redis://host:6379 (without one: COBRA_QUEUE)",
    )
    .option("--name <name>", "name of the farm; several may share one Redis", "comics")
    .option(
      "--store <dir|url>",
      "folder that all machines of the farm share, or address of `cobra-batch store` (default: COBRA_STORE)",
    )
    .option("--store-token <text>", "token of a store that is named by its address (default: COBRA_STORE_TOKEN)");
  return withMetricsFlags(withRunFlags(command))
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch serve --open
  cobra-batch serve --root manga=/srv/manga --root ~/scans
  cobra-batch serve --host 0.0.0.0 --port 8080
  cobra-batch serve --queue redis://host --store /share/store

The first SIGINT, SIGTERM or SIGHUP finishes the pages in progress and ends the
server; the second ends it at once. Either way jobs continue at the next start.

With --queue the server loads no model: pages go to the workers of a farm, and
the page shows them as well. See docs/farm.md.

Exit codes:
  1              the server cannot start
  64             wrong flags
  75             another server works on the same data, or the farm's queue does
                 not answer
  129, 130, 143  stopped by SIGHUP, SIGINT, SIGTERM`,
    )
    .action(async (flags: ServeFlags) => {
      const { serve } = await import("../actions/serve.js");
      process.exitCode = await serve(flags);
    });
}
