/** Archives that are unusual and whole: read as unpackers read them. And what an archive costs at most. */
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { messageOf } from "../../../../src/errors.js";
import { withRemedy } from "../../../../src/errors/facts.js";
import { openFolderSink } from "../../../../src/io/open-sink.js";
import { openPageSource } from "../../../../src/io/open-source.js";
import type { PageSource, PageSourceOptions } from "../../../../src/io/page-source.js";
import { goodZip, rawZip, type RawEntry } from "../../../support/archives.js";
import { png, temporaryFolder } from "../image/pictures.js";

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

describe("names, as unpackers read them", () => {
  it.each<[what: string, name: string, read: string]>([
    ["a backslash parts folders", "ch1\\001.png", "ch1/001.png"],
    ["a slash in front is dropped", "/ch1/001.png", "ch1/001.png"],
    ["so are several", "//server/ch1/001.png", "server/ch1/001.png"],
    ["and a drive letter", "C:\\comics\\001.png", "comics/001.png"],
    ["and one without a backslash", "C:001.png", "001.png"],
    ["and dots and empty parts", "./ch1//./001.png", "ch1/001.png"],
    ["`..` takes back the folder before it", "a/../001.png", "001.png"],
    ["and several, with backslashes", "a\\b\\..\\..\\ch1\\./..\\ch1\\001.png", "ch1/001.png"],
    ["control characters become `_`", "ch1/a\n\u001b[2J.png", "ch1/a__[2J.png"],
  ])("%s: %s", async (_what, name, read) => {
    const source = await open(rawZip([{ name, data: "page" }, { name: "ch0/" }, { name: "/" }, { name: "C:\\" }]));
    expect(source.faults).toEqual([]);
    expect(await contents(source)).toEqual({ [read]: "page" });
  });

  it("names that are one once read are two pages", async () => {
    const entries = ["b.png", "a/../b.png", "a\n.png", "a\r.png"].map((name, i) => ({ name, data: `page ${i}` }));
    expect(await contents(await open(rawZip(entries)))).toEqual({
      "b.png": "page 0",
      "b (2).png": "page 1",
      "a_.png": "page 2",
      "a_ (2).png": "page 3",
    });
  });

  it("a local name that is the same once read is no lie, whatever its length", async () => {
    const entries: RawEntry[] = [
      { name: "ch1\\1.png", localName: "ch1/1.png", data: "one" },
      { name: "ch1/2.png", localName: "/ch1//2.png", data: "two", method: 8 },
      { name: "/ch1/3.png", localName: "ch1\\3.png", data: "three", localExtra: new Uint8Array(30) },
      { name: "ch1/4.png", localName: "ch1/5.png", data: "four" },
    ];
    const source = await open(rawZip(entries));
    const [one, two, three, four] = source.entries();
    const read = async (entry: typeof one): Promise<string> => Buffer.from(await entry!.read()).toString();
    expect([await read(one), await read(two), await read(three)]).toEqual(["one", "two", "three"]);
    await expect(four!.read()).rejects.toMatchObject({ code: "ERR_ZIP_ENTRY", entryName: "ch1/4.png" });
    await source.close();
  });

  it.each<[what: string, inDirectory: string, local: string]>([
    ["decomposed in the directory, composed beside its data", "caf\u0065\u0301 \u304b\u3099", "caf\u00e9 \u304c"],
    ["the other way round", "caf\u00e9 \u304c", "caf\u0065\u0301 \u304b\u3099"],
    ["with dots in the directory alone", "././ch1/a", "ch1/a"],
  ])("names of two lengths cost no neighbour its page: %s", async (_what, inDirectory, local) => {
    const entries = ["1", "2", "3"].map((n) => ({
      name: `${inDirectory}${n}.png`,
      localName: `${local}${n}.png`,
      data: `page ${n}`,
    }));
    const source = await open(rawZip(entries));
    expect(source.faults).toEqual([]);
    expect(Object.values(await contents(source)).toSorted()).toEqual(["page 1", "page 2", "page 3"]);
  });

  it("a local name that is shorter excuses no overlap", async () => {
    const name = "a-long-name-in-the-directory.png";
    const bytes = rawZip([
      { name, localName: "a.png", data: "page 1" },
      { name: "2.png", data: "page 2", headerOffset: 40 },
      { name: "3.png", data: "page 3" },
    ]);
    const source = await open(bytes);
    expect(source.faults.map(({ name: refused, error }) => [refused, /overlaps/u.test(error.message)])).toEqual([
      ["2.png", true],
    ]);
    expect(source.entries().map((entry) => entry.name)).toEqual(["3.png", name]);
    await source.close();
  });

  it("what has a folder's mode and holds data is a file; a folder's name with data is a fault", async () => {
    const source = await open(
      rawZip([
        { name: "1.png", data: "page", mode: 0o040755 },
        { name: "2.png/", data: "page" },
        { name: "ch3", mode: 0o040755 },
        { name: "ch4/" },
        { name: "/", data: "page" },
        { name: "./.", data: "page" },
        { name: "C:\\", data: "page" },
        { name: "//" },
      ]),
    );
    expect(source.faults).toEqual(
      ["/", "./.", "C:\\", "2.png/"].map((name) => ({
        name,
        error: expect.objectContaining({
          code: "ERR_ZIP_ENTRY",
          message: expect.stringContaining("its name is a folder's, but it holds data") as string,
        }) as unknown,
      })),
    );
    expect(await contents(source)).toEqual({ "1.png": "page" });
  });

  it("an archive inside that is none is told by its content: a picture is a page", async () => {
    const picture = await png(8, 8);
    const source = await open(
      await goodZip({ "1.png": "page", "2.cbz": picture, "3.cbz": Buffer.from("Rar!\x1a\x07\x01\0", "latin1") }),
    );
    expect(source.entries().map(({ name, kind }) => [name, kind])).toEqual([
      ["1.png", "image"],
      ["2.cbz", "image"],
    ]);
    expect(source.faults.map(({ name, error }) => [name, messageOf(error)])).toEqual([
      [
        "3.cbz",
        "odd.cbz/3.cbz is called a ZIP or CBZ archive, but it is a RAR archive (CBR); unpack it or convert it to CBZ",
      ],
    ]);
    await source.close();
  });

  it.each(["disc.iso", "disc.cbz"])(
    "a disc image inside, stored or packed, is named as what it is: %s",
    async (name) => {
      const image = Buffer.concat([Buffer.alloc(32_769), Buffer.from("CD001\x01\0"), Buffer.alloc(100)]);
      for (const method of [0, 8]) {
        const source = await open(
          rawZip([
            { name: "1.png", data: "page" },
            { name, data: image, method },
          ]),
        );
        const told = [
          ...source.warnings!.map(({ message, remedy }) => withRemedy(message, remedy)),
          ...source.faults.map(({ error }) => messageOf(error)),
        ];
        expect(told).toEqual([expect.stringMatching(/disc\.(?:iso|cbz) .*a disc image \(ISO\); unpack it/u)]);
        await source.close();
      }
    },
  );

  it("a file that was packed from a pipe is a file", async () => {
    expect(await contents(await open(rawZip([{ name: "1.png", data: "page", mode: 0o010600 }])))).toEqual({
      "1.png": "page",
    });
  });

  it("a file that is a folder too steps aside, and both are written to a folder", async () => {
    const source = await open(
      rawZip([
        { name: "a", data: "file" },
        { name: "a/1.png", data: "page" },
        { name: "a (2)", data: "another" },
        { name: "b.png/2.png", data: "page 2" },
        { name: "b.png", data: "page 3" },
      ]),
    );
    expect(
      source
        .entries()
        .map(({ name }) => name)
        .toSorted(),
    ).toEqual(["a (2)", "a (2) (2)", "a/1.png", "b (2).png", "b.png/2.png"].toSorted());
    const sink = await openFolderSink(await temporaryFolder());
    for (const entry of source.entries()) await sink.carry(entry);
    await source.close();
  });
});

