/**
 * Checks the entries of an archive's directory: kinds, methods, sizes, limits, overlaps. An entry that breaks a rule
 * is refused; the others are used.
 */
import { ZipExtractionError, type ErrorCode } from "../../errors.js";
import type { Fault } from "../../errors/fault.js";
import { sortInTurns } from "../names/sort-in-turns.js";
import { FreeNames } from "../names/free-names.js";
import { overLimit, RATIO_FREE_BYTES, type ArchiveLimits } from "./archive-limits.js";
import { turn } from "../../concurrency/take-turns.js";
import { LOCAL_HEADER_BYTES } from "./zip-directory.js";
import type { DirectoryEntry } from "./zip-records.js";
import { nameFault, normalizeEntryName, printableName } from "../names/safe-name.js";

export const STORED = 0;
const DEFLATED = 8;
const METHOD_NAMES: Record<number, string> = {
  1: "shrink",
  6: "implode",
  9: "deflate64",
  12: "bzip2",
  14: "lzma",
  93: "zstd",
  95: "xz",
  98: "ppmd",
  99: "AES",
};
const ENCRYPTED_FLAGS = 0x1 | 0x40 | 0x2000;
const FILE_TYPE = 0o170000;
const REGULAR_FILE = 0o100000;
const DIRECTORY = 0o040000;
const SYMLINK = 0o120000;
/** What `zip -` notes for a file that it was given through a pipe. */
const PIPE = 0o010000;
/** What deflate may add to data that it cannot pack, by the worst of packers. */
const MAX_GROWTH = 2;
const GROWTH_FREE_BYTES = 64 * 1024;

/** The kind of a Unix file by its mode in the external attributes; 0 when the archiver left none. */
function fileType(entry: DirectoryEntry): number {
  return (entry.externalFileAttributes >>> 16) & FILE_TYPE;
}

/**
 * Whether an entry is a folder by its kind; others are by their names. What holds data is none, as unpackers see it.
 */
export function isFolder(entry: DirectoryEntry): boolean {
  return fileType(entry) === DIRECTORY && entry.sizeBytes === 0;
}

/** Why an entry is refused: the message ends a sentence. */
export interface EntryFault extends Fault {
  /** Default `ERR_ZIP_ENTRY`. */
  readonly code?: ErrorCode;
}

export const FOLDER_WITH_DATA: EntryFault = {
  message: "its name is a folder's, but it holds data",
  remedy: "give it a file's name",
};

/** Why an entry of a safe name is refused. */
export function entryFault(entry: DirectoryEntry, limits: ArchiveLimits, totalBytes: number): EntryFault | undefined {
  const type = fileType(entry);
  if (type === SYMLINK) return { message: "it is a symbolic link" };
  if (type !== 0 && type !== REGULAR_FILE && type !== PIPE && type !== DIRECTORY)
    return { message: "it is a device or socket, not a file" };
  if ((entry.flags & ENCRYPTED_FLAGS) !== 0)
    return {
      message: "it is encrypted, which is unsupported",
      remedy: "unpack the archive with its password and give the folder",
    };
  if (entry.method !== STORED && entry.method !== DEFLATED) {
    return {
      message: `its compression method ${METHOD_NAMES[entry.method] ?? "number"} (${entry.method}) is unsupported`,
      remedy: "pack the archive again with deflate or store",
    };
  }
  if (entry.method === STORED && entry.compressedBytes !== entry.sizeBytes) {
    return {
      message: `wrong size in the archive: ${entry.compressedBytes} bytes are stored, not the declared ${entry.sizeBytes}`,
    };
  }
  if (entry.compressedBytes > MAX_GROWTH * entry.sizeBytes + GROWTH_FREE_BYTES) {
    return {
      message: `wrong size in the archive: ${entry.compressedBytes} packed bytes cannot unpack to the declared ${entry.sizeBytes}`,
    };
  }
  const over = (what: string, limit: keyof ArchiveLimits): EntryFault => ({
    code: "ERR_ZIP_LIMIT",
    ...overLimit(what, limit, limits),
  });
  if (entry.sizeBytes > limits.maxEntryBytes) return over(`it unpacks to ${entry.sizeBytes} bytes`, "maxEntryBytes");
  if (entry.sizeBytes > RATIO_FREE_BYTES && entry.sizeBytes > entry.compressedBytes * limits.maxRatio)
    return over(`it unpacks from ${entry.compressedBytes} to ${entry.sizeBytes} bytes`, "maxRatio");
  if (totalBytes + entry.sizeBytes > limits.maxTotalBytes)
    return over(`with it the archive unpacks to ${totalBytes + entry.sizeBytes} bytes`, "maxTotalBytes");
  return undefined;
}

