/** Hints in a page's own pixels as the model takes them, and in the finished page. */
import { describe, expect, it } from "vitest";
import { composeInk } from "../../../../src/binding/pixels/ink.js";
import type { PixelImage } from "../../../../src/binding/pixels/pixels.js";
import { hintPictureFault, prepareHints, type PageHint } from "../../../../src/colorization/page/page-hints.js";
import { apart, drawn, pixel, type Color } from "../../../support/drawn-page.js";

const RED: Color = [220, 60, 50];
const GREEN: Color = [60, 170, 80];
const BUCKET = { width: 128, height: 96 };

/** Two rooms of 200 x 150 beside each other, inside a margin. */
const page = drawn(440, 330, (x, y) =>
  ((Math.abs(x - 20) < 2 || Math.abs(x - 220) < 2 || Math.abs(x - 420) < 2) && y > 18 && y < 312) ||
  ((Math.abs(y - 20) < 2 || Math.abs(y - 310) < 2) && x > 18 && x < 422)
    ? 0
    : 255,
);
const at = (image: PixelImage<4>, x: number, y: number): number[] => [
  ...image.data.subarray((y * image.width + x) * 4, (y * image.width + x) * 4 + 4),
];

describe("prepareHints", () => {
  it("gives a model of squares one square a dot, at its place in the bucket", () => {
    const { marks, grown } = prepareHints(page, BUCKET, "squares", { page: [{ x: 220, y: 165, color: RED }] });
    expect(grown).toBeUndefined();
    expect([marks.width, marks.height]).toEqual([128, 96]);
    expect([at(marks, 56, 40)[3], at(marks, 71, 55)[3], at(marks, 72, 48)[3], at(marks, 64, 39)[3]]).toEqual([
      255, 255, 0, 0,
    ]);
    expect(marks.data.filter((value, index) => index % 4 === 3 && value > 0)).toHaveLength(256);
  });

  it("gives a model of regions the whole region, in the bucket and over the page", () => {
    const { marks, grown } = prepareHints(page, BUCKET, "regions", {
      page: [
        { x: 60, y: 60, color: RED },
        { x: 300, y: 200, color: GREEN },
      ],
    });
    expect([grown!.width, grown!.height]).toEqual([440, 330]);
    expect([at(grown!, 200, 300), at(grown!, 240, 30), at(grown!, 5, 5)]).toEqual([
      [...RED, 255],
      [...GREEN, 255],
      [0, 0, 0, 0],
    ]);
    expect([at(marks, 50, 80), at(marks, 80, 20), at(marks, 1, 1)]).toEqual([
      [...RED, 255],
      [...GREEN, 255],
      [0, 0, 0, 0],
    ]);
    const squares = prepareHints(page, BUCKET, "regions", { squares: [{ x: 30, y: 30, color: RED }] });
    expect([at(squares.grown!, 200, 300), at(squares.grown!, 240, 30)[3]]).toEqual([[...RED, 255], 0]);
  });

  it("takes a picture of another size, and looks for regions on a smaller grid where the page is large", () => {
    const strokes = { width: 44, height: 33, channels: 4 as const, data: new Uint8Array(44 * 33 * 4) };
    strokes.data.set([...RED, 200], (10 * 44 + 10) * 4);
    strokes.data.set([...GREEN, 100], (10 * 44 + 30) * 4);
    const { grown } = prepareHints(page, BUCKET, "regions", { page: strokes });
    expect([at(grown!, 200, 300), at(grown!, 240, 30)[3]]).toEqual([[...RED, 255], 0]);
    expect(at(prepareHints(page, BUCKET, "squares", { page: strokes }).marks, 30, 31)).toEqual([...RED, 200]);
    const large = drawn(2600, 1950, (x, y) => (Math.abs(x - 1300) < 4 ? 0 : 255 - (x === y ? 1 : 0)));
    const big = prepareHints(large, BUCKET, "regions", { page: [{ x: 100, y: 100, color: RED, radius: 20 }] });
    expect([big.grown!.width, big.grown!.height]).toEqual([1300, 975]);
  });

  it.each<[PageHint, RegExp]>([
    [
      { x: 440, y: 0, color: RED },
      /\(440, 0\) is outside the page of 440 x 330; x goes from 0 to 439 and y from 0 to 329/,
    ],
    [{ x: Number.NaN, y: 0, color: RED }, /outside/],
    [{ x: 1, y: 1, color: [0, 0, 300] }, /colour \[0, 0, 300\]/],
    [{ x: 1, y: 1, color: RED, radius: 0 }, /radius 0/],
  ])("refuses %o", (hint, message) => {
    for (const form of ["squares", "regions"] as const)
      expect(() => prepareHints(page, BUCKET, form, { page: [hint] })).toThrow(message);
  });

  it("refuses a picture of another shape, and bears with the rounding of a small one", () => {
    expect(hintPictureFault({ width: 330, height: 440 }, page)).toMatch(
      /is 330 x 440, another shape than the page of 440 x 330/,
    );
    for (const width of [440, 220, 147, 73, 20])
      expect(hintPictureFault({ width, height: Math.round((width * 330) / 440) }, page)).toBeUndefined();
  });
});

describe("composeInk with hints", () => {
  const model = drawn(128, 96, (x) => (x < 64 ? [150, 120, 200 - x] : [200, 190, 90]));
  const { grown } = prepareHints(page, BUCKET, "regions", { page: [{ x: 60, y: 60, color: RED }] });
  const plain = composeInk(page, model),
    hinted = composeInk(page, model, grown);

  it("gives the region the hint's colour and leaves all else to the byte", () => {
    expect(apart(pixel(hinted, 120, 150), RED)).toBeLessThan(12);
    for (let y = 0; y < 330; y++) {
      for (let x = 0; x < 440; x++)
        if (at(grown!, x, y)[3] === 0) expect(pixel(hinted, x, y)).toEqual(pixel(plain, x, y));
    }
  });

  it("keeps the page's ink black and the model's light and shade inside the region", () => {
    expect(pixel(hinted, 20, 150)).toEqual([0, 0, 0]);
    const light = drawn(128, 96, (_x, y) => (y < 48 ? [180, 150, 220] : [150, 120, 190]));
    const shaded = composeInk(page, light, grown);
    expect(pixel(shaded, 120, 60)[1]).toBeGreaterThan(pixel(shaded, 120, 270)[1] + 3);
    expect(apart(pixel(shaded, 120, 60), RED)).toBeLessThan(30);
  });

  it("refuses hints without alpha", () => {
    expect(() => composeInk(page, model, page as never)).toThrow(/hints must have 4 channels/);
  });
});
