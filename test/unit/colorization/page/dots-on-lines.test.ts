/** Dots on a page's lines: a warning with the nearest place beside the line. */
import { expect, it } from "vitest";
import type { RasterImage } from "../../../../src/binding/raster.js";
import { dotsOnLines } from "../../../../src/colorization/page/dots-on-lines.js";

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
  expect(dotsOnLines(page(channels), hints)).toEqual([
    "the hint at 20,12.5 lies on a line, so it is not clear which region it is for; the nearest clear place is 16,12",
    "the hint at 23,0 lies on a line, so it is not clear which region it is for; the nearest clear place is 27,0",
  ]);
});

it("names no place where there is none near, and leaves dots outside the page to the check of hints", () => {
  const black: RasterImage = { width: 9, height: 9, channels: 1, data: new Uint8Array(81) };
  const color = [0, 0, 255] as const;
  expect(dotsOnLines(black, [{ x: 4, y: 4, color }])).toEqual([expect.stringMatching(/move it into the region$/)]);
  expect(dotsOnLines(black, [{ x: 90, y: 4, color }])).toEqual([]);
});
