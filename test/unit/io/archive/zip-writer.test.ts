/** What writes output archives: the bytes are yazl's own, and the disk is kept busy without losing its faults. */
import { createRequire } from "node:module";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { crc32 as plainCrc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { crc32 } from "../../../../src/binding/checksum.js";
import { AtomicFile } from "../../../../src/io/files/atomic-file.js";
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

  it("gives the bytes that yazl gives alone, and leaves yazl's checksum as it was", async () => {
    const alone = new ZipFile();
    for (const [name, bytes] of entries)
      alone.addBuffer(Buffer.from(bytes), name, {
        compress: false,
        mtime: new Date(2000, 0, 1),
        forceDosTimestamp: true,
        mode: 0o100644,
      });
    alone.end();
    const { unsigned } = createRequire(createRequire(import.meta.url).resolve("yazl"))("buffer-crc32") as {
      unsigned: unknown;
    };
    const writer = new ZipWriter();
    const pieces: Uint8Array[] = [];
    for (const [name, bytes] of entries) pieces.push(...(await writer.add(name, bytes)));
    pieces.push(...(await writer.end()));
    expect(Buffer.concat(pieces).equals(await buffer(alone.outputStream))).toBe(true);
    const { unsigned: after } = createRequire(createRequire(import.meta.url).resolve("yazl"))("buffer-crc32") as {
      unsigned: unknown;
    };
    expect(after).toBe(unsigned);
  });

  it("gives an entry's bytes at once and does not copy them", async () => {
    const page = noise(1_000_000);
    const pieces = await new ZipWriter().add("1.png", page);
    expect(pieces.some((piece) => piece.buffer === page.buffer && piece.byteLength === page.byteLength)).toBe(true);
  });

  it("refuses what yazl refuses", async () => {
    await expect(new ZipWriter().add("../1.png", noise(1))).rejects.toThrow(/invalid relative path/u);
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
