/**
 * Sources of pages: a folder, one picture, or a ZIP/CBZ archive, behind one interface. Nothing is unpacked to disk,
 * and only what is being read is in memory.
 */
import type { BatchProcessingError } from "../errors.js";
import type { Notice } from "../errors/notice.js";
import type { ArchiveLimits } from "./archive/archive-limits.js";
import type { ImageFormat } from "./image/headers/image-format.js";
import type { EntryKind } from "./names/entry-rules.js";

/** One file of an input. */
export interface SourceEntry {
  /** Relative path with forward slashes, unique in its source; for a file given directly its base name. */
  readonly name: string;
  /**
   * `image` where its first bytes are those of a picture that is read, or where its name promises one: what such a file
   * is, is said when it is decoded.
   */
  readonly kind: EntryKind;
  /** The format that its first bytes are of; undefined where they are of none that is read. */
  readonly format?: ImageFormat | undefined;
  /** Unpacked size in bytes. */
  readonly sizeBytes: number;
  /** What tells this version of the file from another of its size: times and inode, or a checksum. Default: none. */
  readonly version?: string | undefined;
  /**
   * The whole file, in an ArrayBuffer of its own that may be transferred to a worker. Reads again at each call. Rejects
   * with `ERR_INPUT_NOT_FOUND` (a file) or `ERR_ZIP_ENTRY` (an archive's entry).
   */
  read(): Promise<Uint8Array<ArrayBuffer>>;
  /**
   * The file in pieces, for what is carried and may be larger than memory. Rejects as `read` does, at the latest after
   * the last piece: only then the checksum is known. Default: the whole file by `read`.
   */
  chunks?(): AsyncIterable<Uint8Array>;
}

/** A file in pieces, or in one where its source has no other way. */
export async function* chunksOf(entry: SourceEntry): AsyncGenerator<Uint8Array> {
  if (entry.chunks === undefined) yield await entry.read();
  else yield* entry.chunks();
}

/** Something in an input that cannot be used; the rest can. */
export interface SourceFault {
  readonly name: string;
  readonly error: BatchProcessingError;
  /**
   * The file, of kind `other`, where it can be copied to the output unchanged: a picture in a format that is not read,
   * an archive that is not opened. Default: none.
   */
  readonly file?: SourceEntry | undefined;
}

/** What people should know of an input. */
export interface SourceNotice extends Notice {
  /** The file that is copied unchanged, where it is said of one that is. */
  readonly copied?: string;
}

/** Where pages come from: a folder, an archive, one picture or memory. */
export interface PageSource {
  /** The path it was opened with. */
  readonly path: string;
  /** All usable files in natural order. */
  entries(): readonly SourceEntry[];
  /** The comment of an archive, byte for byte; undefined where there is none. */
  readonly comment?: Uint8Array | undefined;
  readonly faults: readonly SourceFault[];
  /** What people should know though everything is used, such as a name that could not be read whole. Default: none. */
  readonly warnings?: readonly SourceNotice[] | undefined;
  /** Folders in it that hold pictures and are not read, as `recursive` is off. Default: none. */
  readonly unreadFolders?: readonly string[] | undefined;
  /** Closes what is open; later reads reject. May be called twice. */
  close(): Promise<void>;
}

/** How an input is read. */
export interface PageSourceOptions {
  /** Folders inside folders too. Default false; archives are always read whole. */
  readonly recursive?: boolean;
  /** What really lies outside of this folder, by whatever link, is a fault. Default: all links are followed. */
  readonly within?: string;
  /** Limits for archives; the defaults are in `archive-limits.ts`. */
  readonly limits?: Partial<ArchiveLimits>;
}
