/** Where strips and spreads are cut, and how the parts' pictures are joined. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { COBRA_BUCKETS } from "../../../../src/model/buckets.js";
import { tileHints } from "../../../../src/colorization/page/tile-hints.js";
import { joinPictures } from "../../../../src/colorization/page/tile-join.js";
import { cutStretch, planTiles, TILE_FACTOR, type TilePlan } from "../../../../src/colorization/page/tiling.js";
import { drawn, pixel } from "../../../support/drawn-page.js";

/** A page of hatching, with blank rows or columns where `blank` says. */
const page = (width: number, height: number, blank: (x: number, y: number) => boolean) =>
  drawn(width, height, (x, y) => (blank(x, y) || (x + y) % 5 > 1 ? 250 : 20));
const covers = ({ axis, tiles, seams }: TilePlan, length: number): void => {
  const stretches = tiles.map(
    (tile) => (axis === "rows" ? [tile.y, tile.y + tile.height] : [tile.x, tile.x + tile.width]) as [number, number],
  );
  expect([stretches[0]![0], stretches.at(-1)![1], seams.length]).toEqual([0, length, tiles.length - 1]);
  for (const [index, { from, to }] of seams.entries()) {
    expect(to).toBeGreaterThan(from);
    expect(stretches[index]![1]).toBe(to);
    expect(stretches[index + 1]![0]).toBeLessThanOrEqual(from);
  }
};

