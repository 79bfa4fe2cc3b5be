/** Shortens untrusted text in messages: a name may be as long as its file. */
import { printableLine } from "./printable.js";

/** UTF-16 units of a name that a message shows. */
const MOST_SHOWN = 200;
/** Lines of a list that a message shows. */
const MOST_LINES = 1000;

/** A name on one line, the rest of a long one cut off. */
export function shownName(name: string): string {
  return name.length > MOST_SHOWN ? `${printableLine(name.slice(0, MOST_SHOWN))}…` : printableLine(name);
}

/** The same in quotes. */
export function quotedName(name: string): string {
  return name.length > MOST_SHOWN ? `${JSON.stringify(name.slice(0, MOST_SHOWN))}…` : JSON.stringify(name);
}

/** Faults one below the other, indented; of very many the first. */
export function shownLines(lines: readonly string[]): string {
  const shown = lines.slice(0, MOST_LINES).map((line) => `  ${line}`);
  return [...shown, ...(lines.length > shown.length ? [`  … and ${lines.length - shown.length} more`] : [])].join("\n");
}

/** Names of a list that a message shows. */
const MOST_NAMES = 8;

/** Names one after the other; of many the first. */
export function shownNames(names: readonly string[]): string {
  const shown = names.slice(0, MOST_NAMES).map(shownName).join(", ");
  return names.length > MOST_NAMES ? `${shown} and ${names.length - MOST_NAMES} more` : shown;
}
