/**
 * Natural page order: `p2` before `p10`, folder by folder, the same on every machine (no locale, no file-system order).
 * A path is turned once into a key, a text whose code units sort as the path does: comparing two keys costs no more
 * than comparing two texts.
 */
import { sortInTurns } from "./sort-in-turns.js";

/** Code units of keys that stand for no character of a name. What is lower sorts first. */
const END = "\u0000";
const NUMBER = "\u0001";
const FOLDER = "\u0002";
/** In front of a code unit that has a meaning in keys. */
const ESCAPE = "\u0003";
// oxlint-disable-next-line no-control-regex -- these are what keys must not hold of names
const RESERVED = /[\u0000-\u0003]/gu;

/** The largest code unit: numbers with more digits than that have several in front. */
const MOST_DIGITS = 0xffff;

/** Runs of digits by value and before all else, the rest by lower-cased code units. */
function labelKey(label: string): string {
  return escaped(label.toLowerCase()).replace(/\d+/gu, (run) => numberKey(run.replace(/^0+(?=\d)/u, ""))) + END;
}

function numberKey(digits: string): string {
  let key = NUMBER;
  let count = digits.length;
  for (; count >= MOST_DIGITS; count -= MOST_DIGITS) key += String.fromCharCode(MOST_DIGITS);
  return key + String.fromCharCode(count) + digits;
}

function escaped(text: string): string {
  return text.replace(RESERVED, (char) => ESCAPE + String.fromCharCode(char.charCodeAt(0) + 4));
}

/** A text that sorts by its code units as the path does in natural order. */
export function naturalKey(name: string): string {
  const slash = name.lastIndexOf("/");
  const base = name.slice(slash + 1);
  // The file name is cut in front of its extension, so that `p2.png` comes before `p2 extra.png`.
  const dot = base.lastIndexOf(".");
  const cut = dot > 0 ? dot : base.length;
  let key = "";
  if (slash >= 0)
    for (const folder of name.slice(0, slash).split("/")) key += FOLDER + labelKey(folder) + escaped(folder) + END;
  return key + NUMBER + labelKey(base.slice(0, cut)) + labelKey(base.slice(cut)) + escaped(base);
}

/** Code-unit order. */
export function compareText(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/**
 * Compares two relative paths with forward slashes. Files of a folder come before its subfolders; equal labels (`01`
 * and `1`, `A` and `a`) fall back to code-unit order, so 0 means the same string.
 */
export function compareNatural(a: string, b: string): number {
  return compareText(naturalKey(a), naturalKey(b));
}

/** The items in the natural order of their names. The event loop runs meanwhile. */
export function sortedNaturally<T>(items: readonly T[], nameOf: (item: T) => string): Promise<T[]> {
  return sortInTurns(items, (item) => naturalKey(nameOf(item)), compareText);
}
