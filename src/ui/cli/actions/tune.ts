/** `cobra-batch tune`: measures, shows how it goes, and says what was found. */
import { resolve } from "node:path";
import type { BatchConfigInput } from "../../../config/batch-config.js";
import { typedPath } from "../../../core/input/typed-path.js";
import { toJsonLine } from "../../../core/json-lines.js";
import { inputOf } from "../../../core/output/default-output.js";
import { ConfigurationError } from "../../../errors.js";
import { configureOwnProcess } from "../../../io/image/own-process.js";
import { installedModels, modelsFolders } from "../../../model/installed-models.js";
import { scoreOf } from "../../../tune/score.js";
import type { OpenedModel } from "../../../tune/measure/protocol.js";
import type { Report } from "../../../tune/report/report.js";
import { reportFiles } from "../../../tune/report/write-report.js";
import { settingId } from "../../../tune/setting.js";
import { median } from "../../../tune/statistics/bootstrap.js";
import type { TuneProgress } from "../../../tune/tune-options.js";
import { tune } from "../../../tune/tune.js";
import type { TuneFlags } from "../commands/tune-command.js";
import { nvidiaGpus } from "../doctor/gpu-checks.js";
import { listenForSignals } from "../interrupt.js";
import { EXIT, exitCodeFor } from "../output/exit-codes.js";
import { printError } from "../output/report-errors.js";
import { bytesText } from "../../../text/bytes-text.js";
import { count, duration, oneLine } from "../output/terminal-text.js";

/** Measures and writes the report. @returns the exit code */
export async function runTune(input: string | undefined, flags: TuneFlags): Promise<number> {
  const interrupt = listenForSignals(2 ** 30);
  const say = (text: string): void => {
    if (flags.quiet !== true) process.stderr.write(`${text}\n`);
  };
  try {
    configureOwnProcess();
    const report = await tune({
      settings: settingsOf(input, flags),
      ...(flags.synthetic === undefined ? {} : { synthetic: flags.synthetic }),
      base: baseOf(flags),
      minutes: flags.minutes,
      goal: flags.goal,
      limits: flags.limit ?? {},
      out: typedPath(flags.out),
      fresh: flags.fresh === true,
      gpus: (await nvidiaGpus()).map(({ name }) => name),
      otherModels: (model) => otherPrecisions(model),
      signal: interrupt.drain,
      onProgress: (progress) => tell(progress, flags, say),
    });
    printResult(report, flags);
    return interrupt.exitCode ?? EXIT.done;
  } catch (error) {
    if (interrupt.exitCode !== undefined && interrupt.isStop(error)) {
      say("stopped before anything was measured");
      return interrupt.exitCode;
    }
    printError(error, Boolean(flags.json));
    return exitCodeFor(error);
  } finally {
    interrupt.stop();
  }
}

function settingsOf(
  input: string | undefined,
  { synthetic, referenceDir, recursive, steps, topK }: TuneFlags,
): BatchConfigInput {
  if (input !== undefined && synthetic !== undefined)
    throw new ConfigurationError("ERR_CONFIG", `both ${input} and --synthetic are given`, {
      remedy: "leave one of them out",
    });
  if (input === undefined && synthetic === undefined)
    throw new ConfigurationError("ERR_CONFIG", "no input is named", {
      remedy: "name a folder, a ZIP or a CBZ with your pages, or measure drawn ones with --synthetic 1600x2400",
    });
  return {
    ...(input === undefined ? {} : inputOf(typedPath(input))),
    referenceImages: (referenceDir ?? []).map(typedPath),
    ...(recursive === true ? { recursive } : {}),
    ...(steps === undefined ? {} : { numInferenceSteps: steps }),
    ...(topK === undefined ? {} : { topK }),
  };
}

/** A folder of a package stays the same one wherever the settings are used. */
function baseOf({ model, provider, devices }: TuneFlags): Pick<Report["base"], "model" | "provider" | "devices"> {
  return {
    ...(model === undefined ? {} : { model: model.includes("/") ? resolve(model) : model }),
    ...(provider === undefined ? {} : { provider }),
    ...(devices === undefined ? {} : { devices }),
  };
}

/** Installed packages of the same model with weights of another precision. */
function otherPrecisions(model: OpenedModel): string[] {
  return modelsFolders()
    .flatMap((folder) => installedModels(folder))
    .filter(({ name, version }) => name === model.name && version !== model.version)
    .map(({ name, version }) => `${name}@${version}`);
}

function tell(progress: TuneProgress, flags: TuneFlags, say: (text: string) => void): void {
  if (progress.type === "opening") say("opening the model and warming up");
  else if (progress.type === "plan")
    say(
      `measuring for up to ${duration(flags.minutes * 60_000)}, ${count(progress.pagesPerSample, "page")} at a time: ${progress.knobs.map(({ title }) => title).join(", ")}`,
    );
  else {
    const { phase, measured, defaults } = progress;
    const id = settingId(measured.setting);
    const sample = measured.samples.at(-1);
    if (measured.fault !== undefined || sample === undefined) {
      say(`${phase.padEnd(8)} ${id}: ${oneLine(measured.fault ?? "")}`);
      return;
    }
    const score = (one: typeof sample): number => scoreOf(one, flags.goal);
    const ratio = score(sample) / median(defaults.map(score));
    const rate = (sample.pages * 60_000) / sample.wallMs;
    const times = defaults.length === 0 || id === "defaults" ? "" : `  ${ratio.toFixed(2)}x`;
    say(
      `${phase.padEnd(8)} ${rate.toFixed(1).padStart(6)} pages/min  ${bytesText(sample.peakBytes).padStart(8)}  ${id}${times}`,
    );
    if (flags.json === true)
      process.stdout.write(
        toJsonLine({ type: "tune-sample", phase, setting: id, pagesPerMinute: rate, peakBytes: sample.peakBytes }),
      );
  }
}

function printResult(report: Report, { out, json }: TuneFlags): void {
  const files = reportFiles(out);
  if (json === true) {
    const { best = "defaults", conclusion, warnings, limit } = report;
    const ratio = report.comparison === undefined ? {} : { ratio: report.comparison.ratio };
    process.stdout.write(
      toJsonLine({ type: "tuned", best, conclusion, limit: limit.text, warnings, ...files, ...ratio }),
    );
    return;
  }
  const lines = [
    report.conclusion,
    report.limit.text,
    ...report.warnings.map((warning) => `warning: ${warning}`),
    `report: ${files.page}`,
    `settings: ${files.settings}, for colorize --config and worker --config`,
  ];
  process.stdout.write(`${lines.map((line) => oneLine(line)).join("\n")}\n`);
}
