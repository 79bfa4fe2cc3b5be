/**
 * JSON as Python's `json` module writes it: like JSON, but `NaN`, `Infinity` and `-Infinity` are numbers (Python
 * documentation, `json.dump`, `allow_nan`). Config files of diffusers hold `-Infinity`.
 */

/** A word of Python's outside of strings, or a whole string, which is left alone. */
const STRING_OR_WORD = /"(?:[^"\\]|\\.)*"|-?\b(?:Infinity|NaN)\b/g;
const VALUES = new Map([
  ["NaN", Number.NaN],
  ["Infinity", Number.POSITIVE_INFINITY],
  ["-Infinity", Number.NEGATIVE_INFINITY],
]);
/** Stands for a word in what `JSON.parse` sees; no config file holds it. */
const MARK = "\u0000python:";

/**
 * Parses one value.
 * @throws SyntaxError as `JSON.parse`
 */
export function parsePythonJson(text: string): unknown {
  const plain = text.replace(STRING_OR_WORD, (match) => (VALUES.has(match) ? JSON.stringify(MARK + match) : match));
  return JSON.parse(plain, (_key, value: unknown) =>
    typeof value === "string" && value.startsWith(MARK) ? VALUES.get(value.slice(MARK.length)) : value,
  );
}
