/** `--set key=value`: settings by name, as the configuration file has them, with the short names of the flags. */
import type { Command } from "commander";
import {
  BATCH_CONFIG_KEYS,
  configError,
  nearestKey,
  PAGE_SETTINGS,
  settingFaults,
  settingsJsonSchema,
  type BatchConfigInput,
  type PageConfig,
} from "../../../config/batch-config.js";
import type { SettingChanges } from "../../../core/continue-run.js";

/**
 * What a run that goes on can be given besides the settings of its pages: where its pictures come from, and how fast.
 */
const BATCH_SETTINGS = ["inputDir", "inputZip", "referenceImages", "maxConcurrent"] as const;
/** Settings that can be changed. */
export const CHANGEABLE: readonly string[] = [...PAGE_SETTINGS, ...BATCH_SETTINGS];
/** What the flags call some of them. */
const SHORT: Readonly<Record<string, string>> = { steps: "numInferenceSteps", referenceDir: "referenceImages" };

/** Adds the flag to a command. */
export function withSetFlag(command: Command, what: string): Command {
  return command.option(
    "--set <key=value>",
    `${what}; may be given several times (${CHANGEABLE.join(", ")})`,
    (value: string, all: string[] = []) => [...all, value],
  );
}

/**
 * Reads `key=value` texts. A setting given twice counts the last time; a list is given one value at a time.
 * @param keys the settings that may be there
 * @throws ConfigurationError `ERR_CONFIG` that lists all faults at once
 */
export function readSettings(texts: readonly string[] = [], keys: readonly string[] = CHANGEABLE): SettingChanges {
  const { properties } = settingsJsonSchema();
  const settings: Record<string, unknown> = {};
  const faults: string[] = [];
  for (const text of texts) {
    const cut = text.indexOf("=");
    const key = settingName(cut < 0 ? text : text.slice(0, cut));
    if (cut < 1) faults.push(`"${text}" sets nothing; key=value is needed, such as seed=7`);
    else if (!keys.includes(key))
      faults.push(
        BATCH_CONFIG_KEYS.includes(key)
          ? `${key}: cannot be changed here; what can is ${keys.join(", ")}`
          : unknown(key, keys),
      );
    else settings[key] = typed(text.slice(cut + 1), properties[key]?.type, settings[key]);
  }
  if (faults.length === 0) faults.push(...settingFaults(settings));
  if (faults.length > 0) throw configError(faults.map((fault) => `--set ${fault}`));
  const part = (names: readonly string[]): Record<string, unknown> =>
    Object.fromEntries(Object.entries(settings).filter(([key]) => names.includes(key)));
  const [pages, batch] = [part(PAGE_SETTINGS), part(BATCH_SETTINGS)];
  return {
    ...(Object.keys(pages).length === 0 ? {} : { pages: pages as PageConfig }),
    ...(Object.keys(batch).length === 0 ? {} : { batch: batch as Partial<BatchConfigInput> }),
  };
}

function settingName(text: string): string {
  const key = text
    .trim()
    .replace(/^--/, "")
    .replace(/[_-]([a-zA-Z])/g, (_match, letter: string) => letter.toUpperCase());
  return SHORT[key] ?? key;
}

function unknown(key: string, keys: readonly string[]): string {
  const near = nearestKey(key, [...keys, ...Object.keys(SHORT)]);
  return `${key}: unknown setting${near === undefined ? `; what can be changed is ${keys.join(", ")}` : `; did you mean ${near}?`}`;
}

function typed(text: string, type: string | undefined, before: unknown): unknown {
  if (type === "integer" && /^-?\d+$/.test(text)) return Number(text);
  if (type === "boolean" && /^(true|false)$/.test(text)) return text === "true";
  return type === "array" ? [...(Array.isArray(before) ? (before as unknown[]) : []), text] : text;
}
