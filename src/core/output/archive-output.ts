/**
 * The output archive, put together once all pages are there; or taken apart again, so that single pages of it can be
 * done anew.
 */
import { readFile, rename, rm, stat, writeFile, mkdir } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { outputError } from "../../io/files/file-errors.js";
import { systemCode } from "../../errors.js";
import { firstFreeNumber, numberedName } from "../../io/names/output-names.js";
import { temporaryName } from "../../io/files/atomic-file.js";
import type { SinkMetadata } from "../../io/names/output-rules.js";
import { openArchiveSink } from "../../io/open-sink.js";
import type { SourceEntry } from "../../io/page-source.js";
import { openPageSource } from "../../io/open-source.js";
import { sha256 } from "../../platform/sha256.js";
import type { JournalEntry } from "../journal/entries.js";
import { journalLine } from "../journal/journal.js";
import { layerPaths, layerRecords } from "./layer-records.js";
import { JOURNAL_NAME, type LockedJournal } from "../journal/locked-journal.js";
import type { BatchPage } from "../pages/batch-page.js";
import type { StoredRun } from "../journal/record.js";
import { picturesFolder, workFolder } from "./work-folder.js";

/** What goes into an archive. */
export interface ArchiveContent {
  /** Folder of the pictures. */
  readonly folder: string;
  readonly pages: readonly BatchPage[];
  readonly carried: readonly SourceEntry[];
  readonly metadata: SinkMetadata;
  /** Where the archive takes the place of one of this run, the other files stay as they are in that one. */
  readonly keepOthers: boolean;
}

/** Writes the archive and resolves to its path. */
export async function writeArchive(
  config: BatchConfig,
  journal: LockedJournal,
  { folder, pages, carried, metadata, keepOthers }: ArchiveContent,
): Promise<string> {
  const { path, replace, own } = await claimArchive(config, journal);
  const before = own && keepOthers ? await openPageSource(path).catch(() => undefined) : undefined;
  const archive = await openArchiveSink(path, { overwrite: replace });
  try {
    const old = new Map(before?.entries().map((entry) => [entry.name, entry]));
    for (const { entry, outputName } of pages) {
      for (const name of [outputName, ...layerPaths(outputName, journal.history.last(entry.name)?.layers ?? [])])
        await archive.write(name, await readFile(join(folder, name)));
    }
    for (const entry of carried) await archive.carry(old.get(entry.name) ?? entry);
    return await archive.finish(metadata);
  } catch (error) {
    await archive.abort();
    throw error;
  } finally {
    await before?.close();
  }
}

/**
 * The archive's name: that of the archive an earlier run of this journal has written, else the first free one. Noted
 * before it is taken.
 */
async function claimArchive(
  { outputZip, overwrite }: BatchConfig,
  journal: LockedJournal,
): Promise<{ path: string; replace: boolean; own: boolean }> {
  const wanted = outputZip!;
  const { archiveName } = journal.history;
  const own = archiveName === undefined ? undefined : join(dirname(wanted), archiveName);
  if (own !== undefined && (await exists(own))) return { path: own, replace: true, own: true };
  const path = overwrite
    ? wanted
    : numberedName(wanted, await firstFreeNumber((number) => exists(numberedName(wanted, number))));
  await journal.append({ type: "archive", name: basename(path) });
  return { path, replace: overwrite, own: false };
}

/**
 * Makes the work folder of a finished archive as it was before its last page was done, from the archive itself: the
 * journal and the pictures. It appears whole or not at all. Rejects with `ERR_OUTPUT_WRITE`, `ERR_ZIP_*`.
 */
export async function reopenArchive({ record, history, archive }: StoredRun): Promise<void> {
  if (archive === undefined) return;
  const { path, metadata } = archive;
  const work = workFolder(record.config);
  const temporary = join(dirname(path), temporaryName());
  const pictures = join(temporary, basename(picturesFolder(record.config)));
  const source = await openPageSource(path);
  const keep = async (name: string, entry: SourceEntry | undefined): Promise<Uint8Array> => {
    // a layer that is gone from the archive: the page is then not finished
    const bytes = (await entry?.read()) ?? new Uint8Array();
    await mkdir(dirname(join(pictures, name)), { recursive: true });
    await writeFile(join(pictures, name), bytes, { flush: true });
    return bytes;
  };
  try {
    const entries = new Map(source.entries().map((entry) => [entry.name, entry]));
    const lines: JournalEntry[] = [{ type: "run", job: "", at: new Date().toISOString(), record }];
    const { all, pages } = history.adjustments;
    lines.push(
      { type: "adjust", settings: all },
      ...Object.entries(pages).map(([page, settings]) => ({ type: "adjust" as const, page, settings })),
      { type: "archive", name: basename(path) },
    );
    for (const success of metadata.pages) {
      const origin = metadata.inputs.find(({ page }) => page === success.page);
      const entry = entries.get(success.output);
      if (origin === undefined || entry === undefined) continue;
      const layers = await layerRecords((success.layers ?? []).map((name) => keep(name, entries.get(name))));
      const bytes = await keep(success.output, entry);
      lines.push({
        type: "page",
        page: success.page,
        fingerprint: origin.fingerprint,
        inputSha256: origin.sha256,
        outputName: success.output,
        success,
        sha256: await sha256(bytes),
        sizeBytes: bytes.byteLength,
        firstNumber: 0,
        ...(layers.length === 0 ? {} : { layers }),
      });
    }
    await writeFile(join(temporary, JOURNAL_NAME), lines.map(journalLine).join(""), { flush: true });
    await rename(temporary, work);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true });
    throw systemCode(cause) === undefined ? cause : outputError(work, cause);
  } finally {
    await source.close();
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) =>
      systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR"
        ? false
        : Promise.reject(outputError(path, error)),
  );
}
