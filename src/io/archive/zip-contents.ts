/**
 * Lists what a ZIP archive holds by its directory: the entries that passed the checks, under safe names, each once. An
 * entry that breaks a rule becomes a fault and never stops the others.
 */
import { messageOf, ZipExtractionError } from "../../errors.js";
import { noticesOf, type Notice } from "../../errors/notice.js";
import { overLimit, type ArchiveLimits, type ArchiveUse } from "./archive-limits.js";
import { turn } from "../../concurrency/take-turns.js";
import type { ByteSource } from "../files/byte-source.js";
import { isJunkName } from "../names/entry-rules.js";
import { localDataStart, readDirectory, type Directory } from "./zip-directory.js";
import type { DirectoryEntry } from "./zip-records.js";
import { archiveNameEncoding, decodeEntryName } from "./zip-names.js";
import { normalizeEntryName, printableName } from "../names/safe-name.js";
import { entryFault, entryNames, FOLDER_WITH_DATA, isFolder, refusal, safeEntries } from "./zip-rules.js";
import { isPartlyDecoded, partlyDecoded, type NameEncoding } from "../names/name-encoding.js";

/** An entry that passed the checks on the directory. */
export interface ZipRecord {
  /** Safe relative path, unique in its archive. */
  readonly name: string;
  readonly rawName: Uint8Array;
  /** 0 = stored, 8 = deflated. */
  readonly method: number;
  readonly crc32: number;
  readonly compressedBytes: number;
  readonly sizeBytes: number;
  readonly headerOffset: number;
  readonly flags: number;
}

/** An archive's directory, checked. */
export interface ArchiveContents {
  readonly directory: Directory;
  /** Of names without the UTF-8 flag. */
  readonly encoding: NameEncoding;
  /** Usable entries in the directory's order, without folders and skipped files. */
  readonly records: readonly ZipRecord[];
  /** Names of skipped files: what systems leave behind. */
  readonly leftOut: readonly string[];
  /** One error for each refused entry, and one for a directory that breaks off. */
  readonly faults: readonly ZipExtractionError[];
  /** What people should know though everything is used. */
  readonly warnings: readonly Notice[];
}

/** Reads and checks the directory; see `ZipArchive.open`. */
export async function readContents(
  source: ByteSource,
  label: string,
  limits: ArchiveLimits,
  use: ArchiveUse,
): Promise<ArchiveContents> {
  const directory = await readDirectory(source, label, limits, use.entries);
  use.entries += directory.entries.length;
  const faults: ZipExtractionError[] = [];
  const warnings = noticesOf(directory.warnings.map((warning) => `${label}: ${warning}`));
  const records: ZipRecord[] = [];
  const leftOut: string[] = [];
  const encoding = await archiveNameEncoding(directory.entries);
  const textOf = (entry: DirectoryEntry): string =>
    decodeEntryName(entry.rawName, entry.flags, entry.extraFields, encoding);
  const usable = await safeEntries(
    directory.entries,
    textOf,
    directory.offset,
    (entry) => localDataStart(directory.archive, entry),
    (name, reason) => void faults.push(refusal(label, name, { message: reason })),
  );
  for (const entry of usable) {
    await turn();
    const name = normalizeEntryName(textOf(entry));
    if (isFolder(entry)) continue;
    if (isJunkName(name)) {
      if (!name.endsWith("/")) leftOut.push(name);
      continue;
    }
    if (name.endsWith("/") && entry.sizeBytes === 0) continue;
    const fault = name.endsWith("/") ? FOLDER_WITH_DATA : entryFault(entry, limits, use.bytes);
    if (fault !== undefined) {
      faults.push(refusal(label, name, fault));
      continue;
    }
    use.bytes += entry.sizeBytes;
    records.push({ ...pick(entry), name });
  }
  const names = await entryNames(records, (count) => {
    use.folders += count;
    // What a name costs grows with its folders.
    if (use.folders > limits.maxEntries) throw tooManyFolders(label, use.folders, limits);
  });
  for (const record of records) {
    await turn();
    Object.assign(record, { name: names.take(record.name) });
    if (isPartlyDecoded(record.name, record.rawName))
      warnings.push(partlyDecoded(`${label}: entry "${printableName(record.name)}"`));
  }
  if (directory.damage !== undefined) {
    faults.push(
      new ZipExtractionError(
        "ERR_ZIP_FORMAT",
        `the directory of ${label} breaks off after ${directory.entries.length} of ${directory.entryCount} entries (${messageOf(directory.damage)}); the entries before are used, repair the archive to get the rest`,
        { cause: directory.damage },
      ),
    );
  }
  return { directory, encoding, records, leftOut, faults, warnings };
}

function tooManyFolders(label: string, count: number, limits: ArchiveLimits): ZipExtractionError {
  const { message, remedy } = overLimit(`${label} has at least ${count} folders`, "maxEntries", limits);
  return new ZipExtractionError("ERR_ZIP_LIMIT", message, { remedy });
}

function pick(entry: DirectoryEntry): Omit<ZipRecord, "name"> {
  const { rawName, method, compressedBytes, sizeBytes, headerOffset, flags } = entry;
  return { rawName, method, crc32: entry.crc32, compressedBytes, sizeBytes, headerOffset, flags };
}
