/** Escapes text for a regular expression. */

const SPECIAL = /[.*+?^${}()|[\]\\]/gu;

/** The source of a regular expression that matches the text itself. */
export function escapeRegExp(text: string): string {
  return text.replace(SPECIAL, String.raw`\$&`);
}
