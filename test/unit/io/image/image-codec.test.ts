/** Decoding and encoding of real pictures in every format, and of what is no picture. */
import { crc32 } from "node:zlib";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { ImageProcessingError, remedyFor } from "../../../../src/errors.js";
import { decodeImage, encodeImage, type EncodeOptions } from "../../../../src/io/image/image-codec.js";
import { cmykTiff } from "../../../support/picture-files.js";
import { gradient, png } from "./pictures.js";

const WIDTH = 20;
const HEIGHT = 30;
const rgb = sharp(gradient(WIDTH, HEIGHT), { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });

function maxDifference(a: Uint8Array, b: Uint8Array): number {
  expect(a.byteLength).toBe(b.byteLength);
  return a.reduce((worst, value, i) => Math.max(worst, Math.abs(value - b[i]!)), 0);
}

describe("decodeImage", () => {
  it("gives the pixels of a PNG, in an ArrayBuffer of their own, and what the file says", async () => {
    const { image, info } = await decodeImage(await rgb.clone().withDensity(300).png().toBuffer(), "p.png");
    expect(image).toMatchObject({ width: WIDTH, height: HEIGHT, channels: 3 });
    expect(maxDifference(image.data, gradient(WIDTH, HEIGHT))).toBe(0);
    expect(image.data.buffer.byteLength).toBe(image.data.byteLength);
    expect(info).toMatchObject({
      format: "png",
      width: WIDTH,
      height: HEIGHT,
      channels: 3,
      depth: 8,
      hasAlpha: false,
      isPalette: false,
      density: 300,
      orientation: 1,
      pages: 1,
    });
  });

  it.each(["jpeg", "webp", "tiff", "avif", "gif"] as const)("reads %s", async (format) => {
    const { image, info } = await decodeImage(
      await rgb
        .clone()
        .toFormat(format, { quality: 100, ...(format === "jpeg" ? { chromaSubsampling: "4:4:4" } : {}) })
        .toBuffer(),
      "p",
    );
    expect(info.format).toBe(format);
    const difference =
      image.data.reduce((sum, value, i) => sum + Math.abs(value - gradient(WIDTH, HEIGHT)[i]!), 0) /
      image.data.byteLength;
    expect(difference).toBeLessThan(12);
  });

  it("puts transparency over white and keeps half of it", async () => {
    const rgba = new Uint8Array([255, 0, 0, 255, 255, 0, 0, 0, 0, 0, 0, 128, 10, 20, 30, 255]);
    const { image, info } = await decodeImage(
      await sharp(rgba, { raw: { width: 4, height: 1, channels: 4 } })
        .png()
        .toBuffer(),
      "a.png",
    );
    expect(info.hasAlpha).toBe(true);
    expect([...image.data.subarray(0, 6)]).toEqual([255, 0, 0, 255, 255, 255]);
    expect(image.data[6]).toBeGreaterThanOrEqual(126);
    expect(image.data[6]).toBeLessThanOrEqual(128);
    expect([...image.data.subarray(9)]).toEqual([10, 20, 30]);
  });

  it("makes RGB of gray, gray with alpha, 1-bit and 16-bit pictures", async () => {
    const gray = new Uint8Array([0, 100, 200, 255]);
    const source = sharp(gray, { raw: { width: 4, height: 1, channels: 1 } });
    const expected = [...gray].flatMap((value) => [value, value, value]);
    const plain = await decodeImage(await source.clone().toColourspace("b-w").png().toBuffer(), "g.png");
    expect([[...plain.image.data], plain.info.channels]).toEqual([expected, 1]);
    const alpha = await decodeImage(
      await sharp(new Uint8Array([0, 255, 100, 255, 200, 0, 255, 255]), { raw: { width: 4, height: 1, channels: 2 } })
        .toColourspace("b-w")
        .png()
        .toBuffer(),
      "ga.png",
    );
    expect([...alpha.image.data]).toEqual([0, 0, 0, 100, 100, 100, 255, 255, 255, 255, 255, 255]);
    const deep = await decodeImage(
      await sharp(new Uint16Array([0, 25700, 51400, 65535]), {
        raw: { width: 4, height: 1, channels: 1, depth: "ushort" } as never,
      })
        .toColourspace("grey16")
        .png()
        .toBuffer(),
      "d.png",
    );
    expect([[...deep.image.data], deep.info.depth]).toEqual([expected, 16]);
    const deepRgb = await decodeImage(
      await sharp(new Uint16Array([0, 25700, 65535, 51400, 0, 257]), {
        raw: { width: 2, height: 1, channels: 3, depth: "ushort" } as never,
      })
        .toColourspace("rgb16")
        .png()
        .toBuffer(),
      "d3.png",
    );
    expect([[...deepRgb.image.data], deepRgb.info.depth]).toEqual([[0, 100, 255, 200, 0, 1], 16]);
    const bits = await decodeImage(
      await sharp(new Uint8Array([0, 255, 255, 0]), { raw: { width: 4, height: 1, channels: 1 } })
        .toColourspace("b-w")
        .tiff({ bitdepth: 1, compression: "ccittfax4" })
        .toBuffer(),
      "b.tif",
    );
    expect([...bits.image.data]).toEqual([0, 0, 0, 255, 255, 255, 255, 255, 255, 0, 0, 0]);
  });

  it("reads palette PNGs of 1, 2, 4 and 8 bits", async () => {
    for (const colours of [2, 4, 16, 256]) {
      const { image, info } = await decodeImage(
        await rgb.clone().png({ palette: true, colours, dither: 0 }).toBuffer(),
        "p.png",
      );
      expect(info.isPalette).toBe(true);
      expect(image.channels).toBe(3);
      expect(
        new Set(Array.from({ length: WIDTH * HEIGHT }, (_, i) => image.data.subarray(i * 3, i * 3 + 3).join())).size,
      ).toBeLessThanOrEqual(colours);
    }
  });

  it("converts CMYK to RGB", async () => {
    const cmyk = await sharp({ create: { width: 8, height: 8, channels: 3, background: { r: 255, g: 40, b: 40 } } })
      .toColourspace("cmyk")
      .jpeg({ quality: 100 })
      .toBuffer();
    const { image, info } = await decodeImage(cmyk, "c.jpg");
    expect(info).toMatchObject({ space: "cmyk", channels: 4 });
    expect(image.channels).toBe(3);
    expect(image.data[0]).toBeGreaterThan(200);
    expect(image.data[1]).toBeLessThan(90);
  });

  it("converts CMYK without a profile as printed: black ink is nearly black, half of it a middle gray, paper white", async () => {
    const inks = [
      [0, 0, 0, 255],
      [255, 255, 255, 255],
      [0, 0, 0, 128],
      [0, 0, 0, 0],
      [0, 255, 255, 0],
    ];
    const { image, info } = await decodeImage(cmykTiff(5, 1, Uint8Array.from(inks.flat())), "c.tif");
    expect(info).toMatchObject({ space: "cmyk", channels: 4, hasAlpha: false });
    const [black, rich, gray, paper, red] = inks.map((_, i) => [...image.data.subarray(3 * i, 3 * i + 3)]) as [
      number[],
      number[],
      number[],
      number[],
      number[],
    ];
    expect(Math.max(...black, ...rich)).toBeLessThanOrEqual(24);
    expect(Math.max(...gray.map((value) => Math.abs(value - 132)))).toBeLessThanOrEqual(8);
    expect(paper).toEqual([255, 255, 255]);
    expect(red[0]! - red[1]!).toBeGreaterThan(180);
  });

  it.each([1, 2, 3, 4, 5, 6, 7, 8])("applies EXIF orientation %i", async (orientation) => {
    const turned = await rgb.clone().withMetadata({ orientation }).png().toBuffer();
    const { image, info } = await decodeImage(turned, "o.png");
    const sideways = orientation > 4;
    expect([image.width, image.height, info.width, info.height]).toEqual(
      sideways ? [HEIGHT, WIDTH, HEIGHT, WIDTH] : [WIDTH, HEIGHT, WIDTH, HEIGHT],
    );
    expect(info.orientation).toBe(orientation);
    const last = [...gradient(WIDTH, HEIGHT).subarray(-3)];
    const corners: Record<number, [x: number, y: number]> = {
      1: [1, 1],
      2: [0, 1],
      3: [0, 0],
      4: [1, 0],
      5: [1, 1],
      6: [0, 1],
      7: [0, 0],
      8: [1, 0],
    };
    const [x, y] = corners[orientation]!;
    const at = (y * (image.height - 1) * image.width + x * (image.width - 1)) * 3;
    expect([...image.data.subarray(at, at + 3)]).toEqual(last);
  });

  it("reads the first page of a many-paged TIFF and the first frame of a GIF", async () => {
    const frames = new Uint8Array([...new Uint8Array(12).fill(10), ...new Uint8Array(12).fill(200)]);
    const source = sharp(frames, { raw: { width: 2, height: 4, channels: 3, pageHeight: 2 } as never });
    for (const bytes of [await source.clone().tiff().toBuffer(), await source.clone().gif().toBuffer()]) {
      const { image, info } = await decodeImage(bytes, "m");
      expect([info.pages, image.width, image.height]).toEqual([2, 2, 2]);
      expect([...new Set(image.data)]).toEqual([10]);
    }
  });

  it("reads the first frame of an animated PNG, and says that there are more", async () => {
    const still = Buffer.from(await png(4, 4));
    const control = Buffer.alloc(20);
    control.writeUInt32BE(8, 0);
    control.write("acTL", 4, "latin1");
    control.writeUInt32BE(3, 8);
    control.writeUInt32BE(crc32(control.subarray(4, 16)), 16);
    const { info } = await decodeImage(Buffer.concat([still.subarray(0, 33), control, still.subarray(33)]), "a.png");
    expect([info.pages, info.warnings]).toEqual([3, [expect.stringContaining("holds 3 frames")]]);
    expect((await decodeImage(still, "a.png")).info).toMatchObject({ pages: 1, warnings: [] });
  });

  it("applies the gamma that a PNG states, unless it says more exactly what its samples mean", async () => {
    const chunk = (type: string, data: Uint8Array): Buffer => {
      const out = Buffer.concat([Buffer.alloc(4), Buffer.from(type, "latin1"), data, Buffer.alloc(4)]);
      out.writeUInt32BE(data.length, 0);
      out.writeUInt32BE(crc32(out.subarray(4, -4)), out.length - 4);
      return out;
    };
    const gamma = (value: number): Buffer => {
      const data = Buffer.alloc(4);
      data.writeUInt32BE(value);
      return chunk("gAMA", data);
    };
    const gray = Buffer.from(
      await sharp({ create: { width: 2, height: 2, channels: 3, background: "rgb(55, 55, 55)" } })
        .png()
        .toBuffer(),
    );
    const levelOf = async (...chunks: Buffer[]): Promise<number> => {
      const bytes = Buffer.concat([gray.subarray(0, 33), ...chunks, gray.subarray(33)]);
      return (await decodeImage(bytes, "a.png")).image.data[0]!;
    };
    // Linear light of 55 / 255 is 0.2157 ** (1 / 2.2) = 0.498 of full range.
    expect(await levelOf(gamma(100_000))).toBe(127);
    expect(await levelOf(gamma(45_455))).toBe(55);
    expect(await levelOf(gamma(45_000))).toBe(55);
    expect(await levelOf(gamma(0))).toBe(55);
    expect(await levelOf(gamma(100_000), chunk("sRGB", Uint8Array.of(0)))).toBe(55);
  });

  it("reads a picture of one pixel", async () => {
    expect((await decodeImage(await png(1, 1), "1.png")).image).toMatchObject({ width: 1, height: 1 });
  });

  const refused: [what: string, bytes: () => Promise<Uint8Array>, message: RegExp][] = [
    ["text named .png", async () => Buffer.from("hello, this is text"), /bad\.png is not a picture.*plain text/u],
    ["zero bytes", async () => new Uint8Array(0), /zero bytes/u],
    ["a web page", async () => Buffer.from("<!DOCTYPE html><html></html>"), /web page/u],
    ["an SVG", async () => Buffer.from('<svg xmlns="http://www.w3.org/2000/svg"/>'), /SVG/u],
    ["a ZIP", async () => Buffer.from("PK\x03\x04 and more"), /ZIP archive/u],
    ["random bytes", async () => Buffer.from([0, 1, 2, 3, 4, 5, 6, 7, 8, 9]), /no known picture format/u],
    [
      "a truncated PNG",
      async () => (await png(200, 200)).subarray(0, 4000),
      /bad\.png cannot be decoded: it is a PNG picture, but damaged or cut off/u,
    ],
    ["a PNG header alone", async () => (await png()).subarray(0, 8), /damaged or cut off/u],
    [
      "a truncated JPEG",
      async () => (await rgb.clone().resize(200, 200).jpeg({ quality: 100 }).toBuffer()).subarray(0, 5000),
      /JPEG picture, but damaged/u,
    ],
    [
      "a truncated WebP",
      async () => (await rgb.clone().resize(200, 200).webp().toBuffer()).subarray(0, 300),
      /WebP picture, but damaged/u,
    ],
    [
      "a PNG with a damaged middle",
      async () => {
        const bytes = await png(100, 100);
        bytes.fill(0x55, bytes.byteLength >> 1, (bytes.byteLength >> 1) + 20);
        return bytes;
      },
      /damaged or cut off/u,
    ],
  ];
  it.each(refused)("refuses %s", async (what, bytes, message) => {
    const error = await decodeImage(await bytes(), "bad.png").catch((reason: unknown) => reason);
    expect(error).toBeInstanceOf(ImageProcessingError);
    expect(error).toMatchObject({
      code: what === "an SVG" ? "ERR_IMAGE_UNSUPPORTED" : "ERR_IMAGE_DECODE",
      imagePath: "bad.png",
      message: expect.stringMatching(message),
    });
  });

  it.each([
    [[null, "p"], /must be a Uint8Array, got null/u],
    [["p.png"], /must be a Uint8Array, got "p\.png"/u],
    [[new Uint8Array(1), 7], /name must be text, got 7/u],
    [[new Uint8Array(1), "p", null], /options must be an object, got null/u],
    [[new Uint8Array(1), "p", { maxPixels: "9" }], /maxPixels must be a number above 0, got "9"/u],
  ])("refuses arguments of a wrong type: %j", async (given, message) => {
    await expect(decodeImage(...(given as [never, never, never]))).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
      message: expect.stringMatching(message) as string,
    });
  });

  it("refuses pictures above the limit of pixels, before decoding them", async () => {
    await expect(decodeImage(await png(20, 30), "big.png", { maxPixels: 599 })).rejects.toMatchObject({
      code: "ERR_IMAGE_LIMIT",
      message: expect.stringMatching(/big\.png has 20x30 = 600 pixels.*maxPixels 599/u),
    });
    const bomb = Buffer.from(await png(20, 30)); // only its header says 20,000 x 20,000
    bomb.writeUInt32BE(20_000, 16);
    bomb.writeUInt32BE(20_000, 20);
    bomb.writeUInt32BE(crc32(bomb.subarray(12, 29)), 29);
    await expect(decodeImage(bomb, "bomb.png")).rejects.toMatchObject({ code: "ERR_IMAGE_LIMIT" });
  });
});

