/** The model's colour under the page's own ink: drawn pages, of which every pixel's right colour is known. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { composeInk, composeInkLayers } from "../../../src/binding/pixels/ink.js";
import { toGray, toRgb } from "../../../src/binding/pixels/pixels.js";
import { apart, dithered, drawn, noise, pixel, type Color, type Picture } from "../../support/drawn-page.js";

const WIDTH = 300;
const HEIGHT = 240;
const RED: Color = [220, 60, 50];
const BLUE: Color = [70, 110, 210];
const WHITE: Color = [255, 255, 255];

// The scene, in shares of the page: red on the left, blue on the right, a line between them, a white balloon with text
// in the red.
const LINE = 3;
const middle = WIDTH / 2;
const inBalloon = (x: number, y: number): number => Math.hypot((x - 75) / 50, (y - 80) / 40);
const isText = (x: number, y: number): boolean => y >= 70 && y < 90 && x >= 45 && x < 105 && x % 8 < 3 && y % 10 < 8;
const isInk = (x: number, y: number): boolean =>
  Math.abs(x - middle) <= LINE / 2 || Math.abs(inBalloon(x, y) - 1) < 0.03 || isText(x, y);
const trueColor = (x: number, y: number): Color => (inBalloon(x, y) < 1 ? WHITE : x < middle ? RED : BLUE);

const page = (paper: Color | number = 255, ink: number = 0): Picture =>
  drawn(WIDTH, HEIGHT, (x, y) => (isInk(x, y) ? ink : paper));

/** What a model gives: another size, lines of its own `shift` pixels off and `thicker`, a little noise. */
function modelPicture({ scale = 0.6, shift = 2, thicker = 1, grain = 3 } = {}): Picture {
  const random = noise(5);
  return drawn(Math.round(WIDTH * scale), Math.round(HEIGHT * scale), (u, v) => {
    const sums = [0, 0, 0];
    for (let sub = 0; sub < 9; sub++) {
      const x = (u + ((sub % 3) + 0.5) / 3) / scale - 0.5 - shift,
        y = (v + (Math.trunc(sub / 3) + 0.5) / 3) / scale - 0.5 - shift;
      const isLine = [-thicker, 0, thicker].some(
        (d) => isInk(Math.round(x + d), Math.round(y)) || isInk(Math.round(x), Math.round(y + d)),
      );
      trueColor(x, y).forEach((value, c) => (sums[c]! += isLine ? 20 : value));
    }
    return sums.map((sum) =>
      Math.max(0, Math.min(255, sum / 9 + (random.next().value - 0.5) * 2 * grain)),
    ) as unknown as Color;
  });
}

/** Every pixel of a picture that `chosen` names, with its place. */
function* pixels(
  image: Picture,
  chosen: (x: number, y: number) => boolean,
): Generator<{ x: number; y: number; color: Color }> {
  for (let y = 0; y < image.height; y++)
    for (let x = 0; x < image.width; x++) if (chosen(x, y)) yield { x, y, color: pixel(image, x, y) };
}

describe("composeInk on a drawn page", () => {
  const out = composeInk(page(), modelPicture());

  it("has the page's size and its black pixels, lines and text alike", () => {
    expect([out.width, out.height, out.channels]).toEqual([WIDTH, HEIGHT, 3]);
    expect([...pixels(out, isInk)].filter(({ color }) => apart(color, [0, 0, 0]) > 0)).toEqual([]);
  });

  it("keeps colour on its side of the line, up to the pixel beside it", () => {
    const besideLine = (x: number, y: number): boolean => y > 140 && Math.abs(x - middle) < 12 && !isInk(x, y);
    const wrong = [...pixels(out, besideLine)].filter(({ x, y, color }) => apart(color, trueColor(x, y)) > 12);
    expect(wrong).toEqual([]);
  });

  it("leaves a white balloon white, also between its letters", () => {
    const inside = (x: number, y: number): boolean => inBalloon(x, y) < 0.97 && !isInk(x, y);
    expect([...pixels(out, inside)].filter(({ color }) => apart(color, WHITE) > 3)).toEqual([]);
  });

  it.each([
    ["two pixels off", { shift: 2, thicker: 0 }],
    ["three pixels off the other way", { shift: -3, thicker: 0 }],
    ["three times as thick", { shift: 0, thicker: 3 }],
    ["in a picture as large as the page", { scale: 1, shift: 2, thicker: 1 }],
    ["in a picture larger than the page", { scale: 1.5, shift: 1, thicker: 1 }],
  ])("leaves no dark smear of model lines %s", (_what, how) => {
    const composed = composeInk(page(), modelPicture(how));
    const smeared = [...pixels(composed, (x, y) => !isInk(x, y))].filter(({ x, y, color }) =>
      trueColor(x, y).some((value, c) => color[c]! < value - 20),
    );
    expect(smeared).toEqual([]);
  });

  it("keeps faint lines of the page", () => {
    const faint = (x: number, y: number): boolean => y === 200 && x > 20 && x < 120;
    const drawing = drawn(WIDTH, HEIGHT, (x, y) => (isInk(x, y) ? 0 : faint(x, y) ? 200 : 255));
    const composed = composeInk(drawing, modelPicture());
    for (const { color } of pixels(composed, faint))
      expect(apart(color, RED.map((value) => (value * 200) / 255) as unknown as Color)).toBeLessThanOrEqual(12);
  });
});

