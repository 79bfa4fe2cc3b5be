/** Scores a run by a goal. */
import type { Sample } from "./measure/sample.js";
import { quantile } from "./statistics/bootstrap.js";
import type { Goal } from "./wishes.js";

/** Pages a minute. */
export function rateOf({ pages, wallMs }: Pick<Sample, "pages" | "wallMs">): number {
  return (pages * 60_000) / wallMs;
}

/** The figure that a goal scores by: higher is better. */
export function scoreOf(sample: Sample, goal: Goal): number {
  if (goal === "throughput") return rateOf(sample);
  if (goal === "latency") return 1000 / quantile(sample.pageMs, 0.95);
  return 2 ** 30 / sample.peakBytes;
}
