/** Parses JSON written by people: an error names file, line and column. */
import { ConfigurationError } from "../errors.js";
import { JsonFault, parseJson } from "../text/parse-json.js";

/** Parses JSON. Throws ConfigurationError `ERR_CONFIG` that names the file, line and column of the first fault. */
export function parseJsonText(text: string, path: string): unknown {
  try {
    return parseJson(text);
  } catch (cause) {
    if (!(cause instanceof JsonFault)) throw cause;
    const { line, column, reason } = cause;
    throw new ConfigurationError("ERR_CONFIG", `${path}:${line}:${column}: not valid JSON: ${reason}`, { cause });
  }
}
