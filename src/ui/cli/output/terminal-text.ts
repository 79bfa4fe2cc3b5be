/** Text for a terminal: its width, cutting it to a width, colouring it if that is wanted. Pure functions. */
import { stripVTControlCharacters } from "node:util";
import { printable, printableLine } from "../../../text/printable.js";

/** Ranges of code points that take two columns: East Asian wide and emoji. */
const WIDE: readonly (readonly [number, number])[] = [
  [0x1100, 0x115f],
  [0x2e80, 0x303e],
  [0x3041, 0xa4cf],
  [0xac00, 0xd7a3],
  [0xf900, 0xfaff],
  [0xfe30, 0xfe6f],
  [0xff00, 0xff60],
  [0xffe0, 0xffe6],
  [0x1f300, 0x1faff],
  [0x20000, 0x3fffd],
];
const NO_WIDTH = /[\p{M}\p{Cf}]/u;

function charWidth(char: string): number {
  if (NO_WIDTH.test(char)) return 0;
  const code = char.codePointAt(0)!;
  return WIDE.some(([first, last]) => code >= first && code <= last) ? 2 : 1;
}

/** Columns that a text takes; colours take none. */
export function textWidth(text: string): number {
  return [...stripVTControlCharacters(text)].reduce((sum, char) => sum + charWidth(char), 0);
}

/** A text of at most so many columns; what is cut shows as "…". */
export function fitWidth(text: string, columns: number): string {
  if (textWidth(text) <= columns) return text;
  let kept = "";
  let width = 1;
  for (const char of text) {
    width += charWidth(char);
    if (width > columns) break;
    kept += char;
  }
  return columns < 1 ? "" : `${kept}…`;
}

/** Foreign text on one line; see `printableLine`. */
export const oneLine = printableLine;

/** Prints text on standard output: as it is for a program, printable on a terminal. */
export function printText(text: string): void {
  process.stdout.write(process.stdout.isTTY ? printable(text) : text);
}

/** A word for a POSIX shell; what cannot be printed is written as bash's `$'…'`. */
export function quoted(word: string): string {
  if (/^[\w@%+=:,./-]+$/.test(word)) return word;
  if (printableLine(word) === word) return `'${word.replaceAll("'", String.raw`'\''`)}'`;
  return `$'${printable(word.replace(/[\\']/g, String.raw`\$&`).replaceAll("\t", String.raw`\t`)).replaceAll("\n", String.raw`\n`)}'`;
}

export type Color = "red" | "yellow" | "green" | "dim";
export type Paint = (color: Color, text: string) => string;

const SGR: Record<Color, [number, number]> = { red: [31, 39], yellow: [33, 39], green: [32, 39], dim: [2, 22] };

/**
 * Whether text is coloured: `FORCE_COLOR` (anything but "0" and "false") wants it everywhere, `NO_COLOR` (anything but
 * "") nowhere, else terminals get it that are not dumb.
 */
export function wantsColor(stream: { isTTY?: boolean }, env: Readonly<Record<string, string | undefined>>): boolean {
  const { FORCE_COLOR: force, NO_COLOR: no, TERM: term } = env;
  if (force !== undefined && force !== "") return force !== "0" && force !== "false";
  if (no !== undefined && no !== "") return false;
  return Boolean(stream.isTTY) && term !== "dumb";
}

/** Paints, or leaves the text as it is. */
export function painter(colored: boolean): Paint {
  return colored ? (color, text) => `\u001b[${SGR[color][0]}m${text}\u001b[${SGR[color][1]}m` : (_color, text) => text;
}

/** A number with its noun. @param plural if an s is not enough */
export function count(number: number, noun: string, plural = `${noun}s`): string {
  return `${number} ${number === 1 ? noun : plural}`;
}

/** A duration for people: 4.2 s, 3 min 20 s, 2 h 5 min. */
export function duration(ms: number): string {
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min${whole % 60 === 0 ? "" : ` ${whole % 60} s`}`;
  const minutes = Math.round(whole / 60);
  return `${Math.floor(minutes / 60)} h${minutes % 60 === 0 ? "" : ` ${minutes % 60} min`}`;
}

/** A duration that is only guessed: whole seconds, from ten minutes on whole minutes. */
export function roughly(ms: number): string {
  return duration(ms < 600_000 ? Math.max(1, Math.round(ms / 1000)) * 1000 : Math.round(ms / 60_000) * 60_000).replace(
    ".0 s",
    " s",
  );
}

/**
 * Lines of at most so many columns, broken at spaces; a word that is longer stands alone and whole, so that paths can
 * be copied.
 */
export function wrapWidth(text: string, columns: number): string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const last = lines.at(-1);
    if (last !== undefined && textWidth(last) + 1 + textWidth(word) <= columns)
      lines[lines.length - 1] = `${last} ${word}`;
    else lines.push(word);
  }
  return lines;
}
