/** Writes the output archive once all pages are done. An archive is replaced only if nothing in it is lost. */
import { readFile, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { placeFile } from "../../io/files/atomic-file.js";
import { outputError } from "../../io/files/file-errors.js";
import { carryFiles } from "./carried-files.js";
import { carriedOrigins } from "./carried-origins.js";
import { numberedName } from "../../io/names/output-names.js";
import type { SinkMetadata } from "../../io/names/output-rules.js";
import { portableName } from "../../io/names/portable-names.js";
import { openArchiveSink } from "../../io/open-sink.js";
import type { SourceEntry } from "../../io/page-source.js";
import { sha256 } from "../../platform/sha256.js";
import type { CarriedOrigins, FileRecord, LayerRecord } from "../journal/entries.js";
import { layerPaths } from "./layer-records.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import type { Notice } from "../../errors/notice.js";
import type { BatchPage } from "../pages/batch-page.js";
import { fileSha256, OutputFiles } from "./output-files.js";
import { checkArchiveTarget } from "./output-guard.js";
import { hasMorePages, readArchiveMetadata, type PageOrigin } from "./archive-metadata.js";
import { removeSubstitutes, targetOf, type ArchiveTarget } from "./archive-target.js";
import {
  archiveEntry,
  findOwn,
  keptArchive,
  WHY_KEPT,
  type ArchiveFacts,
  type EarlierRuns,
  type OwnArchive,
} from "./own-archive.js";
import { ReplacedArchive } from "./replaced-archive.js";
import { workFolder } from "./work-folder.js";
import { shownNames } from "../../text/shown.js";

/** What goes into an archive. */
export interface ArchiveContent {
  /** Folder of the pictures. */
  readonly folder: string;
  readonly pages: readonly BatchPage[];
  readonly carried: readonly SourceEntry[];
  /** The input's comment, if it is an archive that has one. */
  readonly comment: Uint8Array | undefined;
  readonly metadata: SinkMetadata & {
    /** What else it is made from. Default: read from `carried` and `comment`. */
    readonly carried?: CarriedOrigins | undefined;
    readonly in_color?: readonly string[] | undefined;
    readonly inputs?: readonly PageOrigin[];
    readonly failures?: readonly unknown[];
  };
  /** The other files are those of the archive that is replaced, and no further ones. */
  readonly keepOthers: boolean;
  /** An archive that is not this output's own, as it was written, is kept, though overwriting was asked for before. */
  readonly keepsChanged: boolean;
  readonly earlier: EarlierRuns;
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
  const { pages, earlier, notices } = content;
  const own = await findOwn(config, journal, pages, earlier);
  const keepOthers = own !== undefined && (content.keepOthers || own.entry.keepOthers === true);
  const before = keepOthers ? await ReplacedArchive.open(own, journal.history, content.keepOthers) : undefined;
  const unnamed = join(workFolder(config), UNNAMED);
  try {
    const madeFrom = await othersOrigins(content, own);
    const whole = { ...content, metadata: { ...content.metadata, ...madeFrom } };
    const damaged = await pack(unnamed, journal, whole, before);
    if (damaged.length > 0) return { damaged };
    const notReplaced =
      own === undefined
        ? await keptArchive(config, journal, pages, earlier)
        : await reasonToKeep(own.path, whole, before);
    const target = await targetOf(config, journal, whole, notReplaced === undefined ? own : undefined);
    const changed = target.replaced === undefined ? [] : await changedSettings(target.replaced, content, journal);
    // Who goes on with a finished archive has not asked for another one to go, whatever was asked before.
    const overwrite = config.overwrite && target.instead === undefined && !content.keepsChanged;
    const naming = { ...config, overwrite };
    const written = await nameArchive(unnamed, target.replaced, naming, journal, {
      inputs: pages.map(({ inputSha256 }) => inputSha256),
      ...(madeFrom.carried && { carried: madeFrom.carried }),
      inColor: madeFrom.in_color ?? [],
      ...(own?.entry.keepOthers === true ? { keepOthers: true } : {}),
      ...(target.instead && { instead: target.instead }),
    });
    // One that holds more than the new archive stays.
    if (written === config.outputZip && notReplaced === undefined)
      notices.push(...(await removeSubstitutes(config, journal, whole)));
    const kept = new Map<string, NonNullable<ArchiveTarget["kept"]>>();
    for (const one of [notReplaced, target.kept]) if (one !== undefined) kept.set(one.path, one);
    kept.delete(written);
    for (const { path, why, remedy } of kept.values()) {
      const message = `${path} ${why} and is kept; the result is ${written}`;
      notices.push({ message, ...(remedy === undefined ? {} : { remedy }) });
    }
    if (changed.length > 0) notices.push(replacedNotice(changed));
    return { written };
  } finally {
    await before?.close();
    await rm(unnamed, { force: true }).catch(() => {});
  }
}

/** Of an archive's other files. Where single pages are done, they are those of the archive before. */
async function othersOrigins(
  { keepOthers, carried: files, comment, metadata: { carried, in_color: inColor } }: ArchiveContent,
  own: OwnArchive | undefined,
): Promise<Pick<ArchiveContent["metadata"], "carried" | "in_color">> {
  if (!keepOthers || own === undefined)
    return { carried: carried ?? (await carriedOrigins(files, comment)), in_color: inColor };
  const { carried: before, inColor: pages } = own.entry;
  const copies = new Set(before?.files.map(({ name }) => name));
  const kept = pages ?? inColor?.filter((name) => copies.has(name));
  return { carried: before, in_color: kept?.length === 0 ? undefined : kept };
}

/** Why this output's own archive is kept all the same, as the rest of a sentence about it. */
async function reasonToKeep(
  path: string,
  { keepOthers, metadata: { inputs = [], carried } }: ArchiveContent,
  before: ReplacedArchive | undefined,
): Promise<{ path: string; why: string } | undefined> {
  if (before?.loss !== undefined) return { path, why: before.loss };
  if (keepOthers) return undefined; // single pages were done again because somebody has asked for it
  const has = await readArchiveMetadata(path).catch(() => undefined);
  const stays = new Set(inputs.map(({ page, fingerprint }) => `${fingerprint} ${page}`));
  if (has === undefined || has.inputs.length === 0) return undefined;
  const copies = carried?.files ?? [];
  const hashes = new Set([...inputs, ...copies].map((one) => one.sha256));
  const names = new Set([...inputs.map(({ page }) => page), ...copies.map(({ name }) => name)]);
  if (hasMorePages(has, names, hashes)) return { path, why: WHY_KEPT.pages };
  if (has.inputs.some(({ page, fingerprint }) => stays.has(`${fingerprint} ${page}`))) return undefined;
  return { path, why: "was made with other settings or references" };
}

/** Pages of an archive whose settings or references have changed though nothing is asked for them by name. */
async function changedSettings(
  path: string,
  { keepOthers, metadata: { inputs = [] } }: ArchiveContent,
  { history }: LockedJournal,
): Promise<string[]> {
  if (keepOthers) return [];
  const has = await readArchiveMetadata(path).catch(() => undefined);
  const before = new Map(has?.inputs.map((origin) => [origin.page, origin]));
  const asked = { ...history.record?.pageConfigs, ...history.adjustments.pages };
  return inputs
    .filter(({ page, fingerprint, sha256: hash }) => {
      const origin = before.get(page);
      return !Object.hasOwn(asked, page) && origin?.sha256 === hash && origin.fingerprint !== fingerprint;
    })
    .map(({ page }) => page);
}

function replacedNotice(pages: readonly string[]): Notice {
  const [word, whose] = pages.length === 1 ? ["picture", "its"] : ["pictures", "their"];
  return {
    message: `replaced the ${word} of ${shownNames(pages)}: ${whose} settings or references differ from the run before`,
    remedy:
      "to keep hints and settings of single pages, give them with each run, or set them with redo, which keeps them",
  };
}

/** Puts the archive together; resolves to the pages that are damaged, after which there is none. */
async function pack(
  path: string,
  journal: LockedJournal,
  { folder, pages, carried, comment, metadata, keepOthers, notices }: ArchiveContent,
  before: ReplacedArchive | undefined,
): Promise<BatchPage[]> {
  const archive = await openArchiveSink(path, {
    overwrite: true,
    comment: before === undefined ? comment : await before.commentOr(comment),
  });
  try {
    const packed = new Map<string, string>();
    const damaged: BatchPage[] = [];
    for (const job of pages) {
      const files = await intactFiles(folder, job.outputName, journal.history.pictures(job.entry.name));
      if (files === undefined) damaged.push(job);
      else if (damaged.length === 0)
        for (const { name, bytes, hash } of files) {
          await archive.write(name, bytes);
          packed.set(name, hash);
        }
    }
    if (damaged.length > 0) {
      await archive.abort();
      return damaged;
    }
    const kept = await before?.carryInto(archive, packed);
    const others =
      kept === undefined ? carried : keepOthers ? [] : carried.filter(({ name }) => !kept.has(portableName(name)));
    notices.push(...(await carryFiles(others, (entry) => archive.carry(entry))));
    await archive.finish(metadata);
    return [];
  } catch (error) {
    await archive.abort();
    throw error;
  }
}

interface PackedFile {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly hash: string;
}

type Picture = FileRecord & { readonly outputName: string; readonly layers?: readonly LayerRecord[] };

/** A page's files as they were written: the picture, then its layers. Undefined if one is not. */
async function intactFiles(
  folder: string,
  outputName: string,
  pictures: readonly Picture[],
): Promise<PackedFile[] | undefined> {
  const bytes = await readFile(join(folder, outputName)).catch(() => undefined);
  if (bytes === undefined) return undefined;
  const digest = await sha256(bytes);
  const entry = pictures.find((one) => one.outputName === outputName && one.sha256 === digest);
  if (entry === undefined) return undefined;
  const files: PackedFile[] = [{ name: outputName, bytes, hash: digest }];
  for (const [index, name] of layerPaths(outputName, entry.layers ?? []).entries()) {
    const layer = await readFile(join(folder, name)).catch(() => undefined);
    const hash = entry.layers![index]!.sha256;
    if (layer === undefined || (await sha256(layer)) !== hash) return undefined;
    files.push({ name, bytes: layer, hash });
  }
  return files;
}

/**
 * Gives the archive its name: that of the archive that it replaces, else the first free one. Noted before it is taken.
 */
async function nameArchive(
  unnamed: string,
  replaced: string | undefined,
  config: BatchConfig,
  journal: LockedJournal,
  facts: ArchiveFacts,
): Promise<string> {
  const wanted = config.outputZip!;
  const digest = { sha256: await fileSha256(unnamed), sizeBytes: (await stat(unnamed)).size };
  const files = new OutputFiles(dirname(wanted), config.overwrite);
  const free = replaced === undefined ? (await files.place(basename(wanted), digest, [])).number : undefined;
  const path = replaced ?? numberedName(wanted, free!);
  const replace = replaced !== undefined || config.overwrite;
  const { record } = journal.history;
  if (replace && record !== undefined) await checkArchiveTarget(path, record);
  const entry = await archiveEntry(unnamed, basename(path), config, facts);
  await journal.append(entry);
  try {
    return await placeFile(unnamed, wanted, { overwrite: replace, from: entry.firstNumber });
  } catch (cause) {
    throw outputError(path, cause);
  }
}
