/**
 * `cobra-batch tune` as a function: measures settings of this machine with a person's pages for some minutes, and
 * writes what it found. What an earlier call with the same folder has measured counts.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { arch, availableParallelism, cpus, platform, tmpdir, totalmem } from "node:os";
import { join } from "node:path";
import type { BatchConfigInput } from "../config/batch-config.js";
import { VERSION } from "../core/version.js";
import { ConfigurationError } from "../errors.js";
import { exists } from "../io/files/exists.js";
import { outputError } from "../io/files/file-errors.js";
import { makeFolder } from "../io/files/make-folder.js";
import { readHostMemory } from "../platform/host-memory.js";
import { keepsLimits, unreachable } from "./limits.js";
import type { OpenedModel } from "./measure/protocol.js";
import { drawnPages, MOST_PAGES, ownPages, type MeasuredPages } from "./measure/pages.js";
import { Processes } from "./measure/processes.js";
import type { Sample, Span } from "./measure/sample.js";
import { REPORT_KIND, REPORT_VERSION, type Report } from "./report/report.js";
import { readReport } from "./report/read-report.js";
import { disturbances, limitOf, summarise } from "./report/summarise.js";
import { checkWritable, reportFiles, writeReport, writeReportData } from "./report/write-report.js";
import { Search, type MeasuredSetting, type Phase, type SearchResult } from "./search.js";
import { settingId, type BaseEngine, type Setting } from "./setting.js";
import { knobsOf, type Knob } from "./space.js";
import type { Goal, Limits } from "./wishes.js";

/** What is tuned, how long, and for what. */
export interface TuneOptions {
  /** Input, references and settings of the pages. */
  readonly settings: BatchConfigInput;
  /** Draws pages of this size in the place of an input. */
  readonly synthetic?: { readonly width: number; readonly height: number };
  readonly base: BaseEngine;
  readonly minutes: number;
  readonly goal: Goal;
  readonly limits: Limits;
  /** Folder of the report. */
  readonly out: string;
  /** Measures again what is in the folder already. */
  readonly fresh: boolean;
  /** Names of this machine's GPUs. */
  readonly gpus: readonly string[];
  /** Other packages of the model that is tuned. */
  readonly otherModels?: (model: OpenedModel) => readonly string[];
  /** Stops measuring; a report of what was measured is written. */
  readonly signal: AbortSignal;
  readonly onProgress?: (progress: TuneProgress) => void;
}

/** What the tuner does. */
export type TuneProgress =
  | { readonly type: "opening" }
  | { readonly type: "plan"; readonly pagesPerSample: number; readonly knobs: readonly Knob[] }
  | {
      readonly type: "sample";
      readonly phase: Phase;
      readonly measured: MeasuredSetting;
      readonly defaults: readonly Sample[];
    };

/** A sample takes about this share of the time; there is time for as many. */
const SAMPLES = 40;
/** Fewer pages than this in a sample say little about pages in flight. */
const LEAST_PAGES = 4;
/** With less time than for so many samples, fewer pages are taken. */
const LEAST_SAMPLES = 16;
/** Share of the free memory that measured processes may take together. */
const MEMORY_SHARE = 0.5;
const MOST_PROCESSES = 8;
const SEED = 17;

/** Measures, and writes the report. Rejects with `ERR_CONFIG` where no setting keeps the limits, and as a batch does. */
export async function tune(options: TuneOptions): Promise<Report> {
  const { out, signal } = options;
  await makeFolder(out);
  await checkWritable(out);
  const files = reportFiles(out);
  const earlier = !options.fresh && (await exists(files.report)) ? await readEarlier(files.report) : undefined;
  const startMs = performance.now();
  const folder = await mkdtemp(join(tmpdir(), "cobra-tune-")).catch((cause: unknown) => {
    throw outputError(tmpdir(), cause);
  });
  let processes: Processes | undefined;
  try {
    options.onProgress?.({ type: "opening" });
    const pages =
      options.synthetic === undefined
        ? await ownPages(options.settings, folder)
        : await drawnPages(options.synthetic, folder);
    const { inputDir: _dir, inputZip: _zip, referenceImages: _references, ...settings } = options.settings;
    processes = new Processes({ base: options.base, pages, folder, settings, signal });
    const report = await measureAll(options, pages, processes, earlier, startMs);
    await writeReport(out, report);
    const measured = report.measured.flatMap(({ samples }) => (samples.length > 0 ? [samples] : []));
    if (report.best === undefined && measured.length > 0) throw unreachable(options.limits, measured);
    return report;
  } finally {
    await processes?.close();
    await rm(folder, { recursive: true, force: true });
  }
}

