/** The flag `--set key=value`. Its value is read in `set-values.ts`. */
import type { Command } from "commander";
import { PAGE_SETTINGS, RERUN_SETTINGS } from "../../../config/settings.js";
import { collect, reportsFlagFaults } from "./flag-values.js";

/** Settings that can be changed: those of pages, and where the pictures come from and how many are in progress. */
export const CHANGEABLE: readonly string[] = [...PAGE_SETTINGS, ...RERUN_SETTINGS];

/** Short names of settings, as the flags have them. */
export const SHORT_NAMES: Readonly<Record<string, string>> = {
  steps: "numInferenceSteps",
  referenceDir: "referenceImages",
};

/** Adds the flag to a command. @param what the settings are for */
export function withSetFlag(command: Command, what: string): Command {
  return reportsFlagFaults(command).option(
    "--set <key=value>",
    `${what}; may be repeated (${CHANGEABLE.join(", ")})`,
    collect,
  );
}
