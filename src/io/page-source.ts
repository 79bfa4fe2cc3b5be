/**
 * Where pages come from: a folder, one picture, or a ZIP/CBZ archive, all behind one interface. Nothing is unpacked to
 * disk and nothing is held but what is being read.
 */
import type { BatchProcessingError } from "../errors.js";
import type { ArchiveLimits } from "./archive/archive-limits.js";
import type { EntryKind } from "./names/entry-rules.js";

/** One file of an input. */
export interface SourceEntry {
  /** Relative path with forward slashes, unique in its source; for a file given directly its base name. */
  readonly name: string;
  /** `image` by its name; content decides when it is decoded. */
  readonly kind: EntryKind;
  /** Unpacked size in bytes. */
  readonly sizeBytes: number;
  /**
   * The whole file, in an ArrayBuffer of its own that may be transferred to a worker. Reads again at each call. Rejects
   * with `ERR_INPUT_NOT_FOUND` (a file) or `ERR_ZIP_ENTRY` (an archive's entry).
   */
  read(): Promise<Uint8Array<ArrayBuffer>>;
}

/** Something in an input that cannot be used; the rest can. */
export interface SourceFault {
  readonly name: string;
  readonly error: BatchProcessingError;
}

/** Where pages come from: a folder, an archive, one picture or memory. */
export interface PageSource {
  /** The path it was opened with. */
  readonly path: string;
  /** All usable files in natural order. */
  entries(): readonly SourceEntry[];
  readonly faults: readonly SourceFault[];
  /** Closes what is open; later reads reject. May be called twice. */
  close(): Promise<void>;
}

/** How an input is read. */
export interface PageSourceOptions {
  /** Folders inside folders too. Default false; archives are always read whole. */
  readonly recursive?: boolean;
  /** Limits for archives; the defaults are in `archive-limits.ts`. */
  readonly limits?: Partial<ArchiveLimits>;
}
