#!/usr/bin/env node
/** The `cobra-batch` command: the program and its subcommands, nothing else. */
import { readFileSync } from "node:fs";
import { Command, CommanderError } from "commander";
import { approveCommand } from "./approve-command.js";
import { colorizeCommand } from "./colorize-command.js";
import { configCommand } from "./config-command.js";
import { EXIT } from "./exit-codes.js";
import { modelCommand } from "./model-command.js";
import { redoCommand } from "./redo-command.js";
import { rejectCommand } from "./reject-command.js";
import { retryCommand } from "./retry-command.js";

const { version } = JSON.parse(readFileSync(new URL("../../../package.json", import.meta.url), "utf8")) as { version: string };

const program = new Command("cobra-batch")
  .description("Colours whole chapters of comic line art with the Cobra diffusion model.")
  .version(version)
  .addCommand(colorizeCommand())
  .addCommand(approveCommand())
  .addCommand(rejectCommand())
  .addCommand(retryCommand())
  .addCommand(redoCommand())
  .addCommand(configCommand())
  .addCommand(modelCommand());

function exitOverride(command: Command): void {
  command.exitOverride().showSuggestionAfterError().showHelpAfterError("Run with --help for all options.");
  for (const child of command.commands) exitOverride(child);
}
exitOverride(program);

try {
  await program.parseAsync();
} catch (error) {
  if (!(error instanceof CommanderError)) throw error;
  process.exitCode = error.exitCode === 0 ? EXIT.done : EXIT.usage;
}
