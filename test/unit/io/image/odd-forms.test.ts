/**
 * Valid pictures in forms that a decoder easily gets wrong: they come out right or are refused by name, and never as a
 * blank page. Files that only lack their end are pages with a warning.
 */
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { decodeForClassification } from "../../../../src/classification/decode-for-classification.js";
import { decodeImage } from "../../../../src/io/image/decode/decode-image.js";
import { sniffFormat } from "../../../../src/io/image/headers/image-format.js";
import { anyTiff, pngFile, type TiffForm } from "../../../support/picture-files.js";
import { gradient } from "./pictures.js";

const [WIDTH, HEIGHT] = [16, 9];
const COUNT = WIDTH * HEIGHT;
/** 0..255, each value of gray. */
const GRAY = Array.from({ length: COUNT }, (_, i) => (i * 37) % 256);
const LIGHTS = Array.from({ length: COUNT }, (_, i) => (i < 3 ? 200 : 0));
const RGB = [...gradient(WIDTH, HEIGHT)];
const gray = { width: WIDTH, height: HEIGHT, photometric: 1, channels: 1 } as const;
const rgb = { width: WIDTH, height: HEIGHT, photometric: 2, channels: 3 } as const;

const bytesOf = (values: Float32Array | Uint32Array | Int16Array | Uint16Array | Float64Array): Uint8Array =>
  new Uint8Array(values.buffer);
const floats = (values: readonly number[], scale: number): Uint8Array =>
  bytesOf(Float32Array.from(values, (value) => value * scale));

async function decoded(file: Uint8Array): Promise<number[]> {
  return [...(await decodeImage(file, "page.tif", { keepGray: true })).image.data];
}

function refusal(file: Uint8Array): Promise<unknown> {
  return decodeImage(file, "page.tif").then(
    () => "no refusal",
    (error: unknown) => error,
  );
}

describe("TIFF of 32 bits a sample", () => {
  it.each([
    ["gray, floating point 0 to 1", { ...gray, bits: 32, sampleFormat: 3, strip: floats(GRAY, 1 / 255) }, GRAY],
    ["gray, floating point 0 to 255", { ...gray, bits: 32, sampleFormat: 3, strip: floats(GRAY, 1) }, GRAY],
    [
      "black with few lights, floating point 0 to 255",
      { ...gray, bits: 32, sampleFormat: 3, strip: floats(LIGHTS, 1) },
      LIGHTS,
    ],
    ["RGB, floating point 0 to 1", { ...rgb, bits: 32, sampleFormat: 3, strip: floats(RGB, 1 / 255) }, RGB],
    [
      "gray, whole numbers",
      { ...gray, bits: 32, strip: bytesOf(Uint32Array.from(GRAY, (value) => value * 0x01010101)) },
      GRAY,
    ],
    [
      "RGB, whole numbers",
      { ...rgb, bits: 32, strip: bytesOf(Uint32Array.from(RGB, (value) => value * 0x01010101)) },
      RGB,
    ],
  ] as readonly [string, TiffForm, number[]][])("is scaled to 8 bits: %s", async (_what, form, expected) => {
    const file = anyTiff(form);
    expect(await decoded(file)).toEqual(expected);
    expect([...(await decodeForClassification(file, "page.tif")).data]).toEqual(expected);
  });

  it.each([
    ["beyond 1", (i: number) => i / 20],
    ["beyond 1 in a few lights alone", (i: number) => (i < 9 ? 20 : i / COUNT)],
    ["below 0", (i: number) => (i - 5) / COUNT],
    ["no numbers", (i: number) => (i === 7 ? Number.NaN : 0.5)],
  ])("is refused where floating point is %s", async (_what, value) => {
    const strip = bytesOf(Float32Array.from({ length: COUNT }, (_, i) => value(i)));
    expect(await refusal(anyTiff({ ...gray, bits: 32, sampleFormat: 3, strip }))).toMatchObject({
      code: "ERR_IMAGE_UNSUPPORTED",
      message: expect.stringMatching(/page\.tif .*floating-point samples /u) as string,
      remedy: expect.stringMatching(/^save it as PNG/u) as string,
    });
  });
});

