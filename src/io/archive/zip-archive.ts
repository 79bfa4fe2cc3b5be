/**
 * One ZIP archive and its entries, read one at a time: local headers, sizes and checksums are checked here against the
 * directory, which `zip-contents` reads.
 */
import { crc32 as zlibCrc32 } from "node:zlib";
import { crc32 } from "../../binding/checksum.js";
import { messageOf, type ZipExtractionError } from "../../errors.js";
import type { Notice } from "../../errors/notice.js";
import type { ArchiveLimits, ArchiveUse } from "./archive-limits.js";
import { subRange, type ByteSource } from "../files/byte-source.js";
import { sniffBytes } from "../image/headers/image-format.js";
import type { NameEncoding } from "../names/name-encoding.js";
import { normalizeEntryName } from "../names/safe-name.js";
import { inflate, inflateChunks, inflateHead } from "./inflate.js";
import { readContents, type ArchiveContents, type ZipRecord } from "./zip-contents.js";
import { LOCAL_HEADER_BYTES, LOCAL_HEADER_SIGNATURE } from "./zip-directory.js";
import { decodeEntryName } from "./zip-names.js";
import { refusal, STORED } from "./zip-rules.js";

/** The most that may be read in front of an entry's data at once: the longest name and extra field. */
const MAX_HEADER_BYTES = LOCAL_HEADER_BYTES + 2 * 0xffff;
/** What is read of a packed entry to see what it is. */
const PACKED_HEAD_BYTES = 2048;
/** Local headers have extra fields that the directory does not have; most are shorter. */
const USUAL_EXTRA_BYTES = 64;
const CHUNK_BYTES = 2 ** 20;
/** Entries so small lie close to one another, and one read gives the first bytes of many. */
const SMALL_ENTRY_BYTES = 8192;
const WINDOW_BYTES = 256 * 1024;
export class ZipArchive {
  /** Usable entries in the directory's order, without folders and skipped files. */
  readonly records: readonly ZipRecord[];
  /** Names of skipped files: what systems leave behind. */
  readonly leftOut: readonly string[];
  /** One error for each refused entry, and one for a directory that breaks off. */
  readonly faults: readonly ZipExtractionError[];
  /** What people should know though everything is used. */
  readonly warnings: readonly Notice[];
  /** All entries of the directory, whatever became of them. */
  readonly entryCount: number;
  /** Its comment, byte for byte. */
  readonly comment: Uint8Array;
  readonly #source: ByteSource;
  readonly #encoding: NameEncoding;
  readonly #label: string;
  readonly #directoryOffset: number;
  /** What was last read of small entries. */
  #window: { readonly start: number; readonly end: number; readonly bytes: Promise<Uint8Array> } = {
    start: 0,
    end: 0,
    bytes: Promise.resolve(new Uint8Array()),
  };
  /** Of the last entry's local header; an archiver gives all its entries the same. */
  #extraBytes = 0;

  private constructor({ directory, encoding, records, leftOut, faults, warnings }: ArchiveContents, label: string) {
    this.#source = directory.archive;
    this.#label = label;
    this.#directoryOffset = directory.offset;
    this.#encoding = encoding;
    this.entryCount = directory.entryCount;
    this.comment = directory.comment;
    this.records = records;
    this.leftOut = leftOut;
    this.faults = faults;
    this.warnings = warnings;
  }

  /**
   * Reads the directory. `label` names the archive in messages. Rejects with `ERR_ZIP_FORMAT` when the bytes are no ZIP
   * archive and with `ERR_ZIP_LIMIT` when it has more than `limits.maxEntries`; an entry that breaks a rule becomes a
   * fault.
   * @param use what counts against the limits already; it grows by this archive
   */
  static async open(
    source: ByteSource,
    label: string,
    limits: ArchiveLimits,
    use: ArchiveUse = { entries: 0, folders: 0, bytes: 0 },
  ): Promise<ZipArchive> {
    return new ZipArchive(await readContents(source, label, limits, use), label);
  }

  /**
   * The unpacked bytes of an entry, checked against its size and CRC-32, in an ArrayBuffer of their own. Rejects with
   * `ERR_ZIP_ENTRY`.
   */
  async read(record: ZipRecord): Promise<Uint8Array<ArrayBuffer>> {
    const packed = await this.#packed(record);
    const bytes = record.method === STORED ? packed : await this.#inflate(record, packed);
    this.#checkCrc(record, crc32(bytes));
    return bytes;
  }

  #checkCrc(record: ZipRecord, actual: number): void {
    if (actual === record.crc32) return;
    throw this.#refuse(
      record,
      `its CRC-32 is ${hex(actual)}, the archive says ${hex(record.crc32)}: the data is damaged`,
    );
  }

  /** The packed bytes of an entry as a source, after its local header was checked against the directory. */
  async range(record: ZipRecord): Promise<ByteSource> {
    const header = await this.#source
      .read(record.headerOffset, headerBytesOf(record))
      .catch((cause: unknown) =>
        Promise.reject(this.#refuse(record, "its local header is outside the archive", cause)),
      );
    return subRange(this.#source, await this.#dataStart(record, header), record.compressedBytes);
  }

  /** The first unpacked bytes of an entry, unchecked; undefined where they cannot be had. */
  async head(record: ZipRecord): Promise<Uint8Array | undefined> {
    const headBytes = sniffBytes(record.name);
    const wanted = record.method === STORED ? headBytes : PACKED_HEAD_BYTES;
    const most = headerBytesOf(record) + USUAL_EXTRA_BYTES + Math.min(record.compressedBytes, wanted);
    try {
      const bytes = await this.#near(record, Math.min(most, this.#directoryOffset - record.headerOffset));
      const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
      if (view.getUint32(0, true) !== LOCAL_HEADER_SIGNATURE) return undefined;
      const start = LOCAL_HEADER_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
      const packed =
        start < bytes.byteLength
          ? bytes.subarray(start, start + record.compressedBytes)
          : await (await this.range(record)).read(0, Math.min(record.compressedBytes, wanted));
      return record.method === STORED ? packed : inflateHead(packed, headBytes);
    } catch {
      return undefined; // whoever reads the entry is told why
    }
  }

  /**
   * The first bytes from an entry's local header on. Those of small entries are read together with their neighbours'.
   */
  async #near({ headerOffset, compressedBytes }: ZipRecord, lengthBytes: number): Promise<Uint8Array> {
    if (compressedBytes > SMALL_ENTRY_BYTES) return this.#source.read(headerOffset, lengthBytes);
    const { start, end } = this.#window;
    if (headerOffset < start || headerOffset + lengthBytes > end) {
      const windowEnd = Math.min(headerOffset + WINDOW_BYTES, this.#directoryOffset);
      const bytes = this.#source.read(headerOffset, windowEnd - headerOffset);
      bytes.catch(() => {}); // whoever waits for it is told
      this.#window = { start: headerOffset, end: windowEnd, bytes };
    }
    const window = this.#window;
    return (await window.bytes).subarray(headerOffset - window.start, headerOffset - window.start + lengthBytes);
  }

  /** The unpacked bytes of an entry piece by piece; checked as by `read`, which is known after the last piece. */
  async *chunks(record: ZipRecord): AsyncGenerator<Uint8Array> {
    let crc = 0;
    for await (const chunk of this.#unpacked(record)) {
      crc = zlibCrc32(chunk, crc);
      yield chunk;
    }
    this.#checkCrc(record, crc);
  }

  async *#unpacked(record: ZipRecord): AsyncGenerator<Uint8Array> {
    const packed = piecesOf(await this.range(record));
    try {
      yield* record.method === STORED ? packed : inflateChunks(packed, record.sizeBytes);
    } catch (cause) {
      throw this.#refuse(record, messageOf(cause), cause);
    }
  }

  /**
   * The packed bytes of an entry, read together with its local header, which is checked first: where they begin is
   * known but for an extra field.
   */
  async #packed(record: ZipRecord): Promise<Uint8Array<ArrayBuffer>> {
    const unreadable = (cause: unknown): Promise<never> =>
      Promise.reject(this.#refuse(record, `its data cannot be read (${messageOf(cause)})`, cause));
    const leastHeaderBytes = headerBytesOf(record);
    const room = this.#directoryOffset - record.headerOffset - leastHeaderBytes - record.compressedBytes;
    const headerBytes = leastHeaderBytes + Math.min(this.#extraBytes, room);
    const [header, data] = await this.#source
      .readPair(record.headerOffset, headerBytes, record.compressedBytes)
      .catch(unreadable);
    const start = await this.#dataStart(record, header);
    this.#extraBytes = Math.max(0, start - record.headerOffset - leastHeaderBytes);
    return start === record.headerOffset + headerBytes
      ? data
      : this.#source.read(start, record.compressedBytes).catch(unreadable);
  }

  /** Checks an entry's local header against the directory and tells where its data begin. */
  async #dataStart(record: ZipRecord, header: Uint8Array): Promise<number> {
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    if (view.getUint32(0, true) !== LOCAL_HEADER_SIGNATURE)
      throw this.#refuse(record, "it has no local header where the directory says");
    const nameEnd = LOCAL_HEADER_BYTES + view.getUint16(26, true);
    const sameBytes =
      nameEnd === headerBytesOf(record) &&
      Buffer.compare(header.subarray(LOCAL_HEADER_BYTES, nameEnd), record.rawName) === 0;
    if (!sameBytes && !(await this.#sameName(record, view.getUint16(6, true), nameEnd)))
      throw this.#refuse(record, "its name in the local header is another than in the directory");
    if (view.getUint16(8, true) !== record.method)
      throw this.#refuse(record, "its compression method in the local header is another than in the directory");
    const start = record.headerOffset + nameEnd + view.getUint16(28, true);
    if (start + record.compressedBytes > this.#directoryOffset)
      throw this.#refuse(record, "its data reaches into the archive's directory");
    return start;
  }

  /** Whether a local name of other bytes is read as the same name: some packers write `a\\b` in one place only. */
  async #sameName(record: ZipRecord, flags: number, nameEnd: number): Promise<boolean> {
    if (nameEnd > MAX_HEADER_BYTES || record.headerOffset + nameEnd > this.#directoryOffset) return false;
    const raw = await this.#source
      .read(record.headerOffset + LOCAL_HEADER_BYTES, nameEnd - LOCAL_HEADER_BYTES)
      .catch(() => undefined);
    if (raw === undefined) return false;
    const textOf = (bytes: Uint8Array, flag: number): string =>
      normalizeEntryName(decodeEntryName(bytes, flag, [], this.#encoding));
    return textOf(raw, flags) === textOf(record.rawName, record.flags);
  }

  #refuse(record: ZipRecord, message: string, cause?: unknown): ZipExtractionError {
    return refusal(this.#label, record.name, { message }, cause);
  }

  async #inflate(record: ZipRecord, packed: Uint8Array): Promise<Uint8Array<ArrayBuffer>> {
    let bytes: Uint8Array<ArrayBuffer>;
    try {
      bytes = await inflate(packed, record.sizeBytes);
    } catch (cause) {
      throw this.#refuse(record, messageOf(cause), cause);
    }
    return bytes;
  }
}

/** Of a local header without extra fields. */
function headerBytesOf({ rawName }: Pick<ZipRecord, "rawName">): number {
  return LOCAL_HEADER_BYTES + rawName.byteLength;
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < source.sizeBytes; at += CHUNK_BYTES)
    yield await source.read(at, Math.min(CHUNK_BYTES, source.sizeBytes - at));
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
