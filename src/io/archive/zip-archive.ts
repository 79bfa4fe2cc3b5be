/**
 * One ZIP archive: its directory, judged entry by entry, and its entries, read one at a time. yauzl parses the
 * directory; names, sizes, checksums, methods and limits are judged here, so that a bad entry never stops the others.
 */
import { crc32 } from "../../binding/checksum.js";
import { messageOf, ZipExtractionError, type ErrorCode } from "../../errors.js";
import { RATIO_FREE_BYTES, type ArchiveLimits } from "./archive-limits.js";
import { SubRange, type ByteSource } from "../files/byte-source.js";
import { isSkipped } from "../names/entry-rules.js";
import { inflate } from "./inflate.js";
import { readDirectory, type DirectoryEntry } from "./zip-directory.js";
import { archiveNameEncoding, decodeEntryName, nameFault, normalizeEntryName, printableName } from "./zip-names.js";

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
  readonly #source: ByteSource;
  readonly #label: string;
  readonly #directoryOffset: number;
  /** Of the last entry's local header; an archiver gives all its entries the same. */
  #extraBytes = 0;

  private constructor(
    source: ByteSource,
    label: string,
    directoryOffset: number,
    entryCount: number,
    records: ZipRecord[],
    faults: ZipExtractionError[],
  ) {
    this.#source = source;
    this.#label = label;
    this.#directoryOffset = directoryOffset;
    this.entryCount = entryCount;
    this.records = records;
    this.faults = faults;
  }

  /**
   * Reads the directory. `label` names the archive in messages. Rejects with `ERR_ZIP_FORMAT` when the bytes are no ZIP
   * archive and with `ERR_ZIP_LIMIT` when it has more than `limits.maxEntries`; an entry that breaks a rule becomes a
   * fault.
   */
  static async open(source: ByteSource, label: string, limits: ArchiveLimits): Promise<ZipArchive> {
    const directory = await readDirectory(source, label, limits.maxEntries);
    const faults: ZipExtractionError[] = [];
    const records: ZipRecord[] = [];
    const taken = new Set<string>();
    let totalBytes = 0;
    const encoding = archiveNameEncoding(directory.entries);
    const textOf = (entry: DirectoryEntry): string =>
      decodeEntryName(entry.rawName, entry.flags, entry.extraFields, encoding);
    for (const entry of withoutOverlaps(directory.entries, textOf, directory.offset, label, faults)) {
      const name = normalizeEntryName(textOf(entry));
      if (fileType(entry) === DIRECTORY || name.endsWith("/") || isSkipped(name)) continue;
      const fault = entryFault(entry, limits, totalBytes);
      if (fault !== undefined) {
        faults.push(refusal(label, name, ...fault));
        continue;
      }
      totalBytes += entry.sizeBytes;
      records.push({ ...pick(entry), name: uniqueName(name, taken) });
    }
    if (directory.damage !== undefined) {
      faults.push(
        new ZipExtractionError(
          "ERR_ZIP_FORMAT",
          `${label}: its directory breaks off after ${directory.entries.length} of ${directory.entryCount} entries (${messageOf(directory.damage)}); the entries before are used, repair the archive to get the rest`,
          { cause: directory.damage },
        ),
      );
    }
    return new ZipArchive(source, label, directory.offset, directory.entryCount, records, faults);
  }

  /**
   * The unpacked bytes of an entry, checked against its size and CRC-32, in an ArrayBuffer of their own. Rejects with
   * `ERR_ZIP_ENTRY`.
   */
  async read(record: ZipRecord): Promise<Uint8Array<ArrayBuffer>> {
    const packed = await this.#packed(record);
    const bytes = record.method === STORED ? packed : await this.#inflate(record, packed);
    const actual = crc32(bytes);
    if (actual !== record.crc32) {
      throw this.#refuse(
        record,
        `its CRC-32 is ${hex(actual)}, the archive says ${hex(record.crc32)}: the data is damaged`,
      );
    }
    return bytes;
  }

  /** The packed bytes of an entry as a source, after its local header was checked against the directory. */
  async range(record: ZipRecord): Promise<ByteSource> {
    const header = await this.#source
      .read(record.headerOffset, headerBytesOf(record))
      .catch((cause: unknown) =>
        Promise.reject(this.#refuse(record, "its local header lies outside of the archive", cause)),
      );
    return new SubRange(this.#source, this.#dataStart(record, header), record.compressedBytes);
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
    const start = this.#dataStart(record, header);
    this.#extraBytes = start - record.headerOffset - leastHeaderBytes;
    return start === record.headerOffset + headerBytes
      ? data
      : this.#source.read(start, record.compressedBytes).catch(unreadable);
  }

  /** Checks an entry's local header against the directory and tells where its data begin. */
  #dataStart(record: ZipRecord, header: Uint8Array): number {
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    const nameBytes = record.rawName.byteLength;
    if (view.getUint32(0, true) !== LOCAL_HEADER_SIGNATURE)
      throw this.#refuse(record, "it has no local header where the directory says");
    if (
      view.getUint16(26, true) !== nameBytes ||
      Buffer.compare(header.subarray(LOCAL_HEADER_BYTES, headerBytesOf(record)), record.rawName) !== 0
    ) {
      throw this.#refuse(record, "its name in the local header is another than in the directory");
    }
    if (view.getUint16(8, true) !== record.method)
      throw this.#refuse(record, "its compression method in the local header is another than in the directory");
    const start = record.headerOffset + headerBytesOf(record) + view.getUint16(28, true);
    if (start + record.compressedBytes > this.#directoryOffset)
      throw this.#refuse(record, "its data reaches into the archive's directory");
    return start;
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
  const { rawName, method, compressedBytes, sizeBytes, headerOffset } = entry;
  return { rawName, method, crc32: entry.crc32, compressedBytes, sizeBytes, headerOffset };
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
    const fault = nameFault(text);
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

/** Keeps entries of the same name apart: the second `a.png` becomes `a (2).png`, in the directory's order. */
export function uniqueName(name: string, taken: Set<string>): string {
  const dot = name.lastIndexOf(".");
  const cut = dot > name.lastIndexOf("/") + 1 ? dot : name.length;
  let unique = name;
  for (let n = 2; taken.has(unique); n++) unique = `${name.slice(0, cut)} (${n})${name.slice(cut)}`;
  taken.add(unique);
  return unique;
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
