/**
 * Configuration files: JSON with settings for all images and for single ones. Keys may be camelCase or the snake_case
 * of the Python system. A bad file is one error that lists all faults; no value is replaced silently.
 */
import { dirname, resolve } from "node:path";
import { withoutUndefined } from "./without-undefined.js";
import { ConfigurationError, messageOf, systemCode } from "../errors.js";
import { checkObject, checkText, shown } from "../errors/arguments.js";
import { faultAt, type Fault } from "../errors/fault.js";
import {
  BATCH_CONFIG_KEYS,
  configError,
  PAGE_CONFIG_KEYS,
  settingFaults,
  settingsJsonSchema,
  type BatchConfigInput,
  type PageConfig,
} from "./batch-config.js";
import type { Label } from "./config-messages.js";
import { engineJsonSchema, engineSettingFaults, type EngineSettings } from "./engine-settings.js";
import { compareSpecificity, ImageMatcher, type EntryMatch } from "./image-match.js";
import { readNamedFile } from "../platform/named-file.js";
import { parseJsonText } from "./json-text.js";

/** A configuration file, checked, with camelCase keys. */
export interface ConfigFile {
  readonly default: Partial<BatchConfigInput>;
  /** By name, relative path or glob. */
  readonly images: Readonly<Record<string, PageConfig>>;
  /** Where and how the networks run. */
  readonly engine: EngineSettings;
}

const PATHS: ReadonlySet<string> = new Set([
  "inputDir",
  "inputZip",
  "outputDir",
  "outputZip",
  "referenceImages",
  "colorHints",
]);
const SECTIONS = ["default", "images", "engine"];

const READ_FAULTS: Readonly<Record<string, string>> = {
  ENOENT: "there is no such file",
  EISDIR: "it is a folder",
  EACCES: "it is not permitted",
};

/**
 * Reads configuration files and answers what they say. Holds the file loaded last, and all files read until
 * `clearCache()`.
 */
export class ConfigurationHandler {
  readonly #files = new Map<string, ConfigFile>();
  readonly #matchers = new Map<ConfigFile["images"], ImageMatcher>();
  #current: ConfigFile = { default: {}, images: {}, engine: {} };
  #unmatched = new Set<string>();

  /**
   * Reads a file; from here on the other methods answer from it. Relative paths in it count from the file's folder and
   * are made absolute.
   * @param options.signal gives up waiting for a pipe; its reason is the rejection
   * @throws ConfigurationError `ERR_CONFIG` with all faults and their places: line and column for what is no JSON,
   * paths such as `images["p1.png"].seed` else
   */
  async loadConfigFile(path: string, options: { readonly signal?: AbortSignal } = {}): Promise<ConfigFile> {
    checkText("the path of the configuration file", path);
    checkObject("the options", options);
    const { signal } = options;
    let file = this.#files.get(path);
    if (file === undefined) {
      const text = await readNamedFile(path, { signal }).then(String, (cause: unknown) => {
        if (signal?.aborted === true) throw signal.reason;
        const why = READ_FAULTS[systemCode(cause) ?? ""] ?? messageOf(cause);
        throw new ConfigurationError("ERR_CONFIG", `the configuration file ${path} cannot be read: ${why}`, {
          cause,
          remedy: "name a JSON file that this user may read",
        });
      });
      const value = parseJsonText(text, path);
      const faults = this.validateConfig(value);
      if (faults.length > 0) throw configError(faults.map((fault) => faultAt(`${path}: `, fault)));
      file = toConfigFile(value as RawFile, dirname(resolve(path)));
      this.#files.set(path, file);
    }
    this.#current = file;
    this.#unmatched = new Set(Object.keys(file.images));
    return file;
  }

