/**
 * Whether WebP and AVIF files are without loss, by their headers: as their encoder wrote them, in plain and extended
 * containers.
 */
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { decodeImage } from "../../../../../src/io/image/image-codec.js";
import { isLossless } from "../../../../../src/io/image/headers/lossless.js";

const [WIDTH, HEIGHT] = [20, 30];
const pixels = Uint8Array.from({ length: WIDTH * HEIGHT * 3 }, (_, i) => (i * 7919) >> 3);
const picture = (channels: 3 | 4 = 3): Sharp => {
  const rgb = sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3 } });
  return channels === 3 ? rgb : rgb.ensureAlpha(0.5);
};
/** Two frames. */
const moving = (lossless: boolean): Sharp =>
  sharp(pixels, { raw: { width: WIDTH, height: HEIGHT, channels: 3, pageHeight: HEIGHT / 2 } as never }).webp({
    lossless,
  });

describe("isLossless", () => {
  it.each([
    ["webp", "plain", (lossless) => picture().webp({ lossless })],
    [
      "webp",
      "with resolution and profile",
      (lossless) => picture().withDensity(300).withIccProfile("p3").webp({ lossless }),
    ],
    ["webp", "with alpha", (lossless) => picture(4).webp({ lossless })],
    ["webp", "in frames", moving],
    ["avif", "plain", (lossless) => picture().avif({ lossless })],
    ["avif", "with alpha", (lossless) => picture(4).avif({ lossless })],
  ] as ["webp" | "avif", string, (lossless: boolean) => Sharp][])("%s, %s", async (format, _, make) => {
    for (const lossless of [true, false]) {
      const bytes = await make(lossless).toBuffer();
      expect(isLossless(bytes, format)).toBe(lossless);
      expect((await decodeImage(bytes, "p")).info.isLossless).toBe(lossless);
      // cut anywhere: nothing is thrown
      for (let end = 0; end < bytes.byteLength; end += 7) isLossless(bytes.subarray(0, end), format);
    }
  });

  it("says nothing of other formats", async () => {
    expect(isLossless(await picture().png().toBuffer(), "png")).toBe(false);
    expect(isLossless(Buffer.from("RIFF\xff\xff\xff\xffWEBPANMF\xff\xff\xff\xff", "latin1"), "webp")).toBe(false);
  });
});
