/**
 * Reads a ZIP archive's central directory: its place with yauzl, which the rest of the engine never sees, and its
 * records.
 */
import { callbackify } from "node:util";
import yauzl from "yauzl";
import { messageOf, ZipExtractionError } from "../../errors.js";
import { turn } from "../../concurrency/take-turns.js";
import { overLimit, type ArchiveLimits } from "./archive-limits.js";
import type { ByteSource } from "../files/byte-source.js";
import { ZipRecords, type DirectoryEntry } from "./zip-records.js";
import { END_BYTES, findArchive, ZIP64_LOCATOR_BYTES, type FoundArchive } from "./zip-end.js";

export interface Directory {
  /** The archive up to its comment; offsets count from its start. */
  readonly archive: ByteSource;
  /** The archive's comment. */
  readonly comment: Uint8Array;
  /** Where the directory starts, in bytes from the archive's start. */
  readonly offset: number;
  /** Entries the archive says it has, or has if those are more. */
  readonly entryCount: number;
  readonly entries: readonly DirectoryEntry[];
  /** What is wrong with the archive though all of it can be read. */
  readonly warnings: readonly string[];
  /** Why the directory could not be read to its end. */
  readonly damage: unknown;
}

/** The parts of yauzl 3 that its published types (of version 2) lack. */
interface Library {
  fromRandomAccessReaderPromise(
    reader: yauzl.RandomAccessReader,
    totalSize: number,
    options: yauzl.Options,
  ): Promise<Zip>;
}
interface Zip {
  readonly entryCount: number;
  /** Where the directory begins. */
  readonly readEntryCursor: number;
}

export const LOCAL_HEADER_SIGNATURE = 0x04034b50;
/** Of a local header without its name and extra field. */
export const LOCAL_HEADER_BYTES = 30;
const WINDOW_BYTES = 64 * 1024;
/** What an end record ends with. */
const COMMENT_LENGTH_BYTES = 2;

/**
 * yauzl's reader over an archive that ends before its comment, with one window of read-ahead: yauzl asks for 46 bytes
 * at a time. The end record is shown without a comment: yauzl takes a signature in a comment for another end record. A
 * ZIP64 record that does not count is hidden from it.
 */
class Reader extends yauzl.RandomAccessReader {
  readonly #source: ByteSource;
  readonly #isPlain: boolean;
  #window: Uint8Array = new Uint8Array(0);
  #windowStart = 0;
  constructor({ archive, isPlain }: FoundArchive) {
    super();
    this.#source = archive;
    this.#isPlain = isPlain;
  }

  override read(
    target: Buffer,
    offset: number,
    lengthBytes: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    callbackify(() => this.#fill(position, lengthBytes))((error, bytes) => {
      if (error === null) target.set(bytes, offset);
      callback(error, error === null ? bytes.byteLength : 0);
    });
  }

  async #fill(position: number, lengthBytes: number): Promise<Uint8Array> {
    const start = position - this.#windowStart;
    if (start < 0 || start + lengthBytes > this.#window.byteLength) {
      this.#window = await this.#source.read(
        position,
        Math.max(lengthBytes, Math.min(WINDOW_BYTES, this.#source.sizeBytes - position)),
      );
      this.#windowStart = position;
      this.#hide(this.#source.sizeBytes - COMMENT_LENGTH_BYTES, COMMENT_LENGTH_BYTES);
      if (this.#isPlain) this.#hide(this.#source.sizeBytes - END_BYTES - ZIP64_LOCATOR_BYTES, ZIP64_LOCATOR_BYTES);
    }
    const from = position - this.#windowStart;
    return this.#window.subarray(from, from + lengthBytes);
  }

  /** Fills bytes of the archive, as far as the window has them, with zeros. */
  #hide(position: number, lengthBytes: number): void {
    const from = position - this.#windowStart;
    if (from + lengthBytes > 0) this.#window.fill(0, Math.max(0, from), from + lengthBytes);
  }
}

/**
 * The directory of an archive. Rejects with `ERR_ZIP_FORMAT` when there is none and with `ERR_ZIP_LIMIT` above
 * `limits.maxEntries`.
 * @param usedEntries entries that count besides: those of the archive that it lies in and of others in there
 */
export async function readDirectory(
  source: ByteSource,
  label: string,
  limits: ArchiveLimits,
  usedEntries = 0,
): Promise<Directory> {
  let zip: Zip;
  let found: FoundArchive;
  try {
    found = (await findArchive(source)) ?? noArchive(source);
    zip = await (yauzl as unknown as Library).fromRandomAccessReaderPromise(
      new Reader(found),
      found.archive.sizeBytes,
      {
        autoClose: false,
        decodeStrings: false,
        validateEntrySizes: false,
      },
    );
  } catch (cause) {
    throw new ZipExtractionError(
      "ERR_ZIP_FORMAT",
      `${label} is not a ZIP or CBZ archive, or it is damaged (${messageOf(cause)})`,
      { cause, remedy: "check the file, or fetch it again" },
    );
  }
  const { entryCount: stated, readEntryCursor: offset } = zip;
  let entryCount = stated;
  const checkLimit = (): void => {
    if (usedEntries + entryCount <= limits.maxEntries) return;
    const others = usedEntries === 0 ? "" : ` and what it lies in ${usedEntries}`;
    const { message, remedy } = overLimit(`${label} has ${entryCount} entries${others}`, "maxEntries", limits);
    throw new ZipExtractionError("ERR_ZIP_LIMIT", message, { remedy });
  };
  checkLimit();
  const records = new ZipRecords(found.archive);
  const entries: DirectoryEntry[] = [];
  let damage: unknown;
  try {
    // Some packers count wrong, or only to 65,535: what follows the last entry may be another.
    for (let at = offset; entries.length < entryCount || (await records.isAt(at));) {
      await turn(); // many records come out of one window, without a wait for the disk
      if (entries.length === entryCount) {
        entryCount++;
        checkLimit();
      }
      const { entry, next } = await records.read(at);
      entries.push(entry);
      at = next;
    }
  } catch (error) {
    if (error instanceof ZipExtractionError) throw error;
    damage = error;
  }
  const warnings = [
    ...found.warnings,
    ...(entryCount > stated
      ? [`it says that it has ${stated} entries and has ${entryCount}; all of them are read`]
      : []),
  ];
  return { ...found, warnings, offset, entryCount, entries, damage };
}

/** Where an entry's data begin by its local header, counted from that; undefined where there is none. */
export async function localDataStart(
  archive: ByteSource,
  { headerOffset }: DirectoryEntry,
): Promise<number | undefined> {
  const header = await archive.read(headerOffset, LOCAL_HEADER_BYTES).catch(() => undefined);
  if (header === undefined) return undefined;
  const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
  if (view.getUint32(0, true) !== LOCAL_HEADER_SIGNATURE) return undefined;
  return LOCAL_HEADER_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
}

function noArchive({ sizeBytes }: ByteSource): never {
  throw new Error(
    sizeBytes === 0 ? "it has zero bytes" : "it has no directory at its end: it is not an archive, or it is truncated",
  );
}
