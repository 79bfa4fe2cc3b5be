/** Names in shared libraries of Linux (ELF, 64 bit, little endian): which other libraries one needs. */
import { closeSync, openSync, readSync } from "node:fs";

const MAGIC = 0x7f454c46;
const SEGMENT = { load: 1, dynamic: 2 } as const;
const TAG = { needed: 1n, strings: 5n, stringBytes: 10n, soname: 14n } as const;
/** More than any library has; a larger table is a damaged file. */
const MOST_TABLE_BYTES = 16 * 2 ** 20;

/** What a library is called inside (undefined where it has no such name), and the libraries that it needs. */
export interface ElfNames {
  readonly soname: string | undefined;
  readonly needed: readonly string[];
}

/** Reads a library's names, and no more of the file than that takes; undefined for a file that is no such library. */
export function readElfNames(path: string): ElfNames | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    return namesIn((offset, length) => {
      if (length > MOST_TABLE_BYTES) throw new RangeError("the table is too long");
      const bytes = Buffer.alloc(length);
      if (readSync(file, bytes, 0, length, offset) !== length) throw new RangeError("the file ends early");
      return bytes;
    });
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  } finally {
    closeSync(file);
  }
}

function namesIn(read: (offset: number, length: number) => Buffer): ElfNames | undefined {
  const header = read(0, 64);
  if (header.readUInt32BE(0) !== MAGIC || header[4] !== 2 || header[5] !== 1) return undefined;
  const [size, count] = [header.readUInt16LE(54), header.readUInt16LE(56)];
  const table = read(Number(header.readBigUInt64LE(32)), size * count);
  const segments = Array.from({ length: count }, (_, index) => {
    const field = (offset: number): number => Number(table.readBigUInt64LE(index * size + offset));
    return { type: table.readUInt32LE(index * size), offset: field(8), address: field(16), bytes: field(32) };
  });
  const dynamic = segments.find(({ type }) => type === SEGMENT.dynamic);
  if (!dynamic) return { soname: undefined, needed: [] };
  const entries = read(dynamic.offset, dynamic.bytes);
  const values = new Map<bigint, bigint[]>();
  for (let at = 0; at + 16 <= entries.length; at += 16) {
    const tag = entries.readBigInt64LE(at);
    values.set(tag, [...(values.get(tag) ?? []), entries.readBigUInt64LE(at + 8)]);
  }
  const address = Number(values.get(TAG.strings)?.[0] ?? 0n);
  const home = segments.find(
    ({ type, address: from, bytes }) => type === SEGMENT.load && address >= from && address < from + bytes,
  );
  if (!home) return undefined;
  const strings = read(home.offset + address - home.address, Number(values.get(TAG.stringBytes)?.[0] ?? 0n));
  const text = (offset: bigint): string =>
    strings.toString("latin1", Number(offset), strings.indexOf(0, Number(offset)));
  const soname = values.get(TAG.soname)?.[0];
  return {
    soname: soname === undefined ? undefined : text(soname),
    needed: (values.get(TAG.needed) ?? []).map(text),
  };
}
