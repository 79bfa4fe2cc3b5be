/**
 * The pixel kernels' properties, argument checks, output buffers and threads. What they compute is held by
 * test/golden/maths.
 */
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { Worker } from "node:worker_threads";
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { loadAddon } from "../../../src/binding/load.js";
import {
  applyShadowStyle,
  countEdges,
  crop,
  firstChannel,
  meanSaturation,
  median,
  reduce,
  resize,
  thumbnail,
  thumbnailSize,
  toGray,
  toRgb,
  type PixelImage,
} from "../../../src/binding/pixels/pixels.js";
import {
  BYTE_GRAY,
  CLIP_RGB,
  fromPlanar,
  normalization,
  SIGNED_RGB,
  toPlanar,
} from "../../../src/binding/pixels/planes.js";
import { ValidationError } from "../../../src/errors.js";

const channelCounts = fc.constantFrom<1 | 2 | 3 | 4>(1, 2, 3, 4);
const pictures = fc
  .tuple(fc.integer({ min: 1, max: 24 }), fc.integer({ min: 1, max: 24 }), channelCounts)
  .chain(([width, height, channels]) =>
    fc
      .uint8Array({ minLength: width * height * channels, maxLength: width * height * channels })
      .map((data): PixelImage => ({ width, height, channels, data })),
  );
const filters = fc.constantFrom("nearest" as const, "box" as const, "bicubic" as const, "lanczos" as const);

function flat<C extends 1 | 3>(width: number, height: number, channels: C, value = 7): PixelImage<C> {
  return { width, height, channels, data: new Uint8Array(width * height * channels).fill(value) };
}

describe("properties", () => {
  it("a resize to the same size changes nothing", () => {
    fc.assert(
      fc.property(pictures, filters, (image, filter) => {
        expect(resize(image, image.width, image.height, filter).data).toEqual(image.data);
      }),
    );
  });

  it("a flat picture stays flat at every size with every filter", () => {
    const side = fc.integer({ min: 1, max: 90 });
    fc.assert(
      fc.property(
        side,
        side,
        side,
        side,
        filters,
        fc.integer({ min: 0, max: 255 }),
        (w, h, toWidth, toHeight, filter, value) => {
          expect(resize(flat(w, h, 3, value), toWidth, toHeight, filter).data.every((v) => v === value)).toBe(true);
          expect(thumbnail(flat(w, h, 1, value), toWidth, toHeight).data.every((v) => v === value)).toBe(true);
          expect(
            reduce(flat(w, h, 1, value), 1 + (toWidth % 9), 1 + (toHeight % 9)).data.every((v) => v === value),
          ).toBe(true);
        },
      ),
    );
  });

  it("a thumbnail fits, and never grows", () => {
    const side = fc.integer({ min: 1, max: 5000 });
    fc.assert(
      fc.property(side, side, side, side, (width, height, maxWidth, maxHeight) => {
        const size = thumbnailSize(width, height, maxWidth, maxHeight);
        expect(size.width >= 1 && size.width <= Math.min(width, maxWidth)).toBe(true);
        expect(size.height >= 1 && size.height <= Math.min(height, maxHeight)).toBe(true);
      }),
    );
  });

  it("a crop is what resizing to the same box gives", () => {
    fc.assert(
      fc.property(pictures, fc.nat(), fc.nat(), fc.nat(), fc.nat(), (image, a, b, c, d) => {
        const [x, y] = [a % image.width, b % image.height];
        const [width, height] = [1 + (c % (image.width - x)), 1 + (d % (image.height - y))];
        expect(crop(image, x, y, width, height).data).toEqual(
          resize(image, width, height, "bicubic", [x, y, x + width, y + height]).data,
        );
      }),
    );
  });

  it("bytes survive planes and back, with both roundings", () => {
    const all = { width: 256, height: 1, channels: 1 as const, data: Uint8Array.from({ length: 256 }, (_, i) => i) };
    expect(
      fromPlanar(
        toPlanar(
          all,
          normalization(1, (byte) => (byte / 255) * 2 - 1),
        ),
        256,
        1,
        1,
      ).data,
    ).toEqual(all.data);
    for (const rounding of ["half-even", "truncate"] as const)
      expect(fromPlanar(toPlanar(all, BYTE_GRAY), 256, 1, 1, { range: "byte", rounding }).data).toEqual(all.data);
  });

  it("counts the edge between black and white once a row", () => {
    const image = {
      width: 40,
      height: 30,
      channels: 1 as const,
      data: Uint8Array.from({ length: 1200 }, (_, i) => (i % 40 < 20 ? 0 : 255)),
    };
    expect(countEdges(image, 100, 200)).toBe(30);
  });
});

