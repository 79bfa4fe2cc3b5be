/** Packed pixels that are damaged, of which the decoders of TIFF and GIF say nothing; and whole ones of many forms. */
import { deflateSync } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../../../src/io/image/image-codec.js";
import { gradient } from "./pictures.js";

const SIDE = 64;
const picture = () => sharp(gradient(SIDE, SIDE), { raw: { width: SIDE, height: SIDE, channels: 3 } });
const DAMAGED = { code: "ERR_IMAGE_DECODE" };

/** A gray TIFF of 8 bits, with strips as they are given. */
function tiff(
  rows: { width: number; height: number; rowsPerStrip: number },
  form: [number, number],
  strips: Uint8Array[],
) {
  const [compression, fillOrder] = form;
  const dataAt = 8 + 2 + 12 * 10 + 4 + 8 * strips.length;
  const tags: [tag: number, ...values: number[]][] = [
    [256, rows.width],
    [257, rows.height],
    [258, 8],
    [259, compression],
    [262, 1],
    [266, fillOrder],
    [273, ...strips.map((_, i) => dataAt + Buffer.concat(strips.slice(0, i)).length)],
    [277, 1],
    [278, rows.rowsPerStrip],
    [279, ...strips.map((strip) => strip.length)],
  ];
  const out = Buffer.alloc(dataAt);
  out.write("II*\0\x08\0\0\0", "latin1");
  out.writeUInt16LE(tags.length, 8);
  let free = dataAt - 8 * strips.length;
  for (const [i, [tag, ...values]] of tags.entries()) {
    const at = 10 + 12 * i;
    out.writeUInt16LE(tag, at);
    out.writeUInt16LE(4, at + 2);
    out.writeUInt32LE(values.length, at + 4);
    const from = values.length === 1 ? at + 8 : free;
    if (values.length > 1) out.writeUInt32LE(free, at + 8);
    for (const [n, value] of values.entries()) out.writeUInt32LE(value, from + 4 * n);
    if (values.length > 1) free += 4 * values.length;
  }
  return Buffer.concat([out, ...strips]);
}

const [DEFLATE, PACK_BITS] = [8, 32_773];
const samples = Uint8Array.from({ length: 40 }, (_, i) => (i * 37) % 256);
const packed = [deflateSync(samples.subarray(0, 24)), deflateSync(samples.subarray(24))];
const twoStrips = { width: 8, height: 5, rowsPerStrip: 3 };
const oneStrip = { width: 8, height: 5, rowsPerStrip: 5 };

/** LZW with codes of nine bits: a clear code before every two bytes, and an end. */
function lzwOf(bytes: Uint8Array): Uint8Array {
  const codes = [...bytes].flatMap((byte, i) => (i % 2 === 0 ? [256, byte] : [byte]));
  const bits = [...codes, 257].map((code) => code.toString(2).padStart(9, "0")).join("");
  return Uint8Array.from(bits.match(/.{1,8}/gu)!, (eight) => Number.parseInt(eight.padEnd(8, "0"), 2));
}

describe("a TIFF whose packed data are whole is read without a warning", () => {
  const forms: [what: string, make: () => Promise<Uint8Array>][] = [
    ...(["deflate", "lzw"] as const).flatMap((compression) =>
      (["none", "horizontal"] as const).flatMap((predictor) =>
        [false, true].map((tile): [string, () => Promise<Uint8Array>] => [
          `${compression}, predictor ${predictor}${tile ? ", tiles" : ""}`,
          () => picture().tiff({ compression, predictor, tile, tileWidth: 48, tileHeight: 48 }).toBuffer(),
        ]),
      ),
    ),
    ["BigTIFF", () => picture().tiff({ compression: "deflate", bigtiff: true }).toBuffer()],
    ["16 bits", () => picture().toColourspace("rgb16").tiff({ compression: "lzw" }).toBuffer()],
    [
      "a last strip of whole length",
      async () => tiff(twoStrips, [DEFLATE, 1], [packed[0]!, deflateSync(new Uint8Array(24))]),
    ],
    [
      "bytes behind a strip",
      async () =>
        tiff(
          twoStrips,
          [DEFLATE, 1],
          packed.map((strip) => Buffer.concat([strip, Buffer.from("x")])),
        ),
    ],
    ["one byte too many in LZW", async () => tiff(oneStrip, [5, 1], [lzwOf(Uint8Array.of(...samples, 0))])],
    ["PackBits, filled up", async () => tiff(oneStrip, [PACK_BITS, 1], [Uint8Array.of(39, ...samples, 128, 0)])],
    [
      "bits in reverse",
      async () =>
        tiff(
          twoStrips,
          [DEFLATE, 2],
          packed.map((strip) => strip.map(reversed)),
        ),
    ],
  ];
  it.each(forms)("%s", async (_, make) => {
    expect((await decodeImage(await make(), "a.tif")).info.warnings).toEqual([]);
  });
});

