/** Archives for tests: good ones by yazl, hostile ones written byte by byte, each field open to lies. */
import { writeFile } from "node:fs/promises";
import { crc32, deflateRawSync } from "node:zlib";
import { ZipFile } from "yazl";
import { openPageSource } from "../../src/io/open-source.js";

/** A good archive in memory, entries in the given order. */
export function goodZip(
  entries: Readonly<Record<string, Uint8Array | string>>,
  options: { compress?: boolean } = {},
): Promise<Buffer> {
  const zip = new ZipFile();
  for (const [name, data] of Object.entries(entries))
    zip.addBuffer(Buffer.from(data), name, { compress: options.compress ?? true, mtime: new Date(2020, 0, 1) });
  zip.end();
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    zip.outputStream.on("data", (chunk: Buffer) => chunks.push(chunk));
    zip.outputStream.on("error", reject);
    zip.outputStream.on("end", () => resolve(Buffer.concat(chunks)));
  });
}

/** A good archive on disk. */
export async function writeZip(
  path: string,
  entries: Readonly<Record<string, Uint8Array | string>>,
  options: { compress?: boolean } = {},
): Promise<string> {
  await writeFile(path, await goodZip(entries, options));
  return path;
}

/** One entry; every field beyond name and data is a lie or an oddity. */
export interface RawEntry {
  name: string | Uint8Array;
  data?: Uint8Array | string;
  /** Compression method as stated; 0 and 8 pack the data so. */
  method?: number;
  flags?: number;
  /** Unix mode for the external attributes, e.g. 0o120777 for a symbolic link. */
  mode?: number;
  crc32?: number;
  localName?: string;
  /** Unpacked and packed size as stated. */
  sizeBytes?: number;
  compressedBytes?: number;
  /** Offset of the local header as stated in the directory; the entry's own bytes are then left out. */
  headerOffset?: number;
  extra?: Uint8Array;
  /** Extra field of the local header. */
  localExtra?: Uint8Array;
  localMethod?: number;
}

/** An archive written as told; see `RawEntry`. `entryCount` is what its end record states. */
export function rawZip(entries: readonly RawEntry[], options: { entryCount?: number } = {}): Buffer {
  const locals: Buffer[] = [];
  const centrals: Buffer[] = [];
  let offset = 0;
  for (const entry of entries) {
    const data = Buffer.from(entry.data ?? "");
    const method = entry.method ?? 0;
    const packed = method === 8 ? deflateRawSync(data) : data;
    const stated = {
      method,
      flags: entry.flags ?? 0x800,
      crc32: entry.crc32 ?? crc32(data),
      packed: entry.compressedBytes ?? packed.byteLength,
      size: entry.sizeBytes ?? data.byteLength,
    };
    const local = localHeader(Buffer.from(entry.localName ?? entry.name), {
      ...stated,
      method: entry.localMethod ?? method,
    });
    const localExtra = Buffer.from(entry.localExtra ?? "");
    local.writeUInt16LE(localExtra.byteLength, 28);
    centrals.push(
      centralRecord(
        Buffer.from(entry.name),
        stated,
        entry.mode ?? 0,
        entry.headerOffset ?? offset,
        Buffer.from(entry.extra ?? ""),
      ),
    );
    if (entry.headerOffset !== undefined) continue;
    locals.push(local, localExtra, packed);
    offset += local.byteLength + localExtra.byteLength + packed.byteLength;
  }
  const directory = Buffer.concat(centrals);
  const count = options.entryCount ?? entries.length;
  const end = Buffer.alloc(22);
  end.writeUInt32LE(0x06054b50, 0);
  end.writeUInt16LE(Math.min(count, 0xffff), 8);
  end.writeUInt16LE(Math.min(count, 0xffff), 10);
  end.writeUInt32LE(directory.byteLength, 12);
  end.writeUInt32LE(offset, 16);
  return Buffer.concat([
    ...locals,
    directory,
    ...(count > 0xffff ? [zip64End(count, directory.byteLength, offset)] : []),
    end,
  ]);
}

/** The ZIP64 end record and its locator, for more entries than 16 bits can say. */
function zip64End(count: number, directoryBytes: number, directoryOffset: number): Buffer {
  const end = Buffer.alloc(56 + 20);
  end.writeUInt32LE(0x06064b50, 0);
  end.writeBigUInt64LE(44n, 4);
  end.writeUInt16LE(45, 12);
  end.writeUInt16LE(45, 14);
  end.writeBigUInt64LE(BigInt(count), 24);
  end.writeBigUInt64LE(BigInt(count), 32);
  end.writeBigUInt64LE(BigInt(directoryBytes), 40);
  end.writeBigUInt64LE(BigInt(directoryOffset), 48);
  end.writeUInt32LE(0x07064b50, 56);
  end.writeBigUInt64LE(BigInt(directoryOffset + directoryBytes), 64);
  end.writeUInt32LE(1, 72);
  return end;
}

interface Stated {
  method: number;
  flags: number;
  crc32: number;
  packed: number;
  size: number;
}

function localHeader(name: Buffer, stated: Stated): Buffer {
  const header = Buffer.alloc(30);
  header.writeUInt32LE(0x04034b50, 0);
  header.writeUInt16LE(20, 4);
  writeStated(header, 6, stated);
  header.writeUInt16LE(name.byteLength, 26);
  return Buffer.concat([header, name]);
}

function centralRecord(name: Buffer, stated: Stated, mode: number, offset: number, extra: Buffer): Buffer {
  const record = Buffer.alloc(46);
  record.writeUInt32LE(0x02014b50, 0);
  record.writeUInt16LE((3 << 8) | 20, 4);
  record.writeUInt16LE(20, 6);
  writeStated(record, 8, stated);
  record.writeUInt16LE(name.byteLength, 28);
  record.writeUInt16LE(extra.byteLength, 30);
  record.writeUInt32LE((mode << 16) >>> 0, 38);
  record.writeUInt32LE(offset, 42);
  return Buffer.concat([record, name, extra]);
}

function writeStated(target: Buffer, at: number, stated: Stated): void {
  target.writeUInt16LE(stated.flags, at);
  target.writeUInt16LE(stated.method, at + 2);
  target.writeUInt32LE(0x00210000, at + 4);
  target.writeUInt32LE(stated.crc32, at + 8);
  target.writeUInt32LE(stated.packed, at + 12);
  target.writeUInt32LE(stated.size, at + 16);
}

/** Names of an archive's or a folder's entries, in their order. */
export async function entryNames(path: string): Promise<string[]> {
  const source = await openPageSource(path);
  try {
    return source.entries().map(({ name }) => name);
  } finally {
    await source.close();
  }
}
