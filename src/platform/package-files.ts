/** Locates the files of this package: the addon, the embedded model, compiled files that are started or served. */
import { join, resolve } from "node:path";
import { fileURLToPath } from "node:url";

/**
 * The package's root folder: two above this file in `src`, and two above the file of `dist` that it becomes part of.
 */
const ROOT = resolve(fileURLToPath(new URL("../..", import.meta.url)));

/** The path of a file or folder of the package. `path` counts from the package's root. */
export function packagePath(path: string): string {
  return join(ROOT, path);
}
