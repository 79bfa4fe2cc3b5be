/** `cobra-batch config`: checks configuration files, explains which settings apply, prints the JSON Schema. */
import { BATCH_CONFIG_KEYS, configError, parseBatchConfig, type BatchConfig } from "../../../config/batch-config.js";
import { configFileJsonSchema, ConfigurationHandler } from "../../../config/configuration-handler.js";
import { environmentName } from "../../../config/layers.js";
import { faultAt, faultText } from "../../../errors/fault.js";
import { ownFileFaults } from "../../../core/input/page-overrides.js";
import { reportErrors } from "../output/report-errors.js";
import { count, printText } from "../output/terminal-text.js";
import { flagFaults } from "../flags/flag-values.js";
import type { SettingFlags } from "../flags/setting-flags.js";
import { gatherSettings } from "./gather-settings.js";

/** Checks a file; all faults are one error. */
export function checkConfig(path: string): Promise<void> {
  return reportErrors(() => check(path));
}

/** Prints the settings that apply and where each comes from. */
export function explainConfig(input: string | undefined, flags: SettingFlags): Promise<void> {
  return reportErrors(() => explain(input, flags));
}

/** Prints the JSON Schema of configuration files. */
export function printConfigSchema(): void {
  printText(`${JSON.stringify(configFileJsonSchema(), null, 2)}\n`);
}

async function check(path: string): Promise<void> {
  const file = await new ConfigurationHandler().loadConfigFile(path);
  const faults = await ownFileFaults(
    Object.entries(file.images).map(([name, settings]) => [`images[${JSON.stringify(name)}]`, settings]),
  );
  if (faults.length > 0) throw configError(faults.map((fault) => faultAt(`${path}: `, fault)));
  printText(
    `${path} is valid: ${count(Object.keys(file.default).length, "setting")} for all pages, ${count(Object.keys(file.images).length, "entry", "entries")} for single pages\n`,
  );
}

async function explain(input: string | undefined, flags: SettingFlags): Promise<void> {
  const {
    settings,
    origins,
    images,
    engine,
    label,
    warnings: misspelt,
  } = await gatherSettings(input, flags, process.env);
  const { config, warnings } = parseBatchConfig(settings, label, {}, flagFaults(flags));
  for (const warning of [...misspelt.map(faultText), ...warnings]) process.stderr.write(`warning: ${warning}\n`);
  const where = (key: string): string => {
    const origin = origins.get(key) ?? "default";
    if (origin === "environment") return `environment (${environmentName(key)})`;
    return origin === "file" ? `file (${flags.config})` : origin;
  };
  for (const key of BATCH_CONFIG_KEYS) {
    const value = config[key as keyof BatchConfig];
    printText(`${key.padEnd(18)} ${(value === undefined ? "-" : JSON.stringify(value)).padEnd(24)} ${where(key)}\n`);
  }
  for (const [key, value] of Object.entries(engine))
    printText(`${`engine.${key}`.padEnd(18)} ${JSON.stringify(value).padEnd(24)} file (${flags.config})\n`);
  for (const [name, own] of Object.entries(images))
    printText(
      `${name.padEnd(18)} ${JSON.stringify(own).padEnd(24)} file (${flags.config}), overrides the file's values and the defaults above\n`,
    );
}
