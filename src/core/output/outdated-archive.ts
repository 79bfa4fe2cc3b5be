/**
 * Opens a finished archive again of which something has changed since, so that the pages that stay are taken from it,
 * and the archive is written anew.
 */
import type { BatchConfig } from "../../config/batch-config.js";
import { isThere } from "../../io/files/exists.js";
import type { KeptReason } from "../journal/entries.js";
import { findRun, type StoredRun } from "../journal/find-run.js";
import { holdsOwnFilesOnly } from "./carried-origins.js";
import type { OutdatedArchive } from "./finished-archive.js";
import { removeEmpty, reopenArchive } from "./reopen-archive.js";
import { workFolder } from "./work-folder.js";

/**
 * Makes the work folder of the first archive that may be replaced, else of the first one, which is kept: one that was
 * copied or downloaded, that somebody has put other files into, or that has pages that the input no longer has. Without
 * a work folder all pages are coloured again.
 */
export async function reopenOutdated(archives: readonly OutdatedArchive[], config: BatchConfig): Promise<void> {
  let first: { run: StoredRun; kept: KeptReason | undefined } | undefined;
  for (const archive of archives) {
    if (archive.metadata.run === undefined) continue;
    const found = await findRun(archive.path);
    const { config: before } = found.record;
    const previewMode = archive.allStay ? config.previewMode : before.previewMode; // what stays was approved
    const record = { ...found.record, config: { ...before, outputZip: config.outputZip!, previewMode } };
    const one = { run: { ...found, record }, kept: await reasonToKeep(archive, found) };
    if (one.kept === undefined) return reopen(one.run);
    first ??= one;
  }
  if (first !== undefined) await reopen(first.run, first.kept);
}

async function reopen(run: StoredRun, kept?: KeptReason): Promise<void> {
  const { config } = run.record;
  await removeEmpty(config);
  if (!(await isThere(workFolder(config)))) await reopenArchive(run, kept);
}

async function reasonToKeep(archive: OutdatedArchive, { isFromHere }: StoredRun): Promise<KeptReason | undefined> {
  if (!isFromHere) return "copied";
  if (!(await holdsOwnFilesOnly(archive.path, archive.metadata))) return "files";
  return archive.hasMore ? "pages" : undefined;
}
