/**
 * Recognises an archive that is the finished result of this very batch. Its journal is removed with the last page, so
 * its metadata says what its pages were made from: the same command finds it and does nothing.
 */
import { stat } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { BatchConfig } from "../../config/batch-config.js";
import { openStoredFiles } from "../../io/archive/stored-files.js";
import { numberedName } from "../../io/names/output-names.js";
import { MAX_METADATA_BYTES, METADATA_NAME } from "../../io/names/output-rules.js";
import { parseJson } from "../../text/parse-json.js";
import type { PageSuccess } from "../events.js";
import { sha256 } from "../../platform/sha256.js";
import { archiveMetadata, throwIfUnsafe } from "../journal/entry-schema.js";
import { JOURNAL_NAME } from "../journal/locked-journal.js";
import type { CarriedOrigins } from "../journal/entries.js";
import { isSameCarried } from "./carried-origins.js";
import { absoluteRun, type ArchivedRun } from "../journal/run-record.js";
import type { BatchPage } from "../pages/batch-page.js";
import { removeRemains, workFolder } from "./work-folder.js";
import { isThere } from "../../io/files/exists.js";

/** What one picture was made of, as the metadata's `inputs` say it. */
export interface PageOrigin {
  readonly page: string;
  readonly fingerprint: string;
  readonly sha256: string;
  /** SHA-256 of the picture as it was written. */
  readonly picture?: string | undefined;
  /** The same of its layers, in the order of `LAYER_NAMES`. Archives of earlier versions have none. */
  readonly layers?: readonly string[] | undefined;
}

/** What an archive of this engine says about itself. */
export interface ArchiveMetadata {
  readonly inputs: readonly PageOrigin[];
  readonly pages: readonly PageSuccess[];
  readonly failures: readonly unknown[];
  /** Pages that were in colour already. */
  readonly in_color?: readonly string[] | undefined;
  /** What else it was made from; archives of version 0.1.0 do not say. */
  readonly carried?: CarriedOrigins | undefined;
  /** Paths are relative to the archive. */
  readonly run?: ArchivedRun;
}

export interface FinishedArchive {
  readonly path: string;
  /** By page. */
  readonly pages: ReadonlyMap<string, PageSuccess>;
  readonly metadata: ArchiveMetadata;
  /** False where the coloured pages are the same, and another file of the input or its comment is not. */
  readonly isCurrent: boolean;
}

type Wanted = Pick<BatchPage, "entry" | "settings">;

/**
 * Looks for it under the output's name and its numbers. Undefined if the archive would be replaced anyway
 * (`overwrite`), if a work folder knows more, or if any page, setting, reference or the model differs. Of several, a
 * current one.
 * @param jobs the pages with their settings; settings that were changed after the archive's own run had begun are given
 * @param carried what else would go into the archive
 */
export async function findFinishedArchive(
  config: BatchConfig,
  jobs: (run: ArchiveMetadata["run"]) => readonly Wanted[],
  fingerprint: (settings: BatchPage["settings"]) => string,
  carried: () => Promise<CarriedOrigins>,
): Promise<FinishedArchive | undefined> {
  if (config.outputZip === undefined || config.overwrite || (await hasJournal(config))) return undefined;
  let outdated: FinishedArchive | undefined;
  let wanted: CarriedOrigins | undefined;
  for (let number = 0; ; number++) {
    const path = numberedName(config.outputZip, number);
    if (!(await isThere(path))) return outdated;
    const metadata = await readArchiveMetadata(path).catch(() => undefined); // a foreign one is kept, and not used
    if (metadata === undefined || metadata.failures.length > 0) continue;
    if (!(await sameOrigins(jobs(metadata.run), metadata.inputs, fingerprint))) continue;
    const found = { path, pages: new Map(metadata.pages.map((page) => [page.page, page])), metadata };
    if (metadata.carried === undefined || isSameCarried(metadata.carried, (wanted ??= await carried()))) {
      await removeRemains(config);
      return { ...found, isCurrent: true };
    }
    if (isSameChapter(metadata, wanted)) outdated ??= { ...found, isCurrent: false };
  }
}

/**
 * Whether an archive with the same coloured pages is of the same chapter: more than half of all its pages are the same,
 * those that were in colour already included.
 */
function isSameChapter({ inputs, in_color: kept = [], carried }: ArchiveMetadata, wanted: CarriedOrigins): boolean {
  const hashes = ({ files }: CarriedOrigins): Map<string, string> =>
    new Map(files.map(({ name, sha256: hash }) => [name, hash]));
  const [before, now] = [hashes(carried!), hashes(wanted)];
  const same = kept.filter((name) => now.get(name) === before.get(name));
  return (inputs.length + same.length) * 2 > inputs.length + kept.length;
}

/** An empty one, which a kill has left, knows nothing. */
async function hasJournal(config: BatchConfig): Promise<boolean> {
  const info = await stat(join(workFolder(config), JOURNAL_NAME)).catch(() => undefined);
  return info !== undefined && info.size > 0;
}

async function sameOrigins(
  jobs: readonly Wanted[],
  inputs: readonly PageOrigin[],
  fingerprint: (settings: BatchPage["settings"]) => string,
): Promise<boolean> {
  const origins = new Map(inputs.map((origin) => [origin.page, origin]));
  if (
    origins.size !== jobs.length ||
    jobs.some(({ entry, settings }) => origins.get(entry.name)?.fingerprint !== fingerprint(settings))
  )
    return false;
  for (const { entry } of jobs) {
    const bytes = await entry.read().catch(() => undefined); // the batch itself will say what is wrong with it
    if (bytes === undefined || (await sha256(bytes)) !== origins.get(entry.name)!.sha256) return false;
  }
  return true;
}

/**
 * The metadata of an archive; undefined for one of somebody else and for what is no archive.
 * @throws ValidationError `ERR_OUTPUT_UNSAFE` for metadata that names files outside the archive
 */
export async function readArchiveMetadata(path: string): Promise<ArchiveMetadata | undefined> {
  const value = await readMetadata(path).catch(() => undefined);
  if (value === undefined) return undefined;
  const result = archiveMetadata.safeParse(value);
  if (result.success) {
    const metadata = result.data as unknown as ArchiveMetadata;
    // Refuses what is no relative path.
    if (metadata.run !== undefined) absoluteRun(metadata.run, path, dirname(path));
    return metadata;
  }
  throwIfUnsafe(result.error, value, `${path} (${METADATA_NAME})`);
  return undefined;
}

async function readMetadata(path: string): Promise<unknown> {
  // Not as an input: an archive of Photoshop documents holds no picture that could be one.
  const source = await openStoredFiles(path);
  try {
    const entry = source.files.find(({ name }) => name === METADATA_NAME);
    if (entry === undefined || entry.sizeBytes > MAX_METADATA_BYTES) return undefined;
    return parseJson(new TextDecoder().decode(await entry.read()), { maxLength: MAX_METADATA_BYTES });
  } finally {
    await source.close();
  }
}
