/**
 * Finds the begin and the end of a ZIP archive in its file. Downloads, players and signers append bytes to archives,
 * self-extracting ones begin with a program, and a comment may hold anything; `unzip` reads them all.
 */
import { subRange, type ByteSource } from "../files/byte-source.js";

const END = signatureBytes(0x06054b50);
const ZIP64_END = 0x06064b50;
const ZIP64_END_BYTES = 56;
const ZIP64_LOCATOR = 0x07064b50;
const ENTRY = 0x04034b50;
const DIRECTORY_RECORD = 0x02014b50;
const DIRECTORY_RECORD_BYTES = 46;
/** Of an end record without its comment, whose length it states last. */
export const END_BYTES = 22;
export const ZIP64_LOCATOR_BYTES = 20;
/** How far from the file's end the end record may stand: the longest comment, and as much behind it. */
const SEARCHED_BYTES = END_BYTES + 2 * 0xffff;
/** Places that are looked at for a directory; a file may be full of the signature of end records. */
const MAX_PLACES = 64;

export interface FoundArchive {
  /** The archive up to its comment, without what stands before it. */
  readonly archive: ByteSource;
  /** The comment, byte for byte. */
  readonly comment: Uint8Array;
  /** Whether a ZIP64 end record, if there is one, does not count. */
  readonly isPlain: boolean;
  /** What is wrong with its end though it can be read. */
  readonly warnings: readonly string[];
}

/** An end record that has a directory. */
interface EndRecord {
  /** Where its archive begins, in bytes from the file's start. */
  readonly first: number;
  /** Whether the directory reaches from where it is said to begin right to the record. */
  readonly isExact: boolean;
  /** What people should know of a ZIP64 record that does not count. */
  readonly notice?: string;
}

/**
 * Finds the archive in a file: that of the last end record whose figures fit. A record of which only the directory's
 * place fits is text if it lies in the comment of another whose figures all fit. Resolves to undefined where there is
 * no archive.
 */
export async function findArchive(source: ByteSource): Promise<FoundArchive | undefined> {
  const start = Math.max(0, source.sizeBytes - SEARCHED_BYTES);
  const tail = Buffer.from((await source.read(start, source.sizeBytes - start)).buffer);
  const places = new Places(source);
  const statedEnd = (at: number): number => at + END_BYTES + tail.readUInt16LE(at + 20);
  const archiveOf = async (at: number, { first, notice }: Omit<EndRecord, "isExact">): Promise<FoundArchive> => {
    const [from, stated] = [at + END_BYTES, statedEnd(at)];
    const there = Math.min(stated, tail.byteLength) - from;
    const warnings = notice === undefined ? [] : [notice];
    if (there < stated - from)
      warnings.push(
        `its comment is said to have ${stated - from} bytes and has ${there}; the file may be cut off, its entries are read`,
      );
    if (first > 0 && (await places.has(0, ENTRY)))
      warnings.push(
        `another archive of ${first} bytes stands before it in its file, and is not read; part the two if its pages are wanted`,
      );
    return {
      archive: subRange(source, first, start + from - first),
      comment: new Uint8Array(tail.subarray(from, from + there)),
      isPlain: notice !== undefined,
      warnings,
    };
  };
  let nearly: { readonly at: number; readonly record: EndRecord } | undefined;
  let emptyAt: number | undefined;
  for (
    let at = tail.byteLength - END_BYTES;
    at >= 0 && (at = tail.lastIndexOf(END, at)) >= 0 && places.looked < MAX_PLACES;
    at--
  ) {
    if (tail.readUInt16LE(at + 10) === 0 && tail.readUInt32LE(at + 12) === 0) {
      if (statedEnd(at) <= tail.byteLength) emptyAt ??= at;
      continue;
    }
    const record = await endRecord(places, start + at, tail, at);
    if (record === undefined) continue;
    if (record.isExact && (nearly === undefined || statedEnd(at) > nearly.at)) return archiveOf(at, record);
    nearly ??= { at, record };
  }
  if (nearly !== undefined) return archiveOf(nearly.at, nearly.record);
  return emptyAt === undefined ? undefined : archiveOf(emptyAt, { first: 0 });
}

/** Signatures in a file, each place read once. */
class Places {
  readonly #source: ByteSource;
  readonly #signatures = new Map<number, number>();