describe("channels beside the colour", () => {
  it("that are not specified are left out: they are no opacity", async () => {
    const strip = Uint8Array.from({ length: COUNT * 4 }, (_, i) => (i % 4 === 3 ? 0 : RGB[(i >> 2) * 3 + (i % 4)]!));
    const file = anyTiff({ ...rgb, channels: 4, bits: 8, strip, extraSample: 0 });
    expect(await decoded(file)).toEqual(RGB);
    expect([...(await decodeForClassification(file, "page.tif")).data]).toEqual(RGB);
    const pair = Uint8Array.from({ length: COUNT * 2 }, (_, i) => (i % 2 === 1 ? 0 : GRAY[i >> 1]!));
    const { image } = await decodeImage(
      anyTiff({ ...gray, channels: 2, bits: 8, strip: pair, extraSample: 0 }),
      "page.tif",
    );
    expect([...image.data]).toEqual(GRAY.flatMap((value) => [value, value, value]));
  });

  it("that are opacity lie over white", async () => {
    const strip = Uint8Array.from({ length: COUNT * 4 }, (_, i) => (i % 4 === 3 ? 255 * ((i >> 2) % 2) : 10));
    const expected = Array.from({ length: COUNT }, (_, i) => (i % 2 === 1 ? [10, 10, 10] : [255, 255, 255])).flat();
    expect(await decoded(anyTiff({ ...rgb, channels: 4, bits: 8, strip, extraSample: 2 }))).toEqual(expected);
  });
});

describe("YCbCr with one value of colour for two pixels", () => {
  it("is read without JPEG compression too", async () => {
    // Two lights, then their colour: blue 255 and red 0 of 128 in the middle.
    const strip = Uint8Array.from({ length: COUNT * 2 }, (_, i) => [100, 100, 255, 128][i % 4]!);
    const file = anyTiff({ ...rgb, photometric: 6, bits: 8, strip, subsampling: [2, 1] });
    const pixel = (await decoded(file)).slice(0, 3);
    for (const [channel, value] of [100, 56, 255].entries())
      expect(Math.abs(pixel[channel]! - value)).toBeLessThanOrEqual(2);
  });
});

