/** The flags that name settings. Their values are gathered and checked in `actions/gather-settings.ts`. */
import { Option, type Command } from "commander";
import { settingFacts, type SettingKey } from "../../../config/settings.js";
import { settingFromText } from "../../../config/setting-text.js";
import { markSetting, reportsFlagFaults } from "./flag-values.js";

/** Values of the flags by commander's names for them. */
export type SettingFlags = { config?: string; flat?: boolean } & Readonly<Record<string, unknown>>;

/** Flags of the settings; their help, types and defaults come from the table of settings. */
export const SETTING_FLAGS: readonly (readonly [key: SettingKey, flags: string, group: string])[] = [
  ["inputDir", "--input-dir <dir>", "Input"],
  ["inputZip", "--input-zip <file>", "Input"],
  ["recursive", "--recursive", "Input"],
  ["referenceImages", "--reference-dir <path>", "Input"],
  ["classifier", "--classifier <name>", "Input"],
  ["outputDir", "--output-dir <dir>", "Output"],
  ["outputZip", "--output-zip <file>", "Output"],
  ["zipOutputName", "--zip-output-name <name>", "Output"],
  ["outputFormat", "--format <format>", "Output"],
  ["quality", "--quality <number>", "Output"],
  ["lossless", "--lossless", "Output"],
  ["compressionLevel", "--compression-level <number>", "Output"],
  ["layers", "--layers <format>", "Output"],
  ["overwrite", "--overwrite", "Output"],
  ["recolor", "--recolor", "Colouring"],
  ["style", "--style <style>", "Colouring"],
  ["seed", "--seed <number>", "Colouring"],
  ["numInferenceSteps", "--steps <number>", "Colouring"],
  ["topK", "--top-k <number>", "Colouring"],
  ["ink", "--ink <ink>", "Colouring"],
  ["fill", "--fill <fill>", "Colouring"],
  ["previewMode", "--preview", "Preview"],
  ["previewPages", "--preview-pages <number>", "Preview"],
  ["previewSeeds", "--preview-seeds <number>", "Preview"],
  ["maxConcurrent", "--max-concurrent <number>", "Running"],
];

const INPUT = "folder, ZIP or CBZ, as with --input-dir or --input-zip";
/** The argument of a command, by what it is. */
const ARGUMENTS = {
  one: ["[input]", `chapter to colour: a ${INPUT}`],
  several: [
    "[input...]",
    `chapters to colour, each a ${INPUT}; if no output is named, the result is <input>_colorized beside it`,
  ],
  watched: ["[folder]", "folder to watch"],
} as const;

/** Those that name one chapter or its result, which a command has none of that takes what is put into a folder. */
const ONE_CHAPTER: ReadonlySet<SettingKey> = new Set(["inputDir", "inputZip", "outputZip", "zipOutputName"]);

/** Adds the flags to a command. @param takes what its argument is */
export function withSettingFlags(command: Command, takes: keyof typeof ARGUMENTS = "one"): Command {
  const [argument, description] = ARGUMENTS[takes];
  command.argument(argument, description);
  reportsFlagFaults(command);
  for (const [key, flags, group] of SETTING_FLAGS)
    if (takes !== "watched" || !ONE_CHAPTER.has(key)) command.addOption(markSetting(settingOption(key, flags, group)));
  return command
    .addOption(
      new Option("--flat", "put all pages into one folder instead of mirroring the input").helpGroup("Output:"),
    )
    .addOption(
      new Option(
        "--config <file>",
        "JSON file with settings for all pages and for single pages; flags and COBRA_… variables override it",
      ).helpGroup("Running:"),
    );
}

function settingOption(key: SettingKey, flags: string, group: string): Option {
  const { help, default: value, standard, choices, type } = settingFacts(key);
  const option = new Option(flags, type === "list" ? `${help}; may be repeated` : help).helpGroup(`${group}:`);
  // For help and completion only: a value is checked together with the other settings, and a default is not a value
  // that was given.
  if (choices !== undefined) option.argChoices = [...choices];
  if (type !== "list" && value !== undefined && value !== false) option.defaultValueDescription = String(value);
  if (standard !== undefined) option.defaultValueDescription = standard;
  if (type !== "boolean") option.argParser((text, list) => settingFromText(key, text, list as string[] | undefined));
  return option;
}
