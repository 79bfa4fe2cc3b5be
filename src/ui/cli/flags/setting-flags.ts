/** The flags that name settings, and the settings from flags, environment and file together. */
import { existsSync, statSync } from "node:fs";
import { extname, join, parse, resolve } from "node:path";
import { Option, type Command } from "commander";
import {
  settingHelp,
  settingsJsonSchema,
  type BatchConfig,
  type BatchConfigInput,
  type PageConfig,
} from "../../../config/batch-config.js";
import { ConfigurationHandler, type ConfigFile } from "../../../config/configuration-handler.js";
import {
  environmentName,
  environmentSettings,
  layerSettings,
  misspeltVariables,
  type Origin,
} from "../../../config/layers.js";
import { ConfigurationError } from "../../../errors.js";
import { integer } from "./flag-values.js";

/** Values of the flags by commander's names for them. */
export type SettingFlags = { config?: string; flat?: boolean } & Readonly<Record<string, unknown>>;

/** Flags of the settings; their help, types and defaults come from the schema. */
const FLAGS: readonly (readonly [key: keyof BatchConfig, flags: string, group: string])[] = [
  ["inputDir", "--input-dir <dir>", "Input and output"],
  ["inputZip", "--input-zip <file>", "Input and output"],
  ["outputDir", "--output-dir <dir>", "Input and output"],
  ["outputZip", "--output-zip <file>", "Input and output"],
  ["zipOutputName", "--zip-output-name <name>", "Input and output"],
  ["outputFormat", "--format <format>", "Input and output"],
  ["quality", "--quality <number>", "Input and output"],
  ["lossless", "--lossless", "Input and output"],
  ["compressionLevel", "--compression-level <number>", "Input and output"],
  ["layers", "--layers <format>", "Input and output"],
  ["recolor", "--recolor", "Input and output"],
  ["recursive", "--recursive", "Input and output"],
  ["overwrite", "--overwrite", "Input and output"],
  ["referenceImages", "--reference-dir <path>", "Colours"],
  ["classifier", "--classifier <name>", "Colours"],
  ["style", "--style <style>", "Colours"],
  ["seed", "--seed <number>", "Colours"],
  ["numInferenceSteps", "--steps <number>", "Colours"],
  ["topK", "--top-k <number>", "Colours"],
  ["ink", "--ink <ink>", "Colours"],
  ["fill", "--fill <fill>", "Colours"],
  ["previewMode", "--preview", "Preview"],
  ["previewPages", "--preview-pages <number>", "Preview"],
  ["previewSeeds", "--preview-seeds <number>", "Preview"],
  ["maxConcurrent", "--max-concurrent <number>", "Running"],
];

const ARCHIVE_EXTENSIONS = new Set([".zip", ".cbz"]);

function collect(value: string, all: string[] = []): string[] {
  return [...all, value];
}

/** Adds the flags to a command. */
export function withSettingFlags(command: Command): Command {
  command.argument(
    "[input]",
    "chapter: a folder, a ZIP or a CBZ (the same as --input-dir or --input-zip); the result goes beside it, named <input>_colorized, where no output is named",
  );
  for (const [key, flags, group] of FLAGS) command.addOption(settingOption(key, flags, group));
  return command
    .addOption(
      new Option("--flat", "pictures side by side instead of in the input's folders").helpGroup("Input and output:"),
    )
    .addOption(
      new Option(
        "--config <file>",
        "JSON file with settings for all pages and for single ones; flags and COBRA_… variables go over it",
      ).helpGroup("Running:"),
    );
}

function settingOption(key: keyof BatchConfig, flags: string, group: string): Option {
  const { description, default: value } = settingHelp(key);
  const { type, enum: choices } = settingsJsonSchema().properties[key] as { type?: string; enum?: string[] };
  const option = new Option(
    flags,
    type === "array" ? `${description}; may be given several times` : description,
  ).helpGroup(`${group}:`);
  // For the help and for completion alone: what is given is checked with the other settings, and a default is no given
  // value.
  if (choices !== undefined) option.argChoices = choices;
  if (value !== undefined && value !== false && !Array.isArray(value)) option.defaultValueDescription = String(value);
  if (type === "integer") option.argParser(integer);
  if (type === "array") option.argParser(collect);
  return option;
}

