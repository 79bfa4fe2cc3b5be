/**
 * Takes an output for one run. The lease comes first; only then it is looked at what lies there, decided, and a
 * finished archive opened again. Every command comes through here: who does not get the lease changes nothing.
 */
import { stat } from "node:fs/promises";
import type { BatchConfig } from "../../config/batch-config.js";
import { isThere } from "../../io/files/exists.js";
import { makeFolder } from "../../io/files/make-folder.js";
import type { RunRecord } from "../journal/entries.js";
import { LockedJournal, type LockedJournalOptions } from "../journal/locked-journal.js";
import type { EarlierArchives, FinishedArchive } from "./finished-archive.js";
import { reopenOutdated } from "./outdated-archive.js";
import { checkArchiveTarget } from "./output-guard.js";
import type { RunDecision } from "./run-decision.js";
import { outputPath, removeWorkFolder, shardsFolder, workFolder } from "./work-folder.js";

export interface HoldOptions extends LockedJournalOptions {
  /** What was asked for. */
  readonly record: RunRecord;
  /** Noted first. */
  readonly decision?: RunDecision | undefined;
  /** Looks for finished archives of this batch. Default: there are none. */
  readonly earlier?: (() => Promise<EarlierArchives>) | undefined;
}

/** An output that this run holds. */
export interface HeldOutput {
  readonly journal: LockedJournal;
  /** A finished archive was opened again. */
  readonly isReopened: boolean;
}

/**
 * Takes the lease and opens again what the run goes on from.
 * @returns the output, or the archive that another run has finished meanwhile, with nothing left beside it
 * @throws ConfigurationError `ERR_CONFIG` (it is a file that the run reads); as `LockedJournal.open`,
 * `RunDecision.note` and `reopenOutdated`; then nothing is changed
 */
export async function holdOutput(
  config: BatchConfig,
  { record, decision, earlier, ...options }: HoldOptions,
): Promise<HeldOutput | { readonly finished: FinishedArchive }> {
  if (config.outputZip !== undefined) await checkArchiveTarget(config.outputZip, record);
  if (config.outputDir !== undefined) await makeFolder(config.outputDir);
  const mode = await folderMode(config.outputZip);
  const journal = await LockedJournal.open(workFolder(config), outputPath(config), { ...options, mode });
  try {
    if (decision !== undefined) return { journal, isReopened: await decision.note(journal, config) };
    // Shards have coloured all pages: nothing is taken from an archive.
    if (earlier === undefined || !journal.isEmpty || (await isThere(shardsFolder(config))))
      return { journal, isReopened: false };
    const { finished, outdated } = await earlier();
    if (finished === undefined) return { journal, isReopened: await reopenOutdated(outdated, config, journal) };
    await letGo(config, journal);
    return { finished };
  } catch (error) {
    await letGo(config, journal);
    throw error;
  }
}

/** Permissions of a folder whose files are to be read by nobody who may not read the archive. Undefined without one. */
async function folderMode(archive: string | undefined): Promise<number | undefined> {
  const info = archive === undefined ? undefined : await stat(archive).catch(() => undefined);
  if (info?.isFile() !== true) return undefined;
  const mode = info.mode & 0o777;
  return mode | ((mode & 0o444) >> 2) | 0o700; // who may read may enter
}

/** Gives the output back; a work folder whose journal says nothing goes with it. Never rejects. */
async function letGo(config: BatchConfig, journal: LockedJournal): Promise<void> {
  if (journal.isEmpty && (await journal.isHeld()))
    await removeWorkFolder(workFolder(config), () => journal.close()).catch(() => {});
  await journal.close();
}
