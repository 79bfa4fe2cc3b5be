/** Checks whether a path exists. */
import { stat } from "node:fs/promises";
import { systemCode } from "../../errors.js";

const MISSING = new Set(["ENOENT", "ENOTDIR"]);

/**
 * False only where there is nothing; whatever else keeps the system from telling is an error. A link counts by what it
 * points at, so a dangling one is nothing.
 */
export async function exists(path: string | Buffer): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => (MISSING.has(systemCode(error) ?? "") ? false : Promise.reject(error)),
  );
}

/** Whether a path can be seen: false also where the system refuses to tell. */
export async function isThere(path: string): Promise<boolean> {
  return exists(path).catch(() => false);
}
