/** What is wanted of a setting: a goal to score by, and limits to keep. */
import { ConfigurationError } from "../errors.js";
import { quantile } from "./statistics/bootstrap.js";
import { rateOf, type Sample } from "./measure/sample.js";

export const GOALS = ["throughput", "latency", "memory"] as const;
/** What is to be best: pages a minute, the time of a page (p95), or peak memory. */
export type Goal = (typeof GOALS)[number];

/** What a setting must keep; absent: any. */
export interface Limits {
  /** Bytes of resident memory at the peak. */
  readonly memory?: number;
  /** Milliseconds within which 95 % of the pages are done. */
  readonly p95?: number;
  /** Pages a minute, at least. */
  readonly rate?: number;
}

const UNITS: Readonly<Record<string, number>> = {
  B: 1,
  kB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
};
const TIMES: Readonly<Record<string, number>> = { ms: 1, s: 1000, min: 60_000 };
const RULE = "must be limits with commas, of memory=8GiB, p95=3s and rate=20 (pages a minute)";

/** Reads "memory=8GiB,p95=3s"; the fault as text where it cannot be read. */
export function readLimits(text: string): Limits | string {
  const limits: Partial<Record<keyof Limits, number>> = {};
  for (const part of text.split(",")) {
    const [, name, number, unit = ""] = /^\s*(\w+)=(\d+(?:\.\d+)?)([a-zA-Z]*)\s*$/.exec(part) ?? [];
    const factor =
      name === "memory" ? UNITS[unit || "B"] : name === "p95" ? TIMES[unit || "s"] : unit === "" ? 1 : undefined;
    if (number === undefined || factor === undefined || !["memory", "p95", "rate"].includes(name!))
      return `${RULE}; ${JSON.stringify(part.trim())} is none`;
    if (Number(number) === 0) return `${RULE}; ${JSON.stringify(part.trim())} is kept by nothing`;
    if (limits[name as keyof Limits] !== undefined) return `${RULE}; ${name} is given twice`;
    limits[name as keyof Limits] = Number(number) * factor;
  }
  return limits;
}

/** The figure that a goal scores by: higher is better. */
export function scoreOf(sample: Sample, goal: Goal): number {
  if (goal === "throughput") return rateOf(sample);
  if (goal === "latency") return 1000 / quantile(sample.pageMs, 0.95);
  return 2 ** 30 / sample.peakBytes;
}

/** What a setting has of each limit. */
export interface LimitFigures {
  readonly memory: number;
  readonly p95: number;
  readonly rate: number;
}

/** The figures that limits are held against; all samples together. */
export function limitFigures(samples: readonly Sample[]): LimitFigures {
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
    `--limit: no setting of the ${measured.length} that were measured keeps ${what}; raise the limit, give more --minutes, or use a smaller model`,
  );
}

function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20)}MiB`;
}

function seconds(ms: number): string {
  return `${(ms / 1000).toFixed(2)}s`;
}
