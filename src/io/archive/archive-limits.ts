/** The most an archive may cost. The defaults are far above any chapter and far below what would harm a machine. */
import { shown } from "../../errors/arguments.js";
import { ValidationError } from "../../errors.js";
import type { Fault } from "../../errors/fault.js";

/** What an archive may hold at most. */
export interface ArchiveLimits {
  /**
   * Entries of an archive and those inside it, folders included. One with more is refused, and one whose entries' names
   * have more folders. Default 50,000.
   */
  readonly maxEntries: number;
  /** Unpacked bytes of one entry. Default 512 MiB. */
  readonly maxEntryBytes: number;
  /** Unpacked bytes of all entries of an archive and those inside it together. Default 64 GiB. */
  readonly maxTotalBytes: number;
  /** Unpacked over packed bytes of an entry, judged above `RATIO_FREE_BYTES`. Default 200. */
  readonly maxRatio: number;
  /** Bytes of a compressed archive inside an archive, which has to be held in memory. Default 512 MiB. */
  readonly maxNestedBytes: number;
}

/** What an archive and those inside it have taken of the limits so far. */
export interface ArchiveUse {
  entries: number;
  /** Folders in the names of entries. */
  folders: number;
  bytes: number;
}

export const DEFAULT_ARCHIVE_LIMITS: ArchiveLimits = {
  maxEntries: 50_000,
  maxEntryBytes: 512 * 2 ** 20,
  maxTotalBytes: 64 * 2 ** 30,
  maxRatio: 200,
  maxNestedBytes: 512 * 2 ** 20,
};

/** Below this an entry's ratio is not judged: an empty page packs extremely well. */
export const RATIO_FREE_BYTES = 16 * 2 ** 20;

/** A value above a limit. @param what its sentence so far */
export function overLimit(what: string, limit: keyof ArchiveLimits, limits: ArchiveLimits): Required<Fault> {
  return {
    message: `${what}, more than the limit ${limit} ${limits[limit]}`,
    remedy: `unpack the archive and give the folder, or in a program raise limits.${limit} of openPageSource if you trust the archive`,
  };
}

/** Fills in the defaults. Throws `ERR_ARGUMENT` for a limit that is not above zero. */
export function archiveLimits(limits: Partial<ArchiveLimits> = {}): ArchiveLimits {
  const filled = { ...DEFAULT_ARCHIVE_LIMITS, ...limits };
  for (const [name, value] of Object.entries(filled)) {
    if (!(typeof value === "number" && value > 0))
      throw new ValidationError("ERR_ARGUMENT", `limits.${name} is ${shown(value)}; it must be a number above 0`);
  }
  return filled;
}
