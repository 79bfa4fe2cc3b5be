/** Checks settings against limits, and words the message where none keeps them. */
import { ConfigurationError } from "../errors.js";
import type { Sample } from "./measure/sample.js";
import { rateOf } from "./score.js";
import { quantile } from "./statistics/bootstrap.js";
import type { Limits } from "./wishes.js";

/** What a setting has of each limit. */
export interface LimitFigures {
  readonly memory: number;
  readonly p95: number;
  readonly rate: number;
}

/** The figures that limits are held against; all samples together. */
function limitFigures(samples: readonly Sample[]): LimitFigures {
  return {
    memory: Math.max(...samples.map(({ peakBytes }) => peakBytes)),
    p95: quantile(
      samples.flatMap(({ pageMs }) => pageMs),
      0.95,
    ),
    rate: quantile(samples.map(rateOf), 0.5),
  };
}

/** Whether a setting keeps the limits. */
export function keepsLimits(samples: readonly Sample[], limits: Limits): boolean {
  const { memory, p95, rate } = limitFigures(samples);
  return memory <= (limits.memory ?? Infinity) && p95 <= (limits.p95 ?? Infinity) && rate >= (limits.rate ?? 0);
}

/** No measured setting keeps the limits: which one is out of reach, and what came nearest. */
export function unreachable(limits: Limits, measured: readonly (readonly Sample[])[]): ConfigurationError {
  const figures = measured.map(limitFigures);
  const faults = [
    ...(limits.memory === undefined || figures.some(({ memory }) => memory <= limits.memory!)
      ? []
      : [
          `memory=${mebibytes(limits.memory)}, where the least was ${mebibytes(Math.min(...figures.map(({ memory }) => memory)))}`,
        ]),
    ...(limits.p95 === undefined || figures.some(({ p95 }) => p95 <= limits.p95!)
      ? []
      : [`p95=${seconds(limits.p95)}, where the best was ${seconds(Math.min(...figures.map(({ p95 }) => p95)))}`]),
    ...(limits.rate === undefined || figures.some(({ rate }) => rate >= limits.rate!)
      ? []
      : [`rate=${limits.rate}, where the best was ${Math.max(...figures.map(({ rate }) => rate)).toFixed(1)}`]),
  ];
  const what = faults.length > 0 ? faults.join(", and ") : "all limits together";
  return new ConfigurationError(
    "ERR_CONFIG",
    `--limit: no setting of the ${measured.length} that were measured keeps ${what}`,
    { remedy: "raise the limit, give more --minutes, or use a smaller model" },
  );
}

function mebibytes(bytes: number): string {
  if (bytes < 2 ** 20) return `${bytes}B`;
  return `${Math.ceil(bytes / 2 ** 20)}MiB`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)}s`;
}
