/** JSON for people: an error says line and column. (`JSON.parse` of Node 20 does not always tell the place.) */
import { ConfigurationError } from "../errors.js";

/** Parses JSON. Throws ConfigurationError `ERR_CONFIG` that names the file, line and column of the first fault. */
export function parseJsonText(text: string, path: string): unknown {
  const source = text.replace(/^\uFEFF/, "");
  try {
    return JSON.parse(source) as unknown;
  } catch (cause) {
    const offset = faultOffset(source);
    const before = source.slice(0, offset).split("\n");
    const found =
      offset >= source.length
        ? "the text ends here"
        : `${JSON.stringify(String.fromCodePoint(source.codePointAt(offset)!))} cannot stand here`;
    throw new ConfigurationError(
      "ERR_CONFIG",
      `${path}:${before.length}:${before.at(-1)!.length + 1}: no valid JSON: ${found}`,
      { cause },
    );
  }
}

const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

/** Where the grammar of RFC 8259 first fails: at the token that cannot stand where it is. */
function faultOffset(text: string): number {
  let at = 0;
  const skip = (): void => {
    while (at < text.length && " \t\r\n".includes(text[at]!)) at++;
  };
  const take = (pattern: RegExp): boolean => {
    pattern.lastIndex = at;
    if (!pattern.test(text)) return false;
    at = pattern.lastIndex;
    return true;
  };
  const takeChar = (char: string): boolean => {
    skip();
    if (text[at] !== char) return false;
    at++;
    skip();
    return true;
  };
  const list = (end: string, item: () => boolean): boolean => {
    if (takeChar(end)) return true;
    do {
      if (!item()) return false;
    } while (takeChar(","));
    return takeChar(end);
  };
  const value = (): boolean => {
    skip();
    if (takeChar("{")) return list("}", () => take(STRING) && takeChar(":") && value());
    if (takeChar("[")) return list("]", value);
    return take(STRING) || take(SCALAR);
  };
  if (value()) skip();
  return at;
}
