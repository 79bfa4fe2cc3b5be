/** `cobra-batch config`: check a configuration file, tell which settings win, give the files' JSON Schema. */
import { Command } from "commander";
import { BATCH_CONFIG_KEYS, configError, parseBatchConfig, type BatchConfig } from "../../../config/batch-config.js";
import { configFileJsonSchema, ConfigurationHandler } from "../../../config/configuration-handler.js";
import { environmentName } from "../../../config/layers.js";
import { ownFileFaults } from "../../../core/input/page-overrides.js";
import { reportErrors } from "../output/report-errors.js";
import { gatherSettings, withSettingFlags, type SettingFlags } from "../flags/setting-flags.js";

/** The command, ready to be added to the program. */
export function configCommand(): Command {
  const command = new Command("config")
    .summary("check and explain settings")
    .description("Checks configuration files and explains which settings win.")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch config check settings.json\n  cobra-batch config explain chapter.cbz --config settings.json",
    );
  command
    .command("check <file>")
    .summary("check a configuration file; lists all faults with their places")
    .description("Reads a configuration file and lists everything that is wrong with it at once.")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch config check settings.json\n\nExit codes: 0 the file is right, 64 it is not.",
    )
    .action((file: string) => reportErrors(() => check(file)));
  withSettingFlags(
    command
      .command("explain")
      .summary("tell which settings a colorize command with the same flags has, and where each comes from"),
  )
    .optionsGroup("Options:")
    .addHelpText(
      "after",
      "\nExamples:\n  cobra-batch config explain chapter.cbz\n  COBRA_SEED=5 cobra-batch config explain a.cbz --config a.json --steps 4\n\nA flag goes over a variable COBRA_…, that over the file, that over the default.",
    )
    .action((input: string | undefined, flags: SettingFlags) => reportErrors(() => explain(input, flags)));
  command
    .command("schema")
    .summary("print the JSON Schema of configuration files")
    .description("Prints the JSON Schema of configuration files, for editors that complete and check them.")
    .addHelpText("after", "\nExamples:\n  cobra-batch config schema > settings.schema.json")
    .action(() => void process.stdout.write(`${JSON.stringify(configFileJsonSchema(), null, 2)}\n`));
  return command;
}

async function check(path: string): Promise<void> {
  const file = await new ConfigurationHandler().loadConfigFile(path);
  const faults = await ownFileFaults(
    Object.entries(file.images).map(([name, settings]) => [`images[${JSON.stringify(name)}]`, settings]),
  );
  if (faults.length > 0) throw configError(faults.map((fault) => `${path}: ${fault}`));
  process.stdout.write(
    `${path} is right: ${Object.keys(file.default).length} settings for all pages, entries for ${Object.keys(file.images).length} names\n`,
  );
}

async function explain(input: string | undefined, flags: SettingFlags): Promise<void> {
  const { settings, origins, images, label, warnings: misspelt } = await gatherSettings(input, flags, process.env);
  const { config, warnings } = parseBatchConfig(settings, label);
  for (const message of [...misspelt, ...warnings]) process.stderr.write(`warning: ${message}\n`);
  const where = (key: string): string => {
    const origin = origins.get(key) ?? "default";
    if (origin === "environment") return `environment (${environmentName(key)})`;
    return origin === "file" ? `file (${flags.config})` : origin;
  };
  for (const key of BATCH_CONFIG_KEYS) {
    const value = config[key as keyof BatchConfig];
    process.stdout.write(
      `${key.padEnd(18)} ${(value === undefined ? "-" : JSON.stringify(value)).padEnd(24)} ${where(key)}\n`,
    );
  }
  for (const [name, own] of Object.entries(images))
    process.stdout.write(
      `${name.padEnd(18)} ${JSON.stringify(own).padEnd(24)} file (${flags.config}), over the file's and the defaults above\n`,
    );
}