async function measureAll(
  options: TuneOptions,
  pages: MeasuredPages,
  processes: Processes,
  earlier: Report | undefined,
  startMs: number,
): Promise<Report> {
  const { base, goal, limits, minutes, out, signal } = options;
  const budgetMs = minutes * 60_000;
  const { process: opened, warmRate } = await processes.open({});
  const { model, provider, automatic } = opened;
  const facts = { model, provider, pages };
  if (earlier !== undefined) refuseOther(earlier, facts, options);
  const pagesPerSample = earlier?.pagesPerSample ?? pagesOf(budgetMs, 60_000 / warmRate);
  const first = await processes.measure({}, pagesPerSample);
  const { availableBytes } = readHostMemory();
  const { peakBytes } = first;
  processes.mostOpen = Math.max(1, Math.min(MOST_PROCESSES, Math.floor((MEMORY_SHARE * availableBytes) / peakBytes)));
  processes.warmsUpFully = first.wallMs * SAMPLES * 4 < budgetMs;
  const knobs = knobsOf(base, {
    cores: availableParallelism(),
    availableBytes: availableBytes + peakBytes,
    gpus: provider === "cpu" ? 0 : options.gpus.length,
    defaultPeakBytes: peakBytes,
    otherModels: options.otherModels?.(model) ?? [],
    storage: pages.storage,
  }).map((knob) => withoutAutomatic(knob, automatic));
  options.onProgress?.({ type: "plan", pagesPerSample, knobs });
  const before = earlier?.measured.map(fromReport) ?? [];
  const defaults = before.find(({ setting }) => settingId(setting) === "defaults");
  if (defaults === undefined) before.unshift({ setting: {}, samples: [first] });
  else defaults.samples.push(first);
  const elapsed = (): number => (earlier?.elapsedMs ?? 0) + performance.now() - startMs;
  const reportOf = (result: SearchResult, spans: readonly Span[]): Report => ({
    ...frame(options, facts, elapsed(), pagesPerSample),
    automatic,
    knobs: knobs.map((knob) => ({ ...knob, values: [...knob.values] })),
    ...findings(result, options, provider, model.precision),
    spans: [...spans],
  });
  let measured: readonly MeasuredSetting[] = before;
  const search = new Search(
    {
      knobs,
      goal,
      limits,
      seed: SEED,
      signal,
      budgetMs,
      usedShare: () => (performance.now() - startMs) / budgetMs,
      measure: (setting) => processes.measure(setting, pagesPerSample),
      onSample: (one, phase) => {
        measured = search.measured;
        options.onProgress?.({ type: "sample", phase, measured: one, defaults: search.defaults });
        saving = saving.then(() =>
          writeReportData(out, reportOf({ measured, best: undefined, comparison: undefined, left: [] }, [])),
        );
      },
    },
    before,
  );
  let saving = Promise.resolve();
  const result = await search.run();
  await saving;
  return reportOf(result, processes.spansOf(result.best ?? {}));
}

/** Pages of a sample: as many as take their share of the time, and enough to fill the pipeline where time allows. */
export function pagesOf(budgetMs: number, pageMs: number): number {
  const wanted = Math.max(LEAST_PAGES, Math.round(budgetMs / SAMPLES / pageMs));
  const affordable = Math.max(1, Math.floor(budgetMs / LEAST_SAMPLES / pageMs));
  return Math.min(MOST_PAGES, wanted, affordable);
}

/** A value that the engine chooses by itself is measured as the default. */
function withoutAutomatic(knob: Knob, automatic: Report["automatic"]): Knob {
  const chosen: Readonly<Record<string, number | undefined>> = automatic;
  return { ...knob, values: knob.values.filter((value) => value !== chosen[knob.name]) };
}

function fromReport({ setting, samples, fault }: Report["measured"][number]): MeasuredSetting {
  return { setting: setting as Setting, samples: [...samples], ...(fault === undefined ? {} : { fault }) };
}

interface Facts {
  readonly model: OpenedModel;
  readonly provider: string;
  readonly pages: MeasuredPages;
}

/** Figures of another model, input or machine would not go together with these. */
function refuseOther(earlier: Report, { model, provider, pages }: Facts, options: TuneOptions): void {
  const { base, goal, out } = options;
  const now: readonly (readonly [what: string, before: unknown, now: unknown])[] = [
    ["model", `${earlier.model.name} ${earlier.model.hash.slice(0, 8)}`, `${model.name} ${model.hash.slice(0, 8)}`],
    ["provider", earlier.provider, provider],
    ["input", earlier.input.name, pages.name],
    ["content of the input", (earlier.input.sha256 ?? pages.sha256).slice(0, 8), pages.sha256.slice(0, 8)],
    ["processor", earlier.machine.cpu, machine().cpu],
    ["goal", earlier.goal, goal],
    ["choice of devices", devicesOf(earlier.base), devicesOf(base)],
    ["page setting", pageText(earlier.page ?? pageOf(options.settings)), pageText(pageOf(options.settings))],
    ["version", earlier.cobraVersion, VERSION],
  ];
  const other = now.find(([, before, after]) => before !== after);
  if (other === undefined) return;
  throw new ConfigurationError(
    "ERR_CONFIG",
    `${reportFiles(out).report} was measured with another ${other[0]}: ${String(other[1])}, and this one is ${String(other[2])}; choose another --out, or replace it with --fresh`,
  );
}

/** A report that cannot be continued can be replaced. */
async function readEarlier(path: string): Promise<Report> {
  try {
    return await readReport(path);
  } catch (error) {
    if (!(error instanceof ConfigurationError)) throw error;
    const text = `${path} cannot be continued; choose another --out, or replace it with --fresh: ${error.message}`;
    throw new ConfigurationError("ERR_CONFIG", text, { cause: error });
  }
}

function devicesOf({ devices }: BaseEngine): string {
  return devices === undefined ? "the default" : [devices].flat().join(",");
}

function pageOf({ numInferenceSteps, topK, referenceImages = [] }: BatchConfigInput): NonNullable<Report["page"]> {
  return {
    ...(numInferenceSteps === undefined ? {} : { steps: numInferenceSteps }),
    ...(topK === undefined ? {} : { topK }),
    references: [...referenceImages],
  };
}

function pageText({ steps, topK, references }: NonNullable<Report["page"]>): string {
  const from = references.length === 0 ? "of the input" : references.join(", ");
  return `steps ${steps ?? "default"}, top-k ${topK ?? "default"}, references ${from}`;
}

function machine(): Omit<Report["machine"], "gpus"> {
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

function frame(
  { base, settings, goal, limits, gpus, signal }: TuneOptions,
  { model, provider, pages }: Facts,
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

function findings(
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
