/**
 * Recognises archives that are the finished results of this very batch, or were until something of it changed. The
 * journal is removed with the last page, so their metadata says what their pages were made from.
 */
import { readdir, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { openStoredFiles } from "../../io/archive/stored-files.js";
import { numberedName, numberIn } from "../../io/names/output-names.js";
import { sha256 } from "../../platform/sha256.js";
import type { PageSuccess } from "../events.js";
import type { CarriedOrigins } from "../journal/entries.js";
import { JOURNAL_NAME } from "../journal/locked-journal.js";
import type { BatchPage } from "../pages/batch-page.js";
import {
  hasMorePages,
  readArchiveMetadata,
  wantedName,
  type ArchiveMetadata,
  type PageOrigin,
} from "./archive-metadata.js";
import { isSameCarried, namesOfCopy } from "./carried-origins.js";
import { removeRemains, workFolder } from "./work-folder.js";

/** The result of this batch; the same command has nothing to do. */
export interface FinishedArchive {
  readonly path: string;
  /** By page. */
  readonly pages: ReadonlyMap<string, PageSuccess>;
}

/** A result of which something has changed since, and pages can stay. */
export interface OutdatedArchive {
  readonly path: string;
  readonly metadata: ArchiveMetadata;
  /** All its coloured pages stay, and there are no others. */
  readonly allStay: boolean;
  /** It has pictures of pages that the input no longer has. */
  readonly hasMore: boolean;
}

export interface EarlierArchives {
  readonly finished?: FinishedArchive;
  readonly outdated: readonly OutdatedArchive[];
}

type Wanted = Pick<BatchPage, "entry" | "settings">;

/** What the batch would make now. */
export interface WantedArchive {
  /** The pages with their settings; settings that were changed after the archive's own run had begun are given. */
  jobs(run: ArchiveMetadata["run"]): readonly Wanted[];
  /** Whether the input's folders are mirrored. */
  readonly preserveStructure: boolean;
  /** Of everything that decides a page's picture but the page itself. */
  fingerprint(settings: BatchPage["settings"]): string;
  /** What else would go into the archive. */
  carried(): Promise<CarriedOrigins>;
  /** Pictures of the input cannot be used, so that no archive is finished. */
  readonly hasFaults: boolean;
}

/**
 * Looks for them under the output's name and its numbers. There are none if the archive would be replaced anyway
 * (`overwrite`), or if a work folder knows more.
 * @param hashOf hashes of pages; given so that one who looks again need not read them again
 */
export async function findEarlierArchives(
  config: BatchConfig,
  wanted: WantedArchive,
  hashOf = hashedOnce(),
): Promise<EarlierArchives> {
  const outdated: OutdatedArchive[] = [];
  if (config.outputZip === undefined || config.overwrite || (await hasJournal(config))) return { outdated };
  let carried: CarriedOrigins | undefined;
  const { outputZip } = config;
  for (const path of await numberedArchives(outputZip)) {
    const metadata = await readArchiveMetadata(path).catch(() => undefined); // a foreign one is kept, and not used
    if (metadata === undefined) continue;
    // With a number that its run was asked for, it is no result of this name.
    if (path !== outputZip && metadata.run !== undefined && wantedName(metadata) !== basename(outputZip)) continue;
    const { isSame, stays, hashes } = await compare(wanted, metadata, hashOf);
    if (!isSame && !stays) continue;
    carried ??= await wanted.carried();
    const isCurrent = isSame && (metadata.carried === undefined || isSameCarried(metadata.carried, carried));
    if (isCurrent && metadata.failures.length === 0 && !wanted.hasFaults && (await hasAllPictures(path, metadata))) {
      await removeRemains(config);
      return { outdated, finished: { path, pages: new Map(metadata.pages.map((page) => [page.page, page])) } };
    }
    const now = new Set([...hashes.values(), ...carried.files.map(({ sha256: hash }) => hash)]);
    if (isSameChapter(metadata, now))
      outdated.push({
        path,
        metadata,
        allStay: isSame,
        hasMore: hasMorePages(metadata, new Set([...hashes.keys(), ...carried.files.map(({ name }) => name)]), now),
      });
  }
  return { outdated };
}

/** What has the output's name or the name with a number, in order. */
async function numberedArchives(path: string): Promise<string[]> {
  const name = basename(path);
  const names = await readdir(dirname(path)).catch(() => []);
  const numbers = names.flatMap((one) => numberIn(one, name) ?? []);
  return numbers.toSorted((a, b) => a - b).map((number) => numberedName(path, number));
}

/** An empty one, which a kill has left, knows nothing. */
async function hasJournal(config: BatchConfig): Promise<boolean> {
  const info = await stat(join(workFolder(config), JOURNAL_NAME)).catch(() => undefined);
  return info !== undefined && info.size > 0;
}

type HashOf = (entry: Wanted["entry"]) => Promise<string>;

/** Hashes of pages, each read once; "" for one that cannot be read: the batch itself will say what is wrong with it. */
export function hashedOnce(): HashOf {
  const hashes = new Map<string, Promise<string>>();
  return (entry) => {
    const hash =
      hashes.get(entry.name) ??
      entry.read().then(
        (bytes) => sha256(bytes),
        () => "",
      );
    hashes.set(entry.name, hash);
    return hash;
  };
}

interface Comparison {
  /** All coloured pages are as they would be made now, and there are no others. */
  readonly isSame: boolean;
  /** One of them is. */
  readonly stays: boolean;
  /** Of the input's pages, by name. */
  readonly hashes: ReadonlyMap<string, string>;
}

async function compare(wanted: WantedArchive, { run, inputs }: ArchiveMetadata, hashOf: HashOf): Promise<Comparison> {
  const jobs = wanted.jobs(run);
  const hashes = new Map<string, string>();
  const before = new Map(inputs.map((origin) => [origin.page, origin]));
  const isNamedAlike = run === undefined || run.record.config.preserveStructure === wanted.preserveStructure;
  const fitting = (job: Wanted): PageOrigin | undefined => {
    const origin = before.get(job.entry.name);
    return isNamedAlike && origin?.fingerprint === wanted.fingerprint(job.settings) ? origin : undefined;
  };
  if (inputs.length > 0 && !jobs.some((job) => fitting(job) !== undefined))
    return { isSame: false, stays: false, hashes };
  let same = 0;
  for (const job of jobs) {
    const hash = await hashOf(job.entry);
    hashes.set(job.entry.name, hash);
    if (hash !== "" && hash === fitting(job)?.sha256) same++;
  }
  const isSame = same === jobs.length && same === before.size;
  return { isSame, stays: same > 0 || inputs.length === 0, hashes };
}

/**
 * Whether an archive is of the same chapter: more than half of its coloured pages are pages of the input, and more than
 * half of all its pages, those that were in colour already included. Chapters share a page of credits.
 */
function isSameChapter(
  { inputs, in_color: inColor = [], carried }: ArchiveMetadata,
  now: ReadonlySet<string>,
): boolean {
  const copies = new Map(carried?.files.map(({ name, sha256: hash }) => [name, hash]));
  const coloured = inputs.map(({ sha256: hash }) => hash);
  const isMost = (hashes: readonly string[]): boolean =>
    hashes.length === 0 || hashes.filter((hash) => now.has(hash)).length * 2 > hashes.length;
  return isMost(coloured) && isMost([...coloured, ...inColor.map((name) => copies.get(name) ?? "")]);
}

/** Whether nobody has taken a picture, a layer or a page in colour out of an archive. */
async function hasAllPictures(path: string, { pages, in_color: inColor = [] }: ArchiveMetadata): Promise<boolean> {
  const source = await openStoredFiles(path);
  try {
    const names = new Set([...source.files, ...source.uncopied].map(({ name }) => name));
    return (
      pages.every(({ output, layers = [] }) => [output, ...layers].every((name) => names.has(name))) &&
      inColor.every((name) => namesOfCopy(name).some((copy) => names.has(copy)))
    );
  } finally {
    await source.close();
  }
}
