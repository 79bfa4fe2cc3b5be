/** Names that files and folders give to jobs. */
import { MOST_NAME_CHARACTERS } from "../../api/limits.js";

/** A name that a file or folder gives a job: as much of it as fits. Undefined where nothing of it can be seen. */
export function jobName(given: string): string | undefined {
  if (given.replaceAll(/[\p{Cc}\p{Cf}\s]/gu, "") === "") return undefined;
  return [...given.normalize("NFC")].slice(0, MOST_NAME_CHARACTERS).join("");
}
