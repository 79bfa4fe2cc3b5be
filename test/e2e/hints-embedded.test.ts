// Colour hints with the embedded model on a drawn page: a stroke's region gets the stroke's colour. (What the network
// makes of the other regions is its own; the composition leaves them alone, see unit/page-hints.)
import { describe, expect, it } from "vitest";
import { Engine } from "../../src/colorization/engine.js";
import type { PageHint } from "../../src/colorization/page/page-hints.js";
import { defaultModelDirectory } from "../../src/model/default-model.js";
import { drawn, pixel, type Color, type Picture } from "../support/drawn-page.js";

const WIDTH = 480;
const HEIGHT = 640;

// Twelve tiles of 120 x 160 with wavy walls of 4 pixels; one wall has a gap of 3.
const wave = (place: number): number => 6 * Math.sin(place / 23);
const tileOf = (x: number, y: number): number =>
  Math.min(3, Math.max(0, Math.floor((x + wave(y)) / 120))) +
  4 * Math.min(2, Math.max(0, Math.floor((y + wave(x)) / 213)));
const isWall = (x: number, y: number): boolean =>
  [1, 2, 3].some((n) => Math.abs(x + wave(y) - 120 * n) <= 2 && !(n === 2 && y >= 100 && y < 103)) ||
  [1, 2].some((n) => Math.abs(y + wave(x) - 213 * n) <= 2);
const page = (): Picture => drawn(WIDTH, HEIGHT, (x, y) => (isWall(x, y) ? 0 : 255));

function lab([r, g, b]: Color): number[] {
  const linear = [r, g, b].map((value) =>
    value <= 10 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4,
  ) as [number, number, number];
  const xyz = [
    [0.4124, 0.3576, 0.1805, 0.9505],
    [0.2126, 0.7152, 0.0722, 1],
    [0.0193, 0.1192, 0.9505, 1.0888],
  ].map((row) => (row[0]! * linear[0] + row[1]! * linear[1] + row[2]! * linear[2]) / row[3]!);
  const [x, y, z] = xyz.map((t) => (t > 0.008856 ? Math.cbrt(t) : 7.787 * t + 16 / 116)) as [number, number, number];
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)];
}

const cie76 = (a: Color, b: Color): number => Math.hypot(...lab(a).map((value, c) => value - lab(b)[c]!));

/** Median of each channel in a tile, a few pixels off its walls. */
function colourOf(image: Picture, tile: number): Color {
  const found: Color[] = [];
  for (let y = 8; y < HEIGHT - 8; y += 3) {
    for (let x = 8; x < WIDTH - 8; x += 3)
      if (
        tileOf(x, y) === tile &&
        tileOf(x - 5, y) === tile &&
        tileOf(x + 5, y) === tile &&
        tileOf(x, y - 5) === tile &&
        tileOf(x, y + 5) === tile
      )
        found.push(pixel(image, x, y));
  }
  return [0, 1, 2].map(
    (c) => found.map((color) => color[c]!).sort((a, b) => a - b)[found.length >> 1]!,
  ) as unknown as Color;
}

describe("a stroke on a page of the embedded model", () => {
  it("colours its region within CIE76 5", async () => {
    const engine = await Engine.open({ model: defaultModelDirectory() });
    try {
      using references = engine.references([
        {
          name: "sky",
          image: drawn(WIDTH, HEIGHT, (x, y) =>
            y < 300 ? [120, 180, 230] : x < 200 ? [90, 160, 80] : [230, 190, 150],
          ),
        },
      ]);
      const colour = async (pageHints: readonly PageHint[]): Promise<Picture> =>
        (
          await engine.colorize(references, {
            page: page(),
            style: "line + shadow",
            seed: 0,
            steps: 1,
            topK: 2,
            pageHints,
          })
        ).image as Picture;
      const hints = [
        { x: 180, y: 100, color: [224, 60, 40] },
        { x: 300, y: 320, color: [40, 90, 200] },
        { x: 60, y: 560, color: [250, 220, 90] },
        { x: 420, y: 540, color: [60, 50, 70] },
      ] as const;
      const hinted = await colour(hints);
      const tiles = hints.map(({ x, y }) => tileOf(x, y));
      for (const [index, tile] of tiles.entries())
        expect(cie76(colourOf(hinted, tile), hints[index]!.color)).toBeLessThan(5);
    } finally {
      await engine.close();
    }
  }, 180_000);
});
