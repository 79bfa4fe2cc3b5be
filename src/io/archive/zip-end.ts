/**
 * Where a ZIP archive lies in its file. Downloads, players and signers append bytes to archives, and self-extracting
 * ones begin with a program; `unzip` reads both, and so the archive between them is looked for here.
 */
import { subRange, type ByteSource } from "../files/byte-source.js";

const END = 0x06054b50;
const ZIP64_LOCATOR = 0x07064b50;
const DIRECTORY_RECORD = 0x02014b50;
const END_BYTES = 22;
const ZIP64_LOCATOR_BYTES = 20;
/** How far from the file's end the end record may stand: the longest comment, and as much behind it. */
const SEARCHED_BYTES = END_BYTES + 2 * 0xffff;
/** End records that are looked at; a file may be full of their signature. */
const MAX_CANDIDATES = 64;

/** The archive alone, without what stands before and after it; the whole file where no archive is found. */
export async function archiveRange(source: ByteSource): Promise<ByteSource> {
  const start = Math.max(0, source.sizeBytes - SEARCHED_BYTES);
  const tail = Buffer.from((await source.read(start, source.sizeBytes - start)).buffer);
  let empty: ByteSource | undefined;
  let at = tail.byteLength - END_BYTES;
  for (let n = 0; n < MAX_CANDIDATES && at >= 0; n++, at--) {
    at = lastSignature(tail, at);
    if (at < 0) break;
    const end = at + END_BYTES + tail.readUInt16LE(at + 20);
    if (end > tail.byteLength) continue;
    if (tail.readUInt16LE(at + 10) === 0 && tail.readUInt32LE(at + 12) === 0) {
      empty ??= subRange(source, 0, start + end);
      continue;
    }
    const first = await firstByte(source, start + at, tail, at);
    if (first === 0 && end === tail.byteLength) return source;
    if (first !== undefined) return subRange(source, first, start + end - first);
  }
  return empty ?? source;
}

function lastSignature(bytes: Buffer, from: number): number {
  const signature = Buffer.alloc(4);
  signature.writeUInt32LE(END);
  return bytes.lastIndexOf(signature, from);
}

/** Where the archive of an end record begins; undefined where the record has no directory. */
async function firstByte(source: ByteSource, position: number, tail: Buffer, at: number): Promise<number | undefined> {
  const isZip64 = at >= ZIP64_LOCATOR_BYTES && tail.readUInt32LE(at - ZIP64_LOCATOR_BYTES) === ZIP64_LOCATOR;
  if (isZip64) return 0;
  const [directoryBytes, offset] = [tail.readUInt32LE(at + 12), tail.readUInt32LE(at + 16)];
  if (await isDirectory(source, offset, position)) return 0;
  const shift = position - directoryBytes - offset;
  return shift > 0 && (await isDirectory(source, offset + shift, position)) ? shift : undefined;
}

async function isDirectory(source: ByteSource, offset: number, end: number): Promise<boolean> {
  if (offset + 46 > end) return false;
  const bytes = await source.read(offset, 4);
  return new DataView(bytes.buffer).getUint32(0, true) === DIRECTORY_RECORD;
}
