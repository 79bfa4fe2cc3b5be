/** Flats: one colour for every region; drawn pages, of which it is known which pixel belongs to what. */
import { describe, expect, it } from "vitest";
import { flatFill, flattenColors } from "../../../src/binding/pixels/flats.js";
import { composeInkLayers } from "../../../src/binding/pixels/ink.js";
import { resize } from "../../../src/binding/pixels/pixels.js";
import { drawn, noise, pixel, type Color, type Picture } from "../../support/drawn-page.js";

const WIDTH = 320;
const HEIGHT = 240;
const RED: Color = [220, 60, 50];
const BLUE: Color = [70, 110, 210];
const NEARLY_WHITE: Color = [244, 240, 246];

/**
 * Two rooms side by side with lines of 3 pixels, from (20, 20) to (220, 120); `gap` pixels of the wall between them are
 * missing.
 */
const page = (gap = 0): Picture =>
  drawn(WIDTH, HEIGHT, (x, y) => {
    const wall = (value: number, place: number): boolean => Math.abs(value - place) <= 1;
    const inside = x >= 19 && x <= 221 && y >= 19 && y <= 121;
    return inside &&
      (wall(x, 20) || wall(x, 220) || wall(y, 20) || wall(y, 120) || (wall(x, 120) && !(y >= 70 && y < 70 + gap)))
      ? 0
      : 255;
  });

/**
 * A model's picture: red room, blue room, nearly white around, with grain; `stain` is a disc of the other colour in the
 * red room.
 */
function model(stain = 20): Picture {
  const random = noise(3);
  return drawn(WIDTH, HEIGHT, (x, y) => {
    const room = x > 20 && x < 220 && y > 20 && y < 120;
    const base = !room ? NEARLY_WHITE : x < 120 && Math.hypot(x - 60, y - 60) > stain ? RED : BLUE;
    return base.map((value) => Math.min(255, value + Math.round((random.next().value - 0.5) * 8))) as unknown as Color;
  });
}

const near = (a: Color, b: Color): boolean => a.every((value, k) => Math.abs(value - b[k]!) <= 3);

