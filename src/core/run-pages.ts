/**
 * Runs a batch from its start to its end: earlier results looked up, the preview, the pages, and the output completed.
 */
import { dirname } from "node:path";
import { openCrashNotes } from "../binding/crash-notes.js";
import { configError, outputSettings, type BatchConfig } from "../config/batch-config.js";
import { ResourceError } from "../errors.js";
import { referencesHash } from "../colorization/cobra/references.js";
import { isThere } from "../io/files/exists.js";
import { isFaultOfFile } from "../io/files/file-errors.js";
import type { PageSink } from "../io/page-sink.js";
import { announce } from "./announce-run.js";
import { checkNoneLost } from "./lost-pages.js";
import { completeRun, type EndingRun } from "./complete-run.js";
import type { PreviewOutput, RunOutput } from "./run-output.js";
import { SinkOutput } from "./sink-output.js";
import type { BatchEngine } from "./batch-engine.js";
import { hashesOf } from "./output/unfinished-work.js";
import { BatchOutput } from "./output/batch-output.js";
import type { BatchPages } from "./pages/batch-pages.js";
import { ContentHashes } from "./input/content-hashes.js";
import type { ArchiveMetadata } from "./output/archive-metadata.js";
import {
  findEarlierArchives,
  hashedOnce,
  type EarlierArchives,
  type FinishedArchive,
} from "./output/finished-archive.js";
import { holdOutput } from "./output/held-output.js";
import type { RunDecision } from "./output/run-decision.js";
import { fingerprintOnce, pageFingerprint } from "./pages/fingerprint.js";
import { ownContents, ownFileFaults, ownPaths } from "./input/page-overrides.js";
import { PageReferences } from "./input/page-references.js";
import type { BatchPage, PageOutcome } from "./pages/batch-page.js";
import type { PageContext } from "./pages/page-work.js";
import { workThrough, type SegmentControl } from "./pages/work-through.js";
import { guardedBy } from "./pages/quarantine.js";
import type { PreviewGate } from "./preview/preview.js";
import { checkShown } from "./preview/check-shown.js";
import { runPreview } from "./preview/run-preview.js";
import { changesThatStay } from "./journal/history.js";
import type { Notice } from "../errors/notice.js";
import type { CarriedOrigins } from "./journal/entries.js";
import { absoluteRun, runRecord } from "./journal/run-record.js";
import { carriedOrigins } from "./output/carried-origins.js";
import type { Scan } from "./input/scan-input.js";
import { makeSeedGrid } from "./preview/seed-grid.js";
import { shownNames } from "../text/shown.js";

/** What a run is made of. */
export interface RunParts {
  readonly engine: BatchEngine;
  readonly config: BatchConfig;
  readonly pages: BatchPages;
  readonly scan: Scan;
  /** Where results go without a journal. Default: the output of the settings, with one. */
  readonly sink: PageSink | undefined;
  readonly gate: PreviewGate;
  readonly control: SegmentControl;
  /** Id of the batch. */
  readonly job: string;
  readonly fresh: boolean;
  /** The pages to do; what has come of the others stays as it is. Default: all. */
  readonly only: ReadonlySet<string> | undefined;
  /** What was decided about the run that is continued. */
  readonly decision: RunDecision | undefined;
  /** Whether no further page may be begun. */
  stopped(): boolean;
}

/** Resolves to what was written; undefined when pages are left. */
export async function runPages(parts: RunParts): Promise<string | undefined> {
  const { engine, config, pages, scan, control, only } = parts;
  const whole = pages.waiting === 0;
  if (whole) pages.add(scan);
  pages.inColor = scan.found.inColor.length;
  const faults = whole ? scan.found.failures : [];
  const provider = await engine.provider(config.style);
  const upcoming = pages.waitingPages();
  const faultsOfFiles = await ownFileFaults(upcoming.map(({ entry, settings }) => [entry.name, settings]));
  if (faultsOfFiles.length > 0) throw configError(faultsOfFiles);
  const contents = new ContentHashes(config.recursive);
  await contents.read(upcoming.flatMap(({ settings }) => ownPaths(settings)));
  const batchReferences = scan.found.references;
  const referenceNames = batchReferences.map(({ name }) => name);
  const referencesSha256 = await referencesHash(batchReferences);
  const warn = (notice: Notice): void => pages.emit({ type: "warning", ...notice });
  using references = new PageReferences(engine, batchReferences, warn, config.recursive);
  references.expect(upcoming.map(({ settings }) => settings));
  const fingerprint = fingerprintOnce((settings) =>
    pageFingerprint(
      { ...settings, ...outputSettings(config) },
      engine.model.hash,
      referencesSha256,
      ownContents(settings, (path) => contents.of(path)),
    ),
  );
  const record = runRecord(engine, config, pages.pageConfigs, whole ? undefined : pages.requests);
  const earlier = (stored: ArchiveMetadata["run"]): BatchPages["adjustments"] | undefined => {
    const path = record.config.outputZip!;
    const run = stored && absoluteRun(stored, path, dirname(path));
    return run && changesThatStay(run, run.record, record);
  };
  const hashOf = hashedOnce();
  let carried: Promise<CarriedOrigins> | undefined;
  const look = (): Promise<EarlierArchives> =>
    findEarlierArchives(
      config,
      {
        jobs: (run) => pages.waitingPages(earlier(run)),
        fingerprint,
        carried: () => (carried ??= carriedOrigins(scan.found.carried, scan.source.comment)),
        hasFaults: faults.length > 0,
        preserveStructure: config.preserveStructure,
      },
      hashOf,
    );
  const keep = ({ path, pages: done }: FinishedArchive): string => {
    announce(parts, scan.found.warnings, referenceNames, provider, pages.waiting);
    for (let page = pages.next(); page !== undefined; page = pages.next()) {
      pages.taken(page);
      pages.complete(page, done.get(page.entry.name)!, true);
    }
    return path;
  };
  const { decision } = parts;
  if (decision !== undefined && decision.shownPages.size > 0)
    await checkShown(decision.shownPages, new Set(upcoming.map(({ entry }) => entry.name)), hashesOf(upcoming));
  const looks = !parts.fresh && only === undefined && decision === undefined;
  // Without the lease: nothing is changed where nothing is left to do. With the lease it is looked again.
  const { finished = undefined } = looks ? await look() : {};
  if (finished !== undefined) return keep(finished);
  const options = {
    fresh: parts.fresh,
    pageHashes: hashesOf(upcoming),
    fingerprint,
    record,
    job: parts.job,
    keepRecord: only !== undefined,
    signal: control.signal,
    openCrashNotes,
    onWait: (message: string) => pages.emit({ type: "warning", message }),
    decision,
    earlier: looks ? look : undefined,
  };
  const held = parts.sink === undefined ? await holdOutput(config, options) : undefined;
  if (held !== undefined && "finished" in held) return keep(held.finished);
  const journaled = held && (await BatchOutput.open(config, options, held));
  const output: RunOutput = journaled ?? new SinkOutput(parts.sink!, fingerprint);
  try {
    pages.adjustments = output.history.adjustments;
    checkNoneLost(parts, upcoming, output.history);
    if (config.outputZip !== undefined || only !== undefined)
      pages.keepNames((page) => output.history.last(page)?.outputName, only);
    announce(
      parts,
      [...scan.found.warnings, ...output.warnings],
      referenceNames,
      provider,
      pages.waiting + faults.length,
    );
    pages.begin(faults);
    await output.noteFaults(pages.failures);
    const ending: EndingRun = { ...parts, output, record, referenceNames, fingerprint };
    for (let round = 1; ; round++) {
      const goesOn = await work(parts, output, references, journaled);
      control.signal.throwIfAborted();
      const finished = await completeRun(ending, !goesOn);
      if (finished === undefined || "written" in finished) return finished?.written;
      putBackDamaged(pages, finished.damaged, round);
    }
  } catch (error) {
    await output.stop();
    throw error;
  }
}