describe("memory", () => {
  it("of decoded and encoded pictures is given back", async () => {
    const image = { width: 1000, height: 1000, channels: 3 as const, data: new Uint8Array(3_000_000).fill(90) };
    const bytes = await encodeImage(image, { format: "png", compressionLevel: 0 });
    const round = async (): Promise<void> => {
      await decodeImage(bytes, "m.png");
      await encodeImage(image, { format: "png", compressionLevel: 0 });
    };
    for (let i = 0; i < 15; i++) await round();
    const before = process.memoryUsage().rss;
    for (let i = 0; i < 60; i++) await round();
    const lostBytes = process.memoryUsage().rss - before;
    expect(lostBytes).toBeLessThan(60 * 6_000_000 * 0.4);
  });
});

describe("encodeImage", () => {
  const image = { width: WIDTH, height: HEIGHT, channels: 3 as const, data: gradient(WIDTH, HEIGHT) };

  it.each([{ format: "png" }, { format: "webp", lossless: true }, { format: "tiff" }] as EncodeOptions[])(
    "keeps every pixel with $format, and the density",
    async (options) => {
      const bytes = await encodeImage(image, { ...options, density: 600 });
      expect(bytes.buffer.byteLength).toBe(bytes.byteLength);
      const decoded = await decodeImage(bytes, "x");
      expect(decoded.info.format).toBe(options.format);
      expect(maxDifference(decoded.image.data, image.data)).toBe(0);
      if (options.format !== "webp") expect(decoded.info.density).toBe(600);
    },
  );

  it.each([
    [
      "an unknown format",
      image,
      { format: "bmp" },
      /"bmp" is not written; the formats are png, jpeg, webp, tiff, avif$/u,
    ],
    ["another spelling", image, { format: "jpg" }, /"jpg" is not written/u, 'use "jpeg"'],
    ["no format", image, {}, /the format undefined is not written/u],
    ["no options", image, undefined, /options must be an object, got undefined/u],
    ["no picture", null, { format: "png" }, /must be an object with width, height, channels and data, got null/u],
    ["a list of samples", { ...image, data: [1, 2] }, { format: "png" }, /data must be a Uint8Array, got an array/u],
    ["RGBA", { ...image, channels: 4 }, { format: "png" }, /channels must be 1 \(gray\) or 3 \(RGB\), got 4/u],
    ["no width", { ...image, width: 0 }, { format: "png" }, /width must be a whole number above 0, got 0/u],
    ["a level", image, { format: "png", compressionLevel: 11 }, /compressionLevel is 11/u],
    ["a density", image, { format: "png", density: -1 }, /density is -1/u],
  ])("refuses %s with a coded error", async (_what, picture, options, message, remedy?: string) => {
    await expect(encodeImage(picture as never, options as never)).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
      message: expect.stringMatching(message) as string,
      remedy: remedy ?? remedyFor("ERR_ARGUMENT"),
    });
  });

  it.each(["jpeg", "webp", "avif"] as const)("makes smaller files with less quality: %s", async (format) => {
    const [low, high] = await Promise.all([20, 95].map((quality) => encodeImage(image, { format, quality })));
    expect(low!.byteLength).toBeLessThan(high!.byteLength);
  });

  it("writes gray pictures", async () => {
    const gray = new Uint8Array([0, 100, 200, 255]);
    const { image: back } = await decodeImage(
      await encodeImage({ width: 4, height: 1, channels: 1, data: gray }, { format: "png" }),
      "g",
    );
    expect([...back.data]).toEqual([...gray].flatMap((value) => [value, value, value]));
  });

  it("refuses data that do not fit and a quality out of range", async () => {
    await expect(encodeImage({ ...image, width: 21 }, { format: "png" })).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
      message: expect.stringContaining("do not fit 21x30"),
    });
    await expect(encodeImage(image, { format: "jpeg", quality: 0 })).rejects.toMatchObject({
      code: "ERR_ARGUMENT",
      message: expect.stringContaining("quality is 0"),
    });
    await expect(
      encodeImage({ width: 20_000, height: 1, channels: 3, data: new Uint8Array(60_000) }, { format: "webp" }, "wide"),
    ).rejects.toMatchObject({ code: "ERR_IMAGE_ENCODE", imagePath: "wide" });
  });
});