  /** What is wrong with a file's content, each fault with its path; empty when nothing is. */
  validateConfig(value: unknown): Fault[] {
    if (!isObject(value))
      return [{ message: `must be an object {"default": …, "images": …, "engine": …}, not ${shown(value)}` }];
    const faults: Fault[] = Object.keys(value)
      .filter((key) => !SECTIONS.includes(key))
      .map((key) => ({ message: `${key}: unknown section; the sections are ${SECTIONS.join(", ")}` }));
    faults.push(...sectionFaults(value["default"], "default", BATCH_CONFIG_KEYS));
    faults.push(...engineFaults(value["engine"]));
    const images = value["images"] ?? {};
    if (!isObject(images)) return [...faults, notAnObject("images", images)];
    for (const [name, settings] of Object.entries(images))
      faults.push(...sectionFaults(settings, `images[${JSON.stringify(name)}]`, PAGE_CONFIG_KEYS));
    return faults;
  }

  /** Where and how the networks run. */
  getEngineSettings(): EngineSettings {
    return this.#current.engine;
  }

  /** Settings for all images. */
  getDefaultConfig(): Partial<BatchConfigInput> {
    return this.#current.default;
  }

  /**
   * Settings of one image alone. Where several entries match, the more specific overrides the less specific, setting by
   * setting; `image-match.ts` says which is.
   * @param name relative path in the input, with forward slashes
   */
  getImageConfig(name: string): PageConfig {
    checkText("the image's name", name);
    const matching = this.#entries(name).map(({ entry, specificity }) => {
      this.#unmatched.delete(entry);
      return { specificity, config: this.#current.images[entry]! };
    });
    matching.sort((a, b) => compareSpecificity(a.specificity, b.specificity));
    return this.mergeConfigs(...matching.map(({ config }) => config));
  }

  /** Whether any entry matches an image. */
  hasImageConfig(name: string): boolean {
    checkText("the image's name", name);
    return this.#entries(name).length > 0;
  }

  /** Entries that have matched none of the images that `getImageConfig` was asked for. */
  unmatchedEntries(): string[] {
    return [...this.#unmatched];
  }

  /** The entries that match an image, in the file's order. */
  #entries(name: string): EntryMatch[] {
    const { images } = this.#current;
    let matcher = this.#matchers.get(images);
    if (matcher === undefined) this.#matchers.set(images, (matcher = new ImageMatcher(Object.keys(images))));
    return matcher.matching(name);
  }

  /**
   * Later settings over earlier ones, key by key: lists are replaced, not joined. A key that is undefined says nothing.
   */
  mergeConfigs<T extends object>(...configs: readonly T[]): T {
    for (const config of configs) checkObject("settings to merge", config);
    return Object.assign({}, ...configs.map((config) => withoutUndefined(config))) as T;
  }

  /** Forgets all files; the next `loadConfigFile` reads again. */
  clearCache(): void {
    this.#files.clear();
    this.#matchers.clear();
    this.#unmatched.clear();
    this.#current = { default: {}, images: {}, engine: {} };
  }
}

/** JSON Schema of a configuration file, for editors. */
export function configFileJsonSchema(): Record<string, unknown> {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "cobra-batch configuration",
    type: "object",
    properties: {
      default: settingsJsonSchema(),
      images: { type: "object", additionalProperties: settingsJsonSchema(PAGE_CONFIG_KEYS) },
      engine: engineJsonSchema(),
    },
    additionalProperties: false,
  };
}

