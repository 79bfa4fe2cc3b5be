/**
 * Samples of fewer bits than the file has: scaled where it says so, refused where the page would be all but one tone,
 * and a warning otherwise.
 */
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../../../../src/io/image/decode/decode-image.js";
import { anyTiff, pngFile, type PngForm } from "../../../../support/picture-files.js";

const [WIDTH, HEIGHT] = [16, 9];
const COUNT = WIDTH * HEIGHT;
/** White paper with ink of every gray. */
const GRAY = Array.from({ length: COUNT }, (_, i) => (i % 2 === 0 ? 255 : (i * 37) % 256));
const inBits = (bits: number): number[] => GRAY.map((value) => Math.round((value * (2 ** bits - 1)) / 255));
const deepPng = (samples: number[], more: Partial<PngForm> = {}): Buffer =>
  pngFile({ width: WIDTH, height: HEIGHT, depth: 16, colourType: 0, samples, ...more });
const grayTiff = (samples: number[], tags: Record<number, number>, photometric = 1): Buffer =>
  anyTiff({
    width: WIDTH,
    height: HEIGHT,
    bits: 16,
    photometric,
    channels: 1,
    strip: new Uint8Array(Uint16Array.from(samples).buffer),
    tags,
  });
const triple = (samples: number[]): number[] => samples.flatMap((value) => [value, value, value]);

async function grays(file: Uint8Array): Promise<number[]> {
  return [...(await decodeImage(file, "page")).image.data].filter((_, i) => i % 3 === 0);
}

async function warningsOf(file: Uint8Array): Promise<readonly string[]> {
  return (await decodeImage(file, "page")).info.warnings;
}

describe("a picture that states fewer bits than its samples have", () => {
  it.each([9, 10, 12, 13, 14, 15])("is scaled from them: %i bits in 16", async (bits) => {
    const samples = inBits(bits);
    const most = 2 ** bits - 1;
    const files = [
      deepPng(samples, { significantBits: [bits] }),
      grayTiff(samples, { 281: most }),
      grayTiff(samples, { 341: most }),
      grayTiff(
        samples.map((value) => most - value),
        { 281: most },
        0,
      ),
    ];
    for (const file of files) expect(await grays(file)).toEqual(GRAY);
    const colour = deepPng(triple(samples), { colourType: 2, significantBits: [bits, bits, bits] });
    expect(await grays(colour)).toEqual(GRAY);
    expect((await decodeImage(files[0]!, "page", { keepGray: true })).image.channels).toBe(1);
    for (const file of [...files, colour]) expect(await warningsOf(file)).toEqual([]);
  });

  it("is scaled from 4 bits in 8 too", async () => {
    const form = { width: WIDTH, height: HEIGHT, depth: 8, colourType: 0, significantBits: [4] } as const;
    const fours = Array.from({ length: COUNT }, (_, i) => (i % 2 === 0 ? 15 : (i * 7) % 16));
    expect(await grays(pngFile({ ...form, samples: fours }))).toEqual(fours.map((value) => value * 17));
  });

  it("is left as it is where its samples are scaled already, dark ones too, and where they go beyond", async () => {
    const scaled = inBits(12).map((value) => value * 16 + (value >> 8));
    expect(await grays(deepPng(scaled, { significantBits: [12] }))).toEqual(scaled.map((value) => value >> 8));
    const dark = GRAY.map((value) => (value >> 1) << 7);
    const darkFile = deepPng(dark, { significantBits: [9] });
    expect(Math.max(...(await grays(darkFile)))).toBeLessThan(128);
    expect(await grays(grayTiff(inBits(16), { 281: 4095 }))).toEqual(GRAY);
  });

  it("is left as it is where a TIFF counts its greatest sample for statistics", async () => {
    const dim = inBits(16).map((value) => Math.round(value * 0.9));
    expect(Math.max(...(await grays(grayTiff(dim, { 281: Math.max(...dim) }))))).toBe(230);
  });

  it("is refused by name beside opacity, which nothing says how to scale", async () => {
    const samples = inBits(12).flatMap((value) => [value, 4095]);
    const file = deepPng(samples, { colourType: 4, significantBits: [12, 12] });
    await expect(decodeImage(file, "page")).rejects.toMatchObject({
      code: "ERR_IMAGE_UNSUPPORTED",
      message: expect.stringMatching(/samples up to 4095 of 65535 beside opacity/u) as string,
    });
  });
});

describe("a picture that uses the low bits of its samples and does not say so", () => {
  it.each([
    ["12 bits, black is zero", grayTiff(inBits(12), {}), /is black because its samples go up to 4095 of 65535/u],
    [
      "12 bits, white is zero",
      grayTiff(
        inBits(12).map((value) => 4095 - value),
        {},
        0,
      ),
      /is white because its samples go up to 40\d\d of 65535/u,
    ],
    [
      "0 and 1 in 8 bits",
      pngFile({
        width: WIDTH,
        height: HEIGHT,
        depth: 8,
        colourType: 0,
        samples: GRAY.map((value) => Number(value > 99)),
      }),
      /is black because its samples are 0 and 1 of 255/u,
    ],
  ])("is refused where it would be one tone: %s", async (_what, file, message) => {
    await expect(decodeImage(file, "page")).rejects.toMatchObject({
      code: "ERR_IMAGE_UNSUPPORTED",
      message: expect.stringMatching(message) as string,
    });
  });

  it("is a page with a warning where it is only dark", async () => {
    const DARK = [expect.stringMatching(/^uses no more than half of the range of its samples/u) as string];
    for (const bits of [13, 14, 15]) expect(await warningsOf(deepPng(inBits(bits)))).toEqual(DARK);
    expect(await warningsOf(deepPng(GRAY.map((value) => (value << 7) + (value >> 7))))).toEqual(DARK); // 0 to 2^15
    expect(await warningsOf(deepPng(inBits(16)))).toEqual([]);
  });

  it("is a page without a warning where it is black in truth, with noise or without", async () => {
    for (const noise of [0, 1]) {
      const samples = Array.from({ length: COUNT }, (_, i) => noise * Number(i % 3 === 0));
      const file = pngFile({ width: WIDTH, height: HEIGHT, depth: 8, colourType: 0, samples });
      expect(await warningsOf(file)).toEqual([]);
    }
  });
});
