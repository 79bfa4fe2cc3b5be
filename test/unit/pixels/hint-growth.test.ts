/** Colour hints grown to regions: drawn pages, of which it is known which pixel belongs to what. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { growHints } from "../../../src/binding/pixels/hints.js";
import type { PixelImage } from "../../../src/binding/pixels/pixels.js";
import { drawn, type Color, type Picture } from "../../support/drawn-page.js";

const WIDTH = 320;
const HEIGHT = 240;
const RED: Color = [220, 60, 50];
const BLUE: Color = [70, 110, 210];

/** Strokes: discs, later ones over earlier ones. */
function strokes(...list: { x: number; y: number; color: Color; radius?: number }[]): PixelImage<4> {
  const data = new Uint8Array(WIDTH * HEIGHT * 4);
  for (const { x, y, color, radius = 2 } of list) {
    for (let v = y - radius; v <= y + radius; v++)
      for (let u = x - radius; u <= x + radius; u++) data.set([...color, 255], (v * WIDTH + u) * 4);
  }
  return { width: WIDTH, height: HEIGHT, channels: 4, data };
}

const at = (grown: PixelImage<4>, x: number, y: number): number[] => [
  ...grown.data.subarray((y * grown.width + x) * 4, (y * grown.width + x) * 4 + 4),
];
const reached = (grown: PixelImage<4>): number =>
  grown.data.filter((value, index) => index % 4 === 3 && value > 0).length;

/**
 * A square room from (20, 20) to (120, 120) beside another up to (220, 120), with lines of 3 pixels; `gap` pixels of
 * the wall between them are missing.
 */
const rooms = (gap: number, paper = 255): Picture =>
  drawn(WIDTH, HEIGHT, (x, y) => {
    const wall = (value: number, place: number): boolean => Math.abs(value - place) <= 1;
    const inside = x >= 19 && x <= 221 && y >= 19 && y <= 121;
    const door = y >= 70 && y < 70 + gap;
    return inside && (wall(x, 20) || wall(x, 220) || wall(y, 20) || wall(y, 121 - 1) || (wall(x, 120) && !door))
      ? 0
      : paper;
  });

