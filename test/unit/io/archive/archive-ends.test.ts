/** What stands before, behind and at the end of an archive: other bytes, comments, end records that disagree. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { buffer } from "node:stream/consumers";
import { describe, expect, it } from "vitest";
import { ZipFile } from "yazl";
import { openArchiveSink } from "../../../../src/io/open-sink.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import type { PageSource, PageSourceOptions } from "../../../../src/io/page-source.js";
import { goodZip, rawZip, type RawEntry } from "../../../support/archives.js";
import { temporaryFolder } from "../image/pictures.js";

async function open(bytes: Uint8Array, options: PageSourceOptions = {}, name = "odd.cbz"): Promise<PageSource> {
  const path = join(await temporaryFolder(), name);
  await writeFile(path, bytes);
  return openPageSource(path, options);
}

async function contents(source: PageSource): Promise<Record<string, string>> {
  const read = await Promise.all(
    source.entries().map(async (entry) => [entry.name, Buffer.from(await entry.read()).toString()] as const),
  );
  await source.close();
  return Object.fromEntries(read);
}

const END = Buffer.from([0x50, 0x4b, 5, 6]);

describe("bytes around an archive", () => {
  const archive = (): Promise<Buffer> => goodZip({ "1.png": "one", "2.png": "two".repeat(1000) });
  const SMALL: RawEntry[] = [{ name: "1.png", data: "one" }];
  const both = { "1.png": "one", "2.png": "two".repeat(1000) };

  it.each<[what: string, after: () => Uint8Array]>([
    ["a line feed", () => Buffer.from("\n")],
    ["zeros", () => new Uint8Array(60_000)],
    ["a signature of an end record", () => Buffer.concat([END, new Uint8Array(18)])],
    ["sixty such signatures", () => Buffer.concat(Array.from({ length: 60 }, () => END))],
  ])("behind it are passed over: %s", async (_what, after) => {
    expect(await contents(await open(Buffer.concat([await archive(), after()])))).toEqual(both);
  });

  it("of two archives in one file the last is read, as unzip does, also where both are of one size", async () => {
    const [first, last] = [rawZip([{ name: "1.png", data: "one" }]), rawZip([{ name: "2.png", data: "two" }])];
    const source = await open(Buffer.concat([first, last]));
    expect(source.warnings).toEqual([
      { message: expect.stringMatching(/another archive of \d+ bytes stands before it/) as string },
    ]);
    expect(await contents(source)).toEqual({ "2.png": "two" });
  });

  it.each([0, 1])(
    "more entries than it says, %i: all are read, as unzip does, and a warning tells it",
    async (said) => {
      const source = await open(rawZip([...SMALL, { name: "2.png", data: "two" }], { entryCount: said }));
      expect(source.faults).toEqual([]);
      expect(source.warnings).toEqual([
        { message: `odd.cbz: it says that it has ${said} entries and has 2; all of them are read` },
      ]);
      expect(await contents(source)).toEqual({ "1.png": "one", "2.png": "two" });
      const many = Array.from({ length: 10 }, (_, at) => ({ name: `${at}`, data: "" }));
      await expect(open(rawZip(many, { entryCount: said }), { limits: { maxEntries: 9 } })).rejects.toMatchObject({
        code: "ERR_ZIP_LIMIT",
      });
    },
  );

  it("in front of it are passed over, as in self-extracting archives", async () => {
    const program = Buffer.alloc(5000, "MZ");
    expect(await contents(await open(Buffer.concat([program, await archive()])))).toEqual(both);
    expect(await contents(await open(Buffer.concat([program, await archive(), program.subarray(0, 99)])))).toEqual(
      both,
    );
  });

  it("in front of one in the ZIP64 form are passed over too", async () => {
    const zip = new ZipFile();
    zip.addBuffer(Buffer.from("sixty-four"), "1.png", { forceZip64Format: true });
    zip.end({ forceZip64Format: true, comment: "" });
    const bytes = await buffer(zip.outputStream);
    expect(await contents(await open(Buffer.concat([Buffer.alloc(777, "MZ"), bytes, Buffer.from("\n")])))).toEqual({
      "1.png": "sixty-four",
    });
  });

  it.each<[what: string, before: number, there: number]>([
    ["none of its bytes there", 0, 0],
    ["some of them there", 0, 7],
    ["a program in front", 500, 7],
  ])(
    "a comment that is said to be longer than the file is told of, the entries are read: %s",
    async (_what, before, there) => {
      const bytes = await archive();
      bytes.writeUInt16LE(300, bytes.byteLength - 2);
      const comment = Buffer.alloc(there, "c");
      for (const stated of [bytes, rawZip([...SMALL, { name: "part.cbz", data: await archive() }])]) {
        stated.writeUInt16LE(300, stated.byteLength - 2);
        const source = await open(Buffer.concat([Buffer.alloc(before, "MZ"), stated, comment]));
        expect(source.faults).toEqual([]);
        expect(source.warnings).toEqual([
          {
            message: expect.stringContaining(
              `its comment is said to have 300 bytes and has ${there}; the file may be cut off`,
            ) as string,
          },
        ]);
        expect(Buffer.from(source.comment ?? "")).toEqual(comment);
        expect(await contents(source)).toMatchObject({ "1.png": "one" });
      }
    },
  );

  /** An end record of an archive of `entries`, whose directory has so many bytes and begins there. */
  const endRecord = (entries: number, directoryBytes: number, offset: number): Buffer => {
    const record = Buffer.concat([END, Buffer.alloc(18)]);
    record.writeUInt16LE(entries, 8);
    record.writeUInt16LE(entries, 10);
    record.writeUInt32LE(directoryBytes, 12);
    record.writeUInt32LE(offset, 16);
    return record;
  };

  it.each<[what: string, comment: (archive: Buffer) => Uint8Array]>([
    ["a signature", () => Buffer.from("see PK\u0005\u0006 for more", "latin1")],
    ["an end record of nothing", () => endRecord(0, 0, 0)],
    ["an end record whose figures do not fit", () => endRecord(9, 999_999, 12)],
    ["the archive's own end record", (bytes) => bytes.subarray(bytes.byteLength - 22)],
    [
      "an end record that leaves the last page out",
      (bytes) => endRecord(1, 51, bytes.readUInt32LE(bytes.byteLength - 6)),
    ],
    ["signatures alone", () => Buffer.concat(Array.from({ length: 16_000 }, () => END))],
    [
      "signatures in another order",
      () => Buffer.from("PK\u0005\u0006PK\u0006\u0006PK\u0006\u0007".repeat(500), "latin1"),
    ],
  ])("a comment may hold %s", async (_what, commentOf) => {
    for (const before of [0, 500]) {
      const bytes = await archive();
      const comment = commentOf(bytes);
      bytes.writeUInt16LE(comment.byteLength, bytes.byteLength - 2);
      const source = await open(Buffer.concat([Buffer.alloc(before, "MZ"), bytes, comment]));
      expect([source.faults, source.warnings]).toEqual([[], []]);
      expect(Buffer.from(source.comment!)).toEqual(Buffer.from(comment));
      expect(await contents(source)).toEqual(both);
    }
  });

  it("a comment is known byte for byte, and goes into an output archive", async () => {
    const comment = Buffer.concat([Buffer.from("Comment \u00e9\r\n"), Buffer.from([0, 255, 128, 0x1a])]);
    const bytes = await archive();
    bytes.writeUInt16LE(comment.byteLength, bytes.byteLength - 2);
    const source = await open(Buffer.concat([bytes, comment, Buffer.from("behind")]));
    expect(Buffer.from(source.comment!)).toEqual(comment);
    const path = join(await temporaryFolder(), "out.cbz");
    const sink = await openArchiveSink(path, { comment: source.comment });
    await sink.carry(source.entries()[0]!);
    await sink.finish();
    await source.close();
    const written = await openPageSource(path);
    expect(Buffer.from(written.comment!)).toEqual(comment);
    await written.close();
    const without = await open(await archive());
    expect(without.comment).toBeUndefined();
    await without.close();
  });
});

