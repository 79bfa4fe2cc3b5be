/** `cobra-batch bench`: parts of the library against their floors, for developers of programs that embed it. */
import { Argument, Command } from "commander";
import { SCENARIOS, type ScenarioName } from "../../../tune/bench/scenario-names.js";
import { collect, integer } from "../flags/flag-values.js";

export interface BenchFlags {
  input?: string;
  referenceDir?: string[];
  model?: string;
  rounds: number;
  json?: boolean;
}

/** The command, ready to be added to the program. */
export function benchCommand(): Command {
  return new Command("bench")
    .summary("measure parts of the library against their floors")
    .description(
      "Measures what embedding programs call against the least that it can cost: decode, classify, ink and encode against sharp, archive against a plain file, run against the network runs, null (networks that do nothing) against decoding, ink and encoding alone. Figures are how many times its floor each is: 1 is as fast, above 1 is faster.",
    )
    .addArgument(new Argument("[scenario...]", "what to measure (default: all)").choices([...SCENARIOS]))
    .option("--input <path>", "pages to work on: a folder, ZIP or CBZ (default: drawn pages)")
    .option("--reference-dir <path>", "coloured references of the input; may be repeated", collect)
    .option("--model <name|dir>", "model for the scenario run (default: the one that colorize takes)")
    .option("--rounds <number>", "pairs to measure of each", integer("--rounds", 1, 1000), 9)
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch bench
  cobra-batch bench decode encode --rounds 21
  cobra-batch bench --input chapter.cbz --json

Exit codes: 0 measured, 1 nothing could be measured, 64 wrong flags,
129, 130, 143 stopped by a signal.`,
    )
    .action(async (scenarios: ScenarioName[], flags: BenchFlags) => {
      const { runBench } = await import("../actions/bench.js");
      process.exitCode = await runBench(scenarios, flags);
    });
}
