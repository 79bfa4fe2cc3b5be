/** `cobra-batch bench`: prints a row for each scenario as it is measured. */
import { typedPath } from "../../../core/input/typed-path.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { inputOf } from "../../../core/output/default-output.js";
import { ConfigurationError } from "../../../errors.js";
import { configureOwnProcess } from "../../../io/image/own-process.js";
import { bench, type BenchResult } from "../../../tune/bench/bench.js";
import { SCENARIOS, type ScenarioName } from "../../../tune/bench/scenario-names.js";
import type { BenchFlags } from "../commands/bench-command.js";
import { listenForSignals } from "../interrupt.js";
import { EXIT, exitCodeFor } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";

/** Measures and prints. @returns the exit code */
export async function runBench(scenarios: readonly ScenarioName[], flags: BenchFlags): Promise<number> {
  const interrupt = listenForSignals(2 ** 30);
  try {
    configureOwnProcess();
    const { input, referenceDir = [], model, rounds, json } = flags;
    if (input === undefined && referenceDir.length > 0)
      throw new ConfigurationError("ERR_CONFIG", "--reference-dir is given without --input", {
        remedy: "name the pages with --input, or leave it out",
      });
    const settings =
      input === undefined
        ? undefined
        : { ...inputOf(typedPath(input)), referenceImages: referenceDir.map((path) => typedPath(path)) };
    const chosen = scenarios.length === 0 ? SCENARIOS : [...new Set(scenarios)];
    if (json !== true)
      process.stdout.write(`${row("scenario", "pages/s", "floor", "times the floor")}  held against\n`);
    for await (const result of bench({ scenarios: chosen, settings, model, rounds, signal: interrupt.drain }))
      process.stdout.write(json === true ? toJsonLine({ type: "bench", ...result }) : `${textOf(result)}\n`);
    return EXIT.done;
  } catch (error) {
    if (interrupt.exitCode !== undefined && interrupt.isStop(error)) return interrupt.exitCode;
    printError(error, Boolean(flags.json));
    return exitCodeFor(error);
  } finally {
    interrupt.stop();
  }
}

function textOf({ scenario, floor, pagesPerSecond, floorPagesPerSecond, ratio }: BenchResult): string {
  const times = `${ratio.value.toFixed(2)} (${ratio.low.toFixed(2)} to ${ratio.high.toFixed(2)})`;
  return `${row(scenario, pagesPerSecond.toFixed(2), floorPagesPerSecond.toFixed(2), times)}  ${floor}`;
}

function row(scenario: string, ours: string, floor: string, times: string): string {
  return `${scenario.padEnd(9)} ${ours.padStart(8)} ${floor.padStart(8)}  ${times.padEnd(20)}`;
}
