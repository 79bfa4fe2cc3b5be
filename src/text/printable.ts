/**
 * Makes untrusted text (names from archives, messages) safe for a terminal: without anything that could control it or
 * reverse the line.
 */

/** Control characters but the line feed, the line separators, and the marks that change the direction of text. */
const STEERING = /(?!\n)[\p{Cc}\p{Zl}\p{Zp}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

/** Text in several lines: control characters are written out as `\uXXXX`; a tab becomes a space. */
export function printable(text: string): string {
  return text
    .replace(/\r\n/gu, "\n")
    .replaceAll("\t", " ")
    .replace(STEERING, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`);
}

/** The same on one line: line breaks become spaces. */
export function printableLine(text: string): string {
  return printable(text.replace(/[\r\n\t]+/gu, " "));
}
