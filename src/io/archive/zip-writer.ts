/**
 * The structure of an output archive: entries stored without compression, in the order they are added, with fixed times
 * and modes, so that the same entries give the same bytes; ZIP64 where sizes or offsets need it (PKWARE APPNOTE 6.3).
 * Where the bytes go is the caller's. The bytes are those that yazl gives for the same entries.
 */
import { crc32 } from "../../binding/checksum.js";
import { ValidationError } from "../../errors.js";
import { nameFault, printableName } from "../names/safe-name.js";

const LOCAL_HEADER = 0x04034b50;
const DIRECTORY_RECORD = 0x02014b50;
const ZIP64_END = 0x06064b50;
const ZIP64_LOCATOR = 0x07064b50;
const END = 0x06054b50;
/** Unix, version 6.3 of the specification. */
const MADE_BY = (3 << 8) | 63;
const NEEDS_PLAIN = 20;
const NEEDS_ZIP64 = 45;
const NAME_IS_UTF8 = 0x800;
/** 1 January 2000, midnight. */
const DOS_TIME = 0;
const DOS_DATE = (20 << 9) | (1 << 5) | 1;
/** A regular file that all may read. */
const FILE_MODE = 0o100644;
const ZIP64_FIELD = 1;
/** In the place of a number that stands in the ZIP64 field. */
const ELSEWHERE_16 = 0xffff;
const ELSEWHERE_32 = 0xffffffff;
const CRC_OFFSET = 14;
/** The longest comment an archive can have. */
const MAX_COMMENT_BYTES = 0xffff;

/** An entry as the directory has it. */
interface WrittenEntry {
  readonly name: Buffer;
  readonly sizeBytes: number;
  readonly offset: number;
  crc: number;
}

/** An entry whose bytes are still to come. */
export interface StartedEntry {
  /** What goes in front of the bytes; its checksum is zero. */
  readonly header: Uint8Array;
  /** Where in the archive the checksum belongs. */
  readonly crcOffset: number;
  /** Completes the entry once its bytes are written; gives what belongs at `crcOffset`. */
  complete(crc: number): Uint8Array;
}

export class ZipWriter {
  readonly #entries: WrittenEntry[] = [];
  #offset = 0;

  /** Adds an entry; the archive's next bytes, among them `bytes` itself, not copied. */
  add(name: string, bytes: Uint8Array): Uint8Array[] {
    const entry = this.#entry(name, bytes.byteLength, crc32(bytes));
    this.#keep(entry);
    return [localHeader(entry), bytes];
  }

  /** Starts an entry of known size whose bytes are not in memory. Nothing is added before it is completed. */
  start(name: string, sizeBytes: number): StartedEntry {
    const entry = this.#entry(name, sizeBytes, 0);
    return {
      header: localHeader(entry),
      crcOffset: entry.offset + CRC_OFFSET,
      complete: (crc) => {
        entry.crc = crc;
        this.#keep(entry);
        const bytes = Buffer.alloc(4);
        bytes.writeUInt32LE(crc);
        return bytes;
      },
    };
  }

  /** The archive's last bytes: the directory and, byte for byte, the comment. */
  end(comment: Uint8Array = new Uint8Array()): Uint8Array[] {
    if (comment.byteLength > MAX_COMMENT_BYTES)
      throw new ValidationError(
        "ERR_ARGUMENT",
        `the archive's comment has ${comment.byteLength} bytes; at most ${MAX_COMMENT_BYTES} are possible`,
      );
    const records = this.#entries.map(directoryRecord);
    const directoryBytes = records.reduce((sum, { byteLength }) => sum + byteLength, 0);
    const end = endRecords(this.#entries.length, directoryBytes, this.#offset);
    end.writeUInt16LE(comment.byteLength, end.byteLength - 2);
    return [Buffer.concat([...records, end, comment])];
  }

  #entry(name: string, sizeBytes: number, crc: number): WrittenEntry {
    const fault = nameFault(name) ?? (name.endsWith("/") ? "its name is a folder's" : undefined);
    if (fault !== undefined)
      throw new ValidationError("ERR_ARGUMENT", `the entry "${printableName(name)}" is refused: ${fault}`);
    return { name: Buffer.from(name), sizeBytes, offset: this.#offset, crc };
  }

  #keep(entry: WrittenEntry): void {
    this.#entries.push(entry);
    this.#offset += localHeaderBytes(entry) + entry.sizeBytes;
  }
}

/** Whether an entry's size does not fit into 32 bits. */
function isLarge({ sizeBytes }: WrittenEntry): boolean {
  return sizeBytes >= ELSEWHERE_32;
}

