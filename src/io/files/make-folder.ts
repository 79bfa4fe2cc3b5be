/** Makes the folders of an output. */
import { relative, resolve } from "node:path";
import { ResourceError, systemCode } from "../../errors.js";
import { makeFolders } from "../../platform/folders.js";
import { outputError } from "./file-errors.js";

/**
 * Makes a folder and those above it where they are missing. Rejects with `ERR_OUTPUT_WRITE`.
 * @param root only folders below this one are made: where it is gone, so is the output
 * @param mode as for `makeFolders`
 */
export async function makeFolder(path: string, root?: string, mode?: number): Promise<void> {
  const isBelow = root !== undefined && !relative(root, path).startsWith("..");
  await makeFolders(path, isBelow ? resolve(root) : undefined, mode).catch((cause: unknown) => {
    // Below a root, the output itself has vanished. Elsewhere the system takes no folder there.
    if (isBelow || systemCode(cause) !== "ENOENT") throw outputError(path, cause);
    throw new ResourceError(
      "ERR_OUTPUT_WRITE",
      `cannot make the folder ${path}: part of its path is a broken symbolic link, or the file system does not allow folders there`,
      { remedy: "choose another output" },
    ); // without the cause: ENOENT stands for what has vanished and may come back
  });
}
