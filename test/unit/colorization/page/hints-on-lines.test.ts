/** Hints on a page's lines: a warning with the nearest place beside the line. */
import { expect, it } from "vitest";
import type { RasterImage } from "../../../../src/binding/raster.js";
import { hintsOnLines } from "../../../../src/colorization/page/hints-on-lines.js";

/** White with a black line from x 20 to 23, all the way down. */
function page(channels: 1 | 3, width = 60, height = 40): RasterImage {
  const data = new Uint8Array(width * height * channels).fill(255);
  for (let y = 0; y < height; y++) data.fill(0, (y * width + 20) * channels, (y * width + 24) * channels);
  return { width, height, channels, data };
}

it.each([1, 3] as const)("names the nearest clear place, with %i channels", (channels) => {
  const hints = [
    { x: 10, y: 10, color: [255, 0, 0] as const },
    { x: 20, y: 12.5, color: [255, 0, 0] as const },
    { x: 23, y: 0, color: [255, 0, 0] as const },
  ];
  expect(hintsOnLines(page(channels), hints)).toEqual([
    "the hint at 20,12.5 lies on a line, so it is not clear which region it is for; the nearest clear place is 16,12",
    "the hint at 23,0 lies on a line, so it is not clear which region it is for; the nearest clear place is 27,0",
  ]);
});

it("names no place where there is none near, and leaves dots outside the page to the check of hints", () => {
  const black: RasterImage = { width: 9, height: 9, channels: 1, data: new Uint8Array(81) };
  const color = [0, 0, 255] as const;
  expect(hintsOnLines(black, [{ x: 4, y: 4, color }])).toEqual([expect.stringMatching(/move it into the region$/)]);
  expect(hintsOnLines(black, [{ x: 90, y: 4, color }])).toEqual([]);
});

/** Strokes as rectangles: x, y, width, height, colour. */
function strokes(...all: (readonly [x: number, y: number, width: number, height: number, red: number])[]) {
  const picture = { width: 120, height: 80, channels: 4 as const, data: new Uint8Array(120 * 80 * 4) };
  for (const [left, top, width, height, red] of all)
    for (let y = top; y < top + height; y++)
      for (let x = left; x < left + width; x++) picture.data.set([red, 0, 0, 255], (y * 120 + x) * 4);
  return picture;
}

it("names strokes of a picture, twice the page's size, that touch nothing but ink", () => {
  const onLine = "the stroke at 21,5 lies on a line, so it colours nothing; the nearest clear place is 16,5";
  expect(hintsOnLines(page(1), strokes([42, 10, 4, 20, 255]))).toEqual([onLine]);
  // One that leaves the line says which region it is for; one of another colour beside it is another stroke.
  expect(hintsOnLines(page(3), strokes([42, 10, 20, 2, 255]))).toEqual([]);
  expect(hintsOnLines(page(3), strokes([42, 10, 6, 20, 255], [48, 10, 20, 20, 254]))).toEqual([onLine]);
});

it("counts strokes where there are many", () => {
  const many = strokes(...Array.from({ length: 12 }, (_, i) => [42, 2 + 6 * i, 2, 2, 255] as const));
  const warnings = hintsOnLines(page(1), many);
  expect(warnings).toHaveLength(9);
  expect(warnings.at(-1)).toBe("4 more strokes lie on lines and colour nothing");
});
