/**
 * Decides which archive a new one takes the place of. One that was asked to be replaced, and has pictures of pages that
 * have failed now, is kept; the new one is written beside it instead, and takes its place once nothing is lost by that.
 */
import { stat, unlink } from "node:fs/promises";
import { basename, dirname } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { messageOf } from "../../errors.js";
import type { Notice } from "../../errors/notice.js";
import { printableName } from "../../io/names/safe-name.js";
import type { PageFailure } from "../events.js";
import type { ArchiveEntry, CarriedOrigins } from "../journal/entries.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import type { BatchPage } from "../pages/batch-page.js";
import { readArchiveMetadata, type ArchiveMetadata } from "./archive-metadata.js";
import { fileSha256, OutputFiles } from "./output-files.js";
import { hasDigest, type OwnArchive } from "./own-archive.js";

/** What a new archive is made from. */
interface NewArchive {
  /** Single pages were done again. */
  readonly keepOthers: boolean;
  readonly pages: readonly BatchPage[];
  readonly metadata: { readonly carried?: CarriedOrigins | undefined; readonly failures?: readonly unknown[] };
}

/** Where an archive goes. */
export interface ArchiveTarget {
  /** What it replaces. Undefined: what has the wanted name if that may be overwritten, else nothing. */
  readonly replaced: string | undefined;
  /** Given where it is written instead of the wanted archive: what that one is. */
  readonly instead?: ArchiveEntry["instead"];
  /** The archive that is kept, why, and what to do. */
  readonly kept?: { readonly path: string; readonly why: string; readonly remedy?: string };
}

/** @param own the archive of an earlier run that may be replaced */
export async function targetOf(
  config: BatchConfig,
  journal: LockedJournal,
  content: NewArchive,
  own: OwnArchive | undefined,
): Promise<ArchiveTarget> {
  const path = config.outputZip!;
  const before = own?.entry.instead;
  if (own !== undefined && before === undefined) return { replaced: own.path };
  const now = await digestOf(path);
  const lost = config.overwrite && now !== undefined ? await lostByFailure(path, journal, content) : undefined;
  if (lost !== undefined) {
    const why = `has the picture of ${printableName(lost)}, which failed now,`;
    const remedy = "mend the page, then run the same command, or retry --failed: the new archive then takes its place";
    return { replaced: own?.path, instead: before ?? now, kept: { path, why, remedy } };
  }
  // Whoever does single pages again has not asked for others to go.
  const lacking = config.overwrite && content.keepOthers ? await lackingPage(path, content) : undefined;
  if (lacking !== undefined) {
    const why = `has the picture of ${printableName(lacking)}, which the new one lacks,`;
    const remedy = "to replace it, run the colorize command again with --overwrite";
    return { replaced: own?.path, instead: before ?? now, kept: { path, why, remedy } };
  }
  if (own === undefined) return { replaced: undefined };
  if (now === undefined) return { replaced: config.overwrite ? path : own.path };
  const isSame = now.sha256 === before!.sha256 && now.sizeBytes === before!.sizeBytes;
  if (config.overwrite && isSame) return { replaced: path };
  const why = isSame ? "has the pictures from before" : "was changed meanwhile";
  const remedy = "to replace it, run the colorize command again with --overwrite";
  return { replaced: own.path, ...(isSame ? { instead: before } : {}), kept: { path, why, remedy } };
}

/**
 * Removes archives that were written instead of the one that is there now, if they are as they were written and all
 * their pages are in that one. Never rejects. After a kill there may be one of an earlier run.
 */
export async function removeSubstitutes(
  { outputZip }: BatchConfig,
  { history }: LockedJournal,
  content: NewArchive,
): Promise<Notice[]> {
  const files = new OutputFiles(dirname(outputZip!), false);
  const notices: Notice[] = [];
  for (const entry of history.archives) {
    if (entry.instead === undefined || !hasDigest(entry) || entry.firstNumber === 0) continue;
    const number = await files.find(basename(outputZip!), entry);
    if (number === undefined || number === 0) continue;
    const path = files.path(basename(outputZip!), number);
    if ((await lackingPage(path, content)) !== undefined) continue;
    const fault = await unlink(path).then(
      () => undefined,
      (error: unknown) => messageOf(error),
    );
    const what = `${outputZip!} is replaced; ${path}, which was written instead,`;
    if (fault === undefined) notices.push({ message: `${what} is removed` });
    else notices.push({ message: `${what} cannot be removed: ${fault}`, remedy: "remove it" });
  }
  return notices;
}

async function digestOf(path: string): Promise<ArchiveEntry["instead"]> {
  const info = await stat(path).catch(() => undefined);
  return info?.isFile() === true ? { sha256: await fileSha256(path), sizeBytes: info.size } : undefined;
}

/** Names and hashes of what a new archive holds. */
function contentOf({ pages, metadata }: NewArchive): { names: ReadonlySet<string>; hashes: ReadonlySet<string> } {
  const copies = metadata.carried?.files ?? [];
  return {
    names: new Set([...pages.map(({ entry }) => entry.name), ...copies.map(({ name }) => name)]),
    hashes: new Set([...pages.map(({ inputSha256 }) => inputSha256), ...copies.map(({ sha256 }) => sha256)]),
  };
}

/** A page of an archive that a new one has neither by name nor by content. */
async function lackingPage(path: string, content: NewArchive): Promise<string | undefined> {
  const has = await readArchiveMetadata(path).catch(() => undefined);
  const { names, hashes } = contentOf(content);
  return has && originsOf(has).find(({ page, hash }) => !names.has(page) && !hashes.has(hash))?.page;
}

/** A page whose picture an archive has, and a new one has not because a page failed now, perhaps under another name. */
async function lostByFailure(
  path: string,
  { history }: LockedJournal,
  content: NewArchive,
): Promise<string | undefined> {
  const failures = (content.metadata.failures ?? []) as readonly PageFailure[];
  const has = failures.length === 0 ? undefined : await readArchiveMetadata(path).catch(() => undefined);
  if (has === undefined) return undefined;
  const failed = failures.map(({ page, stage }) => ({
    page,
    hash: history.failed(page)?.inputSha256 ?? "",
    isUnread: stage === "scan" || stage === "decode",
  }));
  const { names, hashes } = contentOf(content);
  const had = originsOf(has);
  const known = had.find(({ page, hash }) =>
    failed.some((one) => one.page === page || (one.hash !== "" && one.hash === hash && !hashes.has(hash))),
  );
  if (known !== undefined) return known.page;
  // A page that cannot be read may be any of those that are gone, if it is the same chapter.
  const isUnknown = failed.some(({ isUnread }) => isUnread);
  const isSameChapter = had.some(({ hash }) => hashes.has(hash));
  return isUnknown && isSameChapter
    ? had.find(({ page, hash }) => !names.has(page) && !hashes.has(hash))?.page
    : undefined;
}

/** All pages of an archive with the hashes of their files; "" where that is unknown. */
function originsOf({
  pages,
  inputs,
  in_color: inColor = [],
  carried,
}: ArchiveMetadata): { page: string; hash: string }[] {
  const hashes = new Map<string, string>(inputs.map(({ page, sha256 }) => [page, sha256]));
  for (const { name, sha256 } of carried?.files ?? []) if (!hashes.has(name)) hashes.set(name, sha256);
  return [...pages.map(({ page }) => page), ...inColor].map((page) => ({ page, hash: hashes.get(page) ?? "" }));
}
