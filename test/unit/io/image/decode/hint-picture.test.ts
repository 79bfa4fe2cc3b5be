// Pictures of hints: what is decoded, and which are refused and why.
import sharp, { type Sharp } from "sharp";
import { describe, expect, it } from "vitest";
import { decodeHintPicture, hintPictureHeadFault } from "../../../../../src/io/image/decode/hint-picture.js";

/** 8 x 6 pixels; the left half is a stroke of the colour, half of that nearly transparent. */
const strokes = (rgb: readonly [number, number, number]): Sharp => {
  const data = Buffer.alloc(8 * 6 * 4);
  for (let i = 0; i < 48; i++) if (i % 8 < 4) data.set([...rgb, i % 8 < 2 ? 255 : 60], i * 4);
  return sharp(data, { raw: { width: 8, height: 6, channels: 4 } });
};

describe("decodeHintPicture", () => {
  it.each(["png", "webp", "tiff"] as const)("keeps colours and alpha of %s", async (format) => {
    const picture = await decodeHintPicture(
      await strokes([200, 30, 90]).toFormat(format, { lossless: true, compression: "lzw" }).toBuffer(),
      "h",
    );
    expect([picture.width, picture.height, picture.channels]).toEqual([8, 6, 4]);
    expect([...picture.data.subarray(0, 4)]).toEqual([200, 30, 90, 255]);
    expect([picture.data[2 * 4 + 3], picture.data[5 * 4 + 3]]).toEqual([60, 0]);
  });

  it("takes palettes, gray with alpha and 16 bits", async () => {
    const palette = await strokes([10, 20, 30]).png({ palette: true, colours: 8, dither: 0 }).toBuffer();
    const gray = await strokes([77, 77, 77]).toColourspace("b-w").png().toBuffer();
    const deep = await strokes([10, 20, 30]).toColourspace("rgb16").png().toBuffer();
    for (const [bytes, color] of [
      [palette, [10, 20, 30]],
      [gray, [77, 77, 77]],
      [deep, [10, 20, 30]],
    ] as const) {
      const { data } = await decodeHintPicture(bytes, "h");
      expect([...data.subarray(0, 4)]).toEqual([...color, 255]);
    }
  });

  it.each([
    ["no picture", () => Promise.resolve(Buffer.from("hello")), /h\.png is not a picture that can be read/],
    ["no transparency", () => strokes([1, 2, 3]).flatten().png().toBuffer(), /has no transparency/],
    [
      "a cut-off file",
      async () =>
        (
          await sharp({
            create: {
              width: 200,
              height: 200,
              channels: 4,
              background: "#12345680",
              noise: { type: "gaussian", mean: 128, sigma: 30 },
            },
          })
            .png()
            .toBuffer()
        ).subarray(0, 3000),
      /damaged/,
    ],
    [
      "nothing painted",
      () =>
        sharp({ create: { width: 8, height: 8, channels: 4, background: "#11223300" } })
          .png()
          .toBuffer(),
      /has no stroke/,
    ],
    [
      "opaque everywhere",
      () =>
        sharp({ create: { width: 8, height: 8, channels: 4, background: "#112233ff" } })
          .png()
          .toBuffer(),
      /opaque everywhere/,
    ],
  ] as const)("refuses %s, with what to do", async (_what, make, message) => {
    await expect(decodeHintPicture(await make(), "h.png")).rejects.toMatchObject({
      code: "ERR_HINTS",
      imagePath: "h.png",
      message: expect.stringMatching(message) as string,
      remedy: expect.stringMatching(/^(?:save the layer with the strokes alone as PNG|paint one)/) as string,
    });
  });

  it("tells from the head alone what does not depend on the pixels", async () => {
    expect(await hintPictureHeadFault(await strokes([1, 2, 3]).png().toBuffer())).toBeUndefined();
    expect(await hintPictureHeadFault(await strokes([1, 2, 3]).flatten().jpeg().toBuffer())).toEqual({
      message: "has no transparency, so strokes cannot be told from the rest",
      remedy: "save the layer with the strokes alone as PNG",
    });
  });
});
