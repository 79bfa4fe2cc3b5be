/**
 * Faults in what a file says beside its pixels: the page is read, with a warning where something was left out. Damage
 * of the pixels stays damage, and what a decoder says of another picture is no verdict on this one.
 */
import { crc32, deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeForClassification } from "../../../../src/classification/decode-for-classification.js";
import { decodeImage } from "../../../../src/io/image/decode/decode-image.js";
import { refusedForm, unreadForm } from "../../../../src/io/image/headers/unsupported-form.js";
import { anyTiff } from "../../../support/picture-files.js";
import { gradient, png } from "./pictures.js";

const [WIDTH, HEIGHT] = [16, 9];
const GRAY = Array.from({ length: WIDTH * HEIGHT }, (_, i) => (i * 37) % 256);
const RGB = gradient(WIDTH, HEIGHT);
const form = { width: WIDTH, height: HEIGHT, photometric: 1, channels: 1, bits: 8, strip: Uint8Array.from(GRAY) };
const [ASCII, SHORT, LONG, RATIONAL] = [2, 3, 4, 5] as const;
const TAG_FAULTS = "has faults in tags that do not concern the picture, which is complete";
const HEADER_FAULTS = "has faults in its headers that do not concern the picture, which is complete";

/** A directory's entry: tag, type, number of values, and the four bytes of the value or of where it is. */
type Entry = readonly [tag: number, type: number, count: number, value: number];

const tiff = anyTiff(form);
const directoryAt = (file: Buffer): number => file.readUInt32LE(4);

function entriesOf(file: Buffer): Buffer[] {
  const at = directoryAt(file);
  return Array.from({ length: file.readUInt16LE(at) }, (_, i) => file.subarray(at + 2 + 12 * i, at + 14 + 12 * i));
}

function entry([tag, type, count, value]: Entry): Buffer {
  const bytes = Buffer.alloc(12);
  bytes.writeUInt16LE(tag, 0);
  bytes.writeUInt16LE(type, 2);
  bytes.writeUInt32LE(count, 4);
  bytes.writeUInt32LE(value, 8);
  return bytes;
}

/** The file with this directory at its end; `next`: where another one is, or "itself". */
function withDirectory(file: Buffer, entries: readonly Buffer[], next: number | "itself" = 0): Buffer {
  const from = file.length + (file.length % 2);
  const directory = Buffer.alloc(2 + 12 * entries.length + 4);
  directory.writeUInt16LE(entries.length, 0);
  entries.forEach((bytes, i) => directory.set(bytes, 2 + 12 * i));
  directory.writeUInt32LE(next === "itself" ? from : next, directory.length - 4);
  const whole = Buffer.concat([file, Buffer.alloc(from - file.length), directory]);
  whole.writeUInt32LE(from, 4);
  return whole;
}

const byTag = (a: Buffer, b: Buffer): number => a.readUInt16LE(0) - b.readUInt16LE(0);
const withTag = (...added: readonly Entry[]): Buffer =>
  withDirectory(tiff, [...entriesOf(tiff), ...added.map(entry)].sort(byTag));

