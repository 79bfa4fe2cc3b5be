/** `cobra-batch config`: checks configuration files and explains which settings apply. */
import { Command } from "commander";
import { withSettingFlags, type SettingFlags } from "../flags/setting-flags.js";

/** The command, ready to be added to the program. */
export function configCommand(): Command {
  const command = new Command("config")
    .summary("check and explain settings")
    .description("Checks configuration files and explains which settings apply.")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch config check settings.json\n  cobra-batch config explain chapter.cbz --config settings.json",
    );
  command
    .command("check <file>")
    .summary("check a configuration file and list all its faults")
    .description("Reads a configuration file and lists all its faults with their places.")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch config check settings.json\n\nExit codes: 0 the file is valid, 64 it is not.",
    )
    .action(async (file: string) => {
      const { checkConfig } = await import("../actions/config.js");
      await checkConfig(file);
    });
  withSettingFlags(
    command
      .command("explain")
      .summary("show which settings apply and where each comes from")
      .description("Shows the settings that `colorize` would use with the same flags, and where each comes from."),
  )
    .optionsGroup("Options:")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch config explain chapter.cbz
  COBRA_SEED=5 cobra-batch config explain a.cbz --config a.json --steps 4

A flag overrides a COBRA_… variable, which overrides the configuration file,
which overrides the default.`,
    )
    .action(async (input: string | undefined, flags: SettingFlags) => {
      const { explainConfig } = await import("../actions/config.js");
      await explainConfig(input, flags);
    });
  command
    .command("schema")
    .summary("print the JSON Schema of configuration files")
    .description("Prints the JSON Schema of configuration files, for editors that complete and check them.")
    .addHelpText("after", "\nExamples:\n  cobra-batch config schema > settings.schema.json")
    .action(async () => {
      const { printConfigSchema } = await import("../actions/config.js");
      printConfigSchema();
    });
  return command;
}
