/** `cobra-batch colorize`: settings from all places, then one batch. */
import { parseBatchConfig } from "../../../config/batch-config.js";
import { ConfigurationError } from "../../../errors.js";
import type { ColorizeFlags } from "../commands/colorize-command.js";
import { flagFaults } from "../flags/flag-values.js";
import { gatherSettings } from "./gather-settings.js";
import { runBatchCommand } from "./run-batch.js";

/** Colours a chapter. @returns the exit code */
export function colorize(input: string | undefined, flags: ColorizeFlags): Promise<number> {
  return runBatchCommand(flags, async () => {
    const gathered = await gatherSettings(input, flags, process.env);
    const faults = flagFaults(flags);
    if (faults.length === 0 && (gathered.settings.inputDir ?? gathered.settings.inputZip) === undefined)
      throw new ConfigurationError(
        "ERR_CONFIG",
        "no input is named; name a folder, a ZIP or a CBZ, such as: cobra-batch colorize chapter.cbz",
      );
    const { config, warnings } = parseBatchConfig(gathered.settings, gathered.label, {}, faults);
    return {
      config,
      options: { fresh: Boolean(flags.fresh), pageConfig: gathered.pageConfig },
      warnings: [...gathered.warnings, ...warnings],
      lateWarnings: gathered.lateWarnings,
      given: gathered.given,
    };
  });
}