describe("a TIFF is a page with a warning", () => {
  it.each([
    ["a date of a wrong length", withTag([306, ASCII, 4, 0x64636261])],
    ["text without its end", withTag([305, ASCII, 4, 0x64636261])],
    ["text without a byte", withTag([305, ASCII, 0, 0])],
    ["text of a type that there is not", withTag([305, 77, 1, 0])],
    ["text as a number", withTag([270, SHORT, 1, 7])],
    ["an orientation of 0", withTag([274, SHORT, 1, 0])],
    ["an orientation of 9", withTag([274, SHORT, 1, 9])],
    ["a page's number without the number of pages", withTag([297, SHORT, 1, 1])],
    ["a resolution beyond the file", withTag([282, RATIONAL, 1, 0x7ffffff0])],
    ["a tag twice", withDirectory(tiff, [...entriesOf(tiff), entriesOf(tiff)[0]!].sort(byTag))],
    ["tags out of order", withDirectory(tiff, entriesOf(tiff).reverse())],
    [
      "a strip that is said to have no bytes",
      withDirectory(
        tiff,
        entriesOf(tiff).map((bytes) => (bytes.readUInt16LE(0) === 279 ? entry([279, LONG, 1, 0]) : bytes)),
      ),
    ],
    ["a next page beyond the file", withDirectory(tiff, entriesOf(tiff), 0x7fffffff)],
    ["itself as its next page", withDirectory(tiff, entriesOf(tiff), "itself")],
  ])("with %s", async (_what, file) => {
    const { image, info } = await decodeImage(file, "page.tif", { reduceGray: true });
    expect([...image.data]).toEqual(GRAY);
    expect(info.warnings).toEqual([TAG_FAULTS]);
    expect(info.pages).toBe(1);
    const seen = await decodeForClassification(file, "page.tif");
    expect([...seen.data].filter((_, i) => i % seen.channels === 0)).toEqual(GRAY);
  });

  it("that keeps its orientation and resolution, and tells of its other pages", async () => {
    const second = directoryAt(tiff);
    const own: Entry[] = [
      [274, SHORT, 1, 6],
      [282, RATIONAL, 1, 8 + 8],
      [296, SHORT, 1, 2],
      [305, ASCII, 0, 0],
    ];
    const file = withDirectory(tiff, [...entriesOf(tiff), ...own.map(entry)].sort(byTag), second);
    const { image, info } = await decodeImage(file, "page.tif", { keepGray: true });
    expect([image.width, image.height, info.orientation, info.pages]).toEqual([HEIGHT, WIDTH, 6, 2]);
    expect(info.warnings).toEqual([TAG_FAULTS, expect.stringMatching(/^holds 2 pages/u)]);
  });

  it("also as BigTIFF", async () => {
    const file = await sharp(RGB, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } })
      .tiff({ compression: "none", bigtiff: true })
      .toBuffer();
    expect(file.readUInt16LE(2)).toBe(43);
    const at = Number(file.readBigUInt64LE(8));
    const count = Number(file.readBigUInt64LE(at));
    for (let i = 0; i < count; i++) {
      const tag = at + 8 + 20 * i;
      if (file.readUInt16LE(tag) === 274) file.writeUInt16LE(0, tag + 12);
    }
    const { image, info } = await decodeImage(file, "page.tif");
    expect([...image.data]).toEqual([...RGB]);
    expect(info.warnings).toEqual([TAG_FAULTS]);
  });

  it("but not if its pixels are cut off or its tags of pixels are at fault", async () => {
    const cut = withTag([305, ASCII, 0, 0], [279, LONG, 1, 5], [273, LONG, 1, 0x7fffff00]);
    const pixels = withDirectory(
      tiff,
      entriesOf(tiff).map((bytes) => (bytes.readUInt16LE(0) === 273 ? entry([273, LONG, 1, 0x7fffff00]) : bytes)),
    );
    await expect(decodeImage(pixels, "page.tif")).rejects.toMatchObject({ code: "ERR_IMAGE_DECODE" });
    expect((await decodeImage(cut, "page.tif", { keepGray: true })).info.warnings).toEqual([TAG_FAULTS]); // the first of each counts
  });
});

describe("a JPEG is a page with a warning", async () => {
  const plain = await sharp(await png(40, 24))
    .jpeg()
    .toBuffer();
  const app0 = Buffer.from("ffe000104a46494600010100000100010000", "hex");
  const jpeg = Buffer.concat([plain.subarray(0, 2), app0, plain.subarray(2)]);
  const expected = [...(await decodeImage(jpeg, "page.jpg")).image.data];
  const before = (marker: number, ...added: number[]): Buffer => {
    const at = jpeg.indexOf(Buffer.of(0xff, marker));
    return Buffer.concat([jpeg.subarray(0, at), Buffer.from(added), jpeg.subarray(at)]);
  };
  const jfif = jpeg.indexOf("JFIF");
  function adobe(transform: number): number[] {
    return [0xff, 0xee, 0, 14, ...Buffer.from("Adobe"), 0, 100, 0, 0, 0, 0, transform];
  }

  it.each([
    ["bytes between its headers", before(0xc0, 0x61, 0x62, 0x63)],
    ["zeros between its headers", before(0xdb, 0, 0)],
    ["a restart among its headers", before(0xc4, 0xff, 0xd0)],
    ["Adobe's transform of four components", before(0xdb, ...adobe(2))],
    ["a transform that Adobe does not have", before(0xdb, ...adobe(9))],
    ["an unknown version of JFIF", Buffer.from(jpeg).fill(7, jfif + 5, jfif + 6)],
  ])("with %s", async (_what, file) => {
    const { image, info } = await decodeImage(file, "page.jpg");
    expect([...image.data]).toEqual(expected);
    expect(info.warnings).toEqual([HEADER_FAULTS]);
    await expect(decodeForClassification(file, "page.jpg", { failOn: "warning" })).resolves.toBeDefined();
  });

  it("without one for fill bytes, or for a transform that fits: these are no faults", async () => {
    for (const file of [before(0xdb, 0xff, 0xff), before(0xdb, ...adobe(1))])
      expect((await decodeImage(file, "page.jpg")).info.warnings).toEqual([]);
  });

  it("but not if a header has lost its marker", async () => {
    const file = Buffer.from(jpeg);
    file[file.indexOf(Buffer.of(0xff, 0xdb))] = 0;
    await expect(decodeImage(file, "page.jpg")).rejects.toMatchObject({ code: "ERR_IMAGE_DECODE" });
  });
});