describe("planTiles", () => {
  it("leaves pages alone that fit a page size of the model, or nearly", () => {
    for (const [width, height] of [
      [640, 1024],
      [1000, 1500],
      [1200, 1200],
      [1400, 1000],
      [460, 1120],
    ] as const)
      expect(
        planTiles(
          page(width, height, () => false),
          COBRA_BUCKETS,
        ),
      ).toBeUndefined();
    const [least] = COBRA_BUCKETS.map(({ width, height }) => width / height).toSorted((a, b) => a - b);
    expect(
      planTiles(
        page(300, Math.ceil((300 / least!) * TILE_FACTOR) - 2, () => false),
        COBRA_BUCKETS,
      ),
    ).toBeUndefined();
    expect(
      planTiles(
        page(300, Math.ceil((300 / least!) * TILE_FACTOR) + 2, () => false),
        COBRA_BUCKETS,
      ),
    ).toMatchObject({ axis: "rows" });
  });

  it.each([
    [800, 2],
    [2, 4000],
    [1, 300],
    [1, 65_535],
    [65_535, 1],
    [3, 20_000],
    [1, 1],
  ])("makes no more tiles of a thin page than its pixels fill, and two (%i x %i)", (width, height) => {
    for (const blank of [true, false]) {
      const thin = page(width, height, () => blank);
      const plan = planTiles(thin, COBRA_BUCKETS);
      const most = Math.floor((width * height) / (640 * 1024)) + 2;
      expect(plan?.tiles.length ?? 1).toBeLessThanOrEqual(most);
      if (plan === undefined) continue;
      covers(plan, Math.max(width, height));
      const pictures = plan.tiles.map(() => drawn(640, 1024, () => 128));
      const joined = joinPictures(thin, plan, pictures);
      expect(joined.data.length).toBeLessThanOrEqual(5 * 3 * pictures.length * 640 * 1024);
    }
  });

  it("colours a blank broad page as a whole: it has no gutter with pages beside it", () => {
    for (const [width, height] of [
      [300, 200],
      [1400, 1000],
      [2, 1],
    ] as const)
      expect(
        planTiles(
          drawn(width, height, () => 255),
          COBRA_BUCKETS,
        ),
      ).toBeUndefined();
  });

  it("cuts a strip in its gutters, near the end of each part", () => {
    const gutters = [
      [400, 430],
      [520, 525],
      [840, 900],
      [1300, 1310],
      [1700, 1750],
      [2200, 2240],
      [2650, 2655],
      [3100, 3160],
    ] as const;
    const plan = planTiles(
      page(400, 3600, (_x, y) => gutters.some(([from, to]) => y >= from && y < to)),
      COBRA_BUCKETS,
    )!;
    covers(plan, 3600);
    for (const { from, to } of plan.seams) expect(gutters.some(([a, b]) => from >= a && to <= b)).toBe(true);
    for (const { height } of plan.tiles) expect(height).toBeLessThanOrEqual(720);
  }, 20_000);

  it("cuts 800 x 20,000 without a gutter into equal parts that overlap", () => {
    const plan = planTiles(
      page(800, 20_000, () => false),
      COBRA_BUCKETS,
    )!;
    covers(plan, 20_000);
    const heights = plan.tiles.map(({ height }) => height);
    expect(Math.max(...heights)).toBeLessThanOrEqual(1280);
    expect(Math.min(...heights)).toBeGreaterThan(1000);
    for (const { from, to } of plan.seams) expect(to - from).toBeGreaterThan(100);
  }, 20_000);

  it("cuts a wide strip into columns", () => {
    const plan = planTiles(
      page(3000, 500, (x) => x % 700 > 680),
      COBRA_BUCKETS,
    )!;
    expect(plan.axis).toBe("columns");
    covers(plan, 3000);
  });

  it("cuts two pages side by side at the gutter in the middle, and not one drawing over both or a page with blank columns elsewhere", () => {
    const spread = planTiles(
      page(1400, 1000, (x) => (x >= 680 && x < 725) || x < 30 || x >= 1370),
      COBRA_BUCKETS,
    )!;
    covers(spread, 1400);
    expect(spread.tiles).toHaveLength(2);
    expect(spread.seams[0]!.from).toBeGreaterThanOrEqual(675);
    expect(spread.seams[0]!.to).toBeLessThanOrEqual(730);
    expect(
      planTiles(
        page(1400, 1000, () => false),
        COBRA_BUCKETS,
      ),
    ).toBeUndefined();
    expect(
      planTiles(
        page(1400, 1000, (x) => x >= 300 && x < 350),
        COBRA_BUCKETS,
      ),
    ).toBeUndefined();
  });

  it.each([
    ["a broad page of panels in two columns", 16, 30, 16, undefined],
    ["the same without margins", 16, 0, 16, undefined],
    ["a broad page of one row, with margins", 16, 40, 0, undefined],
    ["a broad page of four columns", 16, 0, 0, 340],
    ["two pages with panels", 60, 30, 16, undefined],
    ["two pages whose panels lie in two columns each", 60, 30, 16, 340],
    ["two pages without margins", 40, 0, 16, undefined],
  ] as [string, number, number, number, number | undefined][])(
    "%s: two tiles only for two pages",
    (what, gutter, margin, between, more) => {
      const near = (value: number, middle: number, size: number): boolean => Math.abs(value - middle) < size / 2;
      const blank = (x: number, y: number): boolean =>
        near(x, 700, gutter) ||
        x < margin ||
        x >= 1400 - margin ||
        y < margin ||
        y >= 1000 - margin ||
        near(y, x < 700 ? 480 : 530, between) ||
        (more !== undefined && (near(x, more, 16) || near(x, 1400 - more, 16)));
      expect(planTiles(page(1400, 1000, blank), COBRA_BUCKETS)?.tiles.length).toBe(
        what.startsWith("two pages") ? 2 : undefined,
      );
    },
  );
});

describe("cutStretch", () => {
  it("covers any length with parts that are never too long, whatever the gutters", () => {
    const gutter = fc.tuple(fc.integer({ min: 0, max: 5000 }), fc.integer({ min: 1, max: 300 }));
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 5000 }),
        fc.integer({ min: 16, max: 900 }),
        fc.array(gutter, { maxLength: 20 }),
        (length, wanted, gutters) => {
          const sorted = gutters
            .map(([from, size]) => ({ from, to: Math.min(from + size, length) }))
            .filter(({ from, to }) => to > from)
            .toSorted((a, b) => a.from - b.from);
          const { tiles, seams } = cutStretch(length, wanted, Math.round(wanted * 1.25), sorted);
          expect([tiles[0]!.from, tiles.at(-1)!.to, seams.length]).toEqual([0, length, tiles.length - 1]);
          for (const { from, to } of tiles) expect(to - from).toBeLessThanOrEqual(Math.round(wanted * 1.25));
          seams.forEach(({ from, to }, index) => {
            expect(to).toBeGreaterThan(from);
            expect([
              tiles[index]!.from <= from,
              tiles[index]!.to >= to,
              tiles[index + 1]!.from <= from,
              tiles[index + 1]!.to >= to,
            ]).toEqual([true, true, true, true]);
          });
        },
      ),
    );
  });
});

