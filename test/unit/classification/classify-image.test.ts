/**
 * Telling a picture: the same decision by the short way as by the classifier, for every kind of file, and the decoder's
 * errors.
 */
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { ImageClassifier } from "../../../src/classification/index.js";
import { isPlainPng } from "../../../src/classification/header.js";
import { classifyImage } from "../../../src/classification/classify-image.js";

const WIDTH = 301;
const HEIGHT = 420;

/** A drawing with lines; in colours of two hues, since one warm hue would be a stained paper's. */
function drawing(colour: boolean): Sharp {
  const data = new Uint8Array(WIDTH * HEIGHT * 3);
  for (let y = 0; y < HEIGHT; y++) {
    for (let x = 0; x < WIDTH; x++) {
      const ink = (x * 7 + y * 3) % 41 < 3 || (x - y) % 29 === 0;
      const paint = !colour ? [255, 255, 255] : x < WIDTH / 2 ? [230, 90, 60 + (y >> 2)] : [70, 120, 220];
      data.set(ink ? [0, 0, 0] : paint, 3 * (y * WIDTH + x));
    }
  }
  return sharp(data, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
}

describe("telling a picture", () => {
  it.each([
    ["a PNG", (colour) => drawing(colour).png(), true],
    ["a PNG of RGB with alpha", (colour) => drawing(colour).ensureAlpha().png(), false],
    ["a palette PNG", (colour) => drawing(colour).png({ palette: true }), false],
    ["a PNG with a profile", (colour) => drawing(colour).withIccProfile("p3").png(), false],
    ["a PNG that is to be turned", (colour) => drawing(colour).withMetadata({ orientation: 6 }).png(), false],
    ["a JPEG", (colour) => drawing(colour).jpeg({ quality: 95 }), false],
    ["a WebP", (colour) => drawing(colour).webp({ lossless: true }), false],
  ] as [string, (colour: boolean) => Sharp, boolean][])("%s: what the classifier says", async (_, make, plain) => {
    for (const colour of [false, true]) {
      const bytes = new Uint8Array(await make(colour).toBuffer());
      expect(isPlainPng(bytes)).toBe(plain);
      const { type, confidence, ambiguous } = await new ImageClassifier({ decision: "calibrated" }).classify(bytes);
      expect(await classifyImage(bytes, "p", { decision: "calibrated" })).toEqual({ type, confidence, ambiguous });
      expect(await classifyImage(bytes, "p", { decision: "calibrated", withMetrics: true })).toEqual(
        await new ImageClassifier({ decision: "calibrated" }).classify(bytes),
      );
      expect(type).toBe(colour ? "colored" : "line_art");
      expect(await classifyImage(bytes, "p", { decision: "plain" })).toEqual(
        await new ImageClassifier({ decision: "plain" }).classify(bytes),
      );
      expect(await classifyImage(bytes, "p")).toEqual({ type, confidence, ambiguous });
    }
  });

  it("a damaged one and one that is too large: the decoder's error, whose message names the file", async () => {
    const bytes = new Uint8Array(await drawing(true).png().toBuffer());
    await expect(
      classifyImage(bytes.slice(0, bytes.length >> 1), "cut.png", { decision: "calibrated" }),
    ).rejects.toMatchObject({ code: "ERR_IMAGE_DECODE", message: expect.stringContaining("cut.png") });
    await expect(classifyImage(bytes, "big.png", { decision: "calibrated", maxPixels: 1000 })).rejects.toMatchObject({
      code: "ERR_IMAGE_LIMIT",
      message: expect.stringContaining("big.png"),
    });
    for (const say of [classifyImage, (text: Uint8Array, name: string) => new ImageClassifier().classify(text, name)]) {
      await expect(say(new Uint8Array(Buffer.from("some words")), "note.png")).rejects.toMatchObject({
        code: "ERR_IMAGE_DECODE",
        message: expect.stringMatching(/^note\.png is not a picture .*plain text/u),
      });
    }
    expect(isPlainPng(new Uint8Array(0))).toBe(false);
    expect(isPlainPng(bytes.slice(0, 40))).toBe(false);
  });
});
