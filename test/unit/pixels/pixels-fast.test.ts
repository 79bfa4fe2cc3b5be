/** The pixel kernels that work in registers give what the plain formulas give, at every width around a register's. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { fromPlanar, normalization, toPlanar, toRgbPlanar } from "../../../src/binding/pixels/planes.js";
import {
  applyShadowStyle,
  colorFigures,
  distinctColors,
  firstChannel,
  isGray,
  meanSaturation,
  median,
  reduce,
  resize,
  thumbnail,
  thumbnailSize,
  toGray,
  type PixelImage,
} from "../../../src/binding/pixels/pixels.js";

/**
 * Pictures wide enough for several registers and a rest; some gray, some gray but for single pixels, some of few
 * values.
 */
const pictures = fc
  .record({
    width: fc.integer({ min: 1, max: 140 }),
    height: fc.integer({ min: 1, max: 7 }),
    seed: fc.nat(),
    kind: fc.constantFrom("colour", "gray", "nearly", "few"),
  })
  .map(({ width, height, seed, kind }): PixelImage<3> => {
    const data = new Uint8Array(width * height * 3);
    let state = seed | 1;
    const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
    for (let i = 0; i < data.length; i++) data[i] = kind === "few" ? (next() & 1) * 255 : next();
    for (let i = 0; i < data.length; i += 3)
      if (kind === "gray" || (kind === "nearly" && next() > 4)) data[i + 1] = data[i + 2] = data[i]!;
    return { width, height, channels: 3, data };
  });

const triples = ({ data }: PixelImage<3>): [number, number, number][] =>
  Array.from({ length: data.length / 3 }, (_, i) => [data[3 * i]!, data[3 * i + 1]!, data[3 * i + 2]!]);

describe("kernels over RGB", () => {
  it("gray, first channel, saturation, colours, and whether there is colour", () => {
    fc.assert(
      fc.property(pictures, (image) => {
        const pixels = triples(image);
        expect(toGray(image).data).toEqual(
          Uint8Array.from(pixels, ([r, g, b]) => (r * 19595 + g * 38470 + b * 7471 + 32768) >> 16),
        );
        expect(firstChannel(image).data).toEqual(Uint8Array.from(pixels, ([r]) => r));
        expect(isGray(image)).toBe(pixels.every(([r, g, b]) => r === g && r === b));
        expect(distinctColors(image)).toBe(new Set(pixels.map(String)).size);
        const sum = pixels.reduce(
          (total, rgb) =>
            total +
            (((Math.max(...rgb) - Math.min(...rgb)) * Math.round(1_044_480 / Math.max(...rgb, 1)) + 2048) >> 12),
          0,
        );
        expect(meanSaturation(image)).toBeCloseTo(sum / pixels.length / 255, 12);
      }),
    );
  });

  it("the median, as by sorting", () => {
    fc.assert(
      fc.property(pictures, (image) => {
        const gray = toGray(image);
        const sorted = gray.data.toSorted();
        expect(median(gray)).toBe((sorted[(sorted.length - 1) >> 1]! + sorted[sorted.length >> 1]!) / 2);
      }),
    );
    expect(median({ width: 90_001, height: 1, channels: 1, data: new Uint8Array(90_001).fill(255) })).toBe(255);
  });

  it("counts the colours of a picture too large for the small table", () => {
    const data = new Uint8Array(300 * 300 * 3);
    for (let i = 0; i < 90_000; i++) data.set([i & 255, i >> 8, (i >> 16) * 200], 3 * i);
    expect(distinctColors({ width: 300, height: 300, channels: 3, data })).toBe(90_000);
  });
});