describe("planes", () => {
  it("puts channels one after another and applies each channel's normalization", () => {
    const image = { width: 2, height: 1, channels: 3 as const, data: Uint8Array.of(1, 2, 3, 4, 5, 6) };
    expect(
      Array.from(
        toPlanar(
          image,
          normalization(3, (byte, channel) => byte + 100 * channel),
        ),
      ),
    ).toEqual([1, 4, 102, 105, 203, 206]);
    expect(toPlanar(image, CLIP_RGB)[0]).toBeCloseTo((1 / 255 - 0.48145466) / 0.26862954, 6);
  });

  it("turns what is out of range, infinite or no number into bytes", () => {
    const odd = Float32Array.of(Number.NaN, Infinity, -Infinity, 2, -2);
    expect(Array.from(fromPlanar(odd, 5, 1, 1).data)).toEqual([0, 255, 0, 255, 0]);
    expect(Array.from(fromPlanar(odd, 5, 1, 1, { range: "byte", rounding: "truncate" }).data)).toEqual([
      0, 255, 0, 2, 0,
    ]);
  });

  it("rounds halves to even, or truncates", () => {
    const halves = Float32Array.of(0.5, 1.5, 2.5, 2.75);
    expect(Array.from(fromPlanar(halves, 4, 1, 1, { range: "byte" }).data)).toEqual([0, 2, 2, 3]);
    expect(Array.from(fromPlanar(halves, 4, 1, 1, { range: "byte", rounding: "truncate" }).data)).toEqual([0, 1, 2, 2]);
  });

  it("writes into a part of a batch", () => {
    const batch = new Float32Array(3 * 4).fill(9);
    const image = flat(1, 1, 3, 255);
    const out = batch.subarray(3, 6);
    expect(toPlanar(image, SIGNED_RGB, out)).toBe(out);
    expect(Array.from(batch)).toEqual([9, 9, 9, 1, 1, 1, 9, 9, 9, 9, 9, 9]);
  });
});

describe("channels and colours", () => {
  it("gray goes through, RGB is repeated or cut", () => {
    const gray = flat(3, 2, 1, 8);
    expect(toGray(gray).data).toBe(gray.data);
    const out = new Uint8Array(6);
    expect(toGray(gray, out).data).toBe(out);
    expect(out).toEqual(gray.data);
    expect(() => toGray(gray, new Uint8Array(7))).toThrow(/out has 7 bytes/);
    expect(toRgb(gray).data).toEqual(flat(3, 2, 3, 8).data);
    expect(
      Array.from(firstChannel({ width: 2, height: 1, channels: 2, data: Uint8Array.of(1, 2, 3, 4) }).data),
    ).toEqual([1, 3]);
    expect(Array.from(toRgb({ width: 1, height: 1, channels: 4, data: Uint8Array.of(1, 2, 3, 4) }).data)).toEqual([
      1, 2, 3,
    ]);
  });

  it("the median of an even count may lie between two values", () => {
    expect(median({ width: 4, height: 1, channels: 1, data: Uint8Array.of(9, 1, 3, 4) })).toBe(3.5);
  });

  it("shadow thresholds: dark gray wins, then mid gray caps light lines", () => {
    const gray = { width: 6, height: 1, channels: 1 as const, data: Uint8Array.of(74, 75, 144, 145, 100, 0) };
    const line = { width: 6, height: 1, channels: 1 as const, data: Uint8Array.of(255, 255, 156, 255, 155, 10) };
    expect(Array.from(applyShadowStyle(gray, line).data)).toEqual([18, 155, 155, 255, 155, 18]);
    expect(applyShadowStyle(gray, line, line.data).data).toBe(line.data);
  });
});

