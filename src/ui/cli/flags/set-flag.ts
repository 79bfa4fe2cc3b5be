/** The flags `--set key=value`, `--style`, `--ink` and `--fill` of commands that colour pages again. */
import { Option, type Command } from "commander";
import { PAGE_SETTINGS, RERUN_SETTINGS, SETTINGS } from "../../../config/settings.js";
import { choice, collect, markSetting, reportsFlagFaults } from "./flag-values.js";

/** Values of the flags; `set` is read in `actions/set-values.ts`. */
export interface SetFlags {
  set?: string[];
  style?: string;
  ink?: string;
  fill?: string;
}

/** Settings that have a flag of their own beside `--set`. */
export const SETTINGS_WITH_FLAGS = ["style", "ink", "fill"] as const;

/** Settings that can be changed: those of pages, and where the pictures come from and how many are in progress. */
export const CHANGEABLE: readonly string[] = [...PAGE_SETTINGS, ...RERUN_SETTINGS];

/** Short names of settings, as the flags have them. */
export const SHORT_NAMES: Readonly<Record<string, string>> = {
  steps: "numInferenceSteps",
  referenceDir: "referenceImages",
};

/** Adds the flags to a command. @param what the settings are for */
export function withSetFlag(command: Command, what: string): Command {
  const help = `${what}; may be repeated. The names: ${CHANGEABLE.join(", ")}`;
  reportsFlagFaults(command).addOption(markSetting(new Option("--set <key=value>", help).argParser(collect)));
  for (const key of SETTINGS_WITH_FLAGS) {
    const { choices } = SETTINGS[key];
    const option = new Option(`--${key} <${key}>`, `the same as --set ${key}=…`);
    option.argChoices = [...choices];
    command.addOption(markSetting(option).argParser(choice(`--${key}`, choices)));
  }
  return command;
}
