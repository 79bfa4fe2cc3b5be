/**
 * The classifier's rule, cache, batch, refusals and separation. The metrics themselves are held by test/golden/maths.
 */
import { readFileSync } from "node:fs";
import * as fc from "fast-check";
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import {
  decide,
  DEFAULT_THRESHOLDS,
  decodeForClassification,
  ImageClassifier,
  measure,
  separateLineArtAndReferences,
  type ClassifierImage,
} from "../../../src/classification/index.js";
import { goldenPath } from "../../support/golden-maths.js";

const line = goldenPath("classification/02_antialiased_line_art_rgb.png");
const colour = goldenPath("classification/11_colour_page.webp");
const broken = goldenPath("classification/22_truncated.png");

describe("the rule", () => {
  const low = { saturation: 0.1, colorCount: 10, edgeDensity: 0.4 };
  const high = { saturation: 0.5, colorCount: 5000, edgeDensity: 0.1 };
  it.each([
    [low, "line_art", 1],
    [{ ...low, edgeDensity: 0.1 }, "line_art", 2 / 3],
    [{ ...low, edgeDensity: 0.1, colorCount: 5000 }, "line_art", 1 / 3],
    [{ ...low, saturation: 0.5 }, "line_art", 2 / 3],
    [{ ...high, colorCount: 10 }, "colored", 2 / 3],
    [high, "colored", 1],
    [{ saturation: 0.15, colorCount: 1000, edgeDensity: 0.3 }, "colored", 1],
  ] as const)("%o", (metrics, type, confidence) => {
    expect(decide(metrics)).toEqual({ type, confidence: expect.closeTo(confidence, 12), metrics });
  });

  it("low saturation always means line art, and the confidence is a third, two thirds or one", () => {
    const metrics = fc.record({
      saturation: fc.double({ min: 0, max: 1, noNaN: true }),
      colorCount: fc.nat(65536),
      edgeDensity: fc.double({ min: 0, max: 1, noNaN: true }),
    });
    fc.assert(
      fc.property(metrics, (m) => {
        const { type, confidence } = decide(m);
        if (m.saturation < DEFAULT_THRESHOLDS.saturation) expect(type).toBe("line_art");
        expect([1, 2, 3]).toContain(Math.round(confidence * 3));
      }),
    );
  });
});

describe("ImageClassifier", () => {
  it("takes thresholds as options", async () => {
    const strict = new ImageClassifier({ thresholds: { saturation: 0, colorCount: 0, edgeDensity: 1 } });
    expect((await strict.classify(line)).type).toBe("colored");
    expect(strict.thresholds).toEqual({ saturation: 0, colorCount: 0, edgeDensity: 1 });
  });

  it("refuses bad options", () => {
    expect(() => new ImageClassifier({ thresholds: { saturation: Number.NaN } })).toThrow(
      /saturation must be a number >= 0, got NaN/,
    );
    expect(() => new ImageClassifier({ thresholds: { edges: 1 } as object })).toThrow(
      /unknown classification threshold "edges"; there are saturation, colorCount, edgeDensity/,
    );
    expect(() => new ImageClassifier({ concurrency: 0 })).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
  });

  it("says the same of a path, its bytes and its decoded pixels, and caches by content", async () => {
    const classifier = new ImageClassifier();
    const bytes = readFileSync(line);
    const wanted = await classifier.classify(line);
    expect(await classifier.classify(bytes)).toEqual(wanted);
    expect(classifier.cacheSize).toBe(1);
    const { data, info } = await sharp(bytes).raw().toBuffer({ resolveWithObject: true });
    expect(await classifier.classify({ width: info.width, height: info.height, channels: 3, data })).toEqual(wanted);
    expect(classifier.cacheSize).toBe(2);
    expect(await classifier.getClassificationConfidence(line)).toBe(wanted.confidence);
    classifier.clearCache();
    expect(classifier.cacheSize).toBe(0);
    expect(await classifier.classify(line)).toEqual(wanted);
  });

  it("forgets the oldest picture when the cache is full", async () => {
    const classifier = new ImageClassifier({ cacheEntries: 1 });
    await classifier.classifyBatch([line, colour]);
    expect(classifier.cacheSize).toBe(1);
    const none = new ImageClassifier({ cacheEntries: 0 });
    await none.classify(line);
    expect(none.cacheSize).toBe(0);
  });

  it("goes on after a picture that fails, in order", async () => {
    const missing = goldenPath("classification/no-such-file.png");
    const results = await new ImageClassifier({ concurrency: 2 }).classifyBatch([colour, broken, missing, line]);
    expect(results.map(({ source }) => source)).toEqual([colour, broken, missing, line]);
    expect(results.map(({ classification, error }) => classification?.type ?? error?.code)).toEqual([
      "colored",
      "ERR_IMAGE_DECODE",
      "ERR_IMAGE_DECODE",
      "line_art",
    ]);
  });

  it("refuses a picture above the limit", async () => {
    await expect(new ImageClassifier({ limitPixels: 1000 }).classify(line)).rejects.toMatchObject({
      code: "ERR_IMAGE_DECODE",
      message: expect.stringContaining("exceeds pixel limit"),
    });
  });

  it("refuses a mode that does not fit the channels", () => {
    const image: ClassifierImage = { width: 1, height: 1, channels: 1, data: new Uint8Array(1) };
    expect(() => measure({ ...image, mode: "rgb" })).toThrow(
      /mode "rgb" with 1 channels cannot be classified; that mode has 3/,
    );
    expect(() => measure({ ...image, mode: "cmyk" })).toThrow(
      expect.objectContaining({ name: "ClassificationError", code: "ERR_CLASSIFICATION" }),
    );
    expect(() => measure({ ...image, mode: "hsv" as "rgb" })).toThrow(/use one of gray, /);
  });
});

