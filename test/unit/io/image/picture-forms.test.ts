/**
 * Forms of files that encoders seldom give, and what goes with the pixels: resolution and colour profile. Files written
 * byte by byte or by sharp.
 */
import { readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { isSrgb } from "../../../../src/io/image/headers/color-profile.js";
import { exifDensity } from "../../../../src/io/image/headers/exif.js";
import { decodeImage, encodeImage } from "../../../../src/io/image/image-codec.js";
import { bilevelTiff, grayProfile, pngFile } from "../../../support/picture-files.js";
import { gradient, temporaryFolder } from "./pictures.js";

const [WIDTH, HEIGHT] = [13, 5];
const count = WIDTH * HEIGHT;
const COLOURS = [
  [0, 0, 0],
  [255, 255, 255],
  [200, 30, 40],
  [30, 200, 40],
  [20, 60, 220],
  [128, 128, 128],
] as const;
const strip = { width: 6, height: 1, channels: 3 as const, data: new Uint8Array(COLOURS.flat()) };

async function pixels(bytes: Uint8Array): Promise<number[]> {
  return [...(await decodeImage(bytes, "form")).image.data];
}

function worst(a: ArrayLike<number>, b: ArrayLike<number>): number {
  expect(a.length).toBe(b.length);
  return Math.max(...Array.from(a, (value, i) => Math.abs(value - b[i]!)));
}

async function profile(name: "p3" | "srgb"): Promise<Buffer> {
  return (await sharp(await sharp(strip.data, { raw: strip }).withIccProfile(name).png().toBuffer()).metadata()).icc!;
}

describe("PNG of every depth and colour type", () => {
  const values = (depth: number): number[] => Array.from({ length: count }, (_, i) => (i * 7919) % 2 ** depth);
  it.each([1, 2, 4, 8, 16] as const)("gray of %i bits", async (depth) => {
    const samples = values(depth);
    const expected = samples.flatMap((value) => Array<number>(3).fill((value * 255) / (2 ** depth - 1)));
    const { image, info } = await decodeImage(
      pngFile({ width: WIDTH, height: HEIGHT, depth, colourType: 0, samples, pixelsPerMetre: 23622 }),
      "g",
    );
    expect(worst(image.data, expected)).toBeLessThanOrEqual(depth === 16 ? 1 : 0);
    expect(info).toMatchObject({ width: WIDTH, height: HEIGHT, depth, isPalette: false });
    expect(info.density).toBeCloseTo(600, 0);
  });

  it.each([1, 2, 4, 8] as const)("palette of %i bits, with a transparent colour on white", async (depth) => {
    const samples = values(depth);
    const palette = Array.from({ length: 2 ** depth * 3 }, (_, i) => (i * 89 + 17) % 256);
    const expected = samples.flatMap((value) =>
      value === 1 ? [255, 255, 255] : palette.slice(3 * value, 3 * value + 3),
    );
    expect(
      await pixels(
        pngFile({ width: WIDTH, height: HEIGHT, depth, colourType: 3, samples, palette, transparency: [255, 0] }),
      ),
    ).toEqual(expected);
  });

  it.each([
    [2, 8],
    [2, 16],
    [4, 8],
    [4, 16],
    [6, 8],
    [6, 16],
  ] as const)("colour type %i of %i bits", async (colourType, depth) => {
    const channels = { 2: 3, 4: 2, 6: 4 }[colourType];
    const bytes = Array.from({ length: count * channels }, (_, i) =>
      colourType > 2 && i % channels === channels - 1 ? 255 * ((i >> 2) % 2) : (i * 37) % 256,
    );
    const samples = depth === 8 ? bytes : bytes.map((value) => value * 257);
    const expected = Array.from({ length: count }, (_, i) => {
      const own = bytes.slice(i * channels, (i + 1) * channels);
      const clear = colourType > 2 && own.at(-1) === 0;
      return clear ? [255, 255, 255] : channels === 2 ? Array<number>(3).fill(own[0]!) : own.slice(0, 3);
    }).flat();
    expect(
      worst(await pixels(pngFile({ width: WIDTH, height: HEIGHT, depth, colourType, samples })), expected),
    ).toBeLessThanOrEqual(1);
  });
});

describe("TIFF", () => {
  it.each([true, false])("of one bit as scanners write it (white is zero: %s)", async (whiteIsZero) => {
    const bits = Array.from({ length: count }, (_, i) => Number((i * 31) % 7 < 3));
    const { image, info } = await decodeImage(bilevelTiff(WIDTH, HEIGHT, bits, whiteIsZero), "scan.tif");
    expect([...image.data]).toEqual(bits.flatMap((bit) => Array<number>(3).fill(bit === 1 ? 0 : 255)));
    expect(info).toMatchObject({ format: "tiff", density: 300, depth: 1 });
  });
});

describe("resolution", () => {
  it.each(["png", "jpeg", "webp", "tiff", "avif"] as const)("goes into %s and comes back", async (format) => {
    const image = { width: 24, height: 24, channels: 3 as const, data: gradient(24, 24) };
    expect((await decodeImage(await encodeImage(image, { format, density: 350 }), "d")).info.density).toBeCloseTo(
      350,
      0,
    );
  });

  it("without a unit is the shape of a pixel and none", async () => {
    const png = pngFile({
      width: WIDTH,
      height: HEIGHT,
      depth: 8,
      colourType: 0,
      samples: new Uint8Array(count),
      pixelsPerMetre: 300,
    });
    const at = png.indexOf("pHYs");
    png[at + 12] = 0;
    png.writeUInt32BE(crc32(png.subarray(at, at + 13)), at + 13);
    const tiff = bilevelTiff(WIDTH, HEIGHT, new Uint8Array(count), false);
    tiff.writeUInt16LE(1, tiff.indexOf(Buffer.from([0x28, 0x01, 3, 0, 1, 0, 0, 0])) + 8);
    for (const file of [png, tiff]) expect((await decodeImage(file, "shape")).info.density).toBeUndefined();
    const exif = (unit: number): Buffer =>
      Buffer.from(
        `MM\0*\0\0\0\x08\0\x02\x01\x1a\0\x05\0\0\0\x01\0\0\0\x26\x01\x28\0\x03\0\0\0\x01\0${String.fromCodePoint(unit)}\0\0\0\0\0\0\0\0\0\x64\0\0\0\x01`,
        "latin1",
      );
    expect([1, 2, 3].map((unit) => exifDensity(exif(unit)))).toEqual([undefined, 100, 254]);
  });

  it("that nobody states is 72 in PNG and TIFF, which always have one, and none in the others", async () => {
    const image = { width: 24, height: 24, channels: 3 as const, data: gradient(24, 24) };
    const density = async (format: "png" | "tiff" | "webp" | "avif"): Promise<number | undefined> =>
      (await decodeImage(await encodeImage(image, { format }), "d")).info.density;
    expect(await Promise.all((["png", "tiff", "webp", "avif"] as const).map(density))).toEqual([
      72,
      72,
      undefined,
      undefined,
    ]);
    expect(
      (
        await decodeImage(
          pngFile({ width: WIDTH, height: HEIGHT, depth: 8, colourType: 0, samples: new Uint8Array(count) }),
          "n",
        )
      ).info.density,
    ).toBeUndefined();
  });

  it("of a damaged EXIF block is unknown", () => {
    for (const text of [
      "",
      "Exif\0\0",
      "II*\0\xff\xff\xff\xff",
      "MM\0*\0\0\0\x08\0\x01\x01\x1a\0\x05\0\0\0\x01\xff\0\0\0",
    ])
      expect(exifDensity(Buffer.from(text, "latin1"))).toBeUndefined();
  });
});

describe("colour profiles", () => {
  it("of a wide RGB page: the pixels are converted to sRGB, and back to it in the result", async () => {
    const wide = await profile("p3");
    const page = await sharp(strip.data, { raw: strip }).withIccProfile("p3").png().toBuffer();
    const { image, info } = await decodeImage(page, "p3");
    expect(worst(image.data, strip.data)).toBeLessThanOrEqual(2);
    for (const format of ["png", "jpeg", "webp", "tiff", "avif"] as const) {
      const bytes = await encodeImage(
        { ...strip, data: image.data },
        { format, quality: 100, lossless: true, icc: info.icc },
      );
      expect(Buffer.from((await sharp(bytes).metadata()).icc!).equals(wide)).toBe(true);
      expect(worst(await pixels(bytes), strip.data)).toBeLessThanOrEqual(
        format === "jpeg" || format === "avif" ? 10 : 4,
      );
    }
    const stored = await sharp(await encodeImage(strip, { format: "png", icc: wide }), { ignoreIcc: true })
      .raw()
      .toBuffer();
    expect(worst(stored, strip.data)).toBeGreaterThan(10);
  });

  it("that convert in one direction only cannot be written: the result is sRGB and says so", async () => {
    const scanner = Buffer.from(await profile("p3"));
    scanner.write("A2B0", scanner.indexOf("rXYZ"), "latin1");
    const bytes = await encodeImage(strip, { format: "png", icc: scanner });
    expect(isSrgb((await sharp(bytes).metadata()).icc!)).toBe(true);
    expect(await pixels(bytes)).toEqual([...strip.data]);
  });

  it("of an sRGB page changes no pixel", async () => {
    const bytes = await encodeImage(strip, { format: "png", icc: await profile("srgb") });
    expect(await pixels(bytes)).toEqual([...strip.data]);
  });

  it("of 16-bit pages is heeded like that of 8-bit ones", async () => {
    const deep = Uint16Array.from(strip.data, (value) => (100 + value / 4) * 257);
    const page = await sharp(deep, { raw: { ...strip, depth: "ushort" } as never })
      .toColourspace("rgb16")
      .withIccProfile("p3")
      .png()
      .toBuffer();
    const stored = await sharp(page, { ignoreIcc: true }).toColourspace("srgb").raw().toBuffer();
    const { image, info } = await decodeImage(page, "deep.png");
    expect(info).toMatchObject({ depth: 16 });
    expect(worst(image.data, stored)).toBeGreaterThan(5);
    const back = await sharp(await encodeImage(image, { format: "png", icc: info.icc }), { ignoreIcc: true })
      .raw()
      .toBuffer();
    expect(worst(back, stored)).toBeLessThanOrEqual(3);
  });

  it.each([8, 16])("of gray pages of %i bits is heeded; the coloured result is sRGB", async (bits) => {
    const path = join(await temporaryFolder(), "gray.icc");
    await writeFile(path, grayProfile(1.8));
    const values = [0, 40, 130, 255];
    const samples = bits === 8 ? new Uint8Array(values) : new Uint16Array(values.map((value) => value * 257));
    const page = await sharp(samples as Uint8Array, {
      raw: { width: 4, height: 1, channels: 1, depth: bits === 8 ? "uchar" : "ushort" } as never,
    })
      .toColourspace(bits === 8 ? "b-w" : "grey16")
      .withIccProfile(path)
      .png()
      .toBuffer();
    const stored = await sharp(page, { ignoreIcc: true }).toColourspace("b-w").raw().toBuffer();
    const { image, info } = await decodeImage(page, "gray.png");
    expect(info).toMatchObject({ channels: 1, depth: bits });
    const expected = [...stored].flatMap((value) => Array<number>(3).fill(255 * srgbCurve((value / 255) ** 1.8)));
    expect(worst(image.data, expected)).toBeLessThanOrEqual(2);
    const result = await encodeImage(strip, { format: "png", icc: info.icc });
    expect(isSrgb((await sharp(result).metadata()).icc!)).toBe(true);
    expect(await pixels(result)).toEqual([...strip.data]);
  });

  function srgbCurve(light: number): number {
    return light <= 0.0031308 ? 12.92 * light : 1.055 * light ** (1 / 2.4) - 0.055;
  }

  it("that are damaged are left out and change no pixel, and no temporary file stays", async () => {
    const broken = Buffer.from(await profile("p3"));
    broken.fill(0xee, 140);
    for (const icc of [broken, Buffer.from("no profile"), broken.subarray(0, 128)]) {
      const result = await encodeImage(strip, { format: "png", icc });
      expect((await sharp(result).metadata()).icc).toBeUndefined();
      expect(await pixels(result)).toEqual([...strip.data]);
    }
    expect((await readdir(tmpdir())).filter((name) => name.startsWith(`.cobra-${process.pid}`))).toEqual([]);
  });
});
