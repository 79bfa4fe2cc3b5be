/** `cobra-batch tune`: finds the fastest settings of a machine; `tune compare` compares two reports. */
import { Command, Option } from "commander";
import { PROVIDER_NAMES, type Provider } from "../../../binding/runtime/providers.js";
import { GOALS, readLimits, type Goal, type Limits } from "../../../tune/wishes.js";
import { choice, collect, deviceList, fault, integer, positive } from "../flags/flag-values.js";

export interface TuneFlags {
  synthetic?: { readonly width: number; readonly height: number };
  referenceDir?: string[];
  recursive?: boolean;
  steps?: number;
  topK?: number;
  model?: string;
  provider?: Provider;
  devices?: "all" | string[];
  minutes: number;
  goal: Goal;
  limit?: Limits;
  out: string;
  fresh?: boolean;
  quiet?: boolean;
  json?: boolean;
}

export interface CompareFlags {
  failBelow?: number;
  json?: boolean;
}

/** The command with its subcommand, ready to be added to the program. */
export function tuneCommand(): Command {
  const provider = new Option("--provider <name>", "where the networks run");
  provider.argChoices = [...PROVIDER_NAMES];
  provider.defaultValueDescription = "cpu";
  const goal = new Option("--goal <goal>", "what to optimise: pages a minute, the time of a page, or memory");
  goal.argChoices = [...GOALS];
  return new Command("tune")
    .summary("find the fastest settings of this machine, and show why")
    .description(
      "Measures settings of this machine with your pages, in processes of their own, and writes the best to settings.json, which `colorize --config` and `worker --config` take. A difference within the noise does not count. Run it again with the same --out to continue.",
    )
    .argument("[input]", "chapter to measure with: a folder, ZIP or CBZ")
    .option("--synthetic <WxH>", "measure with drawn pages of this size, such as 1600x2400", size)
    .option("--reference-dir <path>", "coloured references: pictures, folders or archives; may be repeated", collect)
    .option("--recursive", "read subfolders too")
    .option("--steps <number>", "denoising steps per page (default: 10)", integer("--steps", 1, 999))
    .option("--top-k <number>", "reference patches for each quarter of a page (default: 3)", integer("--top-k", 1))
    .optionsGroup("Running:")
    .option(
      "--model <name|dir>",
      "installed model, or folder of a model package (default: COBRA_MODEL, else the one of `model use`)",
    )
    .addOption(provider.argParser(choice("--provider", PROVIDER_NAMES)))
    .option("--devices <list>", "devices that are used in every setting: all, cuda:0,cuda:1", deviceList("--devices"))
    .optionsGroup("Measuring:")
    .option("--minutes <number>", "time to measure", positive("--minutes"), 10)
    .addOption(goal.default("throughput").argParser(choice("--goal", GOALS)))
    .option("--limit <limits>", "what settings must keep: memory=8GiB,p95=3s,rate=20 (pages a minute)", limits)
    .option("--out <dir>", "folder for the report and the settings", "tune")
    .option("--fresh", "measure again what is in the folder already")
    .optionsGroup("Options:")
    .option("--quiet", "print only errors and the result")
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addCommand(compareCommand())
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch tune chapter.cbz
  cobra-batch tune chapter.cbz --minutes 3 --limit memory=8GiB
  cobra-batch tune --synthetic 1600x2400 --goal latency
  cobra-batch tune chapter.cbz --provider cuda --out tune-gpu
  cobra-batch colorize chapter.cbz --config tune/settings.json

Ctrl-C ends the measuring and leaves a report of what was measured.
docs/tuning.md explains the report.

Exit codes: 0 done, 1 nothing could be measured, 64 wrong flags, or limits that
no setting keeps, 75 out of memory or storage,
129, 130, 143 stopped by a signal.`,
    )
    .action(async (input: string | undefined, flags: TuneFlags) => {
      const { runTune } = await import("../actions/tune.js");
      process.exitCode = await runTune(input, flags);
    });
}

function compareCommand(): Command {
  return new Command("compare")
    .summary("compare two reports of tune, with confidence intervals")
    .description(
      "Compares the best settings of two reports, and their defaults: two machines, versions or models. Figures are the second report as a multiple of the first; above 1 the second is better.",
    )
    .argument("<first>", "report.json to compare with")
    .argument("<second>", "report.json that is compared")
    .option(
      "--fail-below <ratio>",
      "exit with 2 if the second is less than this multiple of the first",
      positive("--fail-below", "must be more than 0, such as 0.95"),
    )
    .option("--json", "write one JSON object per line to standard output; see docs/cli-json.md")
    .addHelpText(
      "after",
      `
Examples:
  cobra-batch tune compare before/report.json after/report.json
  cobra-batch tune compare main.json branch.json --fail-below 0.95

--fail-below fails only where the difference is one beyond the noise: the whole
interval lies below 1, or below a ratio above 1.

Exit codes: 0 compared, 2 below --fail-below, 64 wrong flags or files.`,
    )
    .action(async (first: string, second: string, flags: CompareFlags) => {
      const { compareTunings } = await import("../actions/tune-compare.js");
      process.exitCode = await compareTunings(first, second, flags);
    });
}

function size(text: string): { width: number; height: number } {
  const [, width, height] = (/^(\d{1,5})x(\d{1,5})$/.exec(text) ?? []).map(Number);
  const isSize = width !== undefined && height !== undefined && Math.min(width, height) >= 16;
  if (isSize && width * height <= 1e8) return { width, height };
  return fault(
    `--synthetic: must be WIDTHxHEIGHT, each at least 16, 100 megapixels at most, not ${JSON.stringify(text)}`,
  );
}

function limits(text: string): Limits {
  const read = readLimits(text);
  return typeof read === "string" ? fault(`--limit: ${read}`) : read;
}
