/** From samples to what a report says of them. */
import type { Sample } from "../measure/sample.js";
import { rateOf } from "../score.js";
import { median, medianEstimate, quantile } from "../statistics/bootstrap.js";
import type { Report, Summary } from "./report.js";

/** @param samples at least one */
export function summarise(samples: readonly Sample[]): Summary {
  const joules = samples.flatMap(({ joules: energy, pages }) => (energy === undefined ? [] : [energy / pages]));
  const copies = samples.flatMap(({ copiedBytes, pages }) =>
    copiedBytes === undefined
      ? []
      : [{ toDevice: copiedBytes.toDevice / pages, fromDevice: copiedBytes.fromDevice / pages }],
  );
  const stages = [...new Set(samples.flatMap(({ stageMs }) => Object.keys(stageMs)))];
  return {
    pagesPerMinute: medianEstimate(samples.map(rateOf)),
    pageMs: percentiles(samples.flatMap(({ pageMs }) => pageMs)),
    stageMs: Object.fromEntries(
      stages.map((stage) => [stage, percentiles(samples.flatMap(({ stageMs }) => stageMs[stage] ?? []))]),
    ),
    peakBytes: Math.max(...samples.map(({ peakBytes }) => peakBytes)),
    coresBusy: median(samples.map(({ coresBusy }) => coresBusy)),
    deviceBusy: median(samples.map(({ deviceBusy }) => Math.max(0, ...Object.values(deviceBusy)))),
    outputBytesPerPage: median(samples.map(({ outputBytes, pages }) => outputBytes / pages)),
    ...(copies.length === 0
      ? {}
      : {
          copiedBytesPerPage: {
            toDevice: median(copies.map(({ toDevice }) => toDevice)),
            fromDevice: median(copies.map(({ fromDevice }) => fromDevice)),
          },
        }),
    ...(joules.length === 0 ? {} : { joulesPerPage: median(joules) }),
  };
}

function percentiles(values: readonly number[]): { p50: number; p95: number; p99: number } {
  return { p50: quantile(values, 0.5), p95: quantile(values, 0.95), p99: quantile(values, 0.99) };
}

/** Cores of other processes from which the report warns. */
const FOREIGN_SHARE = 0.05;
const THROTTLED_SHARE = 0.01;
const DRIFT = 1.05;

/** What disturbed the measurement, in words. */
export function disturbances(all: readonly Sample[], defaults: readonly Sample[], cores: number): string[] {
  if (all.length === 0) return [];
  const foreign = median(all.map(({ foreignLoad }) => foreignLoad));
  const throttled = all.reduce((sum, { throttledMs }) => sum + throttledMs, 0);
  const wall = all.reduce((sum, { wallMs }) => sum + wallMs, 0);
  const third = Math.floor(defaults.length / 3);
  const [first, last] = [defaults.slice(0, third), defaults.slice(defaults.length - third)].map((some) =>
    some.length === 0 ? Number.NaN : median(some.map(rateOf)),
  );
  const drift = last! / first!;
  return [
    ...(foreign > FOREIGN_SHARE * cores
      ? [
          `Other processes kept ${foreign.toFixed(1)} of ${cores} cores busy while half of the runs were measured. Stop them and measure again: figures and choices may be theirs.`,
        ]
      : []),
    ...(throttled > THROTTLED_SHARE * wall
      ? [
          `The processor was held back for ${((100 * throttled) / wall).toFixed(0)} % of the time, by its heat or by the container's quota. Cool it or raise the quota.`,
        ]
      : []),
    ...(all.some(({ gpu }) => gpu?.throttled)
      ? ["A GPU lowered its clocks because of heat or power. Cool it, or raise its power limit."]
      : []),
    ...(drift > DRIFT || drift < 1 / DRIFT
      ? [
          `The machine drifted: the defaults' last runs were ${drift.toFixed(2)} times as fast as their first. Comparisons in pairs allow for that, single figures do not.`,
        ]
      : []),
  ];
}

const BUSY = 0.85;

/** What holds a setting back, and what would help. */
export function limitOf(
  samples: readonly Sample[],
  { cores, provider, precision }: { readonly cores: number; readonly provider: string; readonly precision: string },
): Report["limit"] {
  if (samples.length === 0) return { resource: "unknown", text: "Nothing was measured." };
  const { coresBusy, deviceBusy } = summarise(samples);
  const coreShare = coresBusy / cores;
  const share = (value: number): string => `${Math.round(100 * Math.min(1, value))} %`;
  const slowest = Object.entries(sums(samples, "networks")).sort(([, a], [, b]) => b - a)[0];
  const network = slowest === undefined ? "" : ` Most of it is the ${slowest[0].replaceAll("_", " ")}.`;
  if (provider !== "cpu" && deviceBusy >= BUSY)
    return {
      resource: "device",
      text: `The GPU is the limit: it ran networks ${share(deviceBusy)} of the time.${network} A faster or a second GPU would help, fewer --steps${precision === "float32" ? ", or a package with float16 weights" : ""}.`,
    };
  if (coreShare >= BUSY)
    return {
      resource: "cores",
      text:
        provider === "cpu"
          ? `The processor's cores are the limit: ${share(coreShare)} of their time is used, and networks ran ${share(deviceBusy)} of the time.${network} More or faster cores would help, a GPU (--provider cuda), or fewer --steps.`
          : `The processor's cores are the limit: ${share(coreShare)} of their time is used, while the GPU waits. More cores would help, or less to compress (--compression-level 1).`,
    };
  const [queue, waitMs] = Object.entries(sums(samples, "queueMs")).sort(([, a], [, b]) => b - a)[0] ?? ["", 0];
  const waits = waitMs > 0 ? ` Pages wait longest in the queue "${queue}".` : "";
  return deviceBusy >= BUSY
    ? {
        resource: "device",
        text: `The networks are the limit: they ran ${share(deviceBusy)} of the time, one after the other, and used ${share(coreShare)} of the cores' time.${network} Lanes or pages in a batch would use the rest; see the sensitivity of the knobs.`,
      }
    : {
        resource: "waiting",
        text: `Neither cores (${share(coreShare)}) nor the device (${share(deviceBusy)}) are used up: work waits for other work, for the disk, or for other processes.${waits} More pages in flight may help, or a longer chapter.`,
      };
}

/** Milliseconds by name, over all samples. */
function sums(samples: readonly Sample[], key: "networks" | "queueMs"): Record<string, number> {
  const total: Record<string, number> = {};
  for (const sample of samples)
    for (const [name, value] of Object.entries(sample[key]))
      total[name] = (total[name] ?? 0) + (typeof value === "number" ? value : value.runMs);
  return total;
}
