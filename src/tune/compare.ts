/** Two reports side by side: how many times the first the second is, with intervals. Above 1 the second is better. */
import type { Report } from "./report/report.js";
import { scoreOf } from "./score.js";
import { ratioEstimate, type Estimate } from "./statistics/bootstrap.js";
import { GOALS, type Goal } from "./wishes.js";

/** One figure of two reports. */
export interface ComparedFigure {
  /** "best": each report's best setting; "defaults". */
  readonly setting: "best" | "defaults";
  readonly figure: Goal;
  readonly ratio: Estimate;
  /** "no difference": the interval holds 1. */
  readonly verdict: "better" | "worse" | "no difference";
  /** Runs of the first and the second report. */
  readonly samples: readonly [number, number];
}

/** What was compared, and what makes it doubtful. */
export interface ComparedReports {
  readonly figures: readonly ComparedFigure[];
  readonly warnings: readonly string[];
}

/** An interval of fewer runs than this says little. */
const FEW_SAMPLES = 5;

export function compareReports(first: Report, second: Report): ComparedReports {
  const figures = (["best", "defaults"] as const).flatMap((setting) => {
    const [one, other] = [samplesOf(first, setting), samplesOf(second, setting)];
    if (one.length === 0 || other.length === 0) return [];
    return GOALS.map((figure): ComparedFigure => {
      const ratio = ratioEstimate(
        other.map((sample) => scoreOf(sample, figure)),
        one.map((sample) => scoreOf(sample, figure)),
      );
      const verdict = ratio.low > 1 ? "better" : ratio.high < 1 ? "worse" : "no difference";
      return { setting, figure, ratio, verdict, samples: [one.length, other.length] };
    });
  });
  const different = (
    [
      ["pages", first.input.name, second.input.name],
      ["pages a run", first.pagesPerSample, second.pagesPerSample],
      ["goals", first.goal, second.goal],
    ] as const
  ).flatMap(([what, one, other]) =>
    one === other ? [] : [`the reports have different ${what}: ${String(one)} and ${String(other)}`],
  );
  const few = figures.some(({ samples }) => Math.min(...samples) < FEW_SAMPLES)
    ? [`some figures come from fewer than ${FEW_SAMPLES} runs; measure longer with --minutes`]
    : [];
  return { figures, warnings: [...different, ...few] };
}

/** Whether the second falls below so many times the first, beyond the noise, by the goal of the first. */
export function fallsBelow({ figures }: ComparedReports, goal: Goal, least: number): ComparedFigure | undefined {
  return figures.find(
    ({ setting, figure, ratio }) =>
      setting === "best" && figure === goal && ratio.value < least && ratio.high < Math.max(1, least),
  );
}

function samplesOf({ measured, best }: Report, setting: "best" | "defaults"): Report["measured"][number]["samples"] {
  const id = setting === "defaults" ? "defaults" : best;
  return measured.find((one) => one.id === id)?.samples ?? [];
}