/** Reads where the data of an entry begin by its local header, counted from that; undefined where there is none. */
export type LocalDataStart = (entry: DirectoryEntry) => Promise<number | undefined>;

/**
 * The entries of safe names in the directory's order. Of entries whose data overlap (and of those that overlap the
 * directory) only the first by position is kept, the others are refused: two honest entries never share bytes. The
 * local header is asked only where the directory's figures overlap by less than a header: its name may be shorter.
 */
export async function safeEntries(
  entries: readonly DirectoryEntry[],
  textOf: (entry: DirectoryEntry) => string,
  directoryOffset: number,
  localDataStart: LocalDataStart,
  refuse: (name: string, reason: string) => void,
): Promise<DirectoryEntry[]> {
  const safe: DirectoryEntry[] = [];
  for (const entry of entries) {
    await turn();
    const text = textOf(entry);
    const name = normalizeEntryName(text);
    const isRoot = text !== "" && name === ""; // the archive's own folder, such as "/" or "./"
    if (isRoot && entry.sizeBytes === 0) continue;
    const fault = isRoot ? FOLDER_WITH_DATA.message : nameFault(name);
    if (fault === undefined) safe.push(entry);
    else refuse(text, fault);
  }
  const byOffset = await sortInTurns(
    [...safe.keys()],
    (index) => safe[index]!.headerOffset,
    (a, b) => a - b,
  );
  const refused = new Map<number, string>();
  /** Whether an entry ends at a place or before it. */
  const endsBy = async (entry: DirectoryEntry, place: number): Promise<boolean> => {
    const room = place - entry.headerOffset - entry.compressedBytes;
    if (room >= LOCAL_HEADER_BYTES + entry.rawName.byteLength) return true;
    const dataStart = room < LOCAL_HEADER_BYTES ? undefined : await localDataStart(entry);
    return dataStart !== undefined && dataStart <= room;
  };
  let last: DirectoryEntry | undefined;
  for (const index of byOffset) {
    await turn();
    const entry = safe[index]!;
    if (last !== undefined && !(await endsBy(last, entry.headerOffset)))
      refused.set(index, "its data overlaps another entry's");
    else if (!(await endsBy(entry, directoryOffset)))
      refused.set(index, "its data reaches into the archive's directory or past its end");
    else last = entry;
  }
  if (refused.size === 0) return safe;
  const kept: DirectoryEntry[] = [];
  for (const [index, entry] of safe.entries()) {
    await turn();
    const reason = refused.get(index);
    if (reason === undefined) kept.push(entry);
    else refuse(textOf(entry), reason);
  }
  return kept;
}

/**
 * Keeps entries of the same name apart, and files from folders: the second `a.png` becomes `a (2).png`, in the
 * directory's order.
 * @param foldersAdded told how many folders each name has that no name before it had
 */
export async function entryNames(
  entries: readonly { readonly name: string }[],
  foldersAdded: (count: number) => void = () => undefined,
): Promise<FreeNames> {
  const names = new FreeNames({
    numbered: (name, n) => {
      const dot = name.lastIndexOf(".");
      const cut = dot > name.lastIndexOf("/") + 1 ? dot : name.length;
      return `${name.slice(0, cut)} (${n + 1})${name.slice(cut)}`;
    },
  });
  for (const { name } of entries) {
    await turn();
    foldersAdded(names.reserveFolders(name));
  }
  return names;
}

/** The error of a refused entry. */
export function refusal(
  label: string,
  name: string,
  { code = "ERR_ZIP_ENTRY", message, remedy }: EntryFault,
  cause?: unknown,
): ZipExtractionError {
  return new ZipExtractionError(code, `${label}: entry "${printableName(name)}" is refused: ${message}`, {
    entryName: name,
    remedy,
    ...(cause === undefined ? {} : { cause }),
  });
}
