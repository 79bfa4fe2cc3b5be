/** Settings from several places, and which of them won: flag > environment > file > default. */
import type { Fault } from "../errors/fault.js";
import type { BatchConfigInput } from "./batch-config.js";
import { nearestName } from "./nearest-name.js";
import { settingFromText } from "./setting-text.js";
import { BATCH_CONFIG_KEYS, settingFacts, type SettingKey } from "./settings.js";

const ORIGINS = ["default", "file", "environment", "flag"] as const;
export type Origin = (typeof ORIGINS)[number];

const PREFIX = "COBRA_";

type Settings = Partial<BatchConfigInput>;
type Key = keyof BatchConfigInput;

/** Pairs of which one is given: naming one in a higher place takes the other back. */
const PAIRS: readonly (readonly [Key, Key])[] = [
  ["inputDir", "inputZip"],
  ["outputDir", "outputZip"],
];

/** The name of a setting's environment variable: `topK` → `COBRA_TOP_K`. */
export function environmentName(key: string): string {
  return `${PREFIX}${key.replace(/[A-Z]/g, (letter) => `_${letter}`).toUpperCase()}`;
}

/**
 * Settings of the environment. Lists are separated by colons. A value of the wrong type stays text, so that the check
 * names it.
 */
export function environmentSettings(environment: Readonly<Record<string, string | undefined>>): Settings {
  const found = (BATCH_CONFIG_KEYS as SettingKey[]).flatMap((key) => {
    const text = environment[environmentName(key)];
    if (text === undefined || text === "") return [];
    return [[key, settingFacts(key).type === "list" ? text.split(":") : settingFromText(key, text)]];
  });
  return Object.fromEntries(found) as Settings;
}

/** Variables of the project that name no setting. */
const OTHER_VARIABLES = [
  "COBRA_MODEL",
  "COBRA_DEVICES",
  "COBRA_MAX_BATCH",
  "COBRA_CATALOGUE",
  "COBRA_ADDON",
  "COBRA_ORT_SDK",
  "COBRA_ORT_LIBRARY",
  "COBRA_QUEUE",
  "COBRA_STORE",
  "COBRA_CUDA_PATH",
  "COBRA_LAUNCHER",
];

/** Warnings about variables `COBRA_…` that name no setting but nearly do. */
export function misspeltVariables(environment: Readonly<Record<string, string | undefined>>): Fault[] {
  const known = [...BATCH_CONFIG_KEYS.map(environmentName), ...OTHER_VARIABLES].map((name) =>
    name.slice(PREFIX.length),
  );
  return Object.keys(environment)
    .filter((name) => name.startsWith(PREFIX))
    .flatMap((name) => {
      const rest = name.slice(PREFIX.length);
      const near = known.includes(rest) ? undefined : nearestName(rest, known);
      if (near === undefined) return [];
      return [{ message: `unknown environment variable ${name}`, remedy: `did you mean ${PREFIX}${near}?` }];
    });
}

/** The settings that win, and where each comes from; what is in neither is a default. */
export function layerSettings(layers: Readonly<Record<Exclude<Origin, "default">, Settings>>): {
  settings: Settings;
  origins: Map<string, Origin>;
} {
  const settings: Record<string, unknown> = {};
  const origins = new Map<string, Origin>();
  for (const origin of ["file", "environment", "flag"] as const) {
    const layer = layers[origin];
    for (const pair of PAIRS) {
      if (!pair.some((key) => layer[key] !== undefined)) continue;
      for (const key of pair) {
        delete settings[key];
        origins.delete(key);
      }
    }
    for (const [key, value] of Object.entries(layer)) {
      if (value === undefined) continue;
      settings[key] = value;
      origins.set(key, origin);
    }
  }
  return { settings: settings as Settings, origins };
}
