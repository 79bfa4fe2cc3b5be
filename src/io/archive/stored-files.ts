/**
 * The files of an archive one by one, as they are to be copied into another: nothing is left out without a word,
 * archives in it are files, and what could not be copied under its very name is named.
 */
import { basename } from "node:path";
import { FileRange } from "../files/byte-source.js";
import { inputError } from "../files/file-errors.js";
import { openFile } from "../files/read-file.js";
import { decodeUtf8 } from "../names/name-encoding.js";
import type { SourceEntry } from "../page-source.js";
import { archiveLimits } from "./archive-limits.js";
import { ZipArchive } from "./zip-archive.js";
import type { ZipRecord } from "./zip-contents.js";

/** An entry that cannot be copied as it is. */
export interface UncopiedEntry {
  readonly name: string;
  /** Why not; ends a sentence. */
  readonly reason: string;
}

export interface StoredFiles {
  /** In the directory's order, without folders. Their bytes are checked as they are read. */
  readonly files: readonly SourceEntry[];
  readonly uncopied: readonly UncopiedEntry[];
  /** Undefined where there is none. */
  readonly comment: Uint8Array | undefined;
  close(): Promise<void>;
}

/** Rejects with `ERR_INPUT_NOT_FOUND`, `ERR_ZIP_FORMAT` or `ERR_ZIP_LIMIT`. */
export async function openStoredFiles(path: string): Promise<StoredFiles> {
  const file = await openFile(path).catch((cause: unknown) => Promise.reject(inputError(path, cause)));
  try {
    const source = new FileRange(file, 0, (await file.stat()).size);
    const archive = await ZipArchive.open(source, basename(path), archiveLimits());
    const files: SourceEntry[] = [];
    const uncopied: UncopiedEntry[] = archive.leftOut.map((name) => ({
      name,
      reason: "files of that name are left out",
    }));
    for (const { entryName = "", message } of archive.faults) uncopied.push({ name: entryName, reason: message });
    for (const record of archive.records) {
      if (isNamed(record)) files.push(fileOf(archive, record));
      else uncopied.push({ name: record.name, reason: "it would get another name" });
    }
    const { comment } = archive;
    return {
      files,
      uncopied,
      comment: comment.byteLength === 0 ? undefined : comment,
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error;
  }
}

/** Whether an entry's own name is the one it was given, in whatever encoding and composition of accents. */
function isNamed({ name, rawName }: ZipRecord): boolean {
  const text = decodeUtf8(rawName);
  return text === undefined ? !name.includes("\ufffd") : text.normalize("NFC") === name.normalize("NFC");
}

function fileOf(archive: ZipArchive, record: ZipRecord): SourceEntry {
  return {
    name: record.name,
    kind: "other",
    sizeBytes: record.sizeBytes,
    version: String(record.crc32),
    read: () => archive.read(record),
    chunks: () => archive.chunks(record),
  };
}
