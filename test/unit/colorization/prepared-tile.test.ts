/** A page in the form the networks take: gray in one channel or three, in memory of the caller's or the worker's. */
import { expect, test } from "vitest";
import type { RasterImage } from "../../../src/binding/raster.js";
import { SIGNED_RGB, CLIP_RGB, toPlanar, toRgbPlanar } from "../../../src/binding/pixels/planes.js";
import { toRgb } from "../../../src/binding/pixels/pixels.js";
import { preparePage, tileValues, type TilePlanes } from "../../../src/colorization/tasks/prepare-page.js";

const encoder = { imageSize: 28, mean: [0.48, 0.46, 0.41], std: [0.27, 0.26, 0.28] } as const;
/** The first has sides that the line network's input is padded for. */
const buckets = [
  { width: 72, height: 104 },
  { width: 96, height: 96 },
];

function gray(width: number, height: number): RasterImage {
  const data = Uint8Array.from({ length: width * height }, (_, i) => (i * i * 31) & 255);
  return { width, height, channels: 1, data };
}

function shared(count: number): Float32Array {
  return new Float32Array(new SharedArrayBuffer(4 * count)).fill(7);
}

function sharedBytes(count: number): Uint8Array {
  return new Uint8Array(new SharedArrayBuffer(count)).fill(7);
}

const prepare = (page: RasterImage, planes?: TilePlanes) =>
  preparePage({
    page,
    buckets,
    encoder,
    keepPage: false,
    hintForm: "squares",
    ...(planes === undefined ? {} : { planes }),
  }).first;

test("a gray page is the same to the networks in one channel and in three", () => {
  const page = gray(90, 130);
  expect(prepare(toRgb(page))).toEqual(prepare(page));
  // One pixel in colour, and all three channels count.
  const tinted = toRgb(page);
  tinted.data[3 * 5000]! ^= 255;
  expect(prepare(tinted).queryPixels).not.toEqual(prepare(page).queryPixels);
});

test("planes are written into memory that has their size, and else into new memory", () => {
  const page = gray(90, 130);
  const counts = tileValues(buckets[0]!, encoder);
  expect(counts).toEqual({ gray: 72 * 104, line: 80 * 112, query: 4 * 3 * 28 * 28 });
  const planes = { gray: sharedBytes(counts.gray), line: shared(counts.line), query: shared(counts.query) };
  const first = prepare(page, planes);
  expect(first.gray.data).toBe(planes.gray);
  expect(first.lineInput.data).toBe(planes.line);
  expect(first.queryPixels).toBe(planes.query);
  const plain = prepare(page);
  expect([...first.gray.data]).toEqual([...plain.gray.data]);
  const inColor = toRgb(page);
  inColor.data[0]! ^= 255;
  expect([...prepare(inColor, planes).gray.data]).toEqual([...prepare(inColor).gray.data]);
  prepare(page, planes);
  expect([...first.lineInput.data]).toEqual([...plain.lineInput.data]);
  expect([...first.queryPixels]).toEqual([...plain.queryPixels]);
  const small = { gray: sharedBytes(8), line: shared(8), query: shared(8) };
  expect([...prepare(page, small).lineInput.data]).toEqual([...plain.lineInput.data]);
  expect(small.line.every((value) => value === 7)).toBe(true);
});

test("the planes of a gray picture are those of the same picture in RGB", () => {
  const page = gray(37, 23);
  for (const how of [SIGNED_RGB, CLIP_RGB]) expect(toRgbPlanar(page, how)).toEqual(toPlanar(toRgb(page), how));
});
