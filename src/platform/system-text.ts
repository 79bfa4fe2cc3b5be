/** Reads small text files of the system, such as those of /proc: empty where one is missing or cannot be read. */
import { readFileSync } from "node:fs";

export function systemText(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}