describe("a PNG", async () => {
  // Rows of 1,201 bytes: what repeats in the next one is farther away than a window of 512.
  const [width, height] = [400, 16];
  const file = await png(width, height);
  const rows = gradient(width, height);
  const header = chunk("IHDR", file.subarray(16, 29));
  const pixels = Buffer.concat(
    Array.from({ length: height }, (_, y) => [Buffer.of(0), rows.subarray(y * width * 3, (y + 1) * width * 3)]).flat(),
  );

  function chunk(type: string, data: Uint8Array, isDamaged = false): Buffer {
    const bytes = Buffer.alloc(12 + data.length);
    bytes.writeUInt32BE(data.length, 0);
    bytes.write(type, 4, "latin1");
    bytes.set(data, 8);
    bytes.writeUInt32BE((crc32(bytes.subarray(4, -4)) ^ (isDamaged ? 1 : 0)) >>> 0, bytes.length - 4);
    return bytes;
  }
  /** The pixels packed with a window of 32 KiB, and a header that states one of 512 bytes. */
  function smallWindow(): Buffer {
    const packed = deflateSync(pixels, { level: 9 });
    packed[0] = 0x18;
    packed[1] = 31 - ((0x18 * 256) % 31);
    return packed;
  }
  const made = (...chunks: Buffer[]): Buffer =>
    Buffer.concat([file.subarray(0, 8), header, ...chunks, chunk("IEND", Buffer.alloc(0))]);

  it("that states a window smaller than its pixels were packed with is a page", async () => {
    const { image, info } = await decodeImage(made(chunk("IDAT", smallWindow())), "page.png");
    expect([...image.data]).toEqual([...rows]);
    expect(info.warnings).toEqual([]);
  });

  it("is damaged where its checksum is wrong, whatever window it states", async () => {
    const damaged = made(chunk("IDAT", smallWindow(), true));
    await expect(decodeImage(damaged, "page.png")).rejects.toMatchObject({ code: "ERR_IMAGE_DECODE" });
  });

  it("is turned by an orientation that stands behind its pixels", async () => {
    const exif = Buffer.from("4d4d002a00000008000101120003000000010006000000000000", "hex");
    const tall = await png(20, 30);
    const at = tall.indexOf("IEND") - 4;
    const late = Buffer.concat([tall.subarray(0, at), chunk("eXIf", exif), tall.subarray(at)]);
    const start = tall.indexOf("IDAT") - 4;
    const early = Buffer.concat([tall.subarray(0, start), chunk("eXIf", exif), tall.subarray(start)]);
    const turned = await decodeImage(late, "page.png");
    expect([turned.image.width, turned.image.height, turned.info.orientation]).toEqual([30, 20, 6]);
    expect(turned.image.data).toEqual((await decodeImage(early, "page.png")).image.data);
  });
});

describe("a form that is not read", () => {
  it("is told by the header of a JPEG", async () => {
    const jpeg = await sharp(await png())
      .jpeg()
      .toBuffer();
    const at = jpeg.indexOf(Buffer.of(0xff, 0xc0));
    expect(unreadForm(jpeg, "jpeg")).toBeUndefined();
    expect(unreadForm(Buffer.from(jpeg).fill(12, at + 4, at + 5), "jpeg")).toBe("samples of 12 bits");
    expect(unreadForm(Buffer.from(jpeg).fill(0xc3, at + 1, at + 2), "jpeg")).toBe("lossless JPEG coding");
  });

  it("is told by the header of a TIFF: tiles of separate planes, and LZW of before TIFF 6.0", () => {
    const tiles = { ...form, photometric: 2, channels: 3, isPlanar: true, strip: RGB, tags: { 322: 16, 323: 16 } };
    expect(unreadForm(anyTiff(tiles), "tiff")).toBe("separate planes in tiles");
    const old = anyTiff({ ...form, compression: 5, strip: Uint8Array.of(0, 1, 2, 3) });
    expect(unreadForm(old, "tiff")).toBe("old-style LZW compression");
    expect(unreadForm(anyTiff({ ...form, compression: 5, strip: Uint8Array.of(128, 1) }), "tiff")).toBeUndefined();
  });

  it("is not what the decoder of another format said at the same time", () => {
    const mixed = "vipspng: libpng read error\ntiff2vips: tiled separate planes not supported";
    expect(refusedForm(new Uint8Array(), "png", mixed)).toBeUndefined();
    expect(refusedForm(new Uint8Array(), "tiff", mixed)).toContain("tiled separate planes not supported");
  });
});