  constructor(source: ByteSource) {
    this.#source = source;
  }

  /** Places that were read. */
  get looked(): number {
    return this.#signatures.size;
  }

  async has(offset: number, signature: number): Promise<boolean> {
    if (offset < 0 || offset + 4 > this.#source.sizeBytes) return false;
    let there = this.#signatures.get(offset);
    if (there === undefined) {
      const bytes = await this.#source.read(offset, 4);
      there = new DataView(bytes.buffer).getUint32(0, true);
      this.#signatures.set(offset, there);
    }
    return there === signature;
  }

  /** The figures of the ZIP64 end record at `offset`. */
  async zip64Figures(offset: number): Promise<Figures | undefined> {
    if (offset + ZIP64_END_BYTES > this.#source.sizeBytes) return undefined;
    const view = new DataView((await this.#source.read(offset, ZIP64_END_BYTES)).buffer);
    const figure = (at: number): number => Number(view.getBigUint64(at, true));
    return { entries: figure(32), directoryBytes: figure(40), offset: figure(48) };
  }

  async hasDirectory(offset: number, end: number): Promise<boolean> {
    return offset + DIRECTORY_RECORD_BYTES <= end && this.has(offset, DIRECTORY_RECORD);
  }
}

/** The figures of an end record. */
interface Figures {
  readonly entries: number;
  readonly directoryBytes: number;
  readonly offset: number;
}

/**
 * What is known of the end record at `position` of the file and `at` of its tail; undefined without a directory. The
 * figures of a ZIP64 record count where the plain one leaves them to it; where the two disagree the plain one counts.
 */
async function endRecord(places: Places, position: number, tail: Buffer, at: number): Promise<EndRecord | undefined> {
  const plain: Figures = {
    entries: tail.readUInt16LE(at + 10),
    directoryBytes: tail.readUInt32LE(at + 12),
    offset: tail.readUInt32LE(at + 16),
  };
  const locator = at - ZIP64_LOCATOR_BYTES;
  if (locator < 0 || tail.readUInt32LE(locator) !== ZIP64_LOCATOR)
    return plainRecord(places, plain, position, position);
  const stated = Number(tail.readBigUInt64LE(locator + 8));
  const actual = position - ZIP64_LOCATOR_BYTES - ZIP64_END_BYTES;
  const isThere = stated < position && (await places.has(stated, ZIP64_END));
  const isShifted = !isThere && actual > stated && (await places.has(actual, ZIP64_END));
  const large = isThere || isShifted ? await places.zip64Figures(isThere ? stated : actual) : undefined;
  const found = large && { first: isThere ? 0 : actual - stated, isExact: isShifted || stated === actual };
  if (large !== undefined && agree(plain, large)) return found;
  const end = isThere ? stated : (await places.has(actual, ZIP64_END)) ? actual : position - ZIP64_LOCATOR_BYTES;
  const record = await plainRecord(places, plain, end, position);
  if (record === undefined) return found;
  const why =
    large === undefined
      ? "its ZIP64 end record is not where it is said to be"
      : `its ZIP64 end record and the plain one disagree (${inWords(large)}; ${inWords(plain)})`;
  return { ...record, notice: `${why}; the plain one is followed` };
}

async function plainRecord(
  places: Places,
  { directoryBytes, offset }: Figures,
  end: number,
  position: number,
): Promise<EndRecord | undefined> {
  // The directory that ends at the record comes first: in a file of two archives, one of the other may lie at `offset`.
  const shift = end - directoryBytes - offset;
  if (shift >= 0 && (await places.hasDirectory(offset + shift, end))) return { first: shift, isExact: true };
  return (await places.hasDirectory(offset, position)) ? { first: 0, isExact: false } : undefined;
}

/** Whether every figure of a plain record is the ZIP64 record's, or is left to it by having all its bits set. */
function agree(plain: Figures, large: Figures): boolean {
  return (
    [0xffff, large.entries].includes(plain.entries) &&
    [0xffff_ffff, large.directoryBytes].includes(plain.directoryBytes) &&
    [0xffff_ffff, large.offset].includes(plain.offset)
  );
}

function inWords({ entries, directoryBytes, offset }: Figures): string {
  return `${entries} entries in ${directoryBytes} bytes from ${offset} on`;
}

function signatureBytes(signature: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(signature);
  return bytes;
}
