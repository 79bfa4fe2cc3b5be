/**
 * Tiles that saw the same region differently come to one colour for it; drawn pages, of which it is known which pixel
 * belongs to what.
 */
import { describe, expect, it } from "vitest";
import { findRegions, regionGrid, regionOf } from "../../../../src/binding/pixels/regions.js";
import { joinTiles } from "../../../../src/colorization/page/tile-join.js";
import type { TilePlan } from "../../../../src/colorization/page/tiling.js";
import { apart, drawn, pixel, type Color, type Picture } from "../../../support/drawn-page.js";

const RED: Color = [210, 60, 50];
const BLUE: Color = [60, 90, 200];
const GREEN: Color = [60, 160, 80];
const [ACROSS, ALONG] = [160, 600];

/** A room by its corners along and across the strip; walls of 4 pixels. */
type Room = readonly [alongFrom: number, acrossFrom: number, alongTo: number, acrossTo: number];
const WALL = 4;
const inRoom = ([a0, b0, a1, b1]: Room, along: number, across: number, wall = 0): boolean =>
  along >= a0 + wall && along < a1 - wall && across >= b0 + wall && across < b1 - wall;

describe.each(["rows", "columns"] as const)("a strip cut into %s", (axis) => {
  const rows = axis === "rows";
  const place = (x: number, y: number): [along: number, across: number] => (rows ? [y, x] : [x, y]);
  const [width, height] = rows ? [ACROSS, ALONG] : [ALONG, ACROSS];
  /** White paper with closed rooms. */
  const page = (rooms: readonly Room[]): Picture =>
    drawn(width, height, (x, y) =>
      rooms.some((room) => inRoom(room, ...place(x, y)) && !inRoom(room, ...place(x, y), WALL)) ? 0 : 255,
    );
  const stretches = [
    [0, 240],
    [200, 440],
    [400, 600],
  ] as const;
  const tiles = stretches.map(([from, to]) =>
    rows ? { x: 0, y: from, width: ACROSS, height: to - from } : { x: from, y: 0, width: to - from, height: ACROSS },
  );
  const plan: TilePlan = {
    axis,
    tiles,
    seams: [
      { from: 200, to: 240 },
      { from: 400, to: 440 },
    ],
  };
  /** Each tile as the model sees it: a function of the whole page's places. */
  const join = (rooms: readonly Room[], see: (tile: number, along: number, across: number) => Color): Picture => {
    const pictures = tiles.map((tile, index) =>
      drawn(tile.width, tile.height, (x, y) => see(index, ...place(x + tile.x, y + tile.y))),
    );
    const { picture, page: given } = joinTiles({ page: page(rooms), plan, pictures });
    expect([given.width, given.height, picture.width, picture.height]).toEqual([width, height, width, height]);
    return picture as Picture;
  };
  const at = (picture: Picture, along: number, across: number): Color =>
    rows ? pixel(picture, across, along) : pixel(picture, along, across);

  it("gives a region that a cut goes through the colour of the tile that has most of it", () => {
    const colors = [RED, BLUE, GREEN];
    const room: Room = [60, 30, 300, 130];
    const joined = join([room], (tile, along, across) =>
      inRoom(room, along, across) ? colors[tile]! : [255, 255, 255],
    );
    for (let along = 70; along < 290; along += 5)
      expect(apart(at(joined, along, 80), RED), `at ${along}`).toBeLessThanOrEqual(2);
    expect(at(joined, 20, 80)).toEqual([255, 255, 255]);
  });

  it("takes a region that one tile has whole from that tile alone, also in the seam", () => {
    const rooms: Room[] = [
      [150, 10, 236, 70],
      [204, 90, 300, 150],
    ];
    const joined = join(rooms, (tile, along, across) =>
      rooms.some((room) => inRoom(room, along, across)) ? [RED, BLUE, GREEN][tile]! : [255, 255, 255],
    );
    for (let along = 156; along < 230; along += 3) expect(at(joined, along, 40)).toEqual(RED);
    for (let along = 210; along < 294; along += 3) expect(at(joined, along, 120)).toEqual(BLUE);
  });

  it("carries one colour through a region over three tiles", () => {
    const room: Room = [150, 30, 560, 130];
    const joined = join([room], (tile, along, across) =>
      inRoom(room, along, across) ? [RED, BLUE, GREEN][tile]! : [255, 255, 255],
    );
    for (let along = 160; along < 550; along += 5)
      expect(apart(at(joined, along, 80), BLUE), `at ${along}`).toBeLessThanOrEqual(2);
  });

  it("keeps shading where the tiles nearly agree, and leaves no step", () => {
    const room: Room = [40, 10, 560, 150];
    const joined = join([room], (tile, along, across) => {
      const shade = 20 * Math.sin(across / 12);
      return inRoom(room, along, across)
        ? [180 + shade + 6 * tile, 120 + shade - 4 * tile, 90 + shade]
        : [255, 255, 255];
    });
    for (const across of [20, 50, 80, 140]) {
      for (let along = 50; along < 540; along++)
        expect(apart(at(joined, along, across), at(joined, along + 1, across))).toBeLessThanOrEqual(1);
      expect(Math.abs(at(joined, 300, across)[0] - (180 + 20 * Math.sin(across / 12) + 6))).toBeLessThanOrEqual(3);
    }
  });

  it("leaves the margin with its gutters as it is", () => {
    const rooms: Room[] = [
      [20, 20, 190, 140],
      [230, 20, 390, 140],
      [430, 20, 580, 140],
    ];
    const joined = join(rooms, (tile) => [240 - 8 * tile, 240, 250]);
    expect([at(joined, 100, 6), at(joined, 300, 6), at(joined, 500, 6)]).toEqual([
      [240, 240, 250],
      [232, 240, 250],
      [224, 240, 250],
    ]);
  });
});

describe("findRegions", () => {
  it("numbers what lines part, and tells ink with its nearest region", () => {
    const { labels } = findRegions(
      drawn(100, 60, (x) => (Math.abs(x - 50) <= 2 ? 0 : 255)),
      100,
      60,
    );
    const at = (x: number, y: number): number => labels[y * 100 + x]!;
    expect(at(10, 30)).toBeGreaterThanOrEqual(0);
    expect(at(90, 30)).not.toBe(at(10, 30));
    expect(at(48, 30)).toBeLessThan(-1);
    expect([regionOf(at(48, 30)), regionOf(at(52, 30)), regionOf(at(10, 30)), regionOf(-1)]).toEqual([
      at(10, 30),
      at(90, 30),
      at(10, 30),
      -1,
    ]);
  });

  it("looks at strips as finely as at their pages", () => {
    expect(regionGrid({ width: 800, height: 1200 })).toEqual({ width: 800, height: 1200 });
    expect(regionGrid({ width: 800, height: 6000 })).toEqual({ width: 800, height: 6000 });
    expect(regionGrid({ width: 8000, height: 12_500 })).toEqual({ width: 1000, height: 1563 });
    const { width, height } = regionGrid({ width: 800, height: 20_000 });
    expect([width, height]).toEqual([400, 10_000]);
  });
});
