/** The flags that name settings, and the settings from flags, environment and file together. */
import { existsSync, statSync } from "node:fs";
import { extname, join, parse, resolve } from "node:path";
import { Option, type Command } from "commander";
import { INKS, STYLES, type BatchConfigInput, type PageConfig } from "../../config/batch-config.js";
import { ConfigurationHandler, type ConfigFile } from "../../config/configuration-handler.js";
import { environmentSettings, layerSettings, type Origin } from "../../config/layers.js";
import { ConfigurationError } from "../../errors.js";
import { integer } from "./flag-values.js";

export interface SettingFlags {
  config?: string;
  inputDir?: string;
  inputZip?: string;
  outputDir?: string;
  outputZip?: string;
  referenceDir?: string[];
  style?: string;
  seed?: number;
  steps?: number;
  topK?: number;
  ink?: string;
  recursive?: boolean;
  overwrite?: boolean;
  maxConcurrent?: number;
}

const ARCHIVE_EXTENSIONS = new Set([".zip", ".cbz"]);

function collect(value: string, all: string[] = []): string[] {
  return [...all, value];
}

/** Adds the flags to a command. */
export function withSettingFlags(command: Command): Command {
  return command
    .argument("[input]", "chapter: a folder, a ZIP or a CBZ (the same as --input-dir or --input-zip)")
    .option("--input-dir <dir>", "folder with pages")
    .option("--input-zip <file>", "ZIP or CBZ with pages")
    .option("--output-dir <dir>", "folder for the coloured pages")
    .option("--output-zip <file>", "ZIP or CBZ for the coloured pages (default for [input]: <input>_colorized.cbz beside it)")
    .option("--reference-dir <path>", "folder with coloured references, or one picture; may be given several times", collect)
    .addOption(new Option("--style <style>", `look of the lines: ${STYLES.map((style) => `"${style}"`).join(" or ")} (default: "line + shadow")`))
    .option("--seed <number>", "seed of the noise; the same seed gives the same picture (default: 0)", integer)
    .option("--steps <number>", "denoising steps a page (default: 10)", integer)
    .option("--top-k <number>", "reference patches a quadrant (default: 3)", integer)
    .addOption(new Option(`--ink <${INKS.join("|")}>`, '"page": the page\'s own size and lines with the model\'s colour; "model": the model\'s own picture (default: "page")'))
    .option("--recursive", "folders inside the input folder too")
    .option("--overwrite", "replace existing outputs instead of adding _1, _2, …")
    .option("--max-concurrent <number>", "pages in flight at once, at most (default: as many as memory and cores are good for)", integer)
    .option("--config <file>", "JSON file with settings for all pages and for single ones; flags and COBRA_… variables go over it");
}

/** Where a positional input goes, and the output it implies when none is named anywhere. */
function placePositional(input: string | undefined, flags: SettingFlags, outputNamed: boolean): Pick<BatchConfigInput, "inputDir" | "inputZip" | "outputDir" | "outputZip"> {
  const named = pick(flags, ["inputDir", "inputZip", "outputDir", "outputZip"]);
  if (input === undefined) return named;
  if (flags.inputDir ?? flags.inputZip) {
    throw new ConfigurationError("ERR_CONFIG", `the chapter is named twice: "${input}" and "${flags.inputDir ?? flags.inputZip}"; give one of them`);
  }
  const isFolder = existsSync(input) ? statSync(input).isDirectory() : !ARCHIVE_EXTENSIONS.has(extname(input).toLowerCase());
  const { dir, name } = parse(resolve(input));
  const implied = !outputNamed ? (isFolder ? { outputDir: join(dir, `${name}_colorized`) } : { outputZip: join(dir, `${name}_colorized.cbz`) }) : {};
  return { ...named, ...(isFolder ? { inputDir: input } : { inputZip: input }), ...implied };
}

function pick<Key extends keyof SettingFlags>(flags: SettingFlags, keys: readonly Key[]): { [K in Key]?: NonNullable<SettingFlags[K]> } {
  return Object.fromEntries(keys.filter((key) => flags[key] !== undefined).map((key) => [key, flags[key]])) as { [K in Key]?: NonNullable<SettingFlags[K]> };
}

function toConfigInput(input: string | undefined, flags: SettingFlags, outputNamed: boolean): BatchConfigInput {
  return {
    ...placePositional(input, flags, outputNamed),
    ...pick(flags, ["seed", "topK", "recursive", "overwrite", "maxConcurrent"]),
    ...(flags.referenceDir ? { referenceImages: flags.referenceDir } : {}),
    ...(flags.steps === undefined ? {} : { numInferenceSteps: flags.steps }),
    ...(flags.ink === undefined ? {} : { ink: flags.ink as BatchConfigInput["ink"] }),
    ...(flags.style === undefined ? {} : { style: flags.style as BatchConfigInput["style"] }),
  } as BatchConfigInput;
}

/** The settings that win, unchecked, and where each comes from. */
export interface GatheredSettings {
  readonly settings: BatchConfigInput;
  readonly origins: ReadonlyMap<string, Origin>;
  /** Entries of the file for single pages. */
  readonly images: ConfigFile["images"];
  /** What the file says of one page, less what flags and environment say of all. */
  readonly pageConfig: (name: string) => PageConfig;
}

/** Puts flags over environment over file. Rejects with `ERR_CONFIG` for a file with faults. */
export async function gatherSettings(input: string | undefined, flags: SettingFlags, environment: NodeJS.ProcessEnv): Promise<GatheredSettings> {
  const handler = new ConfigurationHandler();
  const { images } = flags.config === undefined ? { images: {} } : await handler.loadConfigFile(flags.config);
  const lower = { file: handler.getDefaultConfig(), environment: environmentSettings(environment) };
  const outputNamed = [flags, lower.file, lower.environment].some(({ outputDir, outputZip }) => (outputDir ?? outputZip) !== undefined);
  const { settings, origins } = layerSettings({ ...lower, flag: toConfigInput(input, flags, outputNamed) });
  const stronger = new Set([...origins].flatMap(([key, origin]) => (origin === "flag" || origin === "environment" ? [key] : [])));
  const pageConfig = (name: string): PageConfig => Object.fromEntries(Object.entries(handler.getImageConfig(name)).filter(([key]) => !stronger.has(key)));
  return { settings: settings as BatchConfigInput, origins, images, pageConfig };
}