describe("growHints", () => {
  it("fills the region that a stroke touches, to the middle of its lines, and nothing else", () => {
    const grown = growHints(rooms(0), strokes({ x: 50, y: 60, color: RED }));
    expect(at(grown, 25, 25)).toEqual([...RED, 255]);
    expect(at(grown, 118, 118)).toEqual([...RED, 255]);
    expect([at(grown, 119, 60)[3], at(grown, 121, 60)[3], at(grown, 122, 60)[3], at(grown, 10, 10)[3]]).toEqual([
      255, 0, 0, 0,
    ]);
  });

  it.each([1, 2, 3, 4])("does not leave through a gap of %i pixels", (gap) => {
    const grown = growHints(rooms(gap), strokes({ x: 50, y: 60, color: RED }));
    expect([at(grown, 100, 100), at(grown, 112, 71)]).toEqual([
      [...RED, 255],
      [...RED, 255],
    ]);
    expect([at(grown, 140, 60)[3], at(grown, 126, 71)[3]]).toEqual([0, 0]);
  });

  describe("past a line that ends before another one (a fold above a hem)", () => {
    /** A room from (20, 20) to (220, 120), parted at `x` by a line from above that ends `gap` pixels over the floor. */
    const folded = (gap: number, x = 120): Picture =>
      drawn(WIDTH, HEIGHT, (u, v) => {
        const near = (value: number, place: number): boolean => Math.abs(value - place) <= 1;
        const inside = u >= 19 && u <= 221 && v >= 19 && v <= 121;
        const isWall = near(u, 20) || near(u, 220) || near(v, 20) || near(v, 120);
        return inside && (isWall || (near(u, x) && v < 119 - gap)) ? 0 : 255;
      });

    it.each([1, 2, 3, 4])("goes on over a gap of %i pixels", (gap) => {
      const grown = growHints(folded(gap), strokes({ x: 50, y: 60, color: RED }));
      expect([at(grown, 100, 100), at(grown, 200, 40), at(grown, 240, 60)[3]]).toEqual([
        [...RED, 255],
        [...RED, 255],
        0,
      ]);
    });

    it("stays where the line meets the other, where the other side has a stroke, and where it is much larger", () => {
      expect(at(growHints(folded(0), strokes({ x: 50, y: 60, color: RED })), 200, 40)[3]).toBe(0);
      const both = growHints(folded(3), strokes({ x: 50, y: 60, color: RED }, { x: 200, y: 60, color: BLUE }));
      expect([at(both, 110, 110), at(both, 130, 110)]).toEqual([
        [...RED, 255],
        [...BLUE, 255],
      ]);
      expect(at(growHints(folded(3, 50), strokes({ x: 34, y: 60, color: RED })), 200, 40)[3]).toBe(0);
    });
  });

  it("goes through an opening that is meant as one, and into what only tapers", () => {
    expect(at(growHints(rooms(30), strokes({ x: 50, y: 60, color: RED })), 200, 100)).toEqual([...RED, 255]);
    // A wedge, 2 pixels wide at its end.
    const wedge = drawn(WIDTH, HEIGHT, (x, y) => (x > 20 && x < 300 && Math.abs(y - 120) < 1 + (x - 20) / 6 ? 255 : 0));
    expect(at(growHints(wedge, strokes({ x: 290, y: 120, color: RED })), 26, 120)).toEqual([...RED, 255]);
  });

  it("shares a region between strokes by the way inside it, not by distance as the crow flies", () => {
    // A wall from above leaves an opening at the bottom: behind it the far stroke is nearer on foot.
    const bend = drawn(WIDTH, HEIGHT, (x, y) => (Math.abs(x - 160) <= 2 && y < 200 ? 0 : 255));
    const rest = (x: number, y: number): boolean => x < 8 || y < 8 || x > WIDTH - 9 || y > HEIGHT - 9;
    const page = drawn(WIDTH, HEIGHT, (x, y) =>
      rest(x, y) && (x % 200 < 4 || y % 150 < 4) ? 0 : bend.data[(y * WIDTH + x) * 3]!,
    );
    const small = { x: 150, y: 40, color: RED },
      far = { x: 290, y: 180, color: BLUE };
    const grown = growHints(page, strokes(small, far));
    expect(at(grown, 152, 60).slice(0, 3)).toEqual(RED);
    expect(at(grown, 290, 170).slice(0, 3)).toEqual(BLUE);
    expect(at(grown, 170, 60).slice(0, 3)).not.toEqual(RED);
  });

  it("leaves alone what a stroke only brushes against, and keeps a stroke on nothing but ink as it is", () => {
    const brushing = growHints(rooms(0), strokes({ x: 111, y: 60, color: RED, radius: 11 }));
    expect([at(brushing, 30, 30)[3], at(brushing, 200, 100)[3]]).toEqual([255, 0]);
    const page = drawn(WIDTH, HEIGHT, (x, y) => (Math.hypot(x - 160, y - 120) < 30 ? 0 : 255));
    expect(reached(growHints(page, strokes({ x: 160, y: 120, color: RED })))).toBe(25);
  });

  it("reaches an eighth of the longer side in open paper, and fades on the second half of that way", () => {
    const grown = growHints(rooms(0), strokes({ x: 270, y: 180, color: RED }));
    const alpha = [10, 18, 24, 30, 36, 50].map((d) => at(grown, 270 - 2 - d, 180)[3]!);
    expect(alpha.slice(0, 2)).toEqual([255, 255]);
    expect(alpha[2]).toBeLessThan(255);
    expect(alpha[3]).toBeLessThan(alpha[2]!);
    expect(alpha.slice(4)).toEqual([alpha[4], 0]);
    expect(alpha[4]).toBeLessThan(64);
  });

  it("finds the lines on tinted paper and on another grid", () => {
    const grown = growHints(rooms(2, 225), strokes({ x: 50, y: 60, color: RED }), WIDTH / 2, HEIGHT / 2);
    expect([grown.width, grown.height, at(grown, 50, 50), at(grown, 70, 30)[3]]).toEqual([160, 120, [...RED, 255], 0]);
  });

  it("gives only colours of strokes, on any page", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 40 }),
        fc.integer({ min: 1, max: 40 }),
        fc.infiniteStream(fc.integer({ min: 0, max: 255 })),
        fc.array(fc.tuple(fc.nat(), fc.nat(), fc.integer({ min: 0, max: 3 })), { maxLength: 6 }),
        (width, height, values, points) => {
          const page = drawn(width, height, () => values.next().value as number);
          const marks = { width, height, channels: 4 as const, data: new Uint8Array(width * height * 4) };
          for (const [x, y, color] of points)
            marks.data.set([color, 7, 9, 255], ((y % height) * width + (x % width)) * 4);
          const grown = growHints(page, marks);
          const colours = new Set(points.map(([, , color]) => color));
          for (let i = 0; i < grown.data.length; i += 4) {
            if (grown.data[i + 3] === 0) expect([...grown.data.subarray(i, i + 3)]).toEqual([0, 0, 0]);
            else expect([colours.has(grown.data[i]!), grown.data[i + 1], grown.data[i + 2]]).toEqual([true, 7, 9]);
          }
        },
      ),
      { numRuns: 40 },
    );
  });

  it("refuses a grid larger than the page and marks without alpha", () => {
    expect(() => growHints(rooms(0), strokes(), WIDTH + 1, HEIGHT)).toThrow(
      /width must be a whole number from 1 to 320/,
    );
    expect(() => growHints(rooms(0), rooms(0) as never)).toThrow(/marks must have 4 channels/);
  });
});
