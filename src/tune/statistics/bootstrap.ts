/** Medians, quantiles, and how sure they are: percentile bootstrap intervals. */
import { Random } from "./random.js";

/** A figure and the interval that holds it with a stated probability. */
export interface Estimate {
  readonly value: number;
  readonly low: number;
  readonly high: number;
}

/** Share of intervals that hold the true figure. */
const CONFIDENCE = 0.95;
const RESAMPLES = 2000;

/** @param values at least one */
export function median(values: readonly number[]): number {
  return quantile(values, 0.5);
}

/** The quantile by linear interpolation between the two nearest values. @param share 0 to 1 */
export function quantile(values: readonly number[], share: number): number {
  const sorted = Float64Array.from(values).sort();
  const place = share * (sorted.length - 1);
  const below = Math.floor(place);
  const next = sorted[Math.min(below + 1, sorted.length - 1)]!;
  return sorted[below]! + (place - below) * (next - sorted[below]!);
}

/** A resample: as many values, each drawn from all. */
function resample(values: readonly number[], random: Random): number[] {
  return values.map(() => values[random.below(values.length)]!);
}

/** The interval between the outer shares of a figure's resampled values. */
function between(resampled: readonly number[], value: number): Estimate {
  const tail = (1 - CONFIDENCE) / 2;
  return { value, low: quantile(resampled, tail), high: quantile(resampled, 1 - tail) };
}

/** The median of values, with its interval. One value alone is its own interval. */
export function medianEstimate(values: readonly number[], seed = 1): Estimate {
  const random = new Random(seed);
  const resampled = Array.from({ length: RESAMPLES }, () => median(resample(values, random)));
  return between(resampled, median(values));
}

/** How many times the median of `values` is that of `peers`, which were measured apart from them. */
export function ratioEstimate(values: readonly number[], peers: readonly number[], seed = 1): Estimate {
  const random = new Random(seed);
  const resampled = Array.from(
    { length: RESAMPLES },
    () => median(resample(values, random)) / median(resample(peers, random)),
  );
  return between(resampled, median(values) / median(peers));
}

/** How many times `values` are their peers, from the logarithms of the ratios of pairs: their median, turned back. */
export function pairedEstimate(logRatios: readonly number[], seed = 1): Estimate {
  const { value, low, high } = medianEstimate(logRatios, seed);
  return { value: Math.exp(value), low: Math.exp(low), high: Math.exp(high) };
}