describe("shrinking", () => {
  it("halves as PIL's fixed point does, also at odd sides", () => {
    fc.assert(
      fc.property(pictures, fc.boolean(), (rgb, asGray) => {
        const image: PixelImage<1 | 3> = asGray ? toGray(rgb) : rgb;
        const { width, height, channels, data } = image;
        const half = reduce(image, 2, 2);
        const wanted = new Uint8Array(half.data.length);
        for (let i = 0; i < wanted.length; i++) {
          const [x, y, c] = [
            Math.floor(i / channels) % half.width,
            Math.floor(i / channels / half.width),
            i % channels,
          ];
          const box = [
            [0, 0],
            [1, 0],
            [0, 1],
            [1, 1],
          ]
            .map(([dx, dy]) => [2 * x + dx!, 2 * y + dy!] as const)
            .filter(([at, row]) => at < width && row < height);
          const sum = box.reduce((total, [at, row]) => total + data[(row * width + at) * channels + c]!, 0);
          wanted[i] = Math.floor((sum + (box.length >> 1)) / box.length);
        }
        expect(half.data).toEqual(wanted);
      }),
    );
  });

  it("takes means of whole boxes as PIL's fixed point does, also of the boxes that are cut", () => {
    fc.assert(
      fc.property(
        pictures,
        fc.constantFrom(1, 3, 4),
        fc.integer({ min: 1, max: 10 }),
        fc.integer({ min: 1, max: 9 }),
        (rgb, channels, xFactor, yFactor) => {
          const data = rgb.data.subarray(0, Math.floor(rgb.data.length / channels) * channels);
          const image = { width: data.length / channels, height: 1, channels, data } as PixelImage;
          for (const picture of [rgb, image]) {
            const { width, height, channels: count } = picture;
            const small = reduce(picture, xFactor, yFactor);
            expect([small.width, small.height]).toEqual([Math.ceil(width / xFactor), Math.ceil(height / yFactor)]);
            const wanted = Uint8Array.from(small.data, (_, i) => {
              const [x, y] = [Math.floor(i / count) % small.width, Math.floor(i / count / small.width)];
              let [sum, samples] = [0, 0];
              for (let row = y * yFactor; row < Math.min(height, (y + 1) * yFactor); row++)
                for (let at = x * xFactor; at < Math.min(width, (x + 1) * xFactor); at++, samples++)
                  sum += picture.data[(row * width + at) * count + (i % count)]!;
              const factor = Math.trunc(Math.fround(2 ** 32 / (256 * samples)));
              return Math.floor(((sum + (samples >> 1)) * factor) / 2 ** 24);
            });
            expect(small.data).toEqual(wanted);
          }
        },
      ),
    );
  });

  it("in one go is reducing, then resizing", () => {
    fc.assert(
      fc.property(pictures, fc.integer({ min: 2, max: 14 }), (image, side) => {
        const { width, height } = thumbnailSize(image.width, image.height, side, side);
        const [xFactor, yFactor] = [
          Math.trunc(image.width / width / 2) || 1,
          Math.trunc(image.height / height / 2) || 1,
        ];
        const wanted = resize(reduce(image, xFactor, yFactor), width, height, "lanczos", [
          0,
          0,
          image.width / xFactor,
          image.height / yFactor,
        ]);
        expect(thumbnail(image, side, side).data).toEqual(
          width === image.width && height === image.height ? image.data : wanted.data,
        );
      }),
    );
  });

  it("gives every column and channel what it gives each alone", () => {
    fc.assert(
      fc.property(
        pictures,
        fc.integer({ min: 1, max: 12 }),
        fc.integer({ min: 1, max: 60 }),
        (image, height, width) => {
          const lower = resize(image, image.width, height, "lanczos");
          const column: PixelImage<3> = {
            width: 1,
            height: image.height,
            channels: 3,
            data: Uint8Array.from(
              triples(image)
                .filter((_, i) => i % image.width === image.width - 1)
                .flat(),
            ),
          };
          expect(triples(lower).filter((_, i) => i % image.width === image.width - 1)).toEqual(
            triples(resize(column, 1, height, "lanczos")),
          );
          const narrow = resize(image, width, image.height, "lanczos");
          expect(firstChannel(narrow).data).toEqual(resize(firstChannel(image), width, image.height, "lanczos").data);
        },
      ),
    );
  });
});

