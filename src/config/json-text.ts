/**
 * JSON that people write: an error says line and column, and a key that is given twice is one. (`JSON.parse` of Node 20
 * does not always tell the place, and takes the last of two equal keys.)
 */
import { ConfigurationError } from "../errors.js";

/** Objects and lists inside one another; a configuration needs five. */
const DEEPEST = 64;

/**
 * Parses JSON.
 * @throws ConfigurationError `ERR_CONFIG` that names the file, line and column of the first fault: a syntax error, a key
 * that its object has already, or more than 64 objects and lists inside one another
 */
export function parseJsonText(text: string, path: string): unknown {
  const source = text.replace(/^\uFEFF/, "");
  const fault = firstFault(source);
  if (fault === undefined) return JSON.parse(source) as unknown;
  const before = source.slice(0, fault.offset).split("\n");
  throw new ConfigurationError(
    "ERR_CONFIG",
    `${path}:${before.length}:${before.at(-1)!.length + 1}: ${fault.what ?? `not valid JSON: ${unexpected(source, fault.offset)}`}`,
  );
}

function unexpected(source: string, offset: number): string {
  if (offset >= source.length) return "the text ends here";
  return `unexpected ${JSON.stringify(String.fromCodePoint(source.codePointAt(offset)!))}`;
}

interface Fault {
  readonly offset: number;
  /** Absent: what stands there is against the grammar. */
  readonly what?: string;
}

const STRING = /"(?:[^"\\\p{Cc}]|[\u007f-\u009f]|\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4}))*"/uy;
const SCALAR = /(?:-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?|true|false|null)(?![\w.+-])/y;

/** The first fault by the grammar of RFC 8259, at the token that cannot stand where it is; undefined for none. */
function firstFault(text: string): Fault | undefined {
  let at = 0;
  let fault: Fault | undefined;
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
  const member = (keys: Set<string>, depth: number): boolean => {
    const offset = at;
    if (!take(STRING)) return false;
    const key = JSON.parse(text.slice(offset, at)) as string;
    if (keys.has(key)) {
      fault = { offset, what: `the key ${JSON.stringify(key)} is given twice; leave one of them out` };
      return false;
    }
    keys.add(key);
    return takeChar(":") && value(depth);
  };
  const value = (depth: number): boolean => {
    skip();
    if (depth > DEEPEST && (text[at] === "{" || text[at] === "[")) {
      fault = { offset: at, what: `more than ${DEEPEST} objects and lists inside one another` };
      return false;
    }
    if (takeChar("{")) {
      const keys = new Set<string>();
      return list("}", () => member(keys, depth + 1));
    }
    if (takeChar("[")) return list("]", () => value(depth + 1));
    return take(STRING) || take(SCALAR);
  };
  if (value(1)) skip();
  else return fault ?? { offset: at };
  return at < text.length ? { offset: at } : undefined;
}