function localHeaderBytes(entry: WrittenEntry): number {
  return 30 + entry.name.byteLength + (isLarge(entry) ? 20 : 0);
}

function localHeader(entry: WrittenEntry): Buffer {
  const large = isLarge(entry);
  const size = large ? ELSEWHERE_32 : entry.sizeBytes;
  const header = Buffer.alloc(localHeaderBytes(entry));
  header.writeUInt32LE(LOCAL_HEADER, 0);
  header.writeUInt16LE(large ? NEEDS_ZIP64 : NEEDS_PLAIN, 4);
  writeCommon(header, 6, entry.crc, size);
  header.writeUInt16LE(entry.name.byteLength, 26);
  header.writeUInt16LE(large ? 20 : 0, 28);
  entry.name.copy(header, 30);
  if (large) writeZip64Field(header, 30 + entry.name.byteLength, [entry.sizeBytes, entry.sizeBytes]);
  return header;
}

function directoryRecord(entry: WrittenEntry): Buffer {
  const { name, sizeBytes, offset, crc } = entry;
  const zip64 = isLarge(entry) || offset >= ELSEWHERE_32;
  const record = Buffer.alloc(46 + name.byteLength + (zip64 ? 28 : 0));
  record.writeUInt32LE(DIRECTORY_RECORD, 0);
  record.writeUInt16LE(MADE_BY, 4);
  record.writeUInt16LE(zip64 ? NEEDS_ZIP64 : NEEDS_PLAIN, 6);
  writeCommon(record, 8, crc, zip64 ? ELSEWHERE_32 : sizeBytes);
  record.writeUInt16LE(name.byteLength, 28);
  record.writeUInt16LE(zip64 ? 28 : 0, 30);
  record.writeUInt32LE((FILE_MODE << 16) >>> 0, 38);
  record.writeUInt32LE(zip64 ? ELSEWHERE_32 : offset, 42);
  name.copy(record, 46);
  if (zip64) writeZip64Field(record, 46 + name.byteLength, [sizeBytes, sizeBytes, offset]);
  return record;
}

/** What a local header and a directory record have alike: flags, method, time, checksum and both sizes. */
function writeCommon(target: Buffer, at: number, crc: number, size: number): void {
  target.writeUInt16LE(NAME_IS_UTF8, at);
  target.writeUInt16LE(DOS_TIME, at + 4);
  target.writeUInt16LE(DOS_DATE, at + 6);
  target.writeUInt32LE(crc, at + 8);
  target.writeUInt32LE(size, at + 12);
  target.writeUInt32LE(size, at + 16);
}

function writeZip64Field(target: Buffer, at: number, values: readonly number[]): void {
  target.writeUInt16LE(ZIP64_FIELD, at);
  target.writeUInt16LE(8 * values.length, at + 2);
  for (const [index, value] of values.entries()) target.writeBigUInt64LE(BigInt(value), at + 4 + 8 * index);
}

/** The end of an archive, its last field, the length of the comment, left zero. */
function endRecords(count: number, directoryBytes: number, directoryOffset: number): Buffer {
  const end = Buffer.alloc(22);
  end.writeUInt32LE(END, 0);
  end.writeUInt16LE(Math.min(count, ELSEWHERE_16), 8);
  end.writeUInt16LE(Math.min(count, ELSEWHERE_16), 10);
  end.writeUInt32LE(Math.min(directoryBytes, ELSEWHERE_32), 12);
  end.writeUInt32LE(Math.min(directoryOffset, ELSEWHERE_32), 16);
  if (count < ELSEWHERE_16 && directoryBytes < ELSEWHERE_32 && directoryOffset < ELSEWHERE_32) return end;
  const zip64 = Buffer.alloc(56 + 20);
  zip64.writeUInt32LE(ZIP64_END, 0);
  zip64.writeBigUInt64LE(44n, 4);
  zip64.writeUInt16LE(MADE_BY, 12);
  zip64.writeUInt16LE(NEEDS_ZIP64, 14);
  zip64.writeBigUInt64LE(BigInt(count), 24);
  zip64.writeBigUInt64LE(BigInt(count), 32);
  zip64.writeBigUInt64LE(BigInt(directoryBytes), 40);
  zip64.writeBigUInt64LE(BigInt(directoryOffset), 48);
  zip64.writeUInt32LE(ZIP64_LOCATOR, 56);
  zip64.writeBigUInt64LE(BigInt(directoryOffset + directoryBytes), 64);
  zip64.writeUInt32LE(1, 72);
  return Buffer.concat([zip64, end]);
}