/** So many times pages are done again whose pictures do not stay as they are written. */
const DAMAGE_ROUNDS = 2;

function putBackDamaged(pages: BatchPages, damaged: readonly BatchPage[], round: number): void {
  const names = shownNames(damaged.map(({ entry }) => entry.name));
  if (round > DAMAGE_ROUNDS)
    throw new ResourceError("ERR_OUTPUT_WRITE", `${names} changed on the disk each time after being written`, {
      remedy: "check the disk, then run the same command again",
    });
  pages.emit({ type: "warning", message: `${names}: the picture was damaged after it was written, and is done again` });
  pages.putBack(damaged);
}

/** Resolves to whether it came to the pages: a preview may wait. */
async function work(
  parts: RunParts,
  output: RunOutput,
  references: PageReferences,
  journaled: PreviewOutput | undefined,
): Promise<boolean> {
  const { engine, config, pages, control, gate, only } = parts;
  const known = async (page: BatchPage): Promise<PageOutcome | undefined> => {
    if (only === undefined || only.has(page.entry.name)) return undefined;
    const kept = await output.standing(page);
    if (kept !== undefined) return { page, kept };
    const failure = output.history.failed(page.entry.name)?.failure;
    return failure === undefined ? { page, left: true } : { page, failedBefore: failure };
  };
  const context: PageContext = {
    engine,
    ids: { job: parts.job },
    references,
    output: outputSettings(config),
    emit: pages.emit,
    known,
    cannotRead: (error) => throwReadError(error, config.inputDir ?? config.inputZip),
    taken: (page) => pages.taken(page),
    colouring: (page) => pages.colouring(page),
    finished: (page) => output.finished(page),
    ...guardedBy(output),
  };
  const settle = async (outcome: PageOutcome): Promise<void> => {
    const { page } = outcome;
    if ("warnings" in outcome)
      for (const message of outcome.warnings) pages.emit({ type: "warning", page: page.entry.name, message });
    if ("encoded" in outcome) {
      await output.write(page, outcome.encoded).then(
        (success) => pages.complete(page, success, false),
        async (error: unknown) => {
          if (!isFaultOfFile(error)) throw error;
          await output.fail(page, pages.fail(page, error));
        },
      );
    } else if ("kept" in outcome) pages.complete(page, outcome.kept, true);
    else if ("error" in outcome) await output.fail(page, pages.fail(page, outcome.error));
    else if ("failedBefore" in outcome) pages.failedBefore(page, outcome.failedBefore);
    references.done(page.settings);
  };
  const some = (limit?: number): Promise<BatchPage[]> => workThrough(pages, output, context, control, settle, limit);
  const seedGrid = (folder: string): ReturnType<typeof makeSeedGrid> =>
    makeSeedGrid(context, control, pages, output, { pages: config.previewPages, seeds: config.previewSeeds, folder });
  const stopped = (): boolean => parts.stopped();
  const goesOn =
    only !== undefined ||
    journaled === undefined ||
    (await runPreview({ config, pages, output: journaled, gate, stopped, work: some, seedGrid }));
  if (goesOn) await some();
  return goesOn;
}

/** Where the input itself has vanished, every other page would fail as well: the batch ends, to be continued later. */
async function throwReadError(error: unknown, input: string | undefined): Promise<never> {
  if (input === undefined) throw error;
  if (await isThere(input)) throw error;
  throw new ResourceError("ERR_INPUT_GONE", `the input ${input} has vanished`, {
    cause: error,
    remedy: "check that its disk is still mounted, then run the same command again",
  });
}