/** Keys of the Python system that say whether a path is an archive; here the name of the path's setting says it. */
const ARCHIVE_FLAGS = [
  { key: "inputIsZip", folder: "inputDir", archive: "inputZip", path: (path: string) => path },
  { key: "outputAsZip", folder: "outputDir", archive: "outputZip", path: (path: string) => path.replace(/\/*$/, "/") },
] as const;

/**
 * A section's settings without those keys, what they say taken into the paths; and what is wrong with them.
 * @param label what the section calls a key
 */
function withoutArchiveFlags(
  section: Record<string, unknown>,
  label: Label = String,
): {
  settings: Record<string, unknown>;
  faults: Fault[];
} {
  const settings = { ...section };
  const faults: Fault[] = [];
  for (const { key, folder, archive, path } of ARCHIVE_FLAGS) {
    const said = settings[key];
    delete settings[key];
    if (said === undefined) continue;
    const named = settings[folder];
    const [flag, dir, zip] = [label(key), label(folder), label(archive)];
    if (typeof said !== "boolean")
      faults.push({ message: `${flag}: must be true or false, not ${JSON.stringify(said)}` });
    else if (!said && settings[archive] !== undefined)
      faults.push({ message: `${flag}: is false, but ${zip} is given`, remedy: leaveOut(flag, zip) });
    else if (said && typeof named === "string") {
      delete settings[folder];
      if (settings[archive] === undefined) settings[archive] = path(named);
      else
        faults.push({
          message: `${flag}: is true, but both ${dir} and ${zip} are given`,
          remedy: leaveOut(dir, zip),
        });
    }
  }
  return { settings, faults };
}

function leaveOut(one: string, other: string): string {
  return `leave ${one} or ${other} out`;
}

function notAnObject(where: string, value: unknown): Fault {
  return { message: `${where}: must be an object, not ${shown(value)}` };
}

type RawFile = {
  default?: Record<string, unknown>;
  images?: Record<string, Record<string, unknown>>;
  engine?: Record<string, unknown>;
};

function toConfigFile(raw: RawFile, folder: string): ConfigFile {
  const images = Object.fromEntries(
    Object.entries(raw.images ?? {}).map(([name, settings]) => [
      name,
      pathsFrom(folder, camelKeys(settings)) as PageConfig,
    ]),
  );
  return {
    default: pathsFrom(folder, withoutArchiveFlags(camelKeys(raw.default ?? {})).settings),
    images,
    engine: camelKeys(raw.engine ?? {}) as EngineSettings,
  };
}

/**
 * The same settings, their relative paths taken from a folder on. A slash at the end, which asks for a folder, stays.
 */
function pathsFrom(folder: string, settings: Record<string, unknown>): Record<string, unknown> {
  const from = (value: unknown): unknown =>
    typeof value === "string"
      ? resolve(folder, value) + (/[^/]\/$/.test(value) ? "/" : "")
      : Array.isArray(value)
        ? value.map((one: unknown) => (typeof one === "string" ? from(one) : one))
        : value;
  return Object.fromEntries(
    Object.entries(settings).map(([key, value]) => [key, PATHS.has(key) ? from(value) : value]),
  );
}

function sectionFaults(section: unknown, where: string, keys: readonly string[]): Fault[] {
  if (section === undefined) return [];
  if (!isObject(section)) return [notAnObject(where, section)];
  const label = labelOf(section);
  const { settings, faults } =
    keys === BATCH_CONFIG_KEYS
      ? withoutArchiveFlags(camelKeys(section), label)
      : { settings: camelKeys(section), faults: [] };
  const twice = Object.keys(section).filter((key) => key !== camelKey(key) && camelKey(key) in section);
  return [
    ...twice.map((key) => ({
      message: `${where}.${key}: is the same setting as ${camelKey(key)}, which is given too`,
      remedy: leaveOut(key, camelKey(key)),
    })),
    ...[...faults, ...settingFaults(settings, keys, label)].map((fault) => faultAt(`${where}.`, fault)),
  ];
}

function engineFaults(section: unknown): Fault[] {
  if (section === undefined) return [];
  if (!isObject(section)) return [notAnObject("engine", section)];
  return engineSettingFaults(camelKeys(section), labelOf(section)).map((fault) => faultAt("engine.", fault));
}

/** `num_inference_steps` → `numInferenceSteps`. */
function camelKey(key: string): string {
  return key.replace(/_([a-z])/g, (_match, letter: string) => letter.toUpperCase());
}

/** What a section calls its keys. */
function labelOf(section: Record<string, unknown>): Label {
  const written = new Map(Object.keys(section).map((key) => [camelKey(key), key]));
  return (key) => written.get(key) ?? key;
}

function camelKeys(section: Record<string, unknown>): Record<string, unknown> {
  return Object.fromEntries(Object.entries(section).map(([key, value]) => [camelKey(key), value]));
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