describe("composeInk on paper and shade", () => {
  it("takes tinted paper for white: colours are the model's, white stays the page's", () => {
    const cream: Color = [244, 232, 204];
    const out = composeInk(page(cream, 18), modelPicture());
    expect(apart(pixel(out, 75, 50), cream)).toBe(0);
    expect(apart(pixel(out, 30, 200), RED)).toBeLessThanOrEqual(8);
    expect(pixel(out, middle, 200)).toEqual([18, 18, 18]);
  });

  it("does not darken twice what is dark in the page and in the colour", () => {
    const truth = modelPicture({ scale: 1, shift: 0, thicker: 0, grain: 0 });
    const out = composeInk(toGray(truth as never), truth);
    for (const [x, y] of [
      [30, 200],
      [250, 120],
    ] as const)
      expect(apart(pixel(out, x, y), trueColor(x, y))).toBeLessThanOrEqual(6);
  });

  it("shades a colour that the model left flat", () => {
    const shaded = drawn(WIDTH, HEIGHT, (x, y) => (isInk(x, y) ? 0 : x > 200 && y > 120 ? 90 : 255));
    const light: Color = [250, 220, 190];
    const out = composeInk(
      shaded,
      drawn(200, 160, () => light),
    );
    const [r, g, b] = pixel(out, 250, 200);
    expect(r).toBeGreaterThan(b);
    expect(0.299 * r + 0.587 * g + 0.114 * b).toBeLessThan(110);
    expect(apart(pixel(out, 250, 60), light)).toBeLessThanOrEqual(2);
  });

  it("shades a middle colour too, where the model's colour does not follow the page's grey", () => {
    const shadow = (x: number, y: number): boolean => (x - 220) ** 2 + (y - 120) ** 2 < 50 ** 2;
    const shaded = drawn(WIDTH, HEIGHT, (x, y) => (isInk(x, y) ? 0 : shadow(x, y) ? 170 : 255));
    const out = composeInk(shaded, modelPicture({ shift: 0, thicker: 0 }));
    const [inside, outside] = [pixel(out, 220, 120), pixel(out, 160, 60)];
    expect(apart(outside, BLUE)).toBeLessThanOrEqual(8);
    inside.forEach((value, c) => expect(value / BLUE[c]!).toBeLessThan(0.8));
    inside.forEach((value, c) => expect(value / BLUE[c]!).toBeGreaterThan(0.6));
  });

  describe("of a page that was in colour once", () => {
    // Four rooms in four colours and a white margin: the page is their gray, the model has their hues but not their
    // lightness.
    const COLORS: readonly Color[] = [
      [230, 180, 60],
      [180, 60, 50],
      [70, 110, 210],
      [40, 60, 50],
    ];
    const room = (x: number, y: number): number =>
      x < 20 || x >= 280 || y < 20 || y >= 220 ? -1 : (x < 150 ? 0 : 1) + (y < 120 ? 0 : 2);
    const line = (x: number, y: number): boolean => Math.abs(x - 150) < 2 && room(x, y) >= 0;
    const truth = drawn(WIDTH, HEIGHT, (x, y) => (line(x, y) ? 0 : room(x, y) < 0 ? 255 : COLORS[room(x, y)]!));
    const gray = toGray(truth);
    const model = drawn(WIDTH, HEIGHT, (x, y) =>
      room(x, y) < 0 ? 255 : (COLORS[room(x, y)]!.map((value) => Math.min(255, 20 + value * 0.75)) as unknown as Color),
    );
    const inside = (x: number, y: number): boolean =>
      room(x, y) >= 0 &&
      [x - 6, x + 6].every((u) => room(u, y) === room(x, y) && !line(u, y)) &&
      [y - 6, y + 6].every((v) => room(x, v) === room(x, y));

    it("is as light as the page everywhere, in the model's hues", () => {
      const out = composeInk(gray, model);
      const luma = toGray(out);
      for (const { x, y, color } of pixels(out, inside)) {
        expect(Math.abs(luma.data[y * WIDTH + x]! - gray.data[y * WIDTH + x]!)).toBeLessThanOrEqual(4);
        expect(apart(color, COLORS[room(x, y)]!)).toBeLessThanOrEqual(30);
      }
    });

    it("has layers that give it again: the shading lies in the colour, the ink is lines", () => {
      const { image, color, ink } = composeInkLayers(gray, model);
      for (const { x, y, color: value } of pixels(image, inside)) {
        expect(pixel(ink, x, y)[0]).toBeGreaterThan(240);
        const again = pixel(color, x, y).map((part, c) =>
          Math.round((part * pixel(ink, x, y)[c]!) / 255),
        ) as unknown as Color;
        expect(apart(again, value)).toBeLessThanOrEqual(3);
      }
    });

    it("has the same colours where its greys are dithered to a few, as for e-readers: a light room does not turn white", () => {
      const light = drawn(WIDTH, HEIGHT, (x, y) =>
        inside(x, y) && room(x, y) === 0 ? [255, 225, 190] : pixel(truth, x, y),
      );
      const plain = toGray(light);
      const lightModel = drawn(WIDTH, HEIGHT, (x, y) => (room(x, y) === 0 ? [240, 205, 165] : pixel(model, x, y)));
      const mean = (image: Picture, which: number): Color => {
        const all = [...pixels(image, (x, y) => inside(x, y) && room(x, y) === which)];
        return [0, 1, 2].map(
          (c) => all.reduce((sum, { color }) => sum + color[c]!, 0) / all.length,
        ) as unknown as Color;
      };
      const [expected, out] = [composeInk(plain, lightModel), composeInk(dithered(plain, 8), lightModel)];
      for (const which of [0, 1, 2, 3]) expect(apart(mean(out, which), mean(expected, which))).toBeLessThanOrEqual(12);
    });

    it("is not taken for one when it is line art, or when its greys do not go with the colours", () => {
      const drawnLines = drawn(WIDTH, HEIGHT, (x, y) => (line(x, y) ? 0 : 255));
      for (const { x, y, color } of pixels(composeInk(drawnLines, model), inside))
        expect(apart(color, pixel(model, x, y))).toBeLessThanOrEqual(6);
      const screened = drawn(WIDTH, HEIGHT, (x, y) => (line(x, y) ? 0 : room(x, y) === 3 ? 150 : 255));
      for (const { x, y, color } of pixels(composeInk(screened, model), (u, v) => inside(u, v) && room(u, v) < 2))
        expect(apart(color, pixel(model, x, y))).toBeLessThanOrEqual(6);
    });
  });

  it.each([
    [255, 0, 0],
    [0, 0, 0],
    [4, 20, 120],
  ])("has dark colours as they are away from ink: %i, %i, %i", (...color) => {
    const flat = drawn(60, 48, () => color);
    expect(pixel(composeInk(page(), flat), 280, 220)).toEqual(color);
    const hint = { width: 1, height: 1, channels: 4 as const, data: new Uint8Array([...color, 255]) };
    expect(
      pixel(
        composeInk(
          page(),
          drawn(60, 48, () => BLUE),
          hint,
        ),
        280,
        220,
      ),
    ).toEqual(color);
  });

  it("gives back the page where the model is white", () => {
    const random = noise(9);
    const scan = drawn(97, 61, () => Math.floor(random.next().value * 256));
    expect(
      composeInk(
        scan,
        drawn(48, 32, () => 255),
      ).data,
    ).toEqual(scan.data);
  });

  it("has layers that give white paper back, also where it is brighter than most of it", () => {
    const scan = drawn(WIDTH, HEIGHT, (x, y) => (isInk(x, y) ? 40 : (x + y) % 17 === 0 ? 253 : 244));
    const { image, color, ink } = composeInkLayers(
      scan,
      drawn(150, 120, () => 255),
    );
    expect(image.data).toEqual(scan.data);
    const again = color.data.map((value, i) => Math.round((value * ink.data[i]!) / 255));
    expect(again.every((value, i) => Math.abs(value - scan.data[i]!) <= 1)).toBe(true);
  });
});

