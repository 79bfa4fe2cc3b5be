/** Reads what loggers have written. */
import { readFileSync } from "node:fs";

/** A record of a log. */
export type Line = Record<string, unknown>;

/** The records of NDJSON. */
export function parse(text: string): Line[] {
  return text
    .split("\n")
    .filter(Boolean)
    .map((line) => JSON.parse(line) as Line);
}

/** The records of a log file. */
export function linesOf(path: string): Line[] {
  return parse(readFileSync(path, "utf8"));
}

/** A console that keeps what is written to it. */
export function capture(isTTY = false): { text: string; isTTY: boolean; write(text: string): void } {
  return {
    text: "",
    isTTY,
    write(text) {
      this.text += text;
    },
  };
}