/** One record of a TAR archive as it was written before POSIX: no signature, a sum. */
function oldTar(name: string): Buffer {
  const record = Buffer.alloc(1024);
  record.write(name);
  record.write(["000644 ", "000000 ", "000000 ", "00000000000", "00000000000"].join("\x00"), 100, "latin1");
  record.fill(" ", 148, 156);
  const sum = record.subarray(0, 512).reduce((total, byte) => total + byte, 0);
  record.write(`${sum.toString(8).padStart(6, "0")}\x00 `, 148, "latin1");
  return record;
}

describe("what is called an archive and is none", () => {
  it.each<[kind: string, bytes: () => Buffer, says: RegExp]>([
    ["RAR", () => Buffer.from("Rar!\x1a\x07\x01\0", "latin1"), /it is a RAR archive \(CBR\); unpack it or convert it/u],
    [
      "LHA",
      () => Buffer.concat([Buffer.from([30, 0]), Buffer.from("-lh5-"), Buffer.alloc(40)]),
      /an LHA archive; unpack/u,
    ],
    ["gzip", () => Buffer.from("\x1f\x8b\x08\0\0\0", "latin1"), /a gzip file; unpack it/u],
    ["7z", () => Buffer.from("7z\xbc\xaf\x27\x1c", "latin1"), /it is a 7z archive/u],
    ["TAR", () => Buffer.concat([Buffer.alloc(257), Buffer.from("ustar\x0000"), Buffer.alloc(248)]), /it is a TAR/u],
    ["TAR before POSIX", () => oldTar("001.png"), /it is a TAR archive \(CBT\); unpack it or convert it/u],
    ["ARJ", () => Buffer.from("60ea2c00220b01021000025a", "hex"), /it is an ARJ archive; unpack it/u],
    ["ISO 9660", () => Buffer.concat([Buffer.alloc(32_769), Buffer.from("CD001\x01\0")]), /it is a disc image/u],
    ["UDF", () => Buffer.concat([Buffer.alloc(32_769), Buffer.from("BEA01\x01\0")]), /it is a disc image/u],
    ["EGG", () => Buffer.from("EGGA\x00\x01", "latin1"), /it is an EGG archive; unpack it/u],
    ["ALZ", () => Buffer.from("ALZ\x01\n\0", "latin1"), /it is an ALZ archive; unpack it/u],
    ["cpio", () => Buffer.from("070701000000"), /it is a CPIO archive; unpack it/u],
    ["PDF", () => Buffer.from("%PDF-1.7"), /it is a PDF document; export its pages/u],
    ["a web page", () => Buffer.from("<!DOCTYPE html><html>404</html>"), /it is a web page/u],
  ])("%s: says what it is and what to do", async (_kind, bytes, says) => {
    const error = await open(bytes()).catch((caught: unknown) => caught);
    expect(error).toMatchObject({ code: "ERR_ZIP_FORMAT" });
    expect(messageOf(error)).toMatch(says);
  });

  it("a picture is a page", async () => {
    const source = await open(await png());
    expect(source.entries().map(({ name, kind, format }) => [name, kind, format])).toEqual([
      ["odd.cbz", "image", "png"],
    ]);
  });
});

