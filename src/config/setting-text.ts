/** Settings as text, from flags, environment variables and `--set`. */
import { settingFacts, type SettingKey } from "./settings.js";

/** Most threads to ask for. More take the memory and the time of the machine, and no signal ends it meanwhile. */
export const MOST_THREADS = 256;

/** The rule of a whole number, for messages. @param most the largest; undefined for the largest that is exact */
export function wholeNumberRule(least: number, most?: number): string {
  return most === undefined
    ? `must be a whole number of ${least} or more`
    : `must be a whole number from ${least} to ${most}`;
}

/** A whole number. One that JavaScript cannot count exactly becomes a bigint, so that messages show what was given. */
export function wholeNumber(text: string): number | bigint | undefined {
  if (!/^-?\d+$/.test(text)) return undefined;
  const number = Number(text);
  return Number.isSafeInteger(number) ? number : BigInt(text);
}

/**
 * The value that a text means for a setting. A text of the wrong type stays text, so that the check names it.
 * @param list what a list holds so far; the text is put at its end
 */
export function settingFromText(key: SettingKey, text: string, list: readonly string[] = []): unknown {
  switch (settingFacts(key).type) {
    case "integer":
      return wholeNumber(text) ?? text;
    case "boolean":
      return /^(?:true|1)$/.test(text) ? true : /^(?:false|0)$/.test(text) ? false : text;
    case "list":
      return [...list, text];
    default:
      return text;
  }
}
