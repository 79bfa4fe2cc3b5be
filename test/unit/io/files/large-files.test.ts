/** Files too large to hold: found by their first bytes, carried piece by piece; and one bad file costs itself alone. */
import { open, readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { isFaultOfFile } from "../../../../src/io/files/file-errors.js";
import { openArchiveSink, openFolderSink } from "../../../../src/io/open-sink.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import type { SourceEntry } from "../../../../src/io/page-source.js";
import { rawZip } from "../../../support/archives.js";
import { png, temporaryFolder } from "../image/pictures.js";

/** A file of a size without its bytes. */
async function sparse(path: string, sizeBytes: number, head: Uint8Array = new Uint8Array()): Promise<void> {
  const file = await open(path, "w");
  await file.write(head, 0, head.byteLength, 0);
  await file.truncate(sizeBytes);
  await file.close();
}

describe("a file of 3 GiB beside the pages", () => {
  it("is carried when it is no picture, and a page that fails when it is one; nothing is read whole", async () => {
    const folder = await temporaryFolder();
    await writeFile(join(folder, "1.png"), await png());
    await sparse(join(folder, "movie.mp4"), 3 * 2 ** 30);
    await sparse(join(folder, "huge.png"), 3 * 2 ** 30, (await png()).subarray(0, 100));
    const before = process.memoryUsage().arrayBuffers;
    const source = await openPageSource(folder);
    expect(source.entries().map(({ name, kind }) => [name, kind])).toEqual([
      ["1.png", "image"],
      ["huge.png", "image"],
      ["movie.mp4", "other"],
    ]);
    await expect(source.entries()[1]!.read()).rejects.toMatchObject({
      code: "ERR_IMAGE_LIMIT",
      message: expect.stringContaining("huge.png has 3221225472 bytes"),
    });
    const pieces = source.entries()[2]!.chunks!();
    let doneBytes = 0;
    for await (const piece of pieces) {
      expect(piece.byteLength).toBeLessThanOrEqual(2 ** 20);
      doneBytes += piece.byteLength;
      if (doneBytes >= 64 * 2 ** 20) break;
    }
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(200 * 2 ** 20);
  });
});

it("a file that is mostly holes stays so in a folder, byte for byte", async () => {
  const folder = await temporaryFolder();
  await writeFile(join(folder, "1.png"), await png());
  const sizeBytes = 65 * 2 ** 20 + 7;
  for (const [name, position] of [
    ["middle.bin", 30 * 2 ** 20 + 5],
    ["end.bin", sizeBytes - 3],
    ["none.bin", 0],
  ] as const) {
    await sparse(join(folder, name), sizeBytes);
    const file = await open(join(folder, name), "r+");
    if (position > 0) await file.write(Buffer.from("abc"), 0, 3, position);
    await file.close();
  }
  const source = await openPageSource(folder);
  const sink = await openFolderSink(join(folder, "out"));
  for (const entry of source.entries()) await sink.carry(entry);
  await sink.finish();
  for (const name of ["middle.bin", "end.bin", "none.bin"]) {
    expect((await stat(join(folder, "out", name))).blocks * 512).toBeLessThan(3 * 2 ** 20);
    const [before, after] = await Promise.all([readFile(join(folder, name)), readFile(join(folder, "out", name))]);
    expect(after.equals(before)).toBe(true);
  }
});

describe.each(["folder", "archive"] as const)("carrying into a %s", (kind) => {
  const openSink = async (path: string): ReturnType<typeof openFolderSink> =>
    kind === "folder" ? openFolderSink(path) : openArchiveSink(path);

  it("gives the bytes of a file of many pieces, and those of a packed entry", async () => {
    const folder = await temporaryFolder();
    const content = Buffer.from(Array.from({ length: 3_500_000 }, (_, i) => (i * 31 + (i >> 8)) & 255));
    await writeFile(
      join(folder, "in.cbz"),
      rawZip([{ name: "1.png" }, { name: "data.bin", data: content, method: 8 }]),
    );
    const source = await openPageSource(join(folder, "in.cbz"));
    const entry = source.entries().find(({ name }) => name === "data.bin")!;
    const sink = await openSink(join(folder, "out.cbz"));
    await sink.carry(entry);
    await sink.write("1.png", Buffer.from("page"));
    await sink.finish();
    const written = await openPageSource(join(folder, "out.cbz"));
    const read = new Map(written.entries().map((one) => [one.name, one]));
    expect(Buffer.from(await read.get("data.bin")!.read()).equals(content)).toBe(true);
    expect(Buffer.from(await read.get("1.png")!.read()).toString()).toBe("page");
    await written.close();
    await source.close();
  });

  it.each<[what: string, entry: Parameters<typeof rawZip>[0][number]]>([
    ["a wrong checksum, stored", { name: "bad.xml", data: "x".repeat(5000), crc32: 1 }],
    ["a wrong checksum, packed", { name: "bad.xml", data: "x".repeat(5000), crc32: 1, method: 8 }],
    ["a size that lies", { name: "bad.xml", data: "x".repeat(5000), sizeBytes: 4000, method: 8 }],
    ["a local header that lies", { name: "bad.xml", localName: "bad.exe", data: "x" }],
  ])("leaves nothing of a file with %s, and goes on", async (_what, bad) => {
    const folder = await temporaryFolder();
    await writeFile(
      join(folder, "in.cbz"),
      rawZip([{ name: "1.png", data: "page" }, bad, { name: "z.txt", data: "z" }]),
    );
    const source = await openPageSource(join(folder, "in.cbz"));
    const sink = await openSink(join(folder, "out"));
    const outcomes: string[] = [];
    for (const entry of source.entries())
      outcomes.push(
        await sink.carry(entry).then(
          () => "carried",
          (error: unknown) => (isFaultOfFile(error) ? error.code : "another error"),
        ),
      );
    expect(outcomes).toEqual(["carried", "ERR_ZIP_ENTRY", "carried"]);
    await sink.finish();
    const written = await openPageSource(join(folder, "out"));
    expect(written.entries().map(({ name }) => name)).toEqual(["1.png", "z.txt"]);
    expect(written.faults).toEqual([]);
    for (const entry of written.entries()) await entry.read();
    await written.close();
    await source.close();
    expect((await readdir(folder)).toSorted()).toEqual(["in.cbz", "out"]);
  });

  it("leaves nothing of a file that becomes shorter while it is read", async () => {
    const folder = await temporaryFolder();
    const sink = await openSink(join(folder, "out"));
    const entry: SourceEntry = {
      name: "shrinks.bin",
      kind: "other",
      sizeBytes: 10,
      read: async () => new Uint8Array(5),
    };
    const failed = await sink.carry(entry).then(
      () => undefined,
      (error: unknown) => error,
    );
    if (kind === "archive") expect(isFaultOfFile(failed)).toBe(true);
    await sink.write("1.png", Buffer.from("page"));
    const path = await sink.finish();
    if (kind === "archive") expect((await stat(path)).size).toBe(22 + 46 + 30 + 2 * "1.png".length + "page".length);
  });

  it("takes a name of 255 bytes", async () => {
    const folder = await temporaryFolder();
    const name = `${"頁".repeat(83)}.txt`;
    const entry: SourceEntry = { name, kind: "other", sizeBytes: 1, read: async () => new Uint8Array(1) };
    const sink = await openSink(join(folder, "out"));
    expect(await sink.carry(entry)).toMatch(/~.*頁\.txt$/u);
    await sink.abort();
  });
});