const reversed = (byte: number): number =>
  Number.parseInt(byte.toString(2).padStart(8, "0").split("").reverse().join(""), 2);

describe("a TIFF whose packed data are damaged is refused", () => {
  it("or read with a warning, where any bit of deflated data is another one", async () => {
    const whole = tiff(twoStrips, [DEFLATE, 1], packed);
    const pixels = (await decodeImage(whole, "a.tif")).image.data;
    const dataAt = whole.length - packed[0]!.length - packed[1]!.length;
    for (let at = dataAt; at < whole.length; at++) {
      for (let bit = 0; bit < 8; bit++) {
        const bytes = Buffer.from(whole);
        bytes[at]! ^= 1 << bit;
        const told = await decodeImage(bytes, "a.tif").then(
          // The bits that fill up the last byte before the checksum say nothing.
          ({ info, image }) =>
            info.warnings[0] ?? (image.data.every((v, i) => v === pixels[i]) ? "the same" : "nothing"),
          ({ code }: { code: string }) => code,
        );
        expect(told, `byte ${at - dataAt}, bit ${bit}`).toMatch(/^(?:ERR_IMAGE_DECODE|lacks the checksum|the same)/u);
      }
    }
  });

  it("and says which strip it is", async () => {
    const bytes = tiff(twoStrips, [DEFLATE, 1], packed);
    bytes[bytes.length - 1]! ^= 1;
    await expect(decodeImage(bytes, "a.tif")).rejects.toMatchObject({
      ...DAMAGED,
      message: expect.stringContaining("strip 2 of 2: incorrect data check") as string,
    });
  });

  it("where tiles, 16 bits or BigTIFF have a wrong checksum", async () => {
    const deflate = { compression: "deflate" } as const;
    for (const file of [
      picture().tiff({ ...deflate, tile: true, tileWidth: 48, tileHeight: 48 }),
      picture().toColourspace("rgb16").tiff(deflate),
      picture().tiff({ ...deflate, bigtiff: true }),
    ]) {
      const bytes = await file.toBuffer();
      bytes[200]! ^= 0x04;
      await expect(decodeImage(bytes, "a.tif")).rejects.toMatchObject(DAMAGED);
    }
  });

  it("where LZW or PackBits end beyond the rows or before their end", async () => {
    const shortened = Uint8Array.of(38, ...samples.subarray(1));
    const beyond = Uint8Array.of(37, ...samples.subarray(0, 38), 250, 7);
    const padded = Uint8Array.of(...samples, 1, 2, 3, 4, 5);
    for (const [compression, strip] of [
      [PACK_BITS, shortened],
      [PACK_BITS, beyond],
      [5, lzwOf(padded)],
      [5, lzwOf(samples.subarray(1))],
    ] as const)
      await expect(decodeImage(tiff(oneStrip, [compression, 1], [strip]), "a.tif")).rejects.toMatchObject(DAMAGED);
  });

  it("but read with a warning where only the checksum is cut off, or whole rows are left over", async () => {
    const cut = tiff(twoStrips, [DEFLATE, 1], [packed[0]!, packed[1]!.subarray(0, -4)]);
    expect((await decodeImage(cut, "a.tif")).info.warnings).toEqual([expect.stringContaining("lacks the checksum")]);
    const long = tiff({ ...oneStrip, height: 3 }, [DEFLATE, 1], [deflateSync(samples)]);
    expect((await decodeImage(long, "a.tif")).info.warnings).toEqual([expect.stringContaining("more packed data")]);
  });
});

/** A GIF of `width` by 2 pixels with two colours, all of one block. */
function gif(data: Uint8Array, { width = 4, palette = 2, end = true } = {}): Uint8Array {
  const colors = Array.from({ length: palette * 3 }, (_, i) => (i < 3 ? 0 : 255));
  const screen = [width, 0, 2, 0, 0x80 | (Math.log2(palette) - 1), 0, 0];
  const frame = [0x2c, 0, 0, 0, 0, width, 0, 2, 0, 0];
  return Uint8Array.of(
    ...Buffer.from("GIF89a"),
    ...screen,
    ...colors,
    ...frame,
    2,
    data.length,
    ...data,
    0,
    ...(end ? [0x3b] : []),
  );
}

