/**
 * Each threat to archives of reliability: that entry is refused with an error that names it, the pages beside it come
 * through.
 */
import { readdir, writeFile } from "node:fs/promises";
import { basename, join } from "node:path";
import { crc32 } from "node:zlib";
import { describe, expect, it } from "vitest";
import { ZipExtractionError } from "../../../../src/errors.js";
import { planOutputNames } from "../../../../src/io/names/output-names.js";
import { portableName } from "../../../../src/io/names/portable-names.js";
import { openFolderSink } from "../../../../src/io/open-sink.js";
import type { PageSource, PageSourceOptions } from "../../../../src/io/page-source.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import { rawZip, type RawEntry } from "../../../support/archives.js";
import { temporaryFolder } from "../image/pictures.js";

const GOOD: RawEntry = { name: "good.png", data: "good page", method: 8 };

async function open(bytes: Uint8Array, limits?: PageSourceOptions["limits"]): Promise<PageSource> {
  const path = join(await temporaryFolder(), "hostile.cbz");
  await writeFile(path, bytes);
  return openPageSource(path, limits === undefined ? {} : { limits });
}

async function goodPageIsRead(source: PageSource): Promise<void> {
  const good = source.entries().find(({ name }) => name === "good.png");
  expect(Buffer.from(await good!.read()).toString()).toBe("good page");
}

describe("refused when the archive is listed", () => {
  const cases: [threat: string, entry: RawEntry, reason: RegExp][] = [
    ["path escape", { name: "../evil.png", data: "x" }, /leads out of the folder/u],
    ["path escape inside", { name: "a/../../evil.png", data: "x" }, /leads out of the folder/u],
    ["path escape in a skipped folder", { name: "__MACOSX/../../evil.png", data: "x" }, /leads out of the folder/u],
    ["absolute path escape", { name: "/../etc/evil.png", data: "x" }, /leads out of the folder/u],
    ["path escape from a drive", { name: "C:\\..\\evil.png", data: "x" }, /leads out of the folder/u],
    ["path escape with backslashes", { name: "a\\..\\..\\evil.png", data: "x" }, /leads out of the folder/u],
    ["a drive letter behind a folder", { name: "./C:evil.png", data: "x" }, /drive letter/u],
    ["a name of 3,000 bytes", { name: `${"evil/".repeat(600)}1.png`, data: "x" }, /longer than 2048 bytes/u],
    ["a name of 200 folders", { name: `${"e/".repeat(200)}1.png`, data: "x" }, /more than 100 folders/u],
    [
      "packed bytes that no packer makes",
      { name: "evil.png", data: Buffer.alloc(100_000), method: 8, sizeBytes: 100, compressedBytes: 80_000 },
      /it has 80000 packed bytes but is said to unpack to 100|past its end/u,
    ],
    ["NUL in the name", { name: "evil\0.png", data: "x" }, /control characters/u],
    ["empty name", { name: "", data: "x" }, /name is empty/u],
    ["symbolic link", { name: "evil.png", data: "/etc/passwd", mode: 0o120777 }, /symbolic link/u],
    ["device", { name: "evil.png", data: "", mode: 0o020666 }, /device or socket/u],
    ["encrypted entry", { name: "evil.png", data: "x", flags: 0x801 }, /encrypted, which is unsupported$/u],
    ["lzma", { name: "evil.png", data: "x", method: 14 }, /lzma \(14\) is unsupported$/u],
    ["zstd", { name: "evil.png", data: "x", method: 93 }, /zstd \(93\) is unsupported/u],
    ["an unknown method", { name: "evil.png", data: "x", method: 77 }, /method number \(77\) is unsupported/u],
    ["a stored size that lies", { name: "evil.png", data: "four", sizeBytes: 4000 }, /wrong size in the archive/u],
    ["an entry that overlaps another", { name: "evil.png", data: "x", headerOffset: 0 }, /overlaps another entry/u],
    [
      "an entry that reaches into the directory",
      { name: "evil.png", data: "x", compressedBytes: 5000, sizeBytes: 5000 },
      /directory or past its end/u,
    ],
    ["an entry past the end", { name: "evil.png", data: "x", headerOffset: 0x7fffffff }, /directory or past its end/u],
  ];
  it.each(cases)("%s", async (_threat, entry, reason) => {
    const source = await open(rawZip([GOOD, entry]));
    expect(source.entries().map(({ name }) => name)).toEqual(["good.png"]);
    expect(source.faults).toHaveLength(1);
    const { error } = source.faults[0]!;
    expect(error).toBeInstanceOf(ZipExtractionError);
    expect(error.code).toBe("ERR_ZIP_ENTRY");
    expect(error.message).toMatch(reason);
    expect(error.message).toContain("hostile.cbz");
    await goodPageIsRead(source);
    await source.close();
  });

  it.each([
    ["encrypted", { flags: 0x801 }, "unpack the archive with its password and give the folder"],
    ["packed by a method that is not read", { method: 14 }, "pack the archive again with deflate or store"],
  ])("%s: the remedy says what to do", async (_what, rest, remedy) => {
    const source = await open(rawZip([GOOD, { name: "evil.png", data: "x", ...rest }]));
    expect(source.faults[0]!.error.remedy).toBe(remedy);
    await source.close();
  });

  it("many names for one body: a bomb by overlap gives its first entry only", async () => {
    const body = { name: "0.png", data: Buffer.alloc(100_000), method: 8 };
    const source = await open(
      rawZip([
        body,
        ...Array.from({ length: 50 }, (_, i) => ({
          name: `${i + 1}.png`,
          method: 8,
          headerOffset: 0,
          sizeBytes: 100_000,
          compressedBytes: 100,
        })),
      ]),
    );
    expect(source.entries().map(({ name }) => name)).toEqual(["0.png"]);
    expect(source.faults).toHaveLength(50);
    await source.close();
  });
});

