/** The kernels against Pillow and OpenCV on small random pictures (made by make_peer_cases.py): exact. */
import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import * as pixels from "../../../src/binding/pixels/pixels.js";
import type { PixelBox, PixelImage, ResizeFilter } from "../../../src/binding/pixels/pixels.js";
import { expectSamePictures, goldenPath } from "../../support/golden-maths.js";

type Range = [number, number];
interface PeerCase {
  op: string;
  width: number;
  height: number;
  channels: 1 | 3 | 4;
  in: Range;
  out: Range;
  to: [number, number];
  filter: ResizeFilter;
  box: number[] | null;
  factors: [number, number];
  low: number;
  high: number;
  saturation: number;
  colors: number;
  median: number;
}

const blob = readFileSync(goldenPath("peer_cases.bin"));
const cases = JSON.parse(readFileSync(goldenPath("peer_cases.json"), "utf8")) as PeerCase[];

function part([start, length]: Range): Uint8Array {
  return new Uint8Array(blob.subarray(start, start + length));
}

/** What the kernel makes of the case. */
function run(test: PeerCase, image: PixelImage): PixelImage {
  switch (test.op) {
    case "resize":
      return pixels.resize(image, test.to[0], test.to[1], test.filter, (test.box ?? undefined) as PixelBox | undefined);
    case "reduce":
      return pixels.reduce(image, test.factors[0], test.factors[1]);
    case "thumbnail":
      return pixels.thumbnail(image, test.box![0]!, test.box![1]!, test.filter);
    case "premultiply":
      return pixels.premultiply(image as PixelImage<4>);
    case "unpremultiply":
      return pixels.unpremultiply(image as PixelImage<4>);
    case "cmykToRgb":
      return pixels.cmykToRgb(image as PixelImage<4>);
    default:
      throw new Error(`no such operation: ${test.op}`);
  }
}

describe("Pillow and OpenCV", () => {
  it.each(cases.map((test, index) => [index, test.op, test] as const))("case %i: %s", (_index, _op, test) => {
    const image: PixelImage = { width: test.width, height: test.height, channels: test.channels, data: part(test.in) };
    if (test.op === "figures") {
      expect(pixels.meanSaturation(image as PixelImage<3>)).toBeCloseTo(test.saturation, 12);
      expect(pixels.distinctColors(image as PixelImage<3>)).toBe(test.colors);
      expect(pixels.median(pixels.toGray(image as PixelImage<3>))).toBe(test.median);
      return;
    }
    if (test.op === "canny") {
      const edges = part(test.out).filter((value) => value === 255).length;
      expect(pixels.countEdges(image as PixelImage<1>, test.low, test.high)).toBe(edges);
      return;
    }
    const result = run(test, image);
    if (test.to) expect([result.width, result.height]).toEqual(test.to);
    expectSamePictures(result, { ...result, data: part(test.out) });
  });
});