describe("joinPictures", () => {
  it.each(["rows", "columns"] as const)("places each tile, blends in the seams, and leaves no step: %s", (axis) => {
    const rows = axis === "rows";
    const stretch = [
      [0, 120],
      [90, 220],
      [200, 300],
    ] as const;
    const tiles = stretch.map(([from, to]) =>
      rows ? { x: 0, y: from, width: 100, height: to - from } : { x: from, y: 0, width: to - from, height: 100 },
    );
    const plan: TilePlan = {
      axis,
      tiles,
      seams: [
        { from: 90, to: 120 },
        { from: 200, to: 220 },
      ],
    };
    const tones = [40, 120, 200];
    const pictures = tiles.map((tile, index) => drawn(tile.width * 2, tile.height * 2, () => tones[index]!));
    const joined = joinPictures({ width: rows ? 100 : 300, height: rows ? 300 : 100 }, plan, pictures);
    expect([joined.width, joined.height]).toEqual(rows ? [200, 600] : [600, 200]);
    const tone = (at: number): number => (rows ? pixel(joined, 77, at) : pixel(joined, at, 77))[1];
    const all = Array.from({ length: 600 }, (_, at) => tone(at));
    expect([all[0], all[179], all[240], all[399], all[440], all[599]]).toEqual([40, 40, 120, 120, 200, 200]);
    for (let at = 1; at < 600; at++) {
      expect(all[at]! - all[at - 1]!).toBeGreaterThanOrEqual(0);
      expect(all[at]! - all[at - 1]!).toBeLessThanOrEqual(4);
    }
  });

  it("gives tiles of one picture back as the picture", () => {
    const whole = drawn(60, 400, (x, y) => [(x * 4) % 256, (y * 2) % 256, (x + y) % 256]);
    const tiles = [
      [0, 150],
      [120, 300],
      [260, 400],
    ].map(([from, to]) => ({ x: 0, y: from!, width: 60, height: to! - from! }));
    const pictures = tiles.map((tile) => drawn(60, tile.height, (x, y) => pixel(whole, x, y + tile.y)));
    const joined = joinPictures(
      { width: 60, height: 400 },
      {
        axis: "rows",
        tiles,
        seams: [
          { from: 120, to: 150 },
          { from: 260, to: 300 },
        ],
      },
      pictures,
    );
    expect(Buffer.compare(joined.data, whole.data)).toBe(0);
  });
});

describe("tileHints", () => {
  it("puts hints into the tiles that they lie in, whether given in the page's pixels or the bucket's", () => {
    const color = [200, 10, 20] as const;
    const paper = drawn(400, 4000, () => 255);
    const parts = [0, 1, 2, 3].map((i) => ({
      tile: { x: 0, y: 1000 * i, width: 400, height: 1000 },
      bucket: { width: 64, height: 160 },
    }));
    const bucket = { width: 64, height: 160 };
    for (const hints of [{ page: [{ x: 200, y: 3500, color }] }, { squares: [{ x: 32, y: 140, color }] }]) {
      const { marks } = tileHints(paper, parts, bucket, "squares", hints);
      const marked = marks.map(({ data }) => data.filter((value, i) => i % 4 === 3 && value === 255).length);
      expect(marked.slice(0, 3)).toEqual([0, 0, 0]);
      expect(marked[3]).toBeGreaterThan(100);
      expect([...marks[3]!.data.subarray(4 * (80 * 64 + 32), 4 * (80 * 64 + 32) + 4)]).toEqual([...color, 255]);
    }
  });
});
