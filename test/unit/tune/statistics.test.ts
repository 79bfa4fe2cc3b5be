/** The tuner's statistics against distributions whose answers are known. All seeds are fixed. */
import { describe, expect, it } from "vitest";
import { median, medianEstimate, quantile, ratioEstimate } from "../../../src/tune/statistics/bootstrap.js";
import { FALSE_RATE, PairedComparison, planLooks, signFlipP, SPENT_RATE } from "../../../src/tune/statistics/paired.js";
import { Random } from "../../../src/tune/statistics/random.js";

/** Times of a noisy machine: lognormal, with a slow outlier now and then. */
function noisy(random: Random, centre: number, spread = 0.05): number {
  const outlier = random.next() < 0.1 ? 1.3 : 1;
  return (centre * Math.exp(spread * random.normal())) / outlier;
}

/** A whole comparison as the tuner makes it, all looks included. */
function compare(random: Random, ratio: number, affordablePairs = Infinity, spread?: number): PairedComparison {
  const comparison = new PairedComparison(affordablePairs);
  while (!comparison.isDecided) comparison.add(noisy(random, ratio, spread), noisy(random, 1, spread));
  return comparison;
}

describe("quantiles", () => {
  it("interpolate between the nearest values, whatever their order", () => {
    expect(median([3, 1, 2])).toBe(2);
    expect(median([4, 1, 3, 2])).toBe(2.5);
    expect(quantile([10, 0], 0.95)).toBeCloseTo(9.5);
    expect(quantile([7], 0.99)).toBe(7);
  });
});

describe("random numbers", () => {
  it("are the same for the same seed, spread evenly, and shuffle without loss", () => {
    const [one, other] = [new Random(5), new Random(5)];
    expect(Array.from({ length: 9 }, () => one.next())).toEqual(Array.from({ length: 9 }, () => other.next()));
    const counts = Array<number>(10).fill(0);
    for (let draw = 0; draw < 10_000; draw++) counts[one.below(10)]!++;
    for (const count of counts) expect(Math.abs(count - 1000)).toBeLessThan(150);
    expect(one.shuffled([1, 2, 3, 4, 5]).sort()).toEqual([1, 2, 3, 4, 5]);
  });
});

describe("bootstrap intervals", () => {
  it("hold the true median about as often as they say", () => {
    const random = new Random(11);
    let held = 0;
    const trials = 200;
    for (let trial = 0; trial < trials; trial++) {
      const { low, high } = medianEstimate(
        Array.from({ length: 15 }, () => Math.exp(0.1 * random.normal())),
        trial,
      );
      if (low <= 1 && 1 <= high) held++;
    }
    expect(held / trials).toBeGreaterThan(0.91);
    expect(held / trials).toBeLessThan(0.99);
  });

  it("hold the true ratio of two sets that were measured apart", () => {
    const random = new Random(12);
    let held = 0;
    for (let trial = 0; trial < 100; trial++) {
      const draw = (centre: number): number[] =>
        Array.from({ length: 12 }, () => centre * Math.exp(0.1 * random.normal()));
      const { low, high } = ratioEstimate(draw(2), draw(1), trial);
      if (low <= 2 && 2 <= high) held++;
    }
    expect(held / 100).toBeGreaterThan(0.9);
  });

  it("get narrower with more samples; one sample is its own interval", () => {
    const random = new Random(13);
    const width = (count: number): number => {
      const { low, high } = medianEstimate(Array.from({ length: count }, () => random.normal()));
      return high - low;
    };
    expect(width(160)).toBeLessThan(width(10));
    expect(medianEstimate([5])).toEqual({ value: 5, low: 5, high: 5 });
  });
});

describe("the sign-flip test", () => {
  it("gives the probabilities that can be counted by hand", () => {
    expect(signFlipP([1])).toBe(1);
    expect(signFlipP([1, 1, 1])).toBe(2 / 8);
    expect(signFlipP([1, -1])).toBe(1);
    expect(signFlipP([3, 2, -1])).toBe(4 / 8);
    expect(signFlipP(Array<number>(8).fill(0.1))).toBe(2 / 256);
  });

  it("goes over from counting to drawing without a step", () => {
    const values = Array.from({ length: 15 }, (_, index) => (index % 3 === 0 ? -1 : 1) + index / 100);
    expect(Math.abs(signFlipP(values) - signFlipP(values, 2))).toBeLessThan(0.02);
    expect(signFlipP(Array<number>(20).fill(1))).toBeLessThan(0.001);
  });

  it.each([Infinity, 20, 15, 12, 10, 7])("could reject at each look that is planned for %d pairs", (pairs) => {
    const looks = planLooks(pairs);
    expect(2 / 2 ** looks[0]!).toBeLessThanOrEqual(SPENT_RATE / looks.length);
    expect([...looks].sort((a, b) => a - b)).toEqual(looks);
  });
});

describe("comparisons in pairs", () => {
  it.each([
    ["no end of time", Infinity, 1000],
    ["time for 12 pairs", 12, 1000],
    ["time for 7 pairs", 7, 1000],
  ])("claim a difference between equals in fewer than the stated share, with %s", (_time, pairs, trials) => {
    const random = new Random(21);
    let claimed = 0;
    for (let trial = 0; trial < trials; trial++) if (compare(random, 1, pairs).verdict !== "no difference") claimed++;
    expect(claimed / trials).toBeLessThanOrEqual(FALSE_RATE);
    expect(claimed).toBeGreaterThan(0); // a test that never claims anything would pass the line above
  });

  it("claim no more where time runs out after any number of pairs", () => {
    const random = new Random(24);
    let claimed = 0;
    for (let trial = 0; trial < 1000; trial++) {
      const comparison = new PairedComparison(7);
      const end = 6 + random.below(4);
      while (comparison.pairs < end && !comparison.isDecided) comparison.add(noisy(random, 1), noisy(random, 1));
      comparison.end();
      if (comparison.verdict !== "no difference") claimed++;
    }
    expect(claimed / 1000).toBeLessThanOrEqual(FALSE_RATE);
    expect(claimed).toBeGreaterThan(0);
  });

  it("find a large difference with few pairs where time is short", () => {
    const short = new PairedComparison(6);
    for (let pair = 0; pair < 6; pair++) short.add(1.4 + pair / 100, 1);
    expect(short.end()).toMatchObject({ verdict: "better", pairs: 6 });
  });

  it("find a difference of 10 % in noise of 5 %, and say which is better", () => {
    const random = new Random(22);
    let found = 0;
    for (let trial = 0; trial < 100; trial++) {
      const { verdict } = compare(random, trial % 2 ? 1.1 : 1 / 1.1);
      expect(verdict).not.toBe(trial % 2 ? "worse" : "better");
      if (verdict !== "no difference") found++;
    }
    expect(found).toBeGreaterThan(70);
  });

  it("end early where the difference is plain, and at the last look where there is none", () => {
    const random = new Random(23);
    expect(compare(random, 2).pairs).toBe(8);
    const same = new PairedComparison();
    while (!same.isDecided) same.add(1, 1);
    expect(same.result).toMatchObject({ verdict: "no difference", pairs: 27, p: 1 });
  });

  it("claim nothing when time runs out before the first look could", () => {
    const short = new PairedComparison(5);
    for (let pair = 0; pair < 5; pair++) short.add(2, 1);
    expect(short.end()).toMatchObject({ verdict: "no difference", pairs: 5 });
    expect(new PairedComparison().end()).toBeUndefined();
  });
});
