/** Makes the folders of an output. */
import { relative, resolve } from "node:path";
import { makeFolders } from "../../platform/folders.js";
import { outputError } from "./file-errors.js";

/**
 * Makes a folder and those above it where they are missing. Rejects with `ERR_OUTPUT_WRITE`.
 * @param root only folders below this one are made: where it is gone, so is the output
 */
export async function makeFolder(path: string, root?: string): Promise<void> {
  const isBelow = root !== undefined && !relative(root, path).startsWith("..");
  await makeFolders(path, isBelow ? resolve(root) : undefined).catch((cause: unknown) =>
    Promise.reject(outputError(path, cause)),
  );
}
