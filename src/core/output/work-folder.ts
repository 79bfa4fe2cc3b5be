/**
 * The work folder: in an output folder, or beside an output archive. It holds the journal, the lease and, for an
 * archive, the finished pages until the archive is written.
 */
import { rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { FAILURES_NAME } from "../../io/names/output-rules.js";
import { getLogger } from "../../logging.js";
import { ownFilePath } from "../../io/files/own-file.js";
import { removeTree } from "../../io/files/remove-tree.js";

const log = getLogger("output");

/** Where a batch is written. */
export type OutputPaths = Pick<BatchConfig, "outputDir" | "outputZip">;

/** Name of the work folder in an output folder. For an archive it is added to the archive's name. */
export const WORK_NAME = ".cobra-batch";
const REMAINS = ".done";

/** The folder or archive that is written. */
export function outputPath({ outputDir, outputZip }: OutputPaths): string {
  return (outputDir ?? outputZip)!;
}

export function workFolder({ outputDir, outputZip }: OutputPaths): string {
  return outputZip === undefined ? join(outputDir!, WORK_NAME) : `${outputZip}${WORK_NAME}`;
}

/** The output that a work folder belongs to; undefined for another folder. */
export function outputOfWorkFolder(path: string): OutputPaths | undefined {
  if (basename(path) === WORK_NAME) return { outputDir: dirname(path) };
  return path.endsWith(WORK_NAME) ? { outputZip: path.slice(0, -WORK_NAME.length) } : undefined;
}

/** Where pictures are written. */
export function picturesFolder(paths: OutputPaths): string {
  return paths.outputDir ?? join(workFolder(paths), ".pages");
}

/**
 * The file that says which pages failed, why, and what to do: beside the pictures, for an archive in its work folder. A
 * user's file of that name is left alone.
 */
export function failuresFile(paths: OutputPaths): Promise<string> {
  return ownFilePath(join(paths.outputDir ?? workFolder(paths), FAILURES_NAME));
}

/**
 * Removes a folder. It loses its name in one step, so that a kill leaves all of it or nothing under that name. What a
 * system does not let go then is removed by the next run.
 * @param letGo closes this process's files in the folder, once it has lost its name
 */
export async function removeFolder(path: string, letGo?: () => Promise<void>): Promise<void> {
  const aside = `${path}${REMAINS}`;
  await removeTree(aside);
  await rename(path, aside);
  await letGo?.();
  await removeTree(aside).catch((err: unknown) => log.warn({ err, path: aside }, "not all of a folder was removed"));
}

/** Removes what is left of a work folder whose removal was interrupted. */
export async function removeRemains(paths: OutputPaths): Promise<void> {
  await removeTree(`${workFolder(paths)}${REMAINS}`);
}
