/**
 * One ZIP archive: its directory, judged entry by entry, and its entries, read one at a time. yauzl parses the
 * directory; names, sizes, checksums, methods and limits are judged here, so that a bad entry never stops the others.
 */
import { crc32 as zlibCrc32 } from "node:zlib";
import { crc32 } from "../../binding/checksum.js";
import { messageOf, ZipExtractionError, type ErrorCode } from "../../errors.js";
import { RATIO_FREE_BYTES, type ArchiveLimits, type ArchiveUse } from "./archive-limits.js";
import { subRange, type ByteSource } from "../files/byte-source.js";
import { isJunkName } from "../names/entry-rules.js";
import { FreeNames } from "../names/free-names.js";
import { SNIFF_BYTES } from "../image/image-format.js";
import { inflate, inflateChunks, inflateHead } from "./inflate.js";
import { readDirectory, type Directory, type DirectoryEntry } from "./zip-directory.js";
import { archiveNameEncoding, decodeEntryName, nameFault, normalizeEntryName, printableName } from "./zip-names.js";
import type { NameEncoding } from "../names/name-encoding.js";

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

const STORED = 0;
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
const LOCAL_HEADER_BYTES = 30;
const LOCAL_HEADER_SIGNATURE = 0x04034b50;
/** The most that may be read in front of an entry's data at once: the longest name and extra field. */
const MAX_HEADER_BYTES = LOCAL_HEADER_BYTES + 2 * 0xffff;
/** What is read of an entry to see what it is, and of that of a packed one. */
const HEAD_BYTES = SNIFF_BYTES;
const PACKED_HEAD_BYTES = 2048;
/** Local headers have extra fields that the directory does not have; most are shorter. */
const USUAL_EXTRA_BYTES = 64;
const CHUNK_BYTES = 2 ** 20;
/** What deflate may add to data that it cannot pack, by the worst of packers. */
const MAX_GROWTH = 2;
const GROWTH_FREE_BYTES = 64 * 1024;

/** The kind of a Unix file by its mode in the external attributes; 0 when the archiver left none. */
function fileType(entry: DirectoryEntry): number {
  return (entry.externalFileAttributes >>> 16) & FILE_TYPE;
}

export class ZipArchive {
  /** Usable entries in the directory's order, without folders and skipped files. */
  readonly records: readonly ZipRecord[];
  /** One error for each refused entry, and one for a directory that breaks off. */
  readonly faults: readonly ZipExtractionError[];
  /** All entries of the directory, whatever became of them. */
  readonly entryCount: number;
  /** Its comment, byte for byte. */
  readonly comment: Uint8Array;
  readonly #source: ByteSource;
  readonly #encoding: NameEncoding;
  readonly #label: string;
  readonly #directoryOffset: number;
  /** Of the last entry's local header; an archiver gives all its entries the same. */
  #extraBytes = 0;