describe("flattenColors", () => {
  it("gives a region its commonest colour: grain and a stain of another colour are gone", () => {
    const flat = flattenColors(page(), model());
    const place = pixel(flat, 30, 30);
    expect(near(place, RED)).toBe(true);
    for (const [x, y] of [
      [60, 60],
      [110, 110],
      [24, 118],
    ] as const)
      expect(pixel(flat, x, y)).toEqual(place);
    expect(near(pixel(flat, 170, 60), BLUE)).toBe(true);
  });

  it("makes a nearly white region white", () => {
    expect(pixel(flattenColors(page(), model()), 280, 200)).toEqual([255, 255, 255]);
  });

  it("makes a region white that the model left white in good part, the page's margin sooner, and a thin margin at once", () => {
    // The margin is a tenth of the page in `thin` and a third in `framed`.
    const frame = (a: number, b: number): Picture =>
      drawn(WIDTH, HEIGHT, (x, y) =>
        Math.abs(Math.max(Math.abs(x - 160) / a, Math.abs(y - 120) / b) - 1) < 0.02 ? 0 : 255,
      );
    const [framed, thin] = [frame(130, 98), frame(152, 114)];
    const left = (share: number): Picture => drawn(WIDTH, HEIGHT, (x) => (x < WIDTH * share ? [250, 250, 250] : RED));
    const inside = (share: number): Color => pixel(flattenColors(framed, left(share)), 250, 120);
    const margin = (page: Picture, share: number): Color => pixel(flattenColors(page, left(share)), 316, 120);
    expect([inside(0.45), inside(0.25)]).toEqual([[255, 255, 255], RED]);
    expect([margin(framed, 0.1), margin(framed, 0), margin(thin, 0)]).toEqual([[255, 255, 255], RED, [255, 255, 255]]);
  });

  it("makes a lettered region white that the model left white in small part, and no other", () => {
    // A balloon with three rows of letters of 5 x 7 pixels, rings and strokes; and one with a single mark.
    const outline = (x: number, y: number, cx: number): boolean =>
      Math.abs(Math.hypot((x - cx) / 60, (y - 70) / 44) - 1) < 0.04;
    const letter = (u: number, v: number): boolean =>
      u >= 0 && u < 5 && v >= 0 && v < 7 && (u === 0 || u === 4 || v === 0 || v === 3);
    const text = (x: number, y: number, cx: number): boolean =>
      Math.abs(x - cx) < 32 && y >= 52 && y < 88 && letter((x - cx + 320) % 8, (y - 52) % 12);
    const balloons = drawn(WIDTH, HEIGHT, (x, y) =>
      outline(x, y, 80) || outline(x, y, 230) || text(x, y, 80) || (Math.abs(x - 230) < 3 && Math.abs(y - 70) < 9)
        ? 0
        : 255,
    );
    const left = (share: number): Picture =>
      drawn(WIDTH, HEIGHT, (_, y) => (y < 26 + 88 * share ? [250, 250, 250] : RED));
    const [lettered, plain] = [80, 230].map(
      (cx) =>
        (share: number): Color =>
          pixel(flattenColors(balloons, left(share)), cx, 100),
    ) as [(s: number) => Color, (s: number) => Color];
    expect([lettered(0.15), plain(0.15)]).toEqual([[255, 255, 255], RED]);
    expect(lettered(0)).toEqual(RED);
    expect(pixel(flattenColors(balloons, left(0.15)), 74, 54)).toEqual([255, 255, 255]);
  });

  it("does not let colour through a narrow gap in a line", () => {
    const flat = flattenColors(page(3), model());
    expect([near(pixel(flat, 60, 60), RED), near(pixel(flat, 170, 60), BLUE)]).toEqual([true, true]);
  });

  it("keeps the model's colours where most of a region is apart from its commonest", () => {
    const stripes = drawn(
      WIDTH,
      HEIGHT,
      (x) =>
        (
          [
            [250, 0, 0],
            [0, 250, 0],
            [0, 0, 250],
          ] as const
        )[Math.floor(x / 10) % 3]!,
    );
    expect(
      flattenColors(
        drawn(WIDTH, HEIGHT, () => 255),
        stripes,
      ).data,
    ).toEqual(stripes.data);
  });

  it("takes a model's picture of another size, and works on a part of a large page", () => {
    const small = flattenColors(page(), resize(model(), 160, 120));
    expect([small.width, small.height, near(pixel(small, 60, 60), RED)]).toEqual([WIDTH, HEIGHT, true]);
    const large = flattenColors(resize(page(), 3200, 2400), model());
    expect([large.width, large.height, near(pixel(large, 300, 300), RED)]).toEqual([1600, 1200, true]);
  });
});

describe("flats under the ink", () => {
  it("are the layer of colour as they are: one colour a region up to the middle of its lines, and the layers give the picture", () => {
    const flats = flatFill(page(), model());
    const { image, color, ink } = composeInkLayers(page(), flats);
    const laid = Array.from({ length: WIDTH * HEIGHT }, (_, i) => i).filter((i) => flats.data[4 * i + 3] === 255);
    expect(laid.length).toBeGreaterThan(0.999 * WIDTH * HEIGHT); // all but a few pixels in the middle of ink
    const colors = laid.map((i) => color.data.subarray(3 * i, 3 * i + 3).join());
    expect(colors).toEqual(laid.map((i) => flats.data.subarray(4 * i, 4 * i + 3).join()));
    expect(new Set(colors).size).toBe(3);
    const off = image.data.map((value, i) => Math.abs(value - Math.round((color.data[i]! * ink.data[i]!) / 255)));
    expect(off.reduce((most, value) => Math.max(most, value))).toBeLessThanOrEqual(24);
  });
});