/** An extra field; its length may be a lie. */
function extraField(id: number, data: Uint8Array, lengthBytes = data.byteLength): Buffer {
  const head = Buffer.alloc(4);
  head.writeUInt16LE(id, 0);
  head.writeUInt16LE(lengthBytes, 2);
  return Buffer.concat([head, data]);
}

describe("what is wrong in one record of the directory costs that entry alone", () => {
  const WRONG_SIZE = /"2\.png" is refused: wrong size in the archive/u;

  it.each<[what: string, record: Partial<RawEntry>, says: RegExp | undefined]>([
    ["an extra field that reaches past its end", { extra: extraField(9, Buffer.alloc(1), 255) }, undefined],
    ["padding that is no extra field", { extra: Buffer.alloc(3) }, undefined],
    ["a ZIP64 field that is too short", { sizeBytes: 0xffff_ffff, extra: extraField(1, Buffer.alloc(4)) }, WRONG_SIZE],
    ["no ZIP64 field", { sizeBytes: 0xffff_ffff }, WRONG_SIZE],
    [
      "a ZIP64 field of huge figures",
      { sizeBytes: 0xffff_ffff, extra: extraField(1, Buffer.alloc(8, 0xff)) },
      WRONG_SIZE,
    ],
    ["strong encryption", { flags: 0x840 }, /"2\.png" is refused: it is encrypted/u],
  ])("%s", async (_what, record, says) => {
    const source = await open(
      rawZip([
        { name: "1.png", data: "one" },
        { name: "2.png", data: "two", ...record },
        { name: "3.png", data: "three" },
      ]),
    );
    expect(source.faults.map(({ error }) => error.message)).toEqual(
      says === undefined ? [] : [expect.stringMatching(says)],
    );
    expect(await contents(source)).toEqual({
      "1.png": "one",
      ...(says === undefined && { "2.png": "two" }),
      "3.png": "three",
    });
  });
});