  private constructor(
    { archive, comment, offset, entryCount }: Directory,
    label: string,
    encoding: NameEncoding,
    records: ZipRecord[],
    faults: ZipExtractionError[],
  ) {
    this.#source = archive;
    this.#label = label;
    this.#directoryOffset = offset;
    this.#encoding = encoding;
    this.entryCount = entryCount;
    this.comment = comment;
    this.records = records;
    this.faults = faults;
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
    use: ArchiveUse = { entries: 0, bytes: 0 },
  ): Promise<ZipArchive> {
    const directory = await readDirectory(source, label, limits.maxEntries, use.entries);
    use.entries += directory.entries.length;
    const faults: ZipExtractionError[] = [];
    const records: ZipRecord[] = [];
    const encoding = archiveNameEncoding(directory.entries);
    const textOf = (entry: DirectoryEntry): string =>
      decodeEntryName(entry.rawName, entry.flags, entry.extraFields, encoding);
    for (const entry of withoutOverlaps(directory.entries, textOf, directory.offset, label, faults)) {
      const name = normalizeEntryName(textOf(entry));
      if (name === "" || fileType(entry) === DIRECTORY || name.endsWith("/") || isJunkName(name)) continue;
      const fault = entryFault(entry, limits, use.bytes);
      if (fault !== undefined) {
        faults.push(refusal(label, name, ...fault));
        continue;
      }
      use.bytes += entry.sizeBytes;
      records.push({ ...pick(entry), name });
    }
    const names = entryNames(records);
    for (const record of records) Object.assign(record, { name: names.take(record.name) });
    if (directory.damage !== undefined) {
      faults.push(
        new ZipExtractionError(
          "ERR_ZIP_FORMAT",
          `${label}: its directory breaks off after ${directory.entries.length} of ${directory.entryCount} entries (${messageOf(directory.damage)}); the entries before are used, repair the archive to get the rest`,
          { cause: directory.damage },
        ),
      );
    }
    return new ZipArchive(directory, label, encoding, records, faults);
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
        Promise.reject(this.#refuse(record, "its local header lies outside of the archive", cause)),
      );
    return subRange(this.#source, await this.#dataStart(record, header), record.compressedBytes);
  }

  /** The first unpacked bytes of an entry, unchecked; undefined where they cannot be had. */
  async head(record: ZipRecord): Promise<Uint8Array | undefined> {
    const wanted = record.method === STORED ? HEAD_BYTES : PACKED_HEAD_BYTES;
    const most = headerBytesOf(record) + USUAL_EXTRA_BYTES + Math.min(record.compressedBytes, wanted);
    try {
      const bytes = await this.#source.read(
        record.headerOffset,
        Math.min(most, this.#directoryOffset - record.headerOffset),
      );
      const view = new DataView(bytes.buffer);
      if (view.getUint32(0, true) !== LOCAL_HEADER_SIGNATURE) return undefined;
      const start = LOCAL_HEADER_BYTES + view.getUint16(26, true) + view.getUint16(28, true);
      const packed =
        start < bytes.byteLength
          ? bytes.subarray(start, start + record.compressedBytes)
          : await (await this.range(record)).read(0, Math.min(record.compressedBytes, wanted));
      return record.method === STORED ? packed : inflateHead(packed, HEAD_BYTES);
    } catch {
      return undefined; // whoever reads the entry is told why
    }
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

  #refuse(record: ZipRecord, reason: string, cause?: unknown): ZipExtractionError {
    return refusal(this.#label, record.name, "ERR_ZIP_ENTRY", reason, cause);
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

function pick(entry: DirectoryEntry): Omit<ZipRecord, "name"> {
  const { rawName, method, compressedBytes, sizeBytes, headerOffset, flags } = entry;
  return { rawName, method, crc32: entry.crc32, compressedBytes, sizeBytes, headerOffset, flags };
}

/** Why an entry of a safe name is refused. */
function entryFault(
  entry: DirectoryEntry,
  limits: ArchiveLimits,
  totalBytes: number,
): [code: ErrorCode, reason: string] | undefined {
  const type = fileType(entry);
  if (type === SYMLINK) return ["ERR_ZIP_ENTRY", "it is a symbolic link"];
  if (type !== 0 && type !== REGULAR_FILE) return ["ERR_ZIP_ENTRY", "it is a device, pipe or socket, not a file"];
  if ((entry.flags & ENCRYPTED_FLAGS) !== 0)
    return ["ERR_ZIP_ENTRY", "it is encrypted, which is unsupported; unpack it with its password first"];
  if (entry.method !== STORED && entry.method !== DEFLATED) {
    return [
      "ERR_ZIP_ENTRY",
      `its compression method ${METHOD_NAMES[entry.method] ?? "number"} (${entry.method}) is unsupported; pack it again with deflate or store`,
    ];
  }
  if (entry.method === STORED && entry.compressedBytes !== entry.sizeBytes) {
    return [
      "ERR_ZIP_ENTRY",
      `its size lies: stored with ${entry.compressedBytes} bytes but said to be ${entry.sizeBytes}`,
    ];
  }
  if (entry.compressedBytes > MAX_GROWTH * entry.sizeBytes + GROWTH_FREE_BYTES) {
    return [
      "ERR_ZIP_ENTRY",
      `its size lies: it has ${entry.compressedBytes} packed bytes but is said to unpack to ${entry.sizeBytes}`,
    ];
  }
  if (entry.sizeBytes > limits.maxEntryBytes)
    return [
      "ERR_ZIP_LIMIT",
      `it unpacks to ${entry.sizeBytes} bytes, more than the limit maxEntryBytes ${limits.maxEntryBytes}`,
    ];
  if (entry.sizeBytes > RATIO_FREE_BYTES && entry.sizeBytes > entry.compressedBytes * limits.maxRatio) {
    return [
      "ERR_ZIP_LIMIT",
      `it unpacks from ${entry.compressedBytes} to ${entry.sizeBytes} bytes, more than the limit maxRatio ${limits.maxRatio}`,
    ];
  }
  if (totalBytes + entry.sizeBytes > limits.maxTotalBytes) {
    return [
      "ERR_ZIP_LIMIT",
      `with it the archive unpacks to more than the limit maxTotalBytes ${limits.maxTotalBytes}`,
    ];
  }
  return undefined;
}

/**
 * The entries of safe names in the directory's order. Of entries whose data overlap (and of those that overlap the
 * directory) only the first by position is kept, the others are refused: two honest entries never share bytes.
 */
function withoutOverlaps(
  entries: readonly DirectoryEntry[],
  textOf: (entry: DirectoryEntry) => string,
  directoryOffset: number,
  label: string,
  faults: ZipExtractionError[],
): DirectoryEntry[] {
  const safe = entries.filter((entry) => {
    const text = textOf(entry);
    const name = normalizeEntryName(text);
    if (text !== "" && name === "") return false; // the archive's own folder, such as "/" or "./"
    const fault = nameFault(name);
    if (fault !== undefined) faults.push(refusal(label, text, "ERR_ZIP_ENTRY", fault));
    return fault === undefined;
  });
  const byOffset = safe
    .map((entry, index) => ({ entry, index }))
    .sort((a, b) => a.entry.headerOffset - b.entry.headerOffset || a.index - b.index);
  const refused = new Map<number, string>();
  let end = 0;
  for (const { entry, index } of byOffset) {
    const entryEnd = entry.headerOffset + LOCAL_HEADER_BYTES + entry.rawName.byteLength + entry.compressedBytes;
    if (entry.headerOffset < end) refused.set(index, "its data overlaps another entry's");
    else if (entryEnd > directoryOffset)
      refused.set(index, "its data reaches into the archive's directory or past its end");
    else end = entryEnd;
  }
  return safe.filter((entry, index) => {
    const reason = refused.get(index);
    if (reason !== undefined) faults.push(refusal(label, textOf(entry), "ERR_ZIP_ENTRY", reason));
    return reason === undefined;
  });
}

/**
 * Keeps entries of the same name apart, and files from folders: the second `a.png` becomes `a (2).png`, in the
 * directory's order.
 */
export function entryNames(entries: readonly { readonly name: string }[]): FreeNames {
  const names = new FreeNames({
    numbered: (name, n) => {
      const dot = name.lastIndexOf(".");
      const cut = dot > name.lastIndexOf("/") + 1 ? dot : name.length;
      return `${name.slice(0, cut)} (${n + 1})${name.slice(cut)}`;
    },
  });
  for (const { name } of entries) names.reserveFolders(name);
  return names;
}

async function* piecesOf(source: ByteSource): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < source.sizeBytes; at += CHUNK_BYTES)
    yield await source.read(at, Math.min(CHUNK_BYTES, source.sizeBytes - at));
}

function refusal(label: string, name: string, code: ErrorCode, reason: string, cause?: unknown): ZipExtractionError {
  return new ZipExtractionError(code, `${label}: entry "${printableName(name)}" is refused: ${reason}`, {
    entryName: name,
    ...(cause === undefined ? {} : { cause }),
  });
}

function hex(value: number): string {
  return `0x${value.toString(16).padStart(8, "0")}`;
}