describe("what is valid and not read", () => {
  const eight = { bits: 8, strip: Uint8Array.from(GRAY) } as const;
  const three = { bits: 8, strip: Uint8Array.from(RGB) } as const;
  it.each([
    ["floating-point samples of 16 bits", { ...gray, bits: 16, sampleFormat: 3, strip: new Uint8Array(COUNT * 2) }],
    [
      "floating-point samples of 64 bits",
      { ...gray, bits: 64, sampleFormat: 3, strip: bytesOf(new Float64Array(COUNT)) },
    ],
    ["signed samples", { ...gray, bits: 16, sampleFormat: 2, strip: bytesOf(Int16Array.from(GRAY)) }],
    ["samples of 12 bits", { ...gray, bits: 12, strip: new Uint8Array(COUNT * 1.5) }],
    ["ZSTD compression", { ...gray, ...eight, compression: 50_000 }],
    ["old-style JPEG compression", { ...gray, ...eight, compression: 6 }],
    ["YCbCr colour at full size", { ...rgb, ...three, photometric: 6, subsampling: [1, 1] }],
    ["YCbCr colour in separate planes", { ...rgb, ...three, photometric: 6, isPlanar: true }],
    ["YCbCr colour in separate planes", { ...rgb, ...three, photometric: 6, isPlanar: true, compression: 7 }],
    ["separate planes of 1-bit samples", { ...gray, bits: 1, strip: new Uint8Array(18), isPlanar: true }],
    ["separate planes of 4-bit samples", { ...gray, bits: 4, strip: new Uint8Array(72), isPlanar: true }],
    ["samples of 4 bits and a channel beside them", { ...gray, ...eight, channels: 2, bits: 4, extraSample: 2 }],
    [
      "samples of 2 bits and a channel beside them",
      { ...gray, ...eight, photometric: 3, channels: 2, bits: 2, extraSample: 2 },
    ],
    ["a channel that it does not describe", { ...gray, channels: 2, bits: 8, strip: new Uint8Array(COUNT * 2) }],
    ["3 channels beside the colour", { ...gray, channels: 4, bits: 8, strip: new Uint8Array(COUNT * 4) }],
    [
      "CMYK colour of 16 bits and opacity",
      { ...gray, photometric: 5, channels: 5, bits: 16, strip: new Uint8Array(COUNT * 10), extraSample: 2 },
    ],
    ["Lab colour", { ...rgb, photometric: 8, channels: 4, bits: 8, strip: new Uint8Array(COUNT * 4), extraSample: 0 }],
    ["Lab colour", { ...rgb, photometric: 8, bits: 16, strip: new Uint8Array(COUNT * 6) }],
    ["channels of different sample formats", { ...rgb, ...three, sampleFormat: [1, 1, 2] }],
    ["a thumbnail before the picture itself", { ...rgb, ...three, tags: { 254: 1, 330: 8 } }],
    ["a thumbnail before the picture itself", { ...rgb, ...three, tags: { 255: 2, 330: 8 } }],
    ["2 slices of a solid", { ...rgb, ...three, tags: { 32997: 2 } }],
  ] as readonly [string, TiffForm][])("is not called damaged: %s", async (what, form) => {
    const file = anyTiff(form);
    const expected = { code: "ERR_IMAGE_UNSUPPORTED", message: expect.stringContaining(what) as string };
    expect(await refusal(file)).toMatchObject(expected);
    await expect(decodeForClassification(file, "page.tif")).rejects.toMatchObject({ code: "ERR_IMAGE_UNSUPPORTED" });
  });

  it("a picture that says it is a thumbnail and is alone in its file is a page", async () => {
    expect(await decoded(anyTiff({ ...rgb, ...three, tags: { 254: 1 } }))).toEqual(RGB);
  });

  it("an animated AVIF", async () => {
    const file = await sharp(gradient(64, 64), { raw: { width: 64, height: 64, channels: 3 } })
      .avif()
      .toBuffer();
    file.write("avis", 8, "latin1");
    file.write("free", file.indexOf("meta"), "latin1"); // an image sequence may have no still picture
    expect(await refusal(file)).toMatchObject({
      code: "ERR_IMAGE_UNSUPPORTED",
      message: expect.stringContaining("an animation") as string,
    });
  });

  it("a JPEG of 12 bits", async () => {
    const file = await sharp(gradient(64, 64), { raw: { width: 64, height: 64, channels: 3 } })
      .jpeg()
      .toBuffer();
    file[file.indexOf(Buffer.of(0xff, 0xc0)) + 4] = 12;
    expect(await refusal(file)).toMatchObject({
      code: "ERR_IMAGE_UNSUPPORTED",
      message: expect.stringContaining("samples of 12 bits") as string,
    });
  });

  it("an SVG that has an AVIF's brand where libvips would not look", () => {
    const svg = Buffer.from('    ftypavif <svg xmlns="http://www.w3.org/2000/svg" width="9" height="9"/>');
    expect(sniffFormat(svg).format).toBeUndefined();
  });
});