describe("what an archive costs at most", () => {
  const COUNT = 20_000;

  it.each<[what: string, name: (i: number) => string]>([
    ["of one name", () => "001.png"],
    [
      "that differ by case",
      (i) => Array.from("abcdefghijklmnop", (c, bit) => ((i >> bit) & 1 ? c.toUpperCase() : c)).join(""),
    ],
  ])("20,000 entries %s are listed at once, and the event loop turns meanwhile", async (_what, nameOf) => {
    const bytes = rawZip([
      ...Array.from({ length: COUNT }, (_, i) => ({ name: nameOf(i), data: "x" })),
      { name: "last.png", data: "page" },
    ]);
    let turns = 0;
    const ticking = setInterval(() => turns++, 20);
    const started = process.cpuUsage();
    const source = await open(bytes);
    const used = process.cpuUsage(started);
    clearInterval(ticking);
    expect(source.entries()).toHaveLength(COUNT + 1);
    expect(new Set(source.entries().map(({ name }) => name)).size).toBe(COUNT + 1);
    // Numbered one by one these would take some 17 s on an idle machine; they take 1.
    expect((used.user + used.system) / 1e6).toBeLessThan(8);
    expect(turns).toBeGreaterThan(2);
    await source.close();
  });

  it("entries and bytes are counted over archives inside it too", async () => {
    const inner = rawZip(Array.from({ length: 400 }, (_, i) => ({ name: `${i}.png`, data: "0123456789" })));
    const archive = rawZip([
      { name: "0.png", data: "page" },
      ...Array.from({ length: 60 }, (_, i) => ({ name: `${i}.cbz`, data: inner, method: i % 2 === 0 ? 8 : 0 })),
    ]);
    const source = await open(archive, { limits: { maxEntries: 1000 } });
    expect(source.entries()).toHaveLength(1 + 2 * 400);
    expect(source.faults).toHaveLength(58);
    expect(source.faults[0]!.error).toMatchObject({
      code: "ERR_ZIP_LIMIT",
      message: expect.stringMatching(/has 400 entries and what it lies in 861, more than the limit maxEntries 1000/u),
    });
    await source.close();
    const small = await open(archive, { limits: { maxTotalBytes: 61 * inner.byteLength } });
    expect(small.faults.some(({ error }) => error.message.includes("maxTotalBytes"))).toBe(true);
    await small.close();
  });

  it("packed bytes far above the unpacked ones are refused before they are read", async () => {
    const source = await open(
      rawZip([
        { name: "evil.png", data: Buffer.alloc(300_000, "0123456789abcdef"), method: 0, sizeBytes: 100 },
        {
          name: "evil2.png",
          data: Buffer.alloc(2_000_000, crypto.getRandomValues(new Uint8Array(65_536))),
          method: 8,
          sizeBytes: 100,
        },
        { name: "good.png", data: "page" },
      ]),
    );
    expect(source.faults.map(({ name, error }) => [name, /wrong size in the archive/u.test(error.message)])).toEqual([
      ["evil.png", true],
      ["evil2.png", true],
    ]);
    expect(await contents(source)).toEqual({ "good.png": "page" });
  });
});
