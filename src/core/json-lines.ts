/** One object as one line of `--json` (NDJSON): the events of a batch and whatever else commands print. */
import { printable } from "../text/printable.js";
import { EVENT_FORMAT_VERSION } from "./event-format.js";

/**
 * A line with its line feed. `schema` and, if the object has none, `time` (now) are added.
 * @param line an event, or any object with a `type` that `docs/cli-json.schema.json` knows
 */
export function toJsonLine(line: { readonly type: string; readonly [field: string]: unknown }): string {
  const { type, time = new Date().toISOString(), ...fields } = line;
  return `${printable(JSON.stringify({ schema: EVENT_FORMAT_VERSION, type, time, ...fields }))}\n`; // the escapes are JSON's own
}
