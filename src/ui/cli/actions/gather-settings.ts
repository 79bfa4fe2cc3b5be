/** The settings of a command: from its flags, the environment and the configuration file together. */
import { parse, resolve } from "node:path";
import { Option } from "commander";
import type { BatchConfig, BatchConfigInput, PageConfig } from "../../../config/batch-config.js";
import type { ConfigFile } from "../../../config/configuration-handler.js";
import {
  environmentName,
  environmentSettings,
  layerSettings,
  misspeltVariables,
  type Origin,
} from "../../../config/layers.js";
import type { EngineSettings } from "../../../config/engine-settings.js";
import { nearestName } from "../../../config/nearest-name.js";
import { defaultOutput, inputOf } from "../../../core/output/default-output.js";
import { ConfigurationError } from "../../../errors.js";
import { noticeOf, type Notice } from "../../../errors/notice.js";
import type { NamedHintFlags, NamedHints } from "../flags/hint-flags.js";
import { loadConfigFile } from "./config-file.js";
import { SETTING_FLAGS, type SettingFlags } from "../flags/setting-flags.js";
import { typedPath } from "../../../core/input/typed-path.js";

/** What a person who gave a setting calls it: the flag, the variable, else its name. */
function labelOf(key: string, origin: Origin | undefined): string {
  const flags = SETTING_FLAGS.find(([setting]) => setting === key)?.[1];
  if (origin === "environment") return environmentName(key);
  return origin === "file" || flags === undefined ? key : flags.split(" ")[0]!;
}

const PATHS_TO_READ: ReadonlySet<string> = new Set(["inputDir", "inputZip", "referenceImages"]);

function pathsAsStored(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(pathsAsStored);
  return typeof value === "string" ? typedPath(value) : value;
}

/** The settings that flags name. */
function flagSettings(flags: SettingFlags): Partial<Record<keyof BatchConfig, unknown>> {
  const given = SETTING_FLAGS.flatMap(([key, spelled]) => {
    const value = flags[new Option(spelled).attributeName()];
    return value === undefined ? [] : [[key, PATHS_TO_READ.has(key) ? pathsAsStored(value) : value]];
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
    throw new ConfigurationError("ERR_CONFIG", `the input is named twice: "${input}" and "${String(other)}"`, {
      remedy: "name one",
    });
  const chapter = inputOf(input);
  const settings = { ...lower, ...named } as BatchConfigInput;
  if ((settings.outputDir ?? settings.outputZip) !== undefined) return chapter;
  return { ...chapter, ...defaultOutput(chapter, settings.zipOutputName) };
}

/** A setting that somebody has given, and what it is called in messages. */
export interface GivenSetting {
  readonly key: string;
  readonly label: string;
}

/** The settings that apply, unchecked, and where each comes from. */
export interface GatheredSettings {
  readonly settings: BatchConfigInput;
  readonly origins: ReadonlyMap<string, Origin>;
  /** Entries of the file for single pages. */
  readonly images: ConfigFile["images"];
  /** What the file says of the engine. */
  readonly engine: EngineSettings;
  /** What flags and file say of one page, less what flags and environment say of all. */
  readonly pageConfig: (name: string) => PageConfig;
  /** What a setting is called in messages. */
  readonly label: (key: string) => string;
  /** All settings that are not defaults, those of single pages included. */
  readonly given: readonly GivenSetting[];
  /** About variables that look like a setting's but are none. */
  readonly warnings: readonly Notice[];
  /** About entries and hints for pages that the input does not have, once `pageConfig` was asked about all pages. */
  readonly lateWarnings: () => Notice[];
}

/**
 * Puts flags over environment over file. Rejects with `ERR_CONFIG` for a file with faults.
 * @param stop gives up waiting for a file that is a pipe
 */
export async function gatherSettings(
  input: string | undefined,
  flags: SettingFlags & NamedHintFlags,
  environment: NodeJS.ProcessEnv,
  stop?: AbortSignal,
): Promise<GatheredSettings> {
  const { handler, file } = await loadConfigFile(flags.config, stop);
  const { images } = file;
  const lower = { file: handler.getDefaultConfig(), environment: environmentSettings(environment) };
  const named = flagSettings(flags);
  const placed: BatchConfigInput =
    input === undefined ? {} : placePositional(typedPath(input), named, { ...lower.file, ...lower.environment });
  const { settings, origins } = layerSettings({ ...lower, flag: { ...named, ...placed } as BatchConfigInput });
  for (const key of ["outputDir", "outputZip"] as const) if (placed[key] !== undefined) origins.set(key, "default"); // nobody has named it
  const stronger = new Set(
    [...origins].flatMap(([key, origin]) => (origin === "flag" || origin === "environment" ? [key] : [])),
  );
  const hints = new PageHintsOfFlags(flags);
  const pages = new Set<string>();
  const pageConfig = (name: string): PageConfig => {
    pages.add(name);
    const ofFile = Object.entries(handler.getImageConfig(name)).filter(([key]) => !stronger.has(key));
    return { ...Object.fromEntries(ofFile), ...hints.of(name) };
  };
  const label = (key: string): string => labelOf(key, origins.get(key));
  const notFound = (what: string, name: string): Notice => {
    const near = nearestName(name, [...pages]);
    return noticeOf(
      `${what} matches no picture of the input`,
      near === undefined ? undefined : `did you mean ${JSON.stringify(near)}?`,
    );
  };
  return {
    settings: settings as BatchConfigInput,
    origins,
    images,
    engine: handler.getEngineSettings(),
    pageConfig,
    label,
    given: [
      ...[...origins].flatMap(([key, origin]) => (origin === "default" ? [] : [{ key, label: label(key) }])),
      ...Object.entries(images).flatMap(([name, own]) =>
        Object.keys(own).map((key) => ({ key, label: `images[${JSON.stringify(name)}].${key}` })),
      ),
    ],
    warnings: misspeltVariables(environment),
    lateWarnings: () => [
      ...handler.unmatchedEntries().map((name) => notFound(`images[${JSON.stringify(name)}]`, name)),
      ...hints.unmatched().map((name) => notFound(`the hint for ${JSON.stringify(name)}`, name)),
    ],
  };
}

/** Hints that flags give to single pages. */
class PageHintsOfFlags {
  readonly #named: readonly NamedHints[];
  readonly #matched = new Set<NamedHints>();

  /** A fault among the flags is reported with the others, by `flagFaults`. */
  constructor({ hint, hints }: NamedHintFlags) {
    this.#named = [hint, hints].flatMap((all) => (Array.isArray(all) ? all : []));
  }

  /** A page is meant by its path, its file name, or that without its extension. A picture goes before dots. */
  of(page: string): Pick<PageConfig, "colorHints"> {
    const path = page.normalize("NFC");
    const own = this.#named.filter((one) =>
      [path, parse(path).base, parse(path).name].includes(one.page.normalize("NFC")),
    );
    for (const one of own) this.#matched.add(one);
    const picture = own.findLast(({ hints }) => typeof hints === "string")?.hints as string | undefined;
    const dots = own.flatMap(({ hints }) => (typeof hints === "string" ? [] : [hints]));
    if (picture !== undefined) return { colorHints: resolve(typedPath(picture)) };
    return dots.length === 0 ? {} : { colorHints: dots };
  }

  /** Pages that were named and are not there. */
  unmatched(): string[] {
    return [...new Set(this.#named.filter((one) => !this.#matched.has(one)).map(({ page }) => page))];
  }
}
