/**
 * Buckets, noise, solver, retrieval, hints and line input where the golden cases do not reach: limits, misuse,
 * properties.
 */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { PixelImage } from "../../../../src/binding/pixels/pixels.js";
import { COBRA_BUCKETS, nearestBucket } from "../../../../src/model/buckets.js";
import {
  emptyMaskPlane,
  hintMaskPlane,
  layHints,
  markSquares,
  type ColorHint,
} from "../../../../src/colorization/cobra/hint-squares.js";
import { lineExtractorInput, linePicture, styledLine } from "../../../../src/colorization/cobra/line-style.js";
import { cudaCounterAdvance, cudaNormal, NoiseGenerator } from "../../../../src/colorization/cobra/noise.js";
import { seededNoise } from "../../../../src/colorization/cobra/page-noise.js";
import {
  clipCrop,
  clipPixels,
  cosineSimilarity,
  fitReference,
  quadrantCrops,
  referencePatches,
  retrievePatches,
  retrieveWhole,
  topColumns,
} from "../../../../src/colorization/cobra/retrieval.js";
import { roundHalfEven, solverTimesteps } from "../../../../src/colorization/cobra/solver.js";
import { Solver } from "../../../support/plain-solver.js";

const ARGUMENT = expect.objectContaining({ code: "ERR_ARGUMENT" });

function picture<C extends 1 | 3>(width: number, height: number, channels: C): PixelImage<C> {
  return {
    width,
    height,
    channels,
    data: Uint8Array.from({ length: width * height * channels }, (_, i) => (i * 31) & 255),
  };
}

describe("buckets", () => {
  it("no bucket is nearer than the chosen one, and no earlier one as near", () => {
    const side = fc.integer({ min: 1, max: 20000 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const chosen = nearestBucket(width, height, COBRA_BUCKETS);
        const error = (bucket: { width: number; height: number }): number =>
          Math.abs(width / height - bucket.width / bucket.height);
        const at = COBRA_BUCKETS.indexOf(chosen);
        COBRA_BUCKETS.forEach((bucket, i) =>
          expect(i < at ? error(bucket) > error(chosen) : error(bucket) >= error(chosen)).toBe(true),
        );
      }),
    );
  });

  it("takes the first of equally near ones", () => {
    const [small, large] = [
      { width: 32, height: 32 },
      { width: 64, height: 64 },
    ];
    expect(nearestBucket(5, 4, [large, small])).toBe(large);
    expect(nearestBucket(5, 4, [small, large])).toBe(small);
  });

  it("works on a package's own list and refuses an empty one", () => {
    expect(nearestBucket(10, 1, [{ width: 32, height: 32 }])).toEqual({ width: 32, height: 32 });
    expect(() => nearestBucket(10, 1, [])).toThrow(ARGUMENT);
    expect(() => nearestBucket(0, 1, COBRA_BUCKETS)).toThrow(ARGUMENT);
  });
});

describe("noise", () => {
  it("a skipped draw is a draw, also on a small device", () => {
    const counts = fc.array(fc.nat(5000), { maxLength: 4 });
    fc.assert(
      fc.property(counts, fc.integer({ min: 1, max: 8 }), (before, maxBlocks) => {
        const [drawn, skipped] = [new NoiseGenerator(9, { maxBlocks }), new NoiseGenerator(9, { maxBlocks })];
        for (const count of before) {
          drawn.normal(count);
          skipped.skip(count);
        }
        expect(skipped.counter).toBe(drawn.counter);
        expect(skipped.normal(20)).toEqual(drawn.normal(20));
      }),
      { numRuns: 20 },
    );
  });

  it("a small tensor is the same on every device, and a draw of nothing moves nothing", () => {
    expect(cudaNormal(3, 0, 256, { maxBlocks: 1 })).toEqual(cudaNormal(3, 0, 256));
    expect(cudaCounterAdvance(0)).toBe(0);
    expect(cudaCounterAdvance(864 * 256 * 4 + 1, { maxBlocks: 864 })).toBe(2);
  });

  it("uses all 64 bits of the seed", () => {
    expect(cudaNormal(5n, 0, 4)).not.toEqual(cudaNormal(5n + (1n << 32n), 0, 4));
    expect(cudaNormal(5, 0, 4)).toEqual(cudaNormal(5n, 0, 4));
    for (const seed of [-1, 1.5, Number.NaN, 1n << 64n, -1n]) expect(() => new NoiseGenerator(seed)).toThrow(ARGUMENT);
    expect(() => new NoiseGenerator(1).normal(-1)).toThrow(ARGUMENT);
  });

  it("draws a page's noise in Cobra's order", () => {
    const count = 4 * 8 * 12;
    const noise = seededNoise({
      seed: 7,
      counts: { latent: count, references: 12 * 4 * 4 * 6, upsampler: 4 * 12 * 18 },
    });
    const all = new NoiseGenerator(7);
    expect(noise.start).toEqual(new NoiseGenerator(7).normal(count));
    expect(noise.line).toEqual(all.normal(count));
    all.normal(12 * 4 * 4 * 6);
    expect(noise.hint).toEqual(all.normal(count));
    expect(noise.upsampler).toEqual(all.normal(4 * 12 * 18));
    expect(noise.references).toBeUndefined();
  });

  it("looks standard normal", () => {
    for (const values of [cudaNormal(1, 0, 40000), cudaNormal(1, 0, 40000, { maxBlocks: 3 })]) {
      const mean = values.reduce((a, v) => a + v, 0) / values.length;
      const variance = values.reduce((a, v) => a + v * v, 0) / values.length;
      expect(Math.abs(mean)).toBeLessThan(0.02);
      expect(Math.abs(variance - 1)).toBeLessThan(0.03);
    }
  });
});

