/**
 * Opens a finished archive again of whose input something has changed but no coloured page: its pages are taken from
 * it, and the archive is written anew.
 */
import type { BatchConfig } from "../../config/batch-config.js";
import { isThere } from "../../io/files/exists.js";
import { findRun } from "../journal/find-run.js";
import { holdsOwnFilesOnly } from "./carried-origins.js";
import type { FinishedArchive } from "./finished-archive.js";
import { reopenArchive } from "./reopen-archive.js";
import { workFolder } from "./work-folder.js";

/**
 * Makes its work folder. One that somebody has put other files into is kept, and so is one that was copied or
 * downloaded: the new one gets a name beside it. Without a work folder all pages are coloured again.
 */
export async function reopenOutdated({ path, metadata }: FinishedArchive, config: BatchConfig): Promise<void> {
  if (metadata.run === undefined || (await isThere(workFolder(config)))) return;
  const run = await findRun(path);
  const isOwn = run.isFromHere && (await holdsOwnFilesOnly(path, metadata));
  const { outputZip, previewMode } = config; // all pages are there, so no preview is made
  const record = { ...run.record, config: { ...run.record.config, outputZip: outputZip!, previewMode } };
  await reopenArchive({ ...run, record }, isOwn);
}
