/** Composes the report of a tuning: what was measured where, what was found, and the conclusion in words. */
import { arch, availableParallelism, cpus, platform, totalmem } from "node:os";
import type { BatchConfigInput } from "../../config/batch-config.js";
import { VERSION } from "../../core/version.js";
import { keepsLimits } from "../limits.js";
import type { MeasuredPages } from "../measure/pages.js";
import type { OpenedModel } from "../measure/protocol.js";
import type { SearchResult } from "../search.js";
import { settingId } from "../setting.js";
import type { TuneOptions } from "../tune-options.js";
import type { Goal } from "../wishes.js";
import { REPORT_KIND, REPORT_VERSION, type Report } from "./report.js";
import { disturbances, limitOf, summarise } from "./summarise.js";

/** What is measured. */
export interface MeasuredThing {
  readonly model: OpenedModel;
  readonly provider: string;
  readonly pages: MeasuredPages;
}

/** Settings of the pages that figures depend on. */
export function pageOf({
  numInferenceSteps,
  topK,
  referenceImages = [],
}: BatchConfigInput): NonNullable<Report["page"]> {
  return {
    ...(numInferenceSteps === undefined ? {} : { steps: numInferenceSteps }),
    ...(topK === undefined ? {} : { topK }),
    references: [...referenceImages],
  };
}

/** This machine. */
export function machine(): Omit<Report["machine"], "gpus"> {
  return {
    cpu: `${cpus()[0]?.model.trim() ?? "unknown"} (${platform()} ${arch()})`,
    cores: availableParallelism(),
    memoryBytes: totalmem(),
    node: process.versions.node,
  };
}

type Frame = Omit<
  Report,
  "automatic" | "knobs" | "measured" | "best" | "comparison" | "left" | "conclusion" | "limit" | "warnings" | "spans"
>;

/** All but the findings. */
export function frame(
  { base, settings, goal, limits, gpus, signal }: TuneOptions,
  { model, provider, pages }: MeasuredThing,
  elapsedMs: number,
  pagesPerSample: number,
): Frame {
  return {
    kind: REPORT_KIND,
    version: REPORT_VERSION,
    createdAt: new Date().toISOString(),
    cobraVersion: VERSION,
    machine: { ...machine(), gpus: [...gpus] },
    model,
    provider,
    input: { name: pages.name, pages: pages.count, sha256: pages.sha256, storage: pages.storage },
    goal,
    limits,
    page: pageOf(settings),
    elapsedMs,
    pagesPerSample,
    base,
    interrupted: signal.aborted,
  };
}

/** What the search found, and what it says. */
export function findings(
  { measured, best, comparison, left }: SearchResult,
  options: TuneOptions,
  provider: string,
  precision: string,
): Pick<Report, "measured" | "best" | "comparison" | "left" | "conclusion" | "limit" | "warnings"> {
  const cores = availableParallelism();
  const defaults = measured.find(({ setting }) => settingId(setting) === "defaults")?.samples ?? [];
  const pictures = defaults.find((sample) => sample.pictures !== "")?.pictures;
  const bestId = best === undefined ? undefined : settingId(best);
  const bestSamples = measured.find(({ setting }) => settingId(setting) === bestId)?.samples ?? defaults;
  return {
    measured: measured.map(({ setting, samples, fault }) => {
      const own = samples.find((sample) => sample.pictures !== "")?.pictures;
      return {
        id: settingId(setting),
        setting: { ...setting },
        samples,
        ...(samples.length === 0 ? {} : { summary: summarise(samples) }),
        keepsLimits: samples.length > 0 && keepsLimits(samples, options.limits),
        ...(own === undefined || pictures === undefined ? {} : { samePictures: own === pictures }),
        ...(fault === undefined ? {} : { fault }),
      };
    }),
    ...(bestId === undefined ? {} : { best: bestId }),
    ...(comparison === undefined
      ? {}
      : {
          comparison: {
            id: settingId(comparison.setting),
            verdict: comparison.verdict,
            ratio: comparison.ratio,
            pairs: comparison.pairs,
            p: comparison.p,
          },
        }),
    left: left.map(settingId),
    conclusion: conclusionOf(bestId, comparison, options, measured.length < 2),
    limit: limitOf(bestSamples, { cores, provider, precision }),
    warnings: disturbances(
      measured.flatMap(({ samples }) => samples),
      defaults,
      cores,
    ),
  };
}

const WHAT: Readonly<Record<Goal, string>> = {
  throughput: "pages a minute",
  latency: "the speed of a page (95 % of them)",
  memory: "thrift of memory",
};

function conclusionOf(
  best: string | undefined,
  comparison: SearchResult["comparison"],
  { goal, signal }: TuneOptions,
  isAlone: boolean,
): string {
  const stopped = signal.aborted ? " The measurement was interrupted." : "";
  if (best === undefined) return `No measured setting keeps the limits.${stopped}`;
  const ratio =
    comparison &&
    `${comparison.ratio.value.toFixed(2)} times the defaults in ${WHAT[goal]} (95 % interval ${comparison.ratio.low.toFixed(2)} to ${comparison.ratio.high.toFixed(2)}, ${comparison.pairs} pairs)`;
  if (best !== "defaults" && comparison?.verdict === "better") return `Use ${best}: it is ${ratio}.${stopped}`;
  if (best !== "defaults") return `Use ${best}: the defaults do not keep the limits.${stopped}`;
  if (comparison === undefined)
    return `Keep the defaults: ${isAlone ? "there was time for nothing else; give more --minutes" : "nothing that was measured looked better"}.${stopped}`;
  return `Keep the defaults: the best of the others, ${settingId(comparison.setting)}, is ${ratio}, which is no difference beyond the noise.${stopped}`;
}