describe("composeInk at any size", () => {
  it.each([
    [1, 1],
    [3, 20_000],
    [2_000, 3],
    [1_201, 1_703],
  ])("%i x %i, gray", (width, height) => {
    const gray = {
      width,
      height,
      channels: 1 as const,
      data: new Uint8Array(width * height).map((_, i) => (i % 11 === 0 ? 0 : 255)),
    };
    const out = composeInk(
      gray,
      drawn(64, 96, () => RED),
    );
    expect([out.width, out.height, out.data.length]).toEqual([width, height, width * height * 3]);
    if (width * height > 1) expect(pixel(out, 0, 0)).toEqual([0, 0, 0]);
  });

  it("enlarged four times has the same colours with finer ink", () => {
    const [w, h] = [WIDTH * 4, HEIGHT * 4];
    const large = drawn(w, h, (x, y) => (isInk(Math.trunc(x / 4), Math.trunc(y / 4)) ? 0 : 255));
    const out = composeInk(large, modelPicture({ scale: 1 }));
    const clear = (x: number, y: number): boolean =>
      y > 560 && x % 3 === 0 && y % 3 === 0 && !isInk(Math.trunc(x / 4), Math.trunc(y / 4));
    expect([...pixels(out, clear)].filter(({ x, y, color }) => apart(color, trueColor(x / 4, y / 4)) > 16)).toEqual([]);
  });

  it("refuses what is no RGB picture", () => {
    expect(() => composeInk(page(), { width: 2, height: 2, channels: 1, data: new Uint8Array(4) } as never)).toThrow(
      /model must have 3 or 4 channels/,
    );
  });
});

