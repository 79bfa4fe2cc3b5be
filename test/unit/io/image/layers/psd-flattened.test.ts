// The flattened picture of a Photoshop document: what was written is read; what is cut or odd is refused.
import sharp from "sharp";
import { describe, expect, it } from "vitest";
import { readFlattened } from "../../../../../src/io/image/layers/psd-flattened.js";
import { encodePsd } from "../../../../../src/io/image/layers/psd.js";
import { makeThumbnail } from "../../../../../src/io/image/thumbnail.js";
import { drawn, noise } from "../../../../support/drawn-page.js";

describe("the flattened picture of a Photoshop document", () => {
  const random = noise(5);
  // Runs and single pixels, so that rows pack in both ways.
  const image = drawn(57, 23, (x, y) =>
    y % 3 === 0 ? [200, 10, x < 30 ? 0 : 90] : [random.next().value * 255, (x * 4) & 255, y * 7],
  );
  const file = encodePsd({ image, layers: [{ name: "ink", image, blend: "normal" }], density: 300 });

  it("is what was written, pixel by pixel", () => {
    const { width, height, data } = readFlattened(file, "page.psd");
    expect([width, height]).toEqual([57, 23]);
    expect(Buffer.from(data).equals(Buffer.from(image.data))).toBe(true);
  });

  it("is refused where the document is cut anywhere", () => {
    for (const length of [4, 20, 40, file.byteLength - 300, file.byteLength - 1])
      expect(() => readFlattened(file.subarray(0, length), "page.psd")).toThrow(/page\.psd/);
  });

  it("is refused where the header claims more than there is", () => {
    const liar = Uint8Array.from(file);
    new DataView(liar.buffer).setUint32(14, 0x7fffffff);
    expect(() => readFlattened(liar, "page.psd")).toThrow(expect.objectContaining({ code: "ERR_IMAGE_DECODE" }));
  });

  it("has a thumbnail", async () => {
    const small = await sharp(await makeThumbnail(file, "page.psd", 32)).metadata();
    expect([small.format, small.width]).toEqual(["webp", 32]);
  });
});
