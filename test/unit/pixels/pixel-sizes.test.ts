/**
 * Every pixel kernel on every size from 1 x 1 to 9 x 9: kernels work in blocks, rows and windows, and look at
 * neighbours. `npm run test:asan` runs this on the sanitizers, which see a read outside; here the results are held to
 * be whole.
 */
import { describe, expect, test } from "vitest";
import { callPixels, type PixelImage } from "../../../src/binding/pixels/pixels.js";
import type { NativePixelCalls } from "../../../src/binding/pixels/native-pixels.js";

const SIDES = [1, 2, 3, 4, 5, 6, 7, 8, 9];

type Channels = 1 | 2 | 3 | 4;

/** Dark dots on light paper where `ink`, else a ramp of all values. */
function picture(width: number, height: number, channels: Channels, ink: boolean): PixelImage {
  const value = (i: number): number => (ink ? (i % 5 === 0 ? 8 : 250) : (i * 37) % 256);
  return {
    width,
    height,
    channels,
    data: Uint8Array.from({ length: width * height * channels }, (_, i) => value(ink ? Math.floor(i / channels) : i)),
  };
}

/** Sizes near the picture's, and both ends. */
function targets(side: number): number[] {
  return [...new Set([1, Math.max(1, side - 1), side, side + 1, 17])];
}

/** `expect` costs more than a kernel on so few pixels, and there are a hundred thousand calls. */
function hasLength(result: ArrayLike<number>, length: number): void {
  if (result.length !== length) expect(result).toHaveLength(length);
}

/** Whole blocks of 16 x 16 pixels of a picture that is reduced to 320 pixels a side. */
function blocksOf(width: number, height: number): number {
  const factor = Math.ceil(Math.max(width, height) / 320);
  return Math.floor(Math.ceil(width / factor) / 16) * Math.floor(Math.ceil(height / factor) / 16);
}

type Case = (call: NativePixelCalls, width: number, height: number, ink: boolean) => void;

