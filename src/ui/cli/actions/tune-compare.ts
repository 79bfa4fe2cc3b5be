/** `cobra-batch tune compare`: two reports side by side. */
import { typedPath } from "../../../core/input/typed-path.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { ConfigurationError } from "../../../errors.js";
import { compareReports, fallsBelow, type ComparedFigure } from "../../../tune/compare.js";
import { readReport } from "../../../tune/report/read-report.js";
import type { Goal } from "../../../tune/wishes.js";
import type { CompareFlags } from "../commands/tune-command.js";
import { EXIT, exitCodeFor } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";

const NAMES: Readonly<Record<Goal, string>> = {
  throughput: "pages a minute",
  latency: "speed of a page (p95)",
  memory: "thrift of memory",
};

/** Prints the comparison. @returns the exit code */
export async function compareTunings(first: string, second: string, flags: CompareFlags): Promise<number> {
  try {
    const [one, other] = [await readReport(typedPath(first)), await readReport(typedPath(second))];
    const compared = compareReports(one, other);
    if (compared.figures.length === 0)
      throw new ConfigurationError("ERR_CONFIG", `${first} and ${second} have no measured setting in common`, {
        remedy: `measure again with \`cobra-batch tune\``,
      });
    const withoutBest = [one, other].findIndex(({ best }) => best === undefined);
    if (flags.failBelow !== undefined && withoutBest >= 0)
      throw new ConfigurationError(
        "ERR_CONFIG",
        `--fail-below: ${[first, second][withoutBest]} has no best setting, since none kept its limits or its tuning was cut off`,
        { remedy: "measure again, with other limits or more --minutes" },
      );
    const below = flags.failBelow === undefined ? undefined : fallsBelow(compared, one.goal, flags.failBelow);
    for (const warning of compared.warnings) process.stderr.write(`warning: ${warning}\n`);
    for (const figure of compared.figures)
      process.stdout.write(flags.json === true ? jsonOf(figure) : `${textOf(figure)}\n`);
    if (below === undefined) return EXIT.done;
    process.stderr.write(
      `below --fail-below ${flags.failBelow}: ${NAMES[below.figure]} of ${second} is ${below.ratio.value.toFixed(2)} times ${first}\n`,
    );
    return EXIT.somePagesFailed;
  } catch (error) {
    printError(error, Boolean(flags.json));
    return exitCodeFor(error);
  }
}

function textOf({ setting, figure, ratio, verdict, samples }: ComparedFigure): string {
  const interval = `${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)}`;
  return `${setting.padEnd(8)}  ${NAMES[figure].padEnd(22)}  ${ratio.value.toFixed(2)}x  (${interval})  ${verdict}, ${samples[0]} and ${samples[1]} runs`;
}

function jsonOf({ setting, figure, ratio, verdict, samples }: ComparedFigure): string {
  return toJsonLine({ type: "tune-comparison", setting, figure, ratio, verdict, samples: [...samples] });
}