describe("spreads of colour in blocks", () => {
  const SIDE = 16;
  const spreadsOf = (image: PixelImage<3>): Float64Array => colorFigures(image).spreads;
  const blocks = fc
    .record({
      width: fc.integer({ min: 1, max: 70 }),
      height: fc.integer({ min: 1, max: 40 }),
      seed: fc.nat(),
      spread: fc.constantFrom(1, 2, 30, 256),
    })
    .map(({ width, height, seed, spread }): PixelImage<3> => {
      let state = seed | 1;
      const next = (): number => (state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0) >>> 24;
      const data = Uint8Array.from({ length: width * height * 3 }, () => (seed % 200) + (next() % spread));
      return { width, height, channels: 3, data };
    });

  /** In doubles, one pixel after the other. */
  function plain({ data, width }: PixelImage<3>, left: number, top: number): number {
    let [light, red, yellow, lightSquares, lightRed, lightYellow, redSquares, yellowSquares] = [0, 0, 0, 0, 0, 0, 0, 0];
    for (let y = top; y < top + SIDE; y++)
      for (let x = left; x < left + SIDE; x++) {
        const [r, g, b] = data.subarray(3 * (y * width + x)) as unknown as [number, number, number];
        const [l, p, q] = [(r + g + b) / 3, r - g, (r + g) / 2 - b];
        light += l;
        red += p;
        yellow += q;
        lightSquares += l * l;
        lightRed += l * p;
        lightYellow += l * q;
        redSquares += p * p;
        yellowSquares += q * q;
      }
    const count = SIDE * SIDE;
    const lightVariance = lightSquares / count - (light / count) ** 2;
    const unexplained = (sum: number, squares: number, product: number): number => {
      const shared = product / count - (light * sum) / count ** 2;
      return squares / count - (sum / count) ** 2 - (lightVariance > 1 ? shared ** 2 / lightVariance : 0);
    };
    return Math.sqrt(
      Math.max(0, unexplained(red, redSquares, lightRed) + unexplained(yellow, yellowSquares, lightYellow)),
    );
  }

  it("gives the plain formula's doubles, to the last bit", () => {
    fc.assert(
      fc.property(blocks, (image) => {
        const wanted: number[] = [];
        for (let y = 0; y + SIDE <= image.height; y += SIDE)
          for (let x = 0; x + SIDE <= image.width; x += SIDE) wanted.push(plain(image, x, y));
        expect([...spreadsOf(image)]).toEqual(wanted);
      }),
    );
  });

  it.each([
    [321, 40],
    [50, 640],
    [700, 33],
    [1279, 70],
    [90, 1284],
    [1601, 20],
  ])("are those of the picture reduced to 320 pixels, at %i x %i", (width, height) => {
    const data = Uint8Array.from({ length: width * height * 3 }, (_, i) => (i * i * 7 + (i >> 5) * 31) & 255);
    const image: PixelImage<3> = { width, height, channels: 3, data };
    const factor = Math.ceil(Math.max(width, height) / 320);
    expect(spreadsOf(image)).toEqual(spreadsOf(reduce(image, factor, factor)));
  });

  it("is 0 for gray and for one ink on paper, and not for two colours of one lightness", () => {
    const picture = (color: (i: number) => readonly number[]): PixelImage<3> => ({
      width: SIDE,
      height: SIDE,
      channels: 3,
      data: Uint8Array.from(Array.from({ length: SIDE * SIDE }, (_, i) => color(i)).flat()),
    });
    expect(spreadsOf(picture((i) => [i, i, i]))[0]).toBe(0);
    expect(spreadsOf(picture((i) => [240 - (i % 4) * 30, 220 - (i % 4) * 30, 180 - (i % 4) * 30]))[0]).toBeCloseTo(0);
    expect(spreadsOf(picture((i) => (i % 2 === 0 ? [200, 100, 150] : [100, 200, 150])))[0]).toBeGreaterThan(99);
  });
});

describe("kernels between planes and pixels", () => {
  /** Values around the ends of both ranges, halves, and what is no number. */
  const value = fc.oneof(
    fc.float({ min: Math.fround(-1.1), max: Math.fround(1.1), noNaN: true }),
    fc.float({ min: -2, max: 257, noNaN: true }),
    fc.integer({ min: -1, max: 256 }).map((whole) => whole + 0.5),
    fc.constantFrom(NaN, Infinity, -Infinity, -0, 1, -1, 255),
  );

  it("a value's byte is the same beside any others, with one and with three channels", () => {
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 3 * 75 }), (values) => {
        for (const range of ["signed", "byte"] as const)
          for (const rounding of ["half-even", "truncate"] as const) {
            const how = { range, rounding };
            // One value alone goes through the plain formula.
            const bytes = values.map((one) => fromPlanar(Float32Array.of(one), 1, 1, 1, how).data[0]!);
            expect([...fromPlanar(Float32Array.from(values), values.length, 1, 1, how).data]).toEqual(bytes);
            const pixels = Math.floor(values.length / 3);
            if (pixels === 0) continue;
            const planes = Float32Array.from(values.slice(0, 3 * pixels));
            const interleaved = Array.from(
              { length: 3 * pixels },
              (_, i) => bytes[(i % 3) * pixels + Math.floor(i / 3)],
            );
            expect([...fromPlanar(planes, pixels, 1, 3, how).data]).toEqual(interleaved);
          }
      }),
    );
  });

  it("three planes of a gray picture, with equal tables and with others", () => {
    fc.assert(
      fc.property(pictures, fc.constantFrom([1, 1, 1], [1, 2, 1], [1, 1, 3], [1, 2, 3]), (image, factors) => {
        const how = normalization(3, (byte, channel) => byte * factors[channel]!);
        const gray = firstChannel(image);
        const planes = factors.map((factor) => [
          ...toPlanar(
            gray,
            normalization(1, (byte) => byte * factor),
          ),
        ]);
        expect([...toRgbPlanar(gray, how)]).toEqual(planes.flat());
      }),
    );
  });

  it("the shadow style, also in the lines' place", () => {
    fc.assert(
      fc.property(pictures, (image) => {
        const gray = firstChannel(image);
        const line = { ...gray, data: gray.data.map((byte, i) => byte ^ (i * 29)) };
        const wanted = Uint8Array.from(line.data, (own, i) => {
          const page = gray.data[i]!;
          return page <= 74 ? 18 : page < 145 ? Math.min(own, 155) : own;
        });
        expect(applyShadowStyle(gray, line).data).toEqual(wanted);
        expect(applyShadowStyle(gray, line, line.data).data).toEqual(wanted);
      }),
    );
  });
});