describe("refused when the entry is read", () => {
  const cases: [threat: string, entry: RawEntry, reason: RegExp][] = [
    [
      "wrong CRC-32, stored",
      { name: "evil.png", data: "x", crc32: 1 },
      /CRC-32 is 0x[0-9a-f]{8}, the archive says 0x00000001/u,
    ],
    ["wrong CRC-32, deflated", { name: "evil.png", data: "x".repeat(100), method: 8, crc32: 1 }, /CRC-32/u],
    [
      "unpacks to more than it says",
      { name: "evil.png", data: "x".repeat(1000), method: 8, sizeBytes: 10 },
      /wrong size in the archive: it unpacks to more than the declared 10 bytes/u,
    ],
    [
      "unpacks to a byte more than it says",
      { name: "evil.png", data: "x".repeat(1000), method: 8, sizeBytes: 999 },
      /wrong size in the archive/u,
    ],
    [
      "unpacks to less than it says",
      { name: "evil.png", data: "x".repeat(1000), method: 8, sizeBytes: 1001 },
      /wrong size in the archive: it unpacks to 1000 bytes/u,
    ],
    [
      "another name in the local header",
      { name: "evil.png", localName: "evil.exe", data: "x" },
      /another than in the directory/u,
    ],
    [
      "another method in the local header",
      { name: "evil.png", localMethod: 8, data: "x" },
      /method in the local header/u,
    ],
  ];
  it.each(cases)("%s", async (_threat, entry, reason) => {
    const source = await open(rawZip([entry, GOOD]));
    const evil = source.entries().find(({ name }) => name === "evil.png")!;
    await expect(evil.read()).rejects.toMatchObject({
      name: "ZipExtractionError",
      code: "ERR_ZIP_ENTRY",
      entryName: "evil.png",
      message: expect.stringMatching(reason),
    });
    await goodPageIsRead(source);
    await source.close();
  });

  it("damaged deflate data", async () => {
    const bytes = rawZip([{ name: "evil.png", data: "some page", method: 8 }, GOOD]);
    bytes.fill(0xff, 38, 44);
    const source = await open(bytes);
    await expect(source.entries()[0]!.read()).rejects.toMatchObject({
      code: "ERR_ZIP_ENTRY",
      message: expect.stringMatching(/data is damaged/u),
    });
    await goodPageIsRead(source);
    await source.close();
  });

  it("a local header that is none", async () => {
    const bytes = rawZip([{ name: "evil.png", data: "x" }, GOOD]);
    bytes.fill(0, 0, 4);
    const source = await open(bytes);
    await expect(source.entries()[0]!.read()).rejects.toMatchObject({
      code: "ERR_ZIP_ENTRY",
      message: expect.stringMatching(/no local header/u),
    });
    await source.close();
  });
});