describe("solver", () => {
  it("rounds halves to even", () => {
    expect([0.5, 1.5, 2.5, -1.5, 2.4, 2.6, 7].map(roundHalfEven)).toEqual([0, 2, 2, -2, 2, 3, 7]);
  });

  it("gives falling timesteps for every number of steps", () => {
    for (let steps = 1; steps <= 999; steps++) {
      const timesteps = solverTimesteps(steps);
      expect(timesteps[0]).toBe(999);
      expect(timesteps.every((t, i) => i === 0 || t < timesteps[i - 1]!)).toBe(true);
    }
    for (const steps of [0, 1000, 2.5]) expect(() => new Solver(steps)).toThrow(ARGUMENT);
  });

  it("steps in order only", () => {
    const solver = new Solver(2);
    const x = Float32Array.of(1, 2);
    expect(() => solver.step(x, x, 1)).toThrow(/step 0 comes next/);
    const first = solver.step(x, x, 0);
    expect(() => solver.step(x, x, 0)).toThrow(expect.objectContaining({ code: "ERR_STATE" }));
    expect(() => solver.step(first, Float32Array.of(1), 1)).toThrow(ARGUMENT);
    const last = solver.step(first, x, 1);
    expect(() => solver.step(last, x, 2)).toThrow(/all steps are done/);
  });

  it("a perfect network's clean latents come out after any number of steps", () => {
    const clean = Float32Array.of(0.5, -1, 2);
    for (const steps of [1, 2, 3, 10, 37]) {
      const solver = new Solver(steps, { predictionType: "sample" });
      let x = Float32Array.of(3, 1, -4);
      for (let i = 0; i < steps; i++) x = solver.step(x, clean, i) as Float32Array<ArrayBuffer>;
      expect(x).toEqual(clean);
    }
  });
});

describe("retrieval", () => {
  it("top-k is clamped, sorted, without repeats, and stable for ties", () => {
    const value = fc.oneof(fc.constantFrom(0, 0.5, 1, Number.NaN), fc.float({ noNaN: true, min: -1, max: 1 }));
    fc.assert(
      fc.property(fc.array(value, { minLength: 1, maxLength: 20 }), fc.integer({ min: 1, max: 40 }), (values, k) => {
        const [top] = topColumns(Float32Array.from(values), values.length, k);
        expect(top).toHaveLength(Math.min(k, values.length));
        expect(new Set(top).size).toBe(top!.length);
        const rank = (i: number): number => (Number.isNaN(values[i]!) ? -Infinity : Math.fround(values[i]!));
        for (let i = 1; i < top!.length; i++) {
          const [before, after] = [top![i - 1]!, top![i]!];
          expect(rank(before) > rank(after) || (rank(before) === rank(after) && before < after)).toBe(true);
        }
        for (const left of values.keys())
          if (!top!.includes(left)) expect(rank(left)).toBeLessThanOrEqual(rank(top!.at(-1)!));
      }),
    );
  });

  it("no references, no patches", () => {
    expect(retrievePatches(new Float32Array(8), new Float32Array(0), 2, 3)).toEqual([[], [], [], []]);
    expect(topColumns(new Float32Array(0), 0, 3)).toEqual([]);
  });

  it("takes whole references once, and the likest where there are too many", () => {
    // Three references of five patches each; only the first patch of each, the whole picture, may be chosen.
    const row = (degrees: number): number[] => [
      Math.cos((degrees * Math.PI) / 180),
      Math.sin((degrees * Math.PI) / 180),
    ];
    const references = new Float32Array([80, 0, 0, 0, 0, 10, 0, 0, 0, 0, 40, 0, 0, 0, 0].flatMap(row));
    const queries = new Float32Array([0, 0, 0, 39].flatMap(row));
    expect(retrieveWhole(queries, references, 2, 3)).toEqual([0, 5, 10]);
    expect(retrieveWhole(queries, references, 2, 2)).toEqual([10, 5]);
    expect(retrieveWhole(queries, new Float32Array(0), 2, 2)).toEqual([]);
  });

  it("refuses rows that do not fit and a top-k below 1", () => {
    expect(() => cosineSimilarity(new Float32Array(5), new Float32Array(4), 2)).toThrow(ARGUMENT);
    expect(() => topColumns(new Float32Array(5), 2, 1)).toThrow(ARGUMENT);
    expect(() => topColumns(new Float32Array(4), 2, 0)).toThrow(ARGUMENT);
  });

  it("a zero embedding is similar to nothing", () => {
    expect(Array.from(cosineSimilarity(Float32Array.of(0, 0, 3, 4), Float32Array.of(6, 8, 4, -3), 2))).toEqual([
      0, 0, 1, 0,
    ]);
  });

  it("brings references of any shape to the page's size", () => {
    const side = fc.integer({ min: 1, max: 400 });
    fc.assert(
      fc.property(side, side, (width, height) => {
        const fitted = fitReference(picture(width, height, 1), 64, 96);
        expect([fitted.width, fitted.height, fitted.data.length]).toEqual([64, 96, 64 * 96]);
      }),
      { numRuns: 50 },
    );
  });

  it("makes five patches and CLIP's square of any picture", () => {
    expect(referencePatches(picture(64, 96, 3)).map((p) => `${p.width}x${p.height}`)).toEqual([
      "64x96",
      "48x72",
      "48x72",
      "48x72",
      "48x72",
    ]);
    expect(() => quadrantCrops(picture(3, 96, 3))).toThrow(ARGUMENT);
    for (const [width, height] of [
      [1, 9],
      [300, 17],
      [28, 28],
    ] as const) {
      expect(clipCrop(picture(width, height, 3), 28)).toMatchObject({ width: 28, height: 28 });
      expect(clipPixels(picture(width, height, 3), 28)).toHaveLength(3 * 28 * 28);
    }
  });
});

