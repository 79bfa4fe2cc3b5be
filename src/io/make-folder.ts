/** Makes folders, with the system's own reason where one cannot be made. */
import { mkdir, stat } from "node:fs/promises";
import { dirname } from "node:path";
import { outputError } from "./file-errors.js";

/** Makes a folder and those above it where they are missing. Rejects with `ERR_OUTPUT_WRITE`. */
export async function makeFolder(path: string): Promise<void> {
  try {
    await mkdir(path, { recursive: true });
  } catch (cause) {
    throw outputError(path, await reasonOf(path, cause));
  }
}

/** Node's recursive mkdir says ENOENT for every reason that a folder above has; asked for that one alone, the system says which. */
async function reasonOf(path: string, cause: unknown): Promise<unknown> {
  const above = dirname(path);
  const missing = await stat(path).then(() => false, () => true);
  if (!missing || above === path) return cause;
  if (await stat(above).then(() => false, () => true)) return reasonOf(above, cause);
  return mkdir(path).then(() => cause, (reason: unknown) => reason);
}