/** Two pages and both end records. */
function bothEnds(large: { entries?: number; bytes?: number; offset?: number; place?: number }, entries = 2): Buffer {
  const zip = rawZip([
    { name: "1.png", data: "one" },
    { name: "2.png", data: "two" },
  ]);
  const end = zip.length - 22;
  const records = Buffer.alloc(56 + 20);
  records.writeUInt32LE(0x06064b50, 0);
  records.writeBigUInt64LE(44n, 4);
  for (const at of [24, 32]) records.writeBigUInt64LE(BigInt(large.entries ?? 2), at);
  records.writeBigUInt64LE(BigInt(large.bytes ?? zip.readUInt32LE(end + 12)), 40);
  records.writeBigUInt64LE(BigInt(large.offset ?? zip.readUInt32LE(end + 16)), 48);
  records.writeUInt32LE(0x07064b50, 56);
  records.writeBigUInt64LE(BigInt(large.place ?? end), 64);
  records.writeUInt32LE(1, 72);
  const plain = Buffer.from(zip.subarray(end));
  for (const at of [8, 10]) plain.writeUInt16LE(entries, at);
  return Buffer.concat([zip.subarray(0, end), records, plain]);
}

describe("a ZIP64 end record beside the plain one", () => {
  const DISAGREE = /its ZIP64 end record and the plain one disagree \(.*\); the plain one is followed$/u;

  it.each<[what: string, bytes: Buffer, says: readonly RegExp[]]>([
    ["that agrees", bothEnds({}), []],
    ["that the plain one leaves the figures to", bothEnds({}, 0xffff), []],
    ["of fewer entries", bothEnds({ entries: 1 }), [DISAGREE]],
    ["of more entries", bothEnds({ entries: 3 }), [DISAGREE]],
    ["of more entries than the limit", bothEnds({ entries: 2 ** 40 }), [DISAGREE]],
    ["of no entries", bothEnds({ entries: 0 }), [DISAGREE]],
    ["of another directory", bothEnds({ offset: 0 }), [DISAGREE]],
    ["of a directory behind the file", bothEnds({ offset: 2 ** 40 }), [DISAGREE]],
    ["of a smaller directory", bothEnds({ bytes: 51 }), [DISAGREE]],
    [
      "that is not where it is said to be",
      bothEnds({ place: 2 ** 40 }),
      [/is not where it is said to be; the plain one/u],
    ],
    [
      "where both count wrong",
      bothEnds({ entries: 2 }, 1),
      [DISAGREE, /says that it has 1 entries and has 2; all of them/u],
    ],
  ])("%s: both pages, as unzip lists them", async (_what, bytes, says) => {
    for (const before of [0, 100]) {
      const source = await open(Buffer.concat([Buffer.alloc(before, "x"), bytes]));
      expect(source.faults).toEqual([]);
      const told = source.warnings!.map(({ message }) => says.findIndex((one) => one.test(message)));
      // Behind other bytes a record that is searched at its place is found at the end, as the directory is.
      if (before === 0) expect(told).toEqual([...says.keys()]);
      expect(await contents(source)).toEqual({ "1.png": "one", "2.png": "two" });
    }
  });
});
