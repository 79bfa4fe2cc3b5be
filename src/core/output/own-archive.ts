/** Finds the archive that is an output's own: proven by its hash, and made from the same input. */
import { stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { isThere } from "../../io/files/exists.js";
import { numberedName, numberIn } from "../../io/names/output-names.js";
import type { ArchiveEntry, FileRecord, KeptReason } from "../journal/entries.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import type { BatchPage } from "../pages/batch-page.js";
import { fileSha256, OutputFiles } from "./output-files.js";

/** What the runs before this one have coloured. */
export interface EarlierRuns {
  /** Hashes of the pages' files. */
  readonly inputs: readonly string[];
  /** The last of them read another folder or archive. */
  readonly isElsewhere: boolean;
  /** Hashes of files that were pages of this chapter until this run did these alone again. */
  readonly redone: ReadonlySet<string>;
}

export interface OwnArchive {
  readonly path: string;
  readonly entry: ArchiveEntry;
}

type Hashed = Pick<BatchPage, "inputSha256">;

/**
 * The archive that an earlier run of the same input has written, if it is still as it was written or as it was opened
 * again: also one that was given another name together with its work folder.
 */
export async function findOwn(
  config: BatchConfig,
  journal: LockedJournal,
  pages: readonly Hashed[],
  earlier: EarlierRuns,
): Promise<OwnArchive | undefined> {
  const name = basename(config.outputZip!);
  const files = new OutputFiles(dirname(config.outputZip!), false);
  for (const entry of journal.history.archives) {
    if (!hasDigest(entry) || isOther(entry, pages, earlier)) continue;
    const firstNumber = numberedName(name, entry.firstNumber) === entry.name ? entry.firstNumber : 0;
    const number = await files.find(name, { ...entry, firstNumber });
    if (number !== undefined) return { path: files.path(name, number), entry };
  }
  return undefined;
}

/** The archive that has this output's name and is not its own, and why it is kept. Undefined if there is none. */
export async function keptArchive(
  { outputZip }: BatchConfig,
  { history }: LockedJournal,
  pages: readonly Hashed[],
  earlier: EarlierRuns,
): Promise<{ path: string; why: string } | undefined> {
  const { archives } = history;
  const entry = archives.find((one) => !isOther(one, pages, earlier)) ?? archives[0];
  const path = entry === undefined ? outputZip! : join(dirname(outputZip!), entry.name);
  if (!(await isThere(path))) return undefined;
  if (entry === undefined) return { path, why: "was there before" };
  return { path, why: isOther(entry, pages, earlier) ? "is of another input" : WHY_KEPT[entry.kept ?? "changed"] };
}

/** As the rest of a sentence about an archive. */
export const WHY_KEPT = {
  changed: "was changed or replaced after it was written",
  files: "holds files that somebody has put there",
  pages: "has pages that the input no longer has or that can no longer be read",
  copied: "was copied or moved here",
} satisfies Record<KeptReason | "changed", string>;

/**
 * Whether an archive is of another chapter: no more than half of its pages are pages of this one. Chapters share a page
 * of credits; a chapter that was moved keeps its pages.
 */
function isOther(entry: ArchiveEntry, pages: readonly Hashed[], earlier: EarlierRuns): boolean {
  const made = new Set(entry.inputs ?? earlier.inputs);
  if (made.size === 0) return earlier.isElsewhere;
  const now = new Set([...pages.map(({ inputSha256 }) => inputSha256), ...earlier.redone]);
  return [...made].filter((hash) => now.has(hash)).length * 2 <= made.size;
}

export function hasDigest(entry: ArchiveEntry): entry is ArchiveEntry & FileRecord {
  return entry.sha256 !== undefined && entry.sizeBytes !== undefined && entry.firstNumber !== undefined;
}

/** What an archive's entry says besides. */
export type ArchiveFacts = Pick<ArchiveEntry, "inputs" | "keepOthers" | "gone" | "carried" | "inColor" | "instead">;

/** The journal's entry of an archive that is there or is about to get its name. */
export async function archiveEntry(
  file: string,
  name: string,
  { outputZip }: BatchConfig,
  facts: ArchiveFacts,
): Promise<ArchiveEntry & FileRecord> {
  return {
    type: "archive",
    name,
    sha256: await fileSha256(file),
    sizeBytes: (await stat(file)).size,
    firstNumber: numberIn(name, basename(outputZip!)) ?? 0,
    ...facts,
  };
}
