/** Nooks: small places of a region that keep a colour of their own, such as the irises of a face. */
import { describe, expect, it } from "vitest";
import { flatFill, flattenColors } from "../../../src/binding/pixels/flats.js";
import { findRegions } from "../../../src/binding/pixels/regions.js";
import { drawn, pixel, type Color, type Picture } from "../../support/drawn-page.js";

const WIDTH = 320;
const HEIGHT = 240;
const SKIN: Color = [240, 200, 170];
const GREEN: Color = [40, 150, 90];
const EYE = { x: 150, y: 100 };

const fromEye = (x: number, y: number): number => Math.hypot(x - EYE.x, y - EYE.y);

/** A face of 200 x 160 pixels with an eye, whose outline lacks three pixels on the right, and a pupil in it. */
const face = (radius = 9, open = 3): Picture =>
  drawn(WIDTH, HEIGHT, (x, y) => {
    const edge = Math.max(Math.abs(x - 160) / 100, Math.abs(y - 120) / 80);
    const outline = Math.abs(fromEye(x, y) - radius) < 0.8 && !(x > EYE.x && y >= EYE.y && y < EYE.y + open);
    return Math.abs(edge - 1) < 0.015 || outline || fromEye(x, y) < radius - 3.5 ? 0 : 255;
  });

const model = (radius: number): Picture =>
  drawn(WIDTH, HEIGHT, (x, y) => (fromEye(x, y) < radius ? GREEN : Math.abs(x - 160) < 100 ? SKIN : [255, 255, 255]));

describe("nooks", () => {
  it("keep the model's colour though their outline is open, and the ink around takes it", () => {
    const { labels } = findRegions(face(), WIDTH, HEIGHT);
    const region = (x: number): number => labels[EYE.y * WIDTH + x]!;
    expect(region(EYE.x - 7)).toBe(region(EYE.x - 20));
    const flat = flattenColors(face(), model(9.5));
    expect(pixel(flat, EYE.x - 7, EYE.y)).toEqual(GREEN);
    expect(pixel(flat, EYE.x, EYE.y + 7)).toEqual(GREEN);
    expect(pixel(flat, EYE.x - 5, EYE.y)).toEqual(GREEN);
    expect(pixel(flat, EYE.x - 20, EYE.y)).toEqual(SKIN);
    const { data } = flatFill(face(), model(9.5));
    expect(data[4 * (EYE.y * WIDTH + EYE.x - 7) + 3]).toBe(255);
  });

  it("are none where the model's colour is about the region's", () => {
    const close: Color = [210, 180, 160];
    const tinted = drawn(WIDTH, HEIGHT, (x, y) => (fromEye(x, y) < 9.5 ? close : SKIN));
    expect(pixel(flattenColors(face(), tinted), EYE.x - 7, EYE.y)).toEqual(SKIN);
  });

  it("are bounded by ink: a stain and the fringe of a line are none", () => {
    const blank = drawn(WIDTH, HEIGHT, (x, y) =>
      Math.abs(Math.max(Math.abs(x - 160) / 100, Math.abs(y - 120) / 80) - 1) < 0.015 ? 0 : 255,
    );
    expect(pixel(flattenColors(blank, model(4)), EYE.x, EYE.y)).toEqual(SKIN);
    const fringe = drawn(WIDTH, HEIGHT, (x) => (x > 252 ? GREEN : SKIN));
    expect(pixel(flattenColors(blank, fringe), 255, 120)).toEqual(SKIN);
  });

  it("are small: a wide eye with an open outline is part of the face", () => {
    const wide = drawn(WIDTH, HEIGHT, (x, y) => {
      const outline = Math.abs(fromEye(x, y) - 30) < 0.8 && !(x > EYE.x && Math.abs(y - EYE.y) < 14);
      return outline || Math.abs(Math.max(Math.abs(x - 160) / 100, Math.abs(y - 120) / 80) - 1) < 0.015 ? 0 : 255;
    });
    expect(pixel(flattenColors(wide, model(30)), EYE.x - 15, EYE.y)).toEqual(SKIN);
  });
});
