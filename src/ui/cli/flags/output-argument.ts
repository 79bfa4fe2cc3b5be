/** The argument of commands that continue an earlier run, and the flags of running. */
import type { Command } from "commander";
import { withRunFlags } from "./run-flags.js";

/** Adds the output and the flags of running. */
export function withOutput(command: Command): Command {
  return withRunFlags(command.argument("<output>", "output folder or archive of an earlier `colorize`"), true);
}