describe("properties", () => {
  const side = fc.integer({ min: 1, max: 40 });
  const picture = fc
    .tuple(side, side)
    .chain(([width, height]) =>
      fc
        .uint8Array({ minLength: width * height * 3, maxLength: width * height * 3 })
        .map((data): Picture => ({ width, height, channels: 3, data })),
    );

  it("the same input gives the same bytes, and the inputs stay as they are", () => {
    fc.assert(
      fc.property(picture, picture, (page, model) => {
        const [pageBefore, modelBefore] = [page.data.slice(), model.data.slice()];
        expect(composeInk(page, model).data).toEqual(composeInk(page, model).data);
        expect([page.data, model.data]).toEqual([pageBefore, modelBefore]);
      }),
    );
  });

  it("black pixels come through whatever the colour", () => {
    fc.assert(
      fc.property(picture, picture, (page, model) => {
        const out = composeInk(page, model);
        for (let i = 0; i < page.data.length; i += 3) {
          const own = page.data.subarray(i, i + 3);
          if (own.every((value) => value <= 20)) expect(out.data.subarray(i, i + 3)).toEqual(own);
        }
      }),
    );
  });

  it("more ink is never brighter by more than a level, under one flat colour, until it is black, which stays", () => {
    const color = fc.tuple(
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 255 }),
      fc.integer({ min: 0, max: 255 }),
    );
    fc.assert(
      fc.property(color, (flat) => {
        // One column for each strength of a thin line on paper.
        const lines = drawn(256 * 12, 9, (x) => (x % 12 === 6 ? Math.trunc(x / 12) : 255));
        const out = composeInk(
          lines,
          drawn(64, 8, () => flat),
        );
        for (let strength = 1; strength < 256; strength++) {
          const [darker, lighter] = [pixel(out, (strength - 1) * 12 + 6, 4), pixel(out, strength * 12 + 6, 4)];
          // One level is rounding: of colour 220 a line of strength 155 comes out as 156 (found by chance).
          darker.forEach((value, c) => expect(value).toBeLessThanOrEqual(Math.max(lighter[c]! + 1, 24)));
        }
      }),
      { numRuns: 20, examples: [[[220, 220, 220]]] },
    );
  });
});

describe("a page above 16 megapixels", () => {
  // Its tone and shade are made some rows at a time: a page of equal parts has to come out in equal parts, wherever a
  // stretch of rows ends.
  it.each([
    ["of lines and a grey", () => 255],
    ["of dithered greys", (i: number) => [215, 255, 120, 70, 215, 255, 255][(i * 2654435761) % 7]!],
  ])(
    "shows no border between the stretches of rows, in memory of its own or the page's, gray or RGB: %s",
    (_what, paper) => {
      const [width, height, period] = [4200, 4000, 200];
      const row = new Uint8Array(width * period).map((_, i) =>
        (i % width) % 300 < 12 || Math.floor(i / width) < 10 ? 10 : (i % width) % 700 < 200 ? 170 : paper(i),
      );
      const gray = new Uint8Array(width * height);
      for (let from = 0; from < gray.length; from += row.length) gray.set(row, from);
      const model = drawn(840, 800, () => [200, 120, 90]);
      const out = composeInk({ width, height, channels: 1, data: gray }, model).data;
      const stride = width * 3 * period;
      const first = Buffer.from(out.subarray(5 * stride, 6 * stride));
      for (let part = 6; part < 15; part++)
        expect(first.equals(out.subarray(part * stride, (part + 1) * stride))).toBe(true);
      const rgb = toRgb({ width, height, channels: 1, data: gray });
      expect(Buffer.from(out).equals(composeInk(rgb, model, undefined, rgb.data).data)).toBe(true);
    },
    120_000,
  );
});