/** What a person who gave a setting calls it: the flag, the variable, else its name. */
function labelOf(key: string, origin: Origin | undefined): string {
  const flags = FLAGS.find(([setting]) => setting === key)?.[1];
  if (origin === "environment") return environmentName(key);
  return origin === "file" || flags === undefined ? key : flags.split(" ")[0]!;
}

/** The settings that flags name. */
function flagSettings(flags: SettingFlags): Partial<Record<keyof BatchConfig, unknown>> {
  const given = FLAGS.flatMap(([key, spelled]) => {
    const value = flags[new Option(spelled).attributeName()];
    return value === undefined ? [] : [[key, value]];
  });
  return {
    ...(Object.fromEntries(given) as Partial<Record<keyof BatchConfig, unknown>>),
    ...(flags.flat === true ? { preserveStructure: false } : {}),
  };
}

/** Where a positional input goes, and the output it implies when none is named anywhere. */
function placePositional(
  input: string,
  named: Partial<Record<keyof BatchConfig, unknown>>,
  lower: Partial<BatchConfigInput>,
): BatchConfigInput {
  const other = named.inputDir ?? named.inputZip;
  if (other !== undefined)
    throw new ConfigurationError(
      "ERR_CONFIG",
      `the chapter is named twice: "${input}" and "${String(other)}"; give one of them`,
    );
  const isFolder = existsSync(input)
    ? statSync(input).isDirectory()
    : !ARCHIVE_EXTENSIONS.has(extname(input).toLowerCase());
  const chapter = isFolder ? { inputDir: input } : { inputZip: input };
  const settings = { ...lower, ...named } as BatchConfigInput;
  if ((settings.outputDir ?? settings.outputZip) !== undefined) return chapter;
  const { dir, name, ext } = parse(resolve(input));
  if (settings.zipOutputName !== undefined) return { ...chapter, outputZip: `${dir}/` };
  return {
    ...chapter,
    ...(isFolder
      ? { outputDir: join(dir, `${name}${ext}_colorized`) }
      : { outputZip: join(dir, `${name}_colorized${ARCHIVE_EXTENSIONS.has(ext.toLowerCase()) ? ext : ".cbz"}`) }),
  };
}

/** The settings that win, unchecked, and where each comes from. */
export interface GatheredSettings {
  readonly settings: BatchConfigInput;
  readonly origins: ReadonlyMap<string, Origin>;
  /** Entries of the file for single pages. */
  readonly images: ConfigFile["images"];
  /** What the file says of one page, less what flags and environment say of all. */
  readonly pageConfig: (name: string) => PageConfig;
  /** What a setting is called in messages. */
  readonly label: (key: string) => string;
  /** About variables that look like a setting's and are none. */
  readonly warnings: readonly string[];
}

/** Puts flags over environment over file. Rejects with `ERR_CONFIG` for a file with faults. */
export async function gatherSettings(
  input: string | undefined,
  flags: SettingFlags,
  environment: NodeJS.ProcessEnv,
): Promise<GatheredSettings> {
  const handler = new ConfigurationHandler();
  const { images } = flags.config === undefined ? { images: {} } : await handler.loadConfigFile(flags.config);
  const lower = { file: handler.getDefaultConfig(), environment: environmentSettings(environment) };
  const named = flagSettings(flags);
  const placed: BatchConfigInput =
    input === undefined ? {} : placePositional(input, named, { ...lower.file, ...lower.environment });
  const { settings, origins } = layerSettings({ ...lower, flag: { ...named, ...placed } as BatchConfigInput });
  for (const key of ["outputDir", "outputZip"] as const) if (placed[key] !== undefined) origins.set(key, "default"); // nobody has named it
  const stronger = new Set(
    [...origins].flatMap(([key, origin]) => (origin === "flag" || origin === "environment" ? [key] : [])),
  );
  const pageConfig = (name: string): PageConfig =>
    Object.fromEntries(Object.entries(handler.getImageConfig(name)).filter(([key]) => !stronger.has(key)));
  return {
    settings: settings as BatchConfigInput,
    origins,
    images,
    pageConfig,
    label: (key) => labelOf(key, origins.get(key)),
    warnings: misspeltVariables(environment),
  };
}
