/** What writes output archives: the bytes are those of yazl, and the disk is kept busy without losing its faults. */
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { crc32 as plainCrc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { crc32 } from "../../../../src/binding/checksum.js";
import { AtomicFile } from "../../../../src/io/files/atomic-file.js";
import { archiveLimits } from "../../../../src/io/archive/archive-limits.js";
import { ZipArchive } from "../../../../src/io/archive/zip-archive.js";
import { MemoryRange } from "../../../../src/io/files/byte-source.js";
import { ZipWriter } from "../../../../src/io/archive/zip-writer.js";
import { temporaryFolder } from "../image/pictures.js";

function noise(length: number): Uint8Array {
  const bytes = new Uint8Array(length);
  for (let at = 0, state = length + 1; at < length; at++)
    bytes[at] = (state = (Math.imul(state, 1_103_515_245) + 12_345) & 0x7fffffff) >> 16;
  return bytes;
}

describe("the checksum", () => {
  it("is zlib's, for every length and start", () => {
    const bytes = noise(1000);
    for (let length = 0; length < 300; length++) {
      for (const start of [0, 1, 7])
        expect(crc32(bytes.subarray(start, start + length))).toBe(plainCrc32(bytes.subarray(start, start + length)));
    }
    const large = noise(3_000_001);
    expect(crc32(large)).toBe(plainCrc32(large));
    expect(() => crc32(new Uint16Array(4) as unknown as Uint8Array)).toThrow(/Uint8Array|bytes/u);
  });
});

describe("the archive writer", () => {
  const entries: readonly (readonly [string, Uint8Array])[] = [
    ["a/001.png", noise(3_000_000)],
    ["empty.png", noise(0)],
    ["頁.png", noise(1)],
    ["b.txt", noise(100_000)],
  ];

  it("gives the bytes that yazl gives", async () => {
    const alone = new ZipFile();
    for (const [name, bytes] of entries)
      alone.addBuffer(Buffer.from(bytes), name, {
        compress: false,
        mtime: new Date(2000, 0, 1),
        forceDosTimestamp: true,
        mode: 0o100644,
      });
    alone.end();
    const writer = new ZipWriter();
    const pieces: Uint8Array[] = [];
    for (const [name, bytes] of entries) pieces.push(...writer.add(name, bytes));
    pieces.push(...writer.end());
    expect(Buffer.concat(pieces).equals(await buffer(alone.outputStream))).toBe(true);
  });

  it("gives an entry's bytes at once and does not copy them", () => {
    const page = noise(1_000_000);
    const pieces = new ZipWriter().add("1.png", page);
    expect(pieces.some((piece) => piece.buffer === page.buffer && piece.byteLength === page.byteLength)).toBe(true);
  });

  it.each(["../1.png", "/1.png", "a\\1.png", "C:1.png", "", "a/"])(
    "refuses %j, as yazl does or more strictly",
    (name) => {
      expect(() => new ZipWriter().add(name, noise(1))).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
    },
  );

  it("keeps a comment byte for byte, and refuses one that is too long", async () => {
    const comment = Uint8Array.from({ length: 256 }, (_, i) => i);
    const alone = new ZipFile();
    alone.end({ comment: Buffer.from(comment) } as never);
    expect(Buffer.concat(new ZipWriter().end(comment)).equals(await buffer(alone.outputStream))).toBe(true);
    expect(() => new ZipWriter().end(new Uint8Array(65_536))).toThrow(/65536 bytes; at most 65535/u);
  });

  it("writes more entries than 16 bits can say, which yauzl reads", async () => {
    const writer = new ZipWriter();
    const names = Array.from({ length: 70_000 }, (_, i) => `${i}.png`);
    const pieces = names.flatMap((name) => writer.add(name, Buffer.from(name)));
    const bytes = Buffer.concat([...pieces, ...writer.end(Buffer.from("a comment"))]);
    const archive = await ZipArchive.open(new MemoryRange(bytes), "many", archiveLimits({ maxEntries: 100_000 }));
    expect(archive.faults).toEqual([]);
    expect(archive.records.map(({ name }) => name)).toEqual(names);
    expect(Buffer.from(archive.comment).toString()).toBe("a comment");
    expect(Buffer.from(await archive.read(archive.records[69_999]!)).toString()).toBe("69999.png");
  });

  it("starts an entry whose bytes come later, of more than 4 GiB too", () => {
    const writer = new ZipWriter();
    const bytes = noise(1000);
    const { header, crcOffset, complete } = writer.start("1.png", bytes.byteLength);
    const late = Buffer.concat([header, bytes]);
    late.set(complete(crc32(bytes)), crcOffset);
    const other = new ZipWriter();
    expect(late.equals(Buffer.concat(other.add("1.png", bytes)))).toBe(true);
    expect(Buffer.concat(writer.end()).equals(Buffer.concat(other.end()))).toBe(true);
    const large = new ZipWriter();
    const started = large.start("film.mp4", 5 * 2 ** 30);
    expect(started.header.byteLength).toBe(30 + 8 + 20);
    started.complete(7);
    large.add("2.png", bytes);
    const end = Buffer.concat(large.end());
    expect(end.includes(Buffer.from("film.mp4"))).toBe(true);
    expect(end.readUInt32LE(end.byteLength - 42)).toBe(0x07064b50);
  });
});

describe("a file that is synced while it is written", () => {
  const MEBIBYTE = 2 ** 20;

  it("has all pieces in their order", async () => {
    const folder = await temporaryFolder();
    const file = await AtomicFile.create(join(folder, "out"));
    const pieces = Array.from({ length: 40 }, (_, i) => noise(MEBIBYTE + i));
    for (let i = 0; i < pieces.length; i += 4) await file.append(pieces.slice(i, i + 4));
    const path = await file.commit(false);
    expect(Buffer.concat(pieces).equals(await readFile(path))).toBe(true);
  });

  it("fails when a sync under way fails, which is told once, and leaves nothing behind", async () => {
    const folder = await temporaryFolder();
    const file = await AtomicFile.create(join(folder, "out"));
    file.handle.datasync = () => Promise.reject(Object.assign(new Error("no space"), { code: "ENOSPC" }));
    await file.append([noise(17 * MEBIBYTE)]);
    await expect(file.commit(false)).rejects.toMatchObject({ code: "ERR_OUTPUT_WRITE" });
    expect(await readdir(folder)).toEqual([]);
  });
});