describe("arguments", () => {
  const image = flat(4, 3, 3);
  const gray = flat(4, 3, 1);
  it.each<[string, RegExp, () => unknown]>([
    [
      "data too short",
      /image.data has 5 bytes, but 4 x 3 pixels of 3 channels need 36/,
      () => resize({ ...image, data: new Uint8Array(5) }, 1, 1),
    ],
    ["no picture", /image must be a picture/, () => resize(7 as unknown as PixelImage, 1, 1)],
    [
      "floats as data",
      /must be a Uint8Array/,
      () => resize({ ...image, data: new Float32Array(36) as unknown as Uint8Array }, 1, 1),
    ],
    ["width 0", /width must be a whole number from 1 to 1048576, got 0/, () => resize(image, 0, 1)],
    ["half a pixel", /got 1.5/, () => resize(image, 1, 1.5)],
    ["a picture of no size", /image.width must be/, () => resize({ ...image, width: Number.NaN }, 1, 1)],
    ["an enormous result", /the limit is/, () => resize(image, 1 << 20, 1 << 20)],
    [
      "unknown filter",
      /unknown filter "hamming"; the filters are nearest,/,
      () => resize(image, 1, 1, "hamming" as "box"),
    ],
    [
      "box outside",
      /box \[0, 0, 5, 3\] must lie inside the picture of 4 x 3/,
      () => resize(image, 1, 1, "box", [0, 0, 5, 3]),
    ],
    ["empty box", /not be empty/, () => resize(image, 1, 1, "box", [2, 0, 2, 3])],
    [
      "out of another size",
      /out has 4 bytes, the result has 3/,
      () => resize(image, 1, 1, "box", undefined, new Uint8Array(4)),
    ],
    ["out over the input", /share memory/, () => resize(image, 4, 3, "bicubic", undefined, image.data)],
    ["crop outside", /width must be a whole number from 1 to 1, got 2/, () => crop(image, 3, 0, 2, 1)],
    ["gray wanted", /image must have 1 channels, got 3/, () => countEdges(image as unknown as PixelImage<1>, 1, 2)],
    ["gray given", /3 or 4 channels, got 1/, () => meanSaturation(gray as unknown as PixelImage<3>)],
    [
      "unequal pictures",
      /same size and channels, got 4 x 3 x 1 and 2 x 3 x 1/,
      () => applyShadowStyle(gray, flat(2, 3, 1)),
    ],
    ["reduce by 0", /xFactor/, () => reduce(gray, 0, 1)],
    ["planes of another size", /planes has 3 values, needed are 12/, () => fromPlanar(new Float32Array(3), 4, 3, 1)],
    ["normalization of other channels", /1 channels, the normalization 3/, () => toPlanar(gray, SIGNED_RGB)],
  ])("%s", (_name, message, action) => {
    expect(action).toThrow(ValidationError);
    expect(action).toThrow(message);
    expect(action).toThrow(expect.objectContaining({ code: "ERR_ARGUMENT" }));
  });
});

describe("threads and memory", () => {
  it("reads and writes shared memory", () => {
    const shared = new Uint8Array(new SharedArrayBuffer(48));
    shared.fill(5, 0, 36);
    const out = shared.subarray(36, 39);
    resize({ width: 4, height: 3, channels: 3, data: shared.subarray(0, 36) }, 1, 1, "bicubic", undefined, out);
    expect(Array.from(shared.subarray(35, 40))).toEqual([5, 5, 5, 5, 0]);
  });

  it("works in worker threads, and never loads ONNX Runtime", async () => {
    const addon = join(loadAddon().directory, "cobra_batch.node");
    const image = {
      width: 64,
      height: 64,
      channels: 3 as const,
      data: Uint8Array.from({ length: 64 * 64 * 3 }, (_, i) => (i * 37) & 255),
    };
    const code = `const { workerData, parentPort } = require("node:worker_threads");
      const { pixels } = require(workerData.addon);
      parentPort.postMessage(pixels.resize(workerData.image, 20, 30, 2));`;
    const once = (): Promise<Uint8Array> =>
      new Promise((resolve, reject) => {
        const worker = new Worker(code, { eval: true, workerData: { addon, image } });
        worker.once("message", resolve);
        worker.once("error", reject);
      });
    const wanted = resize(image, 20, 30).data;
    for (const result of await Promise.all([once(), once(), once(), once()]))
      expect(Buffer.from(wanted).equals(result)).toBe(true);
    expect(createRequire(import.meta.url)(addon)).toHaveProperty("pixels");
    expect(readFileSync("/proc/self/maps", "utf8")).not.toMatch(/libonnxruntime/);
  });
});
