/** The calibrated decision on pictures drawn for it, and what headers alone decide. */
import { readFileSync } from "node:fs";
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { labelledPictures } from "../../../scripts/classifier/scenes.mjs";
import {
  calibrate,
  colorEvidence,
  decodeForClassification,
  evidenceOf,
  ImageClassifier,
  isGrayByHeader,
  isSurelyColored,
} from "../../../src/classification/index.js";
import { goldenPath } from "../../support/golden-maths.js";
import { bilevelTiff, pngFile } from "../../support/picture-files.js";

describe("the calibrated decision", () => {
  it("is right on nearly all kinds of pages, where the plain rule errs, and sure where it is", async () => {
    const classifiers = { plain: new ImageClassifier({ decision: "plain" }), calibrated: new ImageClassifier() };
    let [count, plain, calibrated, ambiguous, surelyWrong] = [0, 0, 0, 0, 0];
    for await (const { type, bytes } of labelledPictures(3, 3)) {
      const own = await classifiers.calibrated.classify(bytes);
      count++;
      plain += Number((await classifiers.plain.classify(bytes)).type === type);
      calibrated += Number(own.type === type);
      ambiguous += Number(own.ambiguous);
      surelyWrong += Number(own.type !== type && own.ambiguous === false);
      expect(own.confidence).toBeGreaterThanOrEqual(0.5);
    }
    expect(calibrated / count).toBeGreaterThan(0.93);
    expect(plain / count).toBeLessThan(0.8);
    expect(ambiguous / count).toBeLessThan(0.15);
    expect(surelyWrong / count).toBeLessThan(0.04);
  }, 120_000);

  it("takes gray, bilevel and yellowed pages for line art and coloured ones for coloured, whatever the mode", async () => {
    const type = async (name: string): Promise<string> =>
      calibrate(evidenceOf(await decodeForClassification(readFileSync(goldenPath(`classification/${name}`)), name)))
        .type;
    for (const name of [
      "01_gray_line_art.png",
      "02_antialiased_line_art_rgb.png",
      "03_scanned_yellow_paper.png",
      "04_scanned_yellow_paper.jpg",
      "05_screentone.png",
      "07_gray_16bit.png",
      "09_bilevel.png",
      "20_blank_white.png",
      "25_strongly_yellowed_paper.jpg",
    ])
      expect([name, await type(name)]).toEqual([name, "line_art"]);
    for (const name of [
      "08_palette_colour.png",
      "10_cmyk.jpg",
      "11_colour_page.webp",
      "19_large_colour.webp",
      "21_colour_exif_rotated.jpg",
    ])
      expect([name, await type(name)]).toEqual([name, "colored"]);
  });

  it("says that it is not sure of a page in the palest colours", async () => {
    const pastel = readFileSync(goldenPath("classification/12_pastel_page.jpg"));
    expect(await new ImageClassifier({ decision: "calibrated" }).classify(pastel)).toMatchObject({ ambiguous: true });
  });

  it("sees no colour in one pixel, black, or white", () => {
    for (const value of [0, 128, 255])
      expect(
        calibrate(colorEvidence({ width: 1, height: 1, channels: 3, data: new Uint8Array([value, value, value]) })),
      ).toMatchObject({ type: "line_art", ambiguous: false });
  });
});

describe("isGrayByHeader", () => {
  const gray = sharp(new Uint8Array(64).fill(9), { raw: { width: 8, height: 8, channels: 1 } });
  const rgb = sharp(new Uint8Array(192).fill(9), { raw: { width: 8, height: 8, channels: 3 } });
  const png = { width: 8, height: 8, depth: 8 as const };
  const samples = new Uint8Array(256);

  it("knows gray PNG, JPEG and TIFF, and palettes of grays", async () => {
    const files = [
      pngFile({ ...png, colourType: 0, samples }),
      pngFile({ ...png, colourType: 4, samples }),
      pngFile({ ...png, colourType: 3, samples, palette: [0, 0, 0, 9, 9, 9], transparency: [0] }),
      await gray.clone().toColourspace("b-w").jpeg().toBuffer(),
      await gray.clone().toColourspace("b-w").jpeg({ progressive: true }).toBuffer(),
      await gray.clone().toColourspace("b-w").tiff().toBuffer(),
      bilevelTiff(8, 8, samples, true),
      readFileSync(goldenPath("classification/17_gray_progressive.jpg")),
    ];
    expect(files.map((bytes) => isGrayByHeader(bytes))).toEqual(files.map(() => true));
  });

  it("says nothing of what may have colour, of other formats and of broken files", async () => {
    const files = [
      pngFile({ ...png, colourType: 2, samples }),
      pngFile({ ...png, colourType: 3, samples, palette: [0, 0, 0, 9, 9, 8] }),
      await rgb.clone().jpeg().toBuffer(),
      await rgb.clone().tiff().toBuffer(),
      await gray.clone().webp().toBuffer(),
      Buffer.from("\x89PNG\r\n\x1a\n"),
      Buffer.from([0xff, 0xd8, 0xff, 0xe0, 0xff]),
      new Uint8Array(0),
      Buffer.alloc(100),
      (await gray.clone().toColourspace("b-w").jpeg().toBuffer()).subarray(0, 30),
    ];
    expect(files.map((bytes) => isGrayByHeader(bytes))).toEqual(files.map(() => false));
  });
});

describe("isSurelyColored", () => {
  it("is true for coloured pictures beyond doubt only", () => {
    const sure = { type: "colored", confidence: 0.97, ambiguous: false } as const;
    expect(isSurelyColored(sure)).toBe(true);
    expect(isSurelyColored({ type: "colored", confidence: 1 })).toBe(true);
    expect(isSurelyColored({ ...sure, confidence: 0.94 })).toBe(false);
    expect(isSurelyColored({ ...sure, ambiguous: true })).toBe(false);
    expect(isSurelyColored({ ...sure, type: "line_art" })).toBe(false);
    expect(isSurelyColored({ type: "colored", confidence: 2 / 3 })).toBe(false);
  });
});