describe("limits", () => {
  const big = Buffer.alloc(20 * 2 ** 20);
  it.each([
    ["one entry", { maxEntryBytes: 2 ** 20 }, /maxEntryBytes 1048576/u],
    ["the ratio", {}, /maxRatio 200/u],
  ])("%s", async (_what, limits, reason) => {
    const source = await open(rawZip([GOOD, { name: "bomb.png", data: big, method: 8 }]), limits);
    expect(source.faults.map(({ error }) => error.code)).toEqual(["ERR_ZIP_LIMIT"]);
    expect(source.faults[0]!.error.message).toMatch(reason);
    expect(source.faults[0]!.error.remedy).toMatch(
      /^unpack the archive and give the folder, or in a program raise limits\./u,
    );
    await goodPageIsRead(source);
    await source.close();
  });

  it("all entries together: what comes after the total is refused", async () => {
    const source = await open(rawZip([GOOD, ...[1, 2, 3].map((i) => ({ name: `${i}.png`, data: "x".repeat(40) }))]), {
      maxTotalBytes: 100,
    });
    expect(source.entries().map(({ name }) => name)).toEqual(["1.png", "2.png", "good.png"]);
    expect(source.faults.map(({ name, error }) => [name, error.code])).toEqual([["3.png", "ERR_ZIP_LIMIT"]]);
    await source.close();
  });

  it("the number of entries", async () => {
    await expect(open(rawZip([GOOD, GOOD, GOOD]), { maxEntries: 2 })).rejects.toMatchObject({
      code: "ERR_ZIP_LIMIT",
      message: expect.stringContaining("3 entries, more than the limit maxEntries 2"),
    });
  });

  it("the number of folders in the entries' names, those of archives inside it included", async () => {
    const deep = { name: "a/b/c/1.png", data: GOOD.data! };
    await expect(open(rawZip([deep]), { maxEntries: 2 })).rejects.toMatchObject({
      code: "ERR_ZIP_LIMIT",
      message: expect.stringContaining("at least 3 folders, more than the limit maxEntries 2"),
    });
    const source = await open(rawZip([deep, { ...deep, name: "a/b/c/2.png" }]), { maxEntries: 3 });
    expect(source.entries()).toHaveLength(2);
    await source.close();
    // 5,000 entries 98 folders deep, each in folders of its own: refused before 490,000 folders are in memory.
    const names = Array.from({ length: 5000 }, (_, i) => `${i}/`.repeat(98) + "x.txt");
    await expect(open(rawZip(names.map((name) => ({ name, data: "" }))))).rejects.toMatchObject({
      code: "ERR_ZIP_LIMIT",
    });
  });

  it("60,000 entries: refused by the default limit before they are read; with a higher one they are listed, and reading them holds one at a time", async () => {
    const entries = Array.from({ length: 60_000 }, (_, i) => ({ name: `${i}.png`, data: "0123456789" }));
    const bytes = rawZip(entries);
    await expect(open(bytes)).rejects.toMatchObject({
      code: "ERR_ZIP_LIMIT",
      message: expect.stringContaining("60000 entries, more than the limit maxEntries 50000"),
    });
    const source = await open(bytes, { maxEntries: 200_000 });
    expect(source.entries()).toHaveLength(60_000);
    for (let i = 0; i < 2000; i++) await source.entries()[i]!.read();
    const before = process.memoryUsage().arrayBuffers;
    for (let i = 2000; i < 12_000; i++) await source.entries()[i]!.read();
    expect(process.memoryUsage().arrayBuffers - before).toBeLessThan(4 * 2 ** 20);
    await source.close();
  });

  it("a limit that is no number above zero is refused", async () => {
    await expect(open(rawZip([GOOD]), { maxEntries: 0 })).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
      message: expect.stringContaining("limits.maxEntries is 0"),
    });
  });
});

