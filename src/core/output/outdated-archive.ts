/**
 * Opens a finished archive again of which something has changed since, so that the pages that stay are taken from it,
 * and the archive is written anew.
 */
import type { BatchConfig } from "../../config/batch-config.js";
import type { KeptReason } from "../journal/entries.js";
import { findRun, type StoredRun } from "../journal/find-run.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import { holdsOwnFilesOnly } from "./carried-origins.js";
import type { OutdatedArchive } from "./finished-archive.js";
import { reopenArchive } from "./reopen-archive.js";

/**
 * Opens the first archive that may be replaced, else the first one, which is kept: one that was copied or downloaded,
 * that somebody has put other files into, or that has pages that the input no longer has.
 * @param journal of the output, empty
 * @returns whether one was opened; if not, all pages are coloured again
 */
export async function reopenOutdated(
  archives: readonly OutdatedArchive[],
  config: BatchConfig,
  journal: LockedJournal,
): Promise<boolean> {
  let first: { run: StoredRun; kept: KeptReason | undefined } | undefined;
  for (const archive of archives) {
    if (archive.metadata.run === undefined) continue;
    const found = await findRun(archive.path);
    if (found.archive === undefined) continue; // a run of its own has begun there
    const { config: before } = found.record;
    const previewMode = archive.allStay ? config.previewMode : before.previewMode; // what stays was approved
    const record = { ...found.record, config: { ...before, outputZip: config.outputZip!, previewMode } };
    const one = { run: { ...found, record }, kept: await reasonToKeep(archive, found) };
    if (one.kept === undefined) {
      first = one;
      break;
    }
    first ??= one;
  }
  if (first === undefined) return false;
  await reopenArchive(first.run, journal, first.kept);
  return true;
}

async function reasonToKeep(archive: OutdatedArchive, { isFromHere }: StoredRun): Promise<KeptReason | undefined> {
  if (!isFromHere) return "copied";
  if (!(await holdsOwnFilesOnly(archive.path, archive.metadata))) return "files";
  return archive.hasMore ? "pages" : undefined;
}