describe("line input and style", () => {
  it("pads with ones to multiples of 16 and cuts back", () => {
    const gray = picture(17, 16, 1);
    const input = lineExtractorInput(gray);
    expect([input.width, input.height]).toEqual([32, 16]);
    expect(Array.from(input.data.subarray(15, 20))).toEqual([gray.data[15], gray.data[16], 1, 1, 1]);
    expect(linePicture(input.data, input, 17, 16).data).toEqual(gray.data);
  });

  it("knows two styles", () => {
    const gray = picture(4, 4, 1);
    expect(styledLine("line", gray, gray)).toBe(gray);
    expect(() => styledLine("shadow" as "line", gray, gray)).toThrow(/the styles are "line" and "line \+ shadow"/);
  });
});

describe("hints", () => {
  const drawHints = (line: PixelImage<1 | 3>, hints: readonly ColorHint[]): ReturnType<typeof layHints> =>
    layHints(line, markSquares(line.width, line.height, hints));

  it("starts black, from a gray or coloured line picture, and leaves that alone", () => {
    const line = picture(32, 24, 1);
    const before = line.data.slice();
    const { picture: drawn, mask } = drawHints(line, [{ x: 0, y: 0, color: [1, 2, 3] }]);
    expect(line.data).toEqual(before);
    expect(Array.from(drawn.data.subarray(7 * 3, 9 * 3))).toEqual([1, 2, 3, line.data[8], line.data[8], line.data[8]]);
    expect(mask.data.filter((v) => v === 255)).toHaveLength(64);
    expect(hintMaskPlane(drawHints(line, []).mask)).toEqual(new Float32Array(12));
  });

  it.each([
    [32, 24],
    [37, 29],
  ])("a page of %i x %i without hints has the mask of one whose mask is empty", (width, height) => {
    expect(emptyMaskPlane({ width, height })).toEqual(hintMaskPlane(drawHints(picture(width, height, 1), []).mask));
  });

  it("later hints lie over earlier ones", () => {
    const { picture: drawn } = drawHints(picture(16, 16, 3), [
      { x: 8, y: 8, color: [1, 1, 1] },
      { x: 0, y: 0, color: [9, 9, 9] },
    ]);
    expect([drawn.data[0], drawn.data[15 * 3]]).toEqual([9, 1]);
  });

  it.each([
    [{ x: 16, y: 0, color: [0, 0, 0] }, /\(16, 0\) is not a pixel of the page of 16 x 16/],
    [{ x: 0.5, y: 0, color: [0, 0, 0] }, /not a pixel/],
    [{ x: 0, y: 0, color: [0, 256, 0] }, /colour \[0, 256, 0\]/],
  ] as const)("refuses %o", (hint, message) => {
    expect(() => drawHints(picture(16, 16, 1), [hint])).toThrow(message);
  });
});