const CASES: Record<string, Case> = {
  resize: (call, width, height, ink) => {
    for (const channels of [1, 2, 3, 4] as const) {
      const image = picture(width, height, channels, ink);
      for (const filter of [0, 1, 2, 3]) {
        for (const w of targets(width))
          for (const h of targets(height)) hasLength(call.resize(image, w, h, filter), w * h * channels);
        if (width > 1) hasLength(call.resize(image, 4, 3, filter, [0.5, 0, width - 0.25, height]), 12 * channels);
      }
    }
  },
  reduce: (call, width, height, ink) => {
    for (const channels of [1, 2, 3, 4] as const) {
      const image = picture(width, height, channels, ink);
      for (const x of [1, 2, 3, 8, 20]) {
        for (const y of [1, 2, 5, 20, 300]) {
          hasLength(call.reduce(image, x, y), Math.ceil(width / x) * Math.ceil(height / y) * channels);
          for (const filter of [1, 2, 3]) hasLength(call.reduceAndResize(image, x, y, 3, 2, filter), 6 * channels);
        }
      }
    }
  },
  crop: (call, width, height, ink) => {
    const image = picture(width, height, 3, ink);
    expect(call.crop(image, width - 1, height - 1, 1, 1)).toEqual(image.data.slice(-3));
    expect(call.crop(image, 0, 0, width, height)).toEqual(image.data);
  },
  colors: (call, width, height, ink) => {
    const [gray, rgb, rgba] = [
      picture(width, height, 1, ink),
      picture(width, height, 3, ink),
      picture(width, height, 4, ink),
    ];
    const pixels = width * height;
    hasLength(call.gray(rgb), pixels);
    hasLength(call.shadowStyle(gray, gray), pixels);
    hasLength(call.premultiply(rgba), 4 * pixels);
    hasLength(call.unpremultiply(rgba), 4 * pixels);
    hasLength(call.cmykToRgb(rgba), 3 * pixels);
    for (const image of [gray, rgb, rgba]) {
      for (const channels of [1, 2, 3]) {
        if (image.channels === 1 || image.channels >= channels)
          hasLength(call.changeChannels(image, channels), channels * pixels);
      }
    }
  },
  figures: (call, width, height, ink) => {
    const [gray, rgb] = [picture(width, height, 1, ink), picture(width, height, 3, ink)];
    expect(call.edgeCount(gray, 10, 100)).toBeLessThanOrEqual(width * height);
    expect(call.saturation(rgb)).toBeLessThanOrEqual(255);
    expect(call.distinctColors(rgb)).toBeGreaterThan(0);
    expect(call.isGray(rgb)).toBe(ink || new Set(rgb.data).size === 1);
    expect([...call.colorSums(rgb)].every(Number.isFinite)).toBe(true);
    hasLength(call.colorSums(rgb), 18);
    hasLength(call.colorSums(picture(15 + width, 31 + height, 3, ink)), 18 + 2);
    hasLength(
      call.colorSums(picture(320 + width * width, 16 * height, 3, ink)),
      18 + blocksOf(320 + width * width, 16 * height),
    );
    expect(call.median(gray)).toBeLessThanOrEqual(255);
    expect(call.histogram(gray).reduce((sum, count) => sum + count)).toBe(width * height);
  },
  planes: (call, width, height, ink) => {
    for (const channels of [1, 2, 3, 4] as const) {
      const image = picture(width, height, channels, ink);
      const table = Float32Array.from({ length: 256 * channels }, (_, i) => i % 256);
      const planes = call.toPlanar(image, table);
      expect(call.fromPlanar(planes, width, height, channels, 1, 0)).toEqual(image.data);
      for (const range of [0, 1])
        for (const rounding of [0, 1]) call.fromPlanar(planes, width, height, channels, range, rounding);
    }
    const line = picture(width, height, 1, ink);
    const tables = Float32Array.from({ length: 3 * 256 }, (_, i) => (i % 256) + Math.floor(i / 512));
    const once = Array.from(line.data);
    const more = once.map((value) => value + 1);
    expect(call.grayToPlanes(line, tables)).toEqual(Float32Array.from([...once, ...once, ...more]));
    const rowBytes = 3 * width + 1;
    for (const filter of [0, 1, 2, 3, 4, 5]) {
      const rows = Uint8Array.from({ length: height * rowBytes }, (_, i) => (i % rowBytes === 0 ? filter : i % 251));
      expect(call.unfilterRgb(rows, width, height)).toBe(filter < 5);
    }
  },
  page: (call, width, height, ink) => {
    for (const page of [picture(width, height, 1, ink), picture(width, height, 3, ink)]) {
      for (const [w, h] of [
        [1, 1],
        [width, height],
        [5, 11],
        [40, 1],
      ] as const) {
        const model = picture(w, h, 3, !ink);
        const marks: PixelImage<4> = { width: w, height: h, channels: 4, data: new Uint8Array(4 * w * h).fill(255) };
        const hints = { ...marks, width, height, data: call.growHints(page, marks, width, height) };
        hasLength(call.composeInk(page, model), 3 * width * height);
        const [color, inks] = [new Uint8Array(3 * width * height), new Uint8Array(3 * width * height)];
        hasLength(call.composeInk(page, model, hints, undefined, color, inks), 3 * width * height);
        for (const gridWidth of new Set([1, Math.ceil(width / 2), width])) {
          for (const gridHeight of new Set([1, Math.ceil(height / 2), height])) {
            hasLength(call.flattenColors(page, model, gridWidth, gridHeight, 3), 3 * gridWidth * gridHeight);
            const flats = {
              ...page,
              width: gridWidth,
              height: gridHeight,
              channels: 4,
              data: call.flattenColors(page, model, gridWidth, gridHeight, 4),
            };
            hasLength(call.composeInk(page, flats, undefined, undefined, color, inks), 3 * width * height);
            hasLength(call.findRegions(page, gridWidth, gridHeight), gridWidth * gridHeight);
            call.growHints(page, marks, gridWidth, gridHeight);
          }
        }
      }
    }
  },
};

describe("every kernel on sizes from 1 x 1 to 9 x 9", () => {
  test.each(Object.entries(CASES))("%s", (_, run) => {
    for (const width of SIDES) {
      for (const height of SIDES) {
        for (const ink of [false, true]) {
          callPixels((call) => {
            run(call, width, height, ink);
          });
        }
      }
    }
  });

  test("every call of the addon is in one of the cases", () => {
    const called = new Set<string>();
    callPixels((call) => {
      const spy = new Proxy(call, {
        get: (target, name: keyof NativePixelCalls) => {
          called.add(name);
          return target[name];
        },
      });
      for (const run of Object.values(CASES)) run(spy, 3, 2, true);
      expect([...called].sort()).toEqual(Object.keys(call).sort());
    });
  });
});
