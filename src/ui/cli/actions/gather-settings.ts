/** The settings of a command: from its flags, the environment and the configuration file together. */
import { existsSync, statSync } from "node:fs";
import { extname, join, parse, resolve } from "node:path";
import { Option } from "commander";
import type { BatchConfig, BatchConfigInput, PageConfig } from "../../../config/batch-config.js";
import { ConfigurationHandler, type ConfigFile } from "../../../config/configuration-handler.js";
import {
  environmentName,
  environmentSettings,
  layerSettings,
  misspeltVariables,
  type Origin,
} from "../../../config/layers.js";
import { ConfigurationError } from "../../../errors.js";
import { SETTING_FLAGS, type SettingFlags } from "../flags/setting-flags.js";

const ARCHIVE_EXTENSIONS = new Set([".zip", ".cbz"]);

/** What a person who gave a setting calls it: the flag, the variable, else its name. */
function labelOf(key: string, origin: Origin | undefined): string {
  const flags = SETTING_FLAGS.find(([setting]) => setting === key)?.[1];
  if (origin === "environment") return environmentName(key);
  return origin === "file" || flags === undefined ? key : flags.split(" ")[0]!;
}

/** The settings that flags name. */
function flagSettings(flags: SettingFlags): Partial<Record<keyof BatchConfig, unknown>> {
  const given = SETTING_FLAGS.flatMap(([key, spelled]) => {
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
