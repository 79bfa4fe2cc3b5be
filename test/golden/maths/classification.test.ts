/**
 * The golden classification files: what the original classifier says of each of the 25, from the file to the decision.
 */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { countEdges, thumbnail, toGray, type PixelImage } from "../../../src/binding/pixels/pixels.js";
import { decodeForClassification, ImageClassifier, measure } from "../../../src/classification/index.js";
import { edgeThresholds } from "../../../src/classification/metrics.js";
import { expectSamePictures, goldenPath, readGray, readRgb } from "../../support/golden-maths.js";

interface GoldenFile {
  type?: string;
  confidence?: number;
  metrics?: { saturation: number; color_count: number; edge_density: number };
  error?: string;
  median?: number;
  canny_low?: number;
  canny_high?: number;
  edge_pixels?: number;
}

const { files } = JSON.parse(readFileSync(goldenPath("classification/values.json"), "utf8")) as {
  files: Record<string, GoldenFile>;
};
const measured = Object.entries(files).filter(([, golden]) => golden.metrics);

describe("classification", () => {
  it("has 25 files", () => {
    expect(Object.keys(files)).toHaveLength(25);
    expect(measured).toHaveLength(22);
  });

  it.each(measured)("%s", async (name, golden) => {
    const { type, confidence, metrics } = await new ImageClassifier({ decision: "plain" }).classify(
      goldenPath(`classification/${name}`),
    );
    // Exact, also for the lossy files: sharp's decoders give the bytes that PIL's do.
    expect(metrics.saturation).toBeCloseTo(golden.metrics!.saturation, 12);
    expect(metrics.colorCount).toBe(golden.metrics!.color_count);
    expect(metrics.edgeDensity).toBeCloseTo(golden.metrics!.edge_density, 12);
    expect(type).toBe(golden.type);
    expect(confidence).toBeCloseTo(golden.confidence!, 12);
  });

  it.each(["22_truncated.png", "23_not_an_image.png"])("%s is refused", async (name) => {
    const path = goldenPath(`classification/${name}`);
    await expect(new ImageClassifier({ decision: "plain" }).classify(path)).rejects.toMatchObject({
      name: "ImageProcessingError",
      code: "ERR_IMAGE_DECODE",
      imagePath: path,
    });
  });

  it("15_gray_alpha.png, which the original cannot measure, counts as gray", async () => {
    const golden = files["15_gray_alpha.png"]!;
    const image = await decodeForClassification(
      readFileSync(goldenPath("classification/15_gray_alpha.png")),
      "15_gray_alpha.png",
    );
    expect(edgeThresholds(image as PixelImage<1>)).toEqual({ low: golden.canny_low, high: golden.canny_high });
    expect(measure(image)).toEqual({
      saturation: 0,
      colorCount: 256,
      edgeDensity: golden.edge_pixels! / (image.width * image.height),
    });
  });

  it.each(["02_antialiased_line_art_rgb.png", "05_screentone.png", "11_colour_page.webp"])(
    "as many edges as in OpenCV's map of %s",
    async (name) => {
      const gray = toGray(
        (await decodeForClassification(readFileSync(goldenPath(`classification/${name}`)), name)) as PixelImage<1 | 3>,
      );
      const { low, high } = edgeThresholds(gray);
      const { data } = await readGray(`images/classification/edges_${name.slice(0, 2)}.png`);
      expect(countEdges(gray, low, high)).toBe(data.filter((value) => value === 255).length);
    },
  );

  it("thumbnails, with and without the box step", async () => {
    expectSamePictures(
      thumbnail(await readRgb("classification/02_antialiased_line_art_rgb.png"), 256, 256),
      await readRgb("images/classification/thumbnail_02.png"),
    );
    expectSamePictures(
      thumbnail(await readGray("classification/18_large_line_art.png"), 256, 256),
      await readGray("images/classification/thumbnail_18.png"),
    );
    expectSamePictures(
      thumbnail(await readRgb("classification/19_large_colour.webp"), 256, 256),
      await readRgb("images/classification/thumbnail_19.png"),
    );
  });
});
