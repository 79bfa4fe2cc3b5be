/**
 * Where pages come from: a folder, one picture, or a ZIP/CBZ archive, all behind one interface. Nothing is unpacked to disk and
 * nothing is held but what is being read.
 */
import { open, stat } from "node:fs/promises";
import { basename } from "node:path";
import { ValidationError, type BatchProcessingError } from "../errors.js";
import { archiveLimits, type ArchiveLimits } from "./archive-limits.js";
import { readFully } from "./byte-source.js";
import { isArchiveName, kindOfName, type EntryKind } from "./entry-rules.js";
import { inputError } from "./file-errors.js";
import { sniffFormat } from "./image-format.js";
import { openArchiveSource } from "./page-source-archive.js";
import { fileEntry, openFolderSource } from "./page-source-folder.js";

/** One file of an input. */
export interface SourceEntry {
  /** Relative path with forward slashes, unique in its source; for a file given directly its base name. */
  readonly name: string;
  /** `image` by its name; content decides when it is decoded. */
  readonly kind: EntryKind;
  /** Unpacked size in bytes. */
  readonly sizeBytes: number;
  /**
   * The whole file, in an ArrayBuffer of its own that may be transferred to a worker. Reads again at each call. Rejects with
   * `ERR_INPUT_NOT_FOUND` (a file) or `ERR_ZIP_ENTRY` (an archive's entry).
   */
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** Something in an input that cannot be used; the rest can. */
export interface SourceFault {
  readonly name: string;
  readonly error: BatchProcessingError;
}

export interface PageSource {
  /** The path it was opened with. */
  readonly path: string;
  /** All usable files in natural order. */
  entries(): readonly SourceEntry[];
  readonly faults: readonly SourceFault[];
  /** Closes what is open; later reads reject. May be called twice. */
  close(): Promise<void>;
}

export interface PageSourceOptions {
  /** Folders inside folders too. Default false; archives are always read whole. */
  readonly recursive?: boolean;
  /** Limits for archives; the defaults are in `archive-limits.ts`. */
  readonly limits?: Partial<ArchiveLimits>;
}

/**
 * Opens an input: a folder, a picture, or a ZIP/CBZ archive (told by content, not by its extension).
 * Rejects with `ERR_INPUT_NOT_FOUND` (no such path, not readable), `ERR_INPUT_EMPTY` (no picture in it, or something else than a
 * picture or archive), `ERR_ZIP_FORMAT` or `ERR_ZIP_LIMIT` (a bad archive). Call `close()` after the last read.
 */
export async function openPageSource(path: string, options: PageSourceOptions = {}): Promise<PageSource> {
  const limits = archiveLimits(options.limits);
  const info = await stat(path).catch((cause: unknown) => Promise.reject(inputError(path, cause)));
  if (info.isDirectory()) return openFolderSource(path, options.recursive ?? false);
  if (!info.isFile()) throw new ValidationError("ERR_INPUT_NOT_FOUND", `cannot read ${path}: it is neither a file nor a folder`);
  const { format, description } = sniffFormat(await readHead(path));
  if (format === "zip" || isArchiveName(path)) return openArchiveSource(path, limits);
  if (format === undefined && kindOfName(path) !== "image") {
    throw new ValidationError("ERR_INPUT_EMPTY", `${path} is ${description}; a picture, a folder or a ZIP/CBZ archive is needed`);
  }
  const entry = { ...fileEntry(path, basename(path), info.size), kind: "image" as const };
  return { path, entries: () => [entry], faults: [], close: async () => {} };
}

async function readHead(path: string): Promise<Uint8Array> {
  try {
    const file = await open(path, "r");
    try {
      const head = new Uint8Array(4096);
      return head.subarray(0, await readFully(file, head, 0));
    } finally {
      await file.close();
    }
  } catch (cause) {
    throw inputError(path, cause);
  }
}