describe("a page that would come out as one tone", () => {
  const drawing = (i: number): number => Number(i % 5 === 0);
  const alpha = (value: number, opacity: (i: number) => number): Buffer =>
    pngFile({
      width: WIDTH,
      height: HEIGHT,
      depth: 8,
      colourType: 4,
      samples: Array.from({ length: COUNT * 2 }, (_, i) => (i % 2 === 0 ? value : opacity(i >> 1))),
    });
  const deep = (value: (i: number) => number): Buffer =>
    pngFile({
      width: WIDTH,
      height: HEIGHT,
      depth: 16,
      colourType: 0,
      samples: Array.from({ length: COUNT }, (_, i) => value(i)),
    });

  it.each([
    [
      "white ink on transparency",
      alpha(255, (i) => 255 * drawing(i)),
      /white, or clear, on transparency$/u,
      /dark ground/u,
    ],
    [
      "light ink on transparency",
      alpha(254, (i) => 200 * drawing(i)),
      /white, or clear, on transparency$/u,
      /dark ground/u,
    ],
    ["8 bits in 16", deep((i) => GRAY[i]!), /samples go up to 255 of 65535/u, /full range/u],
    ["12 bits in 16", deep((i) => GRAY[i]! * 16), /samples go up to 4080 of 65535/u, /full range/u],
    [
      "a drawing that is clear all over",
      pngFile({
        width: WIDTH,
        height: HEIGHT,
        depth: 8,
        colourType: 6,
        samples: Array.from({ length: COUNT * 4 }, (_, i) => (i % 4 === 3 ? 0 : GRAY[i >> 2]!)),
      }),
      /clear all over/u,
      /without transparency/u,
    ],
  ])("is refused, with what to do: %s", async (_what, file, message, remedy) => {
    expect(await refusal(file)).toMatchObject({
      code: "ERR_IMAGE_UNSUPPORTED",
      imagePath: "page.tif",
      message: expect.stringMatching(message) as string,
      remedy: expect.stringMatching(remedy) as string,
    });
  });

  it.each([
    ["white", alpha(255, () => 255)],
    ["clear", alpha(0, () => 0)],
    ["white paper with a clear border", alpha(255, (i) => 255 * Number(i % WIDTH > 1))],
    ["a scan of white paper with noise of 16 bits", deep((i) => 65_535 - (i % 90))],
    ["black of 16 bits", deep(() => 0)],
    ["black ink on transparency", alpha(0, (i) => 255 * drawing(i))],
  ])("is read where it is that tone: %s", async (_what, file) => {
    expect((await decodeImage(file, "page.png")).image.width).toBe(WIDTH);
  });
});

/** Gray, of one block over and over, with a restart marker behind each `interval` blocks. */
async function jpegOfRestarts(width: number, height: number, interval: number): Promise<Buffer> {
  const side = { width: 8 * interval, height: 8 };
  const ramp = Buffer.from(Array.from({ length: 64 * interval }, (_, i) => (i % 8) * 30));
  const one = await sharp(ramp, { raw: { ...side, channels: 1 } })
    .toColourspace("b-w")
    .jpeg({ optimiseCoding: false })
    .toBuffer();
  const [frame, scan] = [one.indexOf(Buffer.from([0xff, 0xc0])), one.indexOf(Buffer.from([0xff, 0xda]))];
  const data = one.subarray(scan + 2 + one.readUInt16BE(scan + 2), -2);
  const header = Buffer.from(one.subarray(0, one.length - data.length - 2));
  header.writeUInt16BE(height, frame + 5);
  header.writeUInt16BE(width, frame + 7);
  const count = (Math.ceil(width / 8) * Math.ceil(height / 8)) / interval;
  const parts = Array.from({ length: count }, (_, i) => [data, Buffer.from([0xff, 0xd0 + (i % 8)])]).flat();
  const restarts = Buffer.from([0xff, 0xdd, 0, 4, 0, interval]);
  return Buffer.concat([
    header.subarray(0, scan),
    restarts,
    header.subarray(scan),
    ...parts.slice(0, -1),
    one.subarray(-2),
  ]);
}