/** Codes of three bits, with a clear code before every two. */
function gifCodes(symbols: readonly number[], last: readonly number[] = [5]): Uint8Array {
  const codes = [...symbols.flatMap((symbol, i) => (i % 2 === 0 ? [4, symbol] : [symbol])), ...last];
  const bits = codes
    .map((code) => code.toString(2).padStart(3, "0"))
    .reverse()
    .join("");
  const padded = bits.padStart(Math.ceil(bits.length / 8) * 8, "0");
  return Uint8Array.from(padded.match(/.{8}/gu)!.reverse(), (eight) => Number.parseInt(eight, 2));
}

function withoutWidth(bytes: Uint8Array): Uint8Array {
  bytes.fill(0, bytes.indexOf(0x2c) + 5, bytes.indexOf(0x2c) + 7);
  return bytes;
}

describe("a GIF", () => {
  const eight = [0, 1, 0, 1, 1, 0, 1, 0];

  it("whose data are whole is read without a warning, with or without an end code", async () => {
    for (const last of [[5], []]) {
      const { image, info } = await decodeImage(gif(gifCodes(eight, last)), "a.gif");
      expect([info.warnings, [...image.data].filter((_, i) => i % 3 === 0)]).toEqual([
        [],
        eight.map((index) => index * 255),
      ]);
    }
  });

  it.each([
    ["fewer pixels than its frame", gif(gifCodes(eight.slice(0, 6)))],
    ["a frame without pixels", withoutWidth(gif(gifCodes(eight)))],
    ["a code that nothing has defined", gif(gifCodes(eight.slice(0, 4), [4, 7]))],
    ["data that the file cuts off", gif(gifCodes(eight)).subarray(0, -5)],
  ])("with %s is damaged", async (_, bytes) => {
    await expect(decodeImage(bytes, "a.gif")).rejects.toMatchObject(DAMAGED);
  });

  it("with a colour beyond its palette, with more pixels, or without its end, is a page with a warning", async () => {
    const more = await decodeImage(gif(gifCodes([...eight, 1, 1])), "a.gif");
    expect(more.info.warnings).toEqual(["holds more than its 8 pixels; what is behind them is left out"]);
    expect([...more.image.data].filter((_, i) => i % 3 === 0)).toEqual(eight.map((index) => index * 255));
    const beyond = await decodeImage(gif(gifCodes([0, 1, 2, 1, 1, 0, 1, 0])), "a.gif");
    expect(beyond.info.warnings).toEqual(["uses colour 2 of a palette that ends at 1"]);
    const open = await decodeImage(gif(gifCodes(eight), { end: false }), "a.gif");
    expect(open.info.warnings).toEqual([expect.stringContaining("lacks its end-of-file marker")]);
  });

  it("with many colours is refused for most changed bits", async () => {
    const whole = await picture().gif({ dither: 0 }).toBuffer();
    const dataAt = whole.lastIndexOf(0x2c) + 10;
    let told = 0;
    for (let at = dataAt + 20, tried = 0; tried < 60; at += 7, tried++) {
      const bytes = Buffer.from(whole);
      bytes[at]! ^= 0x20;
      told += await decodeImage(bytes, "a.gif").then(
        ({ info }) => Number(info.warnings.length > 0),
        () => 1,
      );
    }
    expect(told).toBeGreaterThan(40);
  });

  it("whose frame is smaller than its screen lies on white paper", async () => {
    const black = sharp({ create: { width: 3, height: 2, channels: 3, background: "#000" } });
    const bytes = await black.gif().toBuffer();
    bytes.set([6, 0, 5, 0], 6);
    const frameAt = bytes.lastIndexOf(0x2c, bytes.length - 1);
    const at =
      frameAt > 0 && bytes.readUInt16LE(frameAt + 5) === 3
        ? frameAt
        : bytes.indexOf(Buffer.from([0x2c, 0, 0, 0, 0, 3, 0, 2]));
    bytes.set([2, 0, 1, 0], at + 1);
    const { image } = await decodeImage(bytes, "a.gif");
    const dark = [...image.data].flatMap((value, i) => (i % 3 === 0 && value < 128 ? [i / 3] : []));
    expect([image.width, image.height, dark]).toEqual([6, 5, [8, 9, 10, 14, 15, 16]]);
  });
});
