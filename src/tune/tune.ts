/**
 * `cobra-batch tune` as a function: measures settings of this machine with a person's pages for some minutes, and
 * writes what it found. What an earlier call with the same folder has measured counts.
 */
import { mkdtemp, rm } from "node:fs/promises";
import { availableParallelism, tmpdir } from "node:os";
import { join } from "node:path";
import { outputError } from "../io/files/file-errors.js";
import { makeFolder } from "../io/files/make-folder.js";
import { readHostMemory } from "../platform/host-memory.js";
import { earlierReport, fromReport, refuseOther } from "./earlier-report.js";
import { unreachable } from "./limits.js";
import { drawnPages, MOST_PAGES, ownPages, type MeasuredPages } from "./measure/pages.js";
import { Processes } from "./measure/processes.js";
import type { Span } from "./measure/sample.js";
import { findings, frame } from "./report/compose-report.js";
import type { Report } from "./report/report.js";
import { checkWritable, writeReport, writeReportData } from "./report/write-report.js";
import { Search, type MeasuredSetting, type SearchResult } from "./search.js";
import { settingId } from "./setting.js";
import { knobsOf, type Knob } from "./space.js";
import type { TuneOptions } from "./tune-options.js";

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

/**
 * Measures, and writes the report. Rejects with `ERR_CONFIG` where no setting keeps the limits, and as a batch does.
 */
export async function tune(options: TuneOptions): Promise<Report> {
  const { out, signal } = options;
  await makeFolder(out);
  await checkWritable(out);
  const earlier = options.fresh ? undefined : await earlierReport(out);
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
