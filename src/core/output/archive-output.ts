/** Writes the output archive once all pages are done, and unpacks it again so that single pages can be redone. */
import { readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { BatchProcessingError } from "../../errors.js";
import { placeFile, temporaryName } from "../../io/files/atomic-file.js";
import { outputError } from "../../io/files/file-errors.js";
import { makeFolders } from "../../platform/folders.js";
import { carryFiles } from "./carried-files.js";
import { isThere } from "../../io/files/exists.js";
import { layersFolder, numberedName } from "../../io/names/output-names.js";
import { METADATA_NAME, type SinkMetadata } from "../../io/names/output-rules.js";
import { openArchiveSink } from "../../io/open-sink.js";
import type { PageSource, SourceEntry } from "../../io/page-source.js";
import { openPageSource } from "../../io/open-source.js";
import { sha256 } from "../../platform/sha256.js";
import { failedEntries } from "../journal/entry-schema.js";
import type { ArchiveEntry, CarriedOrigins, FileRecord, JournalEntry, LayerRecord } from "../journal/entries.js";
import { journalLine } from "../journal/journal.js";
import { layerPaths, layerRecords } from "./layer-records.js";
import { JOURNAL_NAME, type LockedJournal } from "../journal/locked-journal.js";
import type { Notice } from "../../errors/notice.js";
import type { BatchPage } from "../pages/batch-page.js";
import { placeOf } from "../journal/place.js";
import type { StoredRun } from "../journal/find-run.js";
import { fileSha256, OutputFiles } from "./output-files.js";
import { checkArchiveTarget } from "./output-guard.js";
import { picturesFolder, workFolder } from "./work-folder.js";
import { removeTree } from "../../io/files/remove-tree.js";

/** What goes into an archive. */
export interface ArchiveContent {
  /** Folder of the pictures. */
  readonly folder: string;
  readonly pages: readonly BatchPage[];
  readonly carried: readonly SourceEntry[];
  /** The input's comment, if it is an archive that has one. */
  readonly comment: Uint8Array | undefined;
  readonly metadata: SinkMetadata & { readonly carried?: CarriedOrigins | undefined };
  /** The other files are those of the archive that is replaced, and no further ones. */
  readonly keepOthers: boolean;
  /** What the journal knows of an archive is of another input. */
  readonly isOther: boolean;
  /** Takes what people should know about files that could not be copied. */
  readonly notices: Notice[];
}

/** How an output was completed. */
export type Finished =
  /** The folder or archive that was written. */
  | { readonly written: string }
  /** Pages whose pictures are no longer as they were written; nothing was put together. They are to be done again. */
  | { readonly damaged: readonly BatchPage[] };

/** The archive before it gets its name, in the work folder. */
const UNNAMED = "archive.tmp";

/**
 * Writes the archive. Each picture is held against the journal's hash while it is packed.
 * @returns where it is, or the pages whose pictures are damaged; then nothing is written
 */
export async function writeArchive(
  config: BatchConfig,
  journal: LockedJournal,
  content: ArchiveContent,
): Promise<Finished> {
  const own = content.isOther ? undefined : await findOwn(config, journal);
  const old = own ?? lastArchive(config, journal);
  const before = content.keepOthers && old !== undefined ? await openPageSource(old).catch(() => undefined) : undefined;
  const unnamed = join(workFolder(config), UNNAMED);
  try {
    const damaged = await pack(unnamed, journal, content, before);
    if (damaged.length > 0) return { damaged };
    const written = await nameArchive(unnamed, own, config, journal, content.metadata.carried);
    if (old !== undefined && old !== written && (await isThere(old)))
      content.notices.push({
        message: `${old} ${content.isOther ? "is of another input" : "was changed after it was written"} and is kept; the result is ${written}`,
      });
    return { written };
  } finally {
    await before?.close();
    await rm(unnamed, { force: true }).catch(() => {});
  }
}

/** Puts the archive together; resolves to the pages that are damaged, after which there is none. */
async function pack(
  path: string,
  journal: LockedJournal,
  { folder, pages, carried, comment, metadata, keepOthers, notices }: ArchiveContent,
  before: PageSource | undefined,
): Promise<BatchPage[]> {
  const archive = await openArchiveSink(path, { overwrite: true, comment: before?.comment ?? comment });
  try {
    const damaged: BatchPage[] = [];
    for (const job of pages) {
      const files = await intactFiles(folder, job.outputName, journal.history.pictures(job.entry.name));
      if (files === undefined) damaged.push(job);
      else if (damaged.length === 0) for (const [name, bytes] of files) await archive.write(name, bytes);
    }
    if (damaged.length > 0) {
      await archive.abort();
      return damaged;
    }
    const others = before !== undefined ? othersIn(before, pages) : keepOthers ? [] : carried;
    notices.push(...(await carryFiles(others, (entry) => archive.carry(entry))));
    await archive.finish(metadata);
    return [];
  } catch (error) {
    await archive.abort();
    throw error;
  }
}

/** What an archive holds beside its pages, their layers and the metadata: also what a user has put there. */
function othersIn(archive: PageSource, pages: readonly BatchPage[]): SourceEntry[] {
  const pictures = new Set(pages.map(({ outputName }) => outputName));
  const layers = pages.map(({ outputName }) => `${layersFolder(outputName)}/`);
  const files = [...archive.entries(), ...archive.faults.flatMap(({ file }) => file ?? [])];
  return files.filter(
    ({ name }) => name !== METADATA_NAME && !pictures.has(name) && !layers.some((folder) => name.startsWith(folder)),
  );
}

/** Where the archive was written that the journal knows of, whatever has become of it. */
function lastArchive({ outputZip }: BatchConfig, { history }: LockedJournal): string | undefined {
  const [last] = history.archives;
  return last === undefined ? undefined : join(dirname(outputZip!), last.name);
}

type Picture = FileRecord & { readonly outputName: string; readonly layers?: readonly LayerRecord[] };

/** A page's files as they were written: the picture, then its layers. Undefined if one is not. */
async function intactFiles(
  folder: string,
  outputName: string,
  pictures: readonly Picture[],
): Promise<[name: string, bytes: Uint8Array][] | undefined> {
  const bytes = await readFile(join(folder, outputName)).catch(() => undefined);
  if (bytes === undefined) return undefined;
  const digest = await sha256(bytes);
  const entry = pictures.find((one) => one.outputName === outputName && one.sha256 === digest);
  if (entry === undefined) return undefined;
  const files: [string, Uint8Array][] = [[outputName, bytes]];
  for (const [index, name] of layerPaths(outputName, entry.layers ?? []).entries()) {
    const layer = await readFile(join(folder, name)).catch(() => undefined);
    if (layer === undefined || (await sha256(layer)) !== entry.layers![index]!.sha256) return undefined;
    files.push([name, layer]);
  }
  return files;
}

/**
 * The archive that an earlier run of this journal has written, if it is still as it was written: also one that was
 * given another name together with its work folder.
 */
async function findOwn(config: BatchConfig, journal: LockedJournal): Promise<string | undefined> {
  const name = basename(config.outputZip!);
  const files = new OutputFiles(dirname(config.outputZip!), false);
  for (const entry of journal.history.archives) {
    if (!hasDigest(entry)) continue;
    const firstNumber = numberedName(name, entry.firstNumber) === entry.name ? entry.firstNumber : 0;
    const number = await files.find(name, { ...entry, firstNumber });
    if (number !== undefined) return files.path(name, number);
  }
  return undefined;
}

function hasDigest(entry: ArchiveEntry): entry is ArchiveEntry & FileRecord {
  return entry.sha256 !== undefined && entry.sizeBytes !== undefined && entry.firstNumber !== undefined;
}

/**
 * Gives the archive its name: that of this output's own earlier one, else the first free one. Noted before it is taken.
 */
async function nameArchive(
  unnamed: string,
  own: string | undefined,
  config: BatchConfig,
  journal: LockedJournal,
  carried: CarriedOrigins | undefined,
): Promise<string> {
  const wanted = config.outputZip!;
  const digest = { sha256: await fileSha256(unnamed), sizeBytes: (await stat(unnamed)).size };
  const files = new OutputFiles(dirname(wanted), config.overwrite);
  const free = own === undefined ? (await files.place(basename(wanted), digest, [])).number : undefined;
  const path = own ?? numberedName(wanted, free!);
  const replace = own !== undefined || config.overwrite;
  const { record } = journal.history;
  if (replace && record !== undefined) await checkArchiveTarget(path, record);
  const firstNumber = numberOf(basename(path), basename(wanted));
  await journal.append({ type: "archive", name: basename(path), ...digest, firstNumber, ...(carried && { carried }) });
  try {
    return await placeFile(unnamed, wanted, { overwrite: replace, from: firstNumber });
  } catch (cause) {
    throw outputError(path, cause);
  }
}

/** The number of a numbered name. */
function numberOf(name: string, base: string): number {
  let number = 0;
  while (numberedName(base, number) !== name) number++;
  return number;
}

/**
 * Makes the work folder of a finished archive as it was before its last page was done, from the archive itself: the
 * journal and the pictures. It appears whole or not at all. The metadata's names were checked when it was read. Rejects
 * with `ERR_OUTPUT_WRITE`, `ERR_ZIP_*`.
 * @param again pages that are to be done again. Where one of them was changed in the archive, that archive is no longer
 * the run's own: it is kept, and the next one gets a name beside it
 * @param isOwn false where the archive is kept in any case
 */
export async function reopenArchive(
  { record, history, archive, isFromHere }: StoredRun,
  again: readonly string[] = [],
  isOwn = true,
): Promise<void> {
  if (archive === undefined) return;
  const { path, metadata } = archive;
  const work = workFolder(record.config);
  const temporary = join(dirname(path), temporaryName());
  const pictures = join(temporary, basename(picturesFolder(record.config)));
  const source = await openPageSource(path);
  const keep = async (name: string, entry: SourceEntry | undefined): Promise<Uint8Array> => {
    // a layer that is gone from the archive: the page is then not finished
    const bytes = (await entry?.read()) ?? new Uint8Array();
    await makeFolders(dirname(join(pictures, name)));
    await writeFile(join(pictures, name), bytes, { flush: true });
    return bytes;
  };
  try {
    const entries = new Map(source.entries().map((entry) => [entry.name, entry]));
    await makeFolders(temporary);
    const place = isFromHere ? await placeOf(temporary, work) : undefined;
    const lines: JournalEntry[] = [
      { type: "run", job: "", at: new Date().toISOString(), record, ...(place && { place }) },
    ];
    const { all, pages } = history.adjustments;
    const archived = await archiveEntry(path, record.config);
    const edited: string[] = [];
    lines.push(
      { type: "adjust", settings: all },
      ...Object.entries(pages).map(([page, settings]) => ({ type: "adjust" as const, page, settings })),
      ...(record.config.previewMode ? [{ type: "preview" as const, state: "approved" as const }] : []),
      ...failedEntries(metadata.failures),
    );
    const origins = new Map(metadata.inputs.map((origin) => [origin.page, origin]));
    for (const success of metadata.pages) {
      const origin = origins.get(success.page);
      const entry = entries.get(success.output);
      if (origin === undefined || entry === undefined) continue;
      const layers = await layerRecords((success.layers ?? []).map((name) => keep(name, entries.get(name))));
      const bytes = await keep(success.output, entry);
      const digest = await sha256(bytes);
      const written = origin.picture === digest ? undefined : origin.picture;
      if (written !== undefined && again.includes(success.page)) edited.push(success.page);
      lines.push({
        type: "page",
        page: success.page,
        fingerprint: origin.fingerprint,
        inputSha256: origin.sha256,
        outputName: success.output,
        success,
        sha256: digest,
        sizeBytes: bytes.byteLength,
        firstNumber: 0,
        ...(layers.length === 0 ? {} : { layers }),
        ...(written === undefined ? {} : { written }),
      });
    }
    const { carried } = metadata;
    lines.push({
      ...(isOwn && edited.length === 0 ? archived : { type: "archive", name: archived.name }),
      ...(carried && { carried }),
    });
    await writeFile(join(temporary, JOURNAL_NAME), lines.map(journalLine).join(""), { flush: true });
    await rename(temporary, work);
  } catch (cause) {
    await removeTree(temporary);
    throw cause instanceof BatchProcessingError ? cause : outputError(work, cause);
  } finally {
    await source.close();
  }
}

async function archiveEntry(path: string, { outputZip }: BatchConfig): Promise<ArchiveEntry> {
  return {
    type: "archive",
    name: basename(path),
    sha256: await fileSha256(path),
    sizeBytes: (await stat(path)).size,
    firstNumber: numberOf(basename(path), basename(outputZip!)),
  };
}