describe("decoding for the classifier", () => {
  it.each([
    ["png palette", (p: Sharp) => p.png({ palette: true, colours: 16 }), "palette"],
    ["gif", (p: Sharp) => p.gif(), "palette"],
    ["gray", (p: Sharp) => p.toColourspace("b-w").png(), "gray"],
    ["rgb", (p: Sharp) => p.png(), undefined],
    [
      "tiff of one bit",
      (p: Sharp) => p.threshold().toColourspace("b-w").tiff({ bitdepth: 1, compression: "deflate", predictor: "none" }),
      "bilevel",
    ],
    ["cmyk jpeg", (p: Sharp) => p.toColourspace("cmyk").jpeg(), "cmyk"],
    ["avif", (p: Sharp) => p.avif(), undefined],
  ])("%s", async (_name, encode, mode) => {
    const picture = sharp(readFileSync(colour)).resize(60, 80, { fit: "fill" });
    const image = await decodeForClassification(await encode(picture).toBuffer(), "x");
    expect(image.mode).toBe(mode);
    expect([image.width, image.height]).toEqual([60, 80]);
    expect(measure(image).saturation > 0).toBe(mode === undefined || mode === "cmyk");
  });
});

describe("separateLineArtAndReferences", () => {
  it("takes a pile apart in its order, with every classification, and sets aside what cannot be read", async () => {
    const bytes = readFileSync(line);
    const { lineArt, references, classifications, failures } = await separateLineArtAndReferences([
      line,
      colour,
      broken,
      bytes,
    ]);
    expect(lineArt).toEqual([line, bytes]);
    expect(references).toEqual([colour]);
    expect([...classifications].map(([image, { type }]) => [image, type])).toEqual([
      [line, "line_art"],
      [colour, "colored"],
      [bytes, "line_art"],
    ]);
    expect(failures).toMatchObject([{ image: broken, error: { code: "ERR_IMAGE_DECODE" } }]);
    expect(await separateLineArtAndReferences([])).toEqual({
      lineArt: [],
      references: [],
      classifications: new Map(),
      failures: [],
    });
  });

  it("uses the thresholds of the classifier it is given", async () => {
    const strict = new ImageClassifier({ thresholds: { saturation: 0, colorCount: 0, edgeDensity: 1 } });
    expect(await separateLineArtAndReferences([line], strict)).toMatchObject({ lineArt: [], references: [line] });
  });
});
