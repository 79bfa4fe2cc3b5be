/**
 * Where a ZIP archive begins and ends in its file. Downloads, players and signers append bytes to archives, and
 * self-extracting ones begin with a program; `unzip` reads both, so this looks for the archive in between.
 */
import { subRange, type ByteSource } from "../files/byte-source.js";

const END = 0x06054b50;
const ZIP64_END = 0x06064b50;
const ZIP64_END_BYTES = 56;
const ZIP64_LOCATOR = 0x07064b50;
const DIRECTORY_RECORD = 0x02014b50;
const DIRECTORY_RECORD_BYTES = 46;
const END_BYTES = 22;
const ZIP64_LOCATOR_BYTES = 20;
/** How far from the file's end the end record may stand: the longest comment, and as much behind it. */
const SEARCHED_BYTES = END_BYTES + 2 * 0xffff;
/** End records that are looked at; a file may be full of their signature. */
const MAX_CANDIDATES = 64;

export interface FoundArchive {
  /** The archive alone, without what stands before and after it; the whole file where no archive is found. */
  readonly archive: ByteSource;
  /** What is wrong with its end though it can be read. */
  readonly warning: string | undefined;
}

/** Finds the archive in a file. */
export async function findArchive(source: ByteSource): Promise<FoundArchive> {
  const start = Math.max(0, source.sizeBytes - SEARCHED_BYTES);
  const tail = Buffer.from((await source.read(start, source.sizeBytes - start)).buffer);
  let empty: ByteSource | undefined;
  let at = tail.byteLength - END_BYTES;
  for (let n = 0; n < MAX_CANDIDATES && at >= 0; n++, at--) {
    at = lastSignature(tail, at);
    if (at < 0) break;
    const end = at + END_BYTES + tail.readUInt16LE(at + 20);
    const isCut = end > tail.byteLength;
    if (tail.readUInt16LE(at + 10) === 0 && tail.readUInt32LE(at + 12) === 0) {
      if (!isCut) empty ??= subRange(source, 0, start + end);
      continue;
    }
    const first = await firstByte(source, start + at, tail, at);
    if (first === undefined) continue;
    if (isCut) {
      const thereBytes = tail.byteLength - at - END_BYTES;
      return {
        archive: subRange(withCommentLength(source, start + at, thereBytes), first, source.sizeBytes - first),
        warning: `its comment is said to have ${end - at - END_BYTES} bytes and has ${thereBytes}; the file may be cut off, its entries are read`,
      };
    }
    const isWhole = first === 0 && end === tail.byteLength;
    return { archive: isWhole ? source : subRange(source, first, start + end - first), warning: undefined };
  }
  return { archive: empty ?? source, warning: undefined };
}

/** The source with another length of the comment in its end record at `endRecord`. */
function withCommentLength(source: ByteSource, endRecord: number, commentBytes: number): ByteSource {
  const at = endRecord + END_BYTES - 2;
  const length = [commentBytes & 0xff, commentBytes >>> 8];
  const patch = (bytes: Uint8Array<ArrayBuffer>, position: number): Uint8Array<ArrayBuffer> => {
    for (const [index, byte] of length.entries()) {
      const offset = at + index - position;
      if (offset >= 0 && offset < bytes.byteLength) bytes[offset] = byte;
    }
    return bytes;
  };
  return {
    sizeBytes: source.sizeBytes,
    read: async (position, lengthBytes) => patch(await source.read(position, lengthBytes), position),
    readPair: async (position, firstBytes, secondBytes) => {
      const [first, second] = await source.readPair(position, firstBytes, secondBytes);
      return [patch(first, position), patch(second, position + firstBytes)];
    },
  };
}

function lastSignature(bytes: Buffer, from: number): number {
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(END);
  return bytes.lastIndexOf(signature, from);
}

/** Where the archive of an end record begins; undefined where the record has no directory. */
async function firstByte(source: ByteSource, position: number, tail: Buffer, at: number): Promise<number | undefined> {
  const locator = at - ZIP64_LOCATOR_BYTES;
  if (locator >= 0 && tail.readUInt32LE(locator) === ZIP64_LOCATOR) {
    const stated = Number(tail.readBigUInt64LE(locator + 8));
    const actual = position - ZIP64_LOCATOR_BYTES - ZIP64_END_BYTES;
    if (stated < position && (await hasSignature(source, stated, ZIP64_END))) return 0;
    return actual > stated && (await hasSignature(source, actual, ZIP64_END)) ? actual - stated : undefined;
  }
  const [directoryBytes, offset] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
  // The directory that ends at the record comes first: in a file of two archives, one of the other may lie at `offset`.
  const shift = position - directoryBytes - offset;
  if (shift > 0 && (await isDirectory(source, offset + shift, position))) return shift;
  return (await isDirectory(source, offset, position)) ? 0 : undefined;
}

async function isDirectory(source: ByteSource, offset: number, end: number): Promise<boolean> {
  return offset + DIRECTORY_RECORD_BYTES <= end && hasSignature(source, offset, DIRECTORY_RECORD);
}

async function hasSignature(source: ByteSource, offset: number, signature: number): Promise<boolean> {
  if (offset + 4 > source.sizeBytes) return false;
  const bytes = await source.read(offset, 4);
  return new DataView(bytes.buffer).getUint32(0, true) === signature;
}