describe("a file that lacks its end", () => {
  const noise = sharp({
    create: {
      width: 120,
      height: 90,
      channels: 3,
      background: "#808080",
      noise: { type: "gaussian", mean: 128, sigma: 40 },
    },
  });
  const WARNING = [expect.stringMatching(/lacks its end-of-file marker/u) as string];

  it.each([
    ["gray", noise.clone().toColourspace("b-w").jpeg()],
    ["colour at full size", noise.clone().jpeg({ chromaSubsampling: "4:4:4" })],
    ["colour at half size", noise.clone().jpeg({ chromaSubsampling: "4:2:0" })],
    ["optimised", noise.clone().jpeg({ mozjpeg: true })],
  ])("is damaged where its last row is not whole either: JPEG, %s", async (_what, picture) => {
    const file = await picture.toBuffer();
    expect((await decodeImage(file.subarray(0, -2), "page.jpg")).info.warnings).toEqual(WARNING);
    for (const missing of [4, 9, 40, 200]) {
      const cut = file.subarray(0, -missing);
      expect(await refusal(cut)).toMatchObject({ code: "ERR_IMAGE_DECODE" });
      // A transfer that went wrong, "repaired" by a tool: the mark is there.
      expect(await refusal(Buffer.concat([cut, file.subarray(-2)]))).toMatchObject({ code: "ERR_IMAGE_DECODE" });
    }
  });

  it.each([
    ["baseline", false],
    ["progressive", true],
  ])("is a page with a warning where only the end mark is missing: JPEG, %s", async (_what, progressive) => {
    const file = await noise.clone().jpeg({ progressive }).toBuffer();
    const whole = await decodeImage(file, "page.jpg");
    expect(whole.info.warnings).toEqual([]);
    for (const missing of [1, 2]) {
      const { image, info } = await decodeImage(file.subarray(0, -missing), "page.jpg");
      expect(info.warnings).toEqual(WARNING);
      expect(Buffer.compare(image.data, whole.image.data)).toBe(0);
      expect((await decodeForClassification(file.subarray(0, -missing), "page.jpg")).width).toBe(120);
    }
  });

  /** Without its last bytes, with the end mark: a transfer that went wrong, "repaired" by a tool. */
  const shortened = (file: Buffer, missing: number): Buffer =>
    Buffer.concat([file.subarray(0, -2 - missing), file.subarray(-2)]);

  it("is a page where a row has more restarts than libvips takes warnings, and damaged where its end is missing", async () => {
    for (const [width, height, interval] of [
      [1200, 8, 1],
      [1196, 21, 1],
      [2400, 16, 3],
    ] as const) {
      const whole = await jpegOfRestarts(width, height, interval);
      const { image, info } = await decodeImage(whole, "page.jpg");
      expect([image.width, image.height, info.warnings]).toEqual([width, height, []]);
      for (const missing of [1, 2, 4, 40])
        expect(await refusal(shortened(whole, missing))).toMatchObject({ code: "ERR_IMAGE_DECODE" });
    }
  });

  it("is damaged where its last row is not whole, whatever its height and its factors of subsampling", async () => {
    for (const factors of [0x11, 0x22, 0x12, 0x14, 0x41])
      for (const height of [7, 8, 9, 16, 17, 24, 25, 40]) {
        const file = await noise.clone().resize(120, height).toColourspace("b-w").jpeg().toBuffer();
        file[file.indexOf(Buffer.from([0xff, 0xc0])) + 11] = factors;
        expect([factors, height, await refusal(file)]).toEqual([factors, height, "no refusal"]);
        for (const missing of [2, 30])
          expect([factors, height, await refusal(shortened(file, missing))]).toMatchObject([
            factors,
            height,
            { code: "ERR_IMAGE_DECODE" },
          ]);
      }
  });

  it("is damaged where a scan or a part of one is missing", async () => {
    for (const progressive of [false, true]) {
      const file = await noise.clone().jpeg({ progressive }).toBuffer();
      const scans = [...file.keys()].filter((at) => file[at] === 0xff && file[at + 1] === 0xda);
      const cuts = [...scans.slice(1), file.length - 40, Math.round(file.length * 0.7)];
      for (const cut of cuts)
        expect([progressive, cut, await refusal(file.subarray(0, cut))]).toMatchObject([
          progressive,
          cut,
          { code: "ERR_IMAGE_DECODE" },
        ]);
    }
  });

  it("PNG without IEND is a page with the same warning", async () => {
    const file = await noise.clone().png().toBuffer();
    expect((await decodeImage(file, "page.png")).info.warnings).toEqual([]);
    expect((await decodeImage(file.subarray(0, -12), "page.png")).info.warnings).toEqual(WARNING);
  });
});
