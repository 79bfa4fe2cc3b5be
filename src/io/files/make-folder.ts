/** Makes folders, with the system's own reason where one cannot be made. */
import { mkdir, stat } from "node:fs/promises";
import { dirname, relative, resolve } from "node:path";
import { outputError } from "./file-errors.js";
import { systemCode } from "../../errors.js";

/**
 * Makes a folder and those above it where they are missing. Rejects with `ERR_OUTPUT_WRITE`.
 * @param root only folders below this one are made: where it is gone, so is the output
 */
export async function makeFolder(path: string, root?: string): Promise<void> {
  try {
    if (root === undefined || relative(root, path).startsWith("..")) await mkdir(path, { recursive: true });
    else await makeBelow(resolve(path), resolve(root));
  } catch (cause) {
    throw outputError(path, root === undefined ? await reasonOf(path, cause) : cause);
  }
}

async function makeBelow(path: string, root: string): Promise<void> {
  if (path === root) return;
  await makeBelow(dirname(path), root);
  await mkdir(path).catch((error: unknown) => (systemCode(error) === "EEXIST" ? undefined : Promise.reject(error)));
}

/**
 * Node's recursive mkdir says ENOENT for every reason that a folder above has; asked for that one alone, the system
 * says which.
 */
async function reasonOf(path: string, cause: unknown): Promise<unknown> {
  const above = dirname(path);
  const missing = await stat(path).then(
    () => false,
    () => true,
  );
  if (!missing || above === path) return cause;
  if (
    await stat(above).then(
      () => false,
      () => true,
    )
  )
    return reasonOf(above, cause);
  return mkdir(path).then(
    () => cause,
    (reason: unknown) => reason,
  );
}
