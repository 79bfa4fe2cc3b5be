/** Names of chapters of one name: `ch`, `ch_1`, `ch_2`, … */
import { numberedName } from "../../io/names/output-names.js";

/** A folder's name ends in no extension, whatever it looks like: `Vol. 1` → `Vol. 1_1`, `a.cbz` → `a_1.cbz`. */
export function numberedChapter(name: string, kind: "folder" | "file", number: number): string {
  if (kind === "file") return numberedName(name, number);
  return number === 0 ? name : `${name}_${number}`;
}