describe("names that meet or mean something elsewhere", () => {
  it("that differ by case stay apart in the listing and, whatever the file system, in the output", async () => {
    const source = await open(
      rawZip([
        { name: "A.png", data: "1" },
        { name: "a.png", data: "2" },
        { name: "a.PNG", data: "3" },
        { name: "e\u0301.png" },
        { name: "\u00e9.png" },
      ]),
    );
    const names = source.entries().map(({ name }) => name);
    expect(new Set(names).size).toBe(5);
    const planned = await planOutputNames(names);
    expect(new Set(planned.map((name) => name.toLowerCase())).size).toBe(5);
    expect(await planOutputNames(names)).toEqual(planned);
    await source.close();
  });

  it("device names, bidi marks and control characters do not reach an output", async () => {
    const source = await open(
      rawZip([
        { name: "CON/nul.png" },
        { name: "aux.v1/COM1.txt" },
        { name: "ok \u202egnp.exe\u202c.png" },
        { name: "dots./1.png" },
        { name: "console.png" },
      ]),
    );
    expect(
      source
        .entries()
        .map(({ name }) => portableName(name))
        .toSorted(),
    ).toEqual(["CON_/nul_.png", "aux_.v1/COM1_.txt", "console.png", "dots_/1.png", "ok gnp.exe.png"].toSorted());
    const folder = await temporaryFolder();
    const sink = await openFolderSink(folder);
    for (const entry of source.entries()) await sink.carry(entry);
    expect((await readdir(folder)).toSorted()).toEqual(
      ["CON_", "aux_.v1", "console.png", "dots_", "ok gnp.exe.png"].toSorted(),
    );
    expect(await planOutputNames(["lpt9.png", "new\nline.png", "PRN./a.png"])).toEqual([
      "lpt9__colorized.png",
      "new_line_colorized.png",
      "PRN__/a_colorized.png",
    ]);
    await source.close();
  });
});

describe("the archive as a whole", () => {
  it("a directory that breaks off gives the entries before and says so", async () => {
    const source = await open(rawZip([GOOD, { name: "2.png", data: "2" }], { entryCount: 5 }));
    expect(source.entries().map(({ name }) => name)).toEqual(["2.png", "good.png"]);
    expect(source.faults.map(({ error }) => error.code)).toEqual(["ERR_ZIP_FORMAT"]);
    expect(source.faults[0]!.error.message).toContain("after 2 of 5 entries");
    expect(source.faults[0]!.name).toBe(basename(source.path));
    await goodPageIsRead(source);
    await source.close();
  });

  it("nothing but refused entries: the error says how many and why", async () => {
    await expect(open(rawZip([{ name: "../a.png", data: "x" }]))).rejects.toMatchObject({
      code: "ERR_INPUT_EMPTY",
      message: expect.stringMatching(/1 of its entries were refused, the first because: .*leads out/u),
    });
  });

  it("a Unicode path field with the right checksum names the entry, and is judged like any name", async () => {
    const field = (raw: string, name: string): Buffer => {
      const body = Buffer.concat([Buffer.from([1, 0, 0, 0, 0]), Buffer.from(name)]);
      body.writeUInt32LE(crc32(Buffer.from(raw)), 1);
      const head = Buffer.alloc(4);
      head.writeUInt16LE(0x7075, 0);
      head.writeUInt16LE(body.byteLength, 2);
      return Buffer.concat([head, body]);
    };
    const source = await open(
      rawZip([
        GOOD,
        { name: "a.png", extra: field("a.png", "頁.png") },
        { name: "b.png", extra: field("b.png", "../b.png") },
        { name: "c.png", extra: field("other", "d.png") },
      ]),
    );
    expect(source.entries().map(({ name }) => name)).toEqual(["c.png", "good.png", "頁.png"]);
    expect(source.faults.map(({ error }) => error.message)).toEqual([expect.stringContaining("leads out")]);
    await source.close();
  });
});
