/**
 * The work folder: in an output folder, or beside an output archive. It holds the journal, the lease and, for an
 * archive, the finished pages until the archive is written.
 */
import { readdir, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { systemCode } from "../../errors.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { FAILURES_NAME } from "../../io/names/output-rules.js";
import { JOURNAL_NAME } from "../journal/locked-journal.js";
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

/** What a run keeps in its work folder. */
const OWN_NAME =
  /^(?:journal\.ndjson(?:\.[0-9a-f]+)?|lease(?:\.[0-9a-f]+)?|crash-[0-9a-f]+\.ndjson|failures(?:_\d+)?\.json|archive\.tmp|\.pages|preview|shards|\.cobra-.+\.tmp|\.nfs.+|\.fuse_hidden.+)$/u;

/**
 * Removes a work folder. A file that a user has put there keeps the folder; only what is the run's own goes.
 * @param letGo closes this process's files in the folder, once they have lost their names
 */
export async function removeWorkFolder(path: string, letGo?: () => Promise<void>): Promise<void> {
  const names = await readdir(path);
  if (names.every((name) => OWN_NAME.test(name))) return removeFolder(path, letGo);
  const aside = `${path}${REMAINS}`;
  await removeTree(aside);
  await makeFolder(aside);
  // The journal first: without it nothing here counts.
  for (const name of [JOURNAL_NAME, ...names.filter((one) => one !== JOURNAL_NAME && OWN_NAME.test(one))])
    await rename(join(path, name), join(aside, name)).catch(ifMissing);
  await letGo?.();
  await removeAside(aside);
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
  await removeAside(aside);
}

async function removeAside(path: string): Promise<void> {
  await removeTree(path).catch((err: unknown) => log.warn({ err, path }, "not all of a folder was removed"));
}

function ifMissing(error: unknown): void {
  if (systemCode(error) !== "ENOENT") throw error;
}

/** Removes what is left of a work folder whose removal was interrupted. */
export async function removeRemains(paths: OutputPaths): Promise<void> {
  await removeTree(`${workFolder(paths)}${REMAINS}`);
}
