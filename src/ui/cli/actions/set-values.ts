/** Reads `--set key=value`: settings by the names of the configuration file or of the flags. */
import {
  BATCH_CONFIG_KEYS,
  configError,
  PAGE_SETTINGS,
  RERUN_SETTINGS,
  settingFaults,
  type BatchConfigInput,
  type PageConfig,
  type SettingKey,
} from "../../../config/batch-config.js";
import { unknownSetting } from "../../../config/config-messages.js";
import { nearestName } from "../../../config/nearest-name.js";
import { settingFromText } from "../../../config/setting-text.js";
import { faultAt, type Fault } from "../../../errors/fault.js";
import type { SettingChanges } from "../../../core/continue-run.js";
import { CHANGEABLE, SHORT_NAMES } from "../flags/set-flag.js";

/**
 * Reads `key=value` texts. A setting given twice counts the last time; a list is given one value at a time.
 * @param keys the settings that may be changed
 * @param otherFaults of other flags, to be reported together with these
 * @throws ConfigurationError `ERR_CONFIG` that lists all faults at once
 */
export function readSettings(
  texts: readonly string[] = [],
  keys: readonly string[] = CHANGEABLE,
  otherFaults: readonly Fault[] = [],
): SettingChanges {
  const settings: Record<string, unknown> = {};
  const faults: Fault[] = [];
  for (const text of texts) {
    const cut = text.indexOf("=");
    const key = settingName(cut < 0 ? text : text.slice(0, cut));
    if (cut < 1) faults.push({ message: `"${text}" is not of the form key=value, such as ink=model` });
    else if (!keys.includes(key))
      faults.push(
        BATCH_CONFIG_KEYS.includes(key)
          ? { message: `${key}: cannot be changed here; these can: ${keys.join(", ")}` }
          : unknownSetting(key, nearestName(key, [...keys, ...Object.keys(SHORT_NAMES)]), keys),
      );
    else settings[key] = settingFromText(key as SettingKey, text.slice(cut + 1), settings[key] as string[] | undefined);
  }
  if (faults.length === 0) faults.push(...settingFaults(settings));
  if (faults.length + otherFaults.length > 0)
    throw configError([...otherFaults, ...faults.map((fault) => faultAt("--set ", fault))]);
  const part = (names: readonly string[]): Record<string, unknown> =>
    Object.fromEntries(Object.entries(settings).filter(([key]) => names.includes(key)));
  const [pages, batch] = [part(PAGE_SETTINGS), part(RERUN_SETTINGS)];
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
  return SHORT_NAMES[key] ?? key;
}
