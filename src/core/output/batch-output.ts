/**
 * The output of a batch with its journal, so that a run killed at any moment continues where it was. A page's journal
 * line is written before the picture gets its name: a picture with the line's hash under its name is a finished page,
 * anything else is done again. An archive's pages wait in a work folder beside it until all are there.
 */
import { dirname, join, resolve } from "node:path";
import { performance } from "node:perf_hooks";
import type { BatchConfig, PageConfig, PageSettings } from "../../config/batch-config.js";
import { removeLeftovers } from "../../io/files/atomic-file.js";
import type { PageSink } from "../../io/page-sink.js";
import { openFolderSink } from "../../io/open-sink.js";
import type { SourceEntry } from "../../io/page-source.js";
import { writeArchive, type Finished } from "./archive-output.js";
import type { PageFailure, PageSuccess, PreviewResult } from "../events.js";
import type { Adjustments, LayerRecord, PageEntry, PageKey, PreviewState } from "../journal/entries.js";
import { layerPaths, layersThere } from "./layer-records.js";
import type { EarlierRuns } from "./own-archive.js";
import { placeOf } from "../journal/place.js";
import type { LockedJournal } from "../journal/locked-journal.js";
import type { Notice } from "../../errors/notice.js";
import type { CrashPolicy } from "../journal/crash-evidence.js";
import type { PageIdentity } from "../run-output.js";
import type { BatchPage, EncodedPage } from "../pages/batch-page.js";
import { namesFiles, type RunHistory } from "../journal/history.js";
import { carryFile, carryFiles } from "./carried-files.js";
import { writeFailures, type FailureReport } from "./failures-file.js";
import { OutputFiles } from "./output-files.js";
import { checkUnfinished } from "./unfinished-work.js";
import { holdOutput, type HeldOutput, type HoldOptions } from "./held-output.js";
import { isReference } from "./output-guard.js";
import { PageWriter } from "./page-writer.js";
import { failuresFile, picturesFolder, removePictures, removeWorkFolder, workFolder } from "./work-folder.js";
import { shownNames } from "../../text/shown.js";

export interface BatchOutputOptions extends Omit<HoldOptions, "earlier"> {
  /**
   * Hashes of the files of pages, as far as they can be read, by which a chapter is known again. Default: none is.
   */
  readonly pageHashes?: (pages: Iterable<string>) => Promise<ReadonlyMap<string, string>>;
  /** Forget what an earlier run has done. Default false. */
  readonly fresh?: boolean;
  /** The batch's id. */
  readonly job: string;
  /** What was asked for stays what it was before: only single pages are done again. */
  readonly keepRecord?: boolean;
  /** Fingerprint of everything that decides a page's picture but the page itself. */
  readonly fingerprint: (settings: PageSettings) => string;
}

export class BatchOutput {
  readonly #config: BatchConfig;
  readonly #options: BatchOutputOptions & Pick<HeldOutput, "isReopened">;
  readonly #journal: LockedJournal;
  readonly #sink: PageSink;
  readonly #files: OutputFiles;
  readonly #writer: PageWriter;
  /** Files of the input that could not be copied, and why. */
  readonly #notCopied: Notice[] = [];
  readonly #leftOut: readonly Notice[];
  readonly #earlier: EarlierRuns;
  /** Of pages that are done again alone, the hashes of the files that their pictures were made from before. */
  readonly #redone = new Set<string>();
  #hasWritten = false;
  /** Pictures belong to a preview that may be rejected. */
  previewing = false;

  private constructor(
    config: BatchConfig,
    options: BatchOutputOptions & Pick<HeldOutput, "isReopened">,
    journal: LockedJournal,
    sink: PageSink,
    leftOut: readonly Notice[],
    earlier: Omit<EarlierRuns, "redone">,
  ) {
    this.#config = config;
    this.#options = options;
    this.#journal = journal;
    this.#sink = sink;
    this.#leftOut = leftOut;
    this.#earlier = { ...earlier, redone: this.#redone };
    this.#files =
      config.outputZip === undefined
        ? new OutputFiles(config.outputDir!, config.overwrite, (path) => isReference(path, options.record))
        : new OutputFiles(picturesFolder(config), true);
    this.#writer = new PageWriter({
      journal,
      sink,
      files: this.#files,
      workFolder: config.outputZip !== undefined,
      keepsChanged: options.decision?.keepsChanged === true,
    });
  }

  /**
   * Opens an output for one run and reads what earlier ones have done.
   * @param held the output, which it ends. Default: it is taken
   * @throws ResourceError `ERR_OUTPUT_LOCKED` (another run is using it), `ERR_OUTPUT_WRITE`; ConfigurationError
   * `ERR_CONFIG` (it is a file that the run reads); ValidationError `ERR_OUTPUT_UNSAFE` (its records or links lead
   * outside it); ResourceError `ERR_OUTPUT_UNFINISHED`
   */
  static async open(config: BatchConfig, options: BatchOutputOptions, held?: HeldOutput): Promise<BatchOutput> {
    const work = workFolder(config);
    const { journal, isReopened } = held ?? ((await holdOutput(config, options)) as HeldOutput);
    try {
      const earlierInput = journal.history.record && inputOf(journal.history.record.config);
      const earlierRuns = {
        inputs: journal.history.inputHashes(),
        isElsewhere: earlierInput !== undefined && earlierInput !== inputOf(options.record.config),
      };
      if (
        earlierRuns.isElsewhere &&
        config.outputZip !== undefined &&
        options.fresh !== true &&
        options.keepRecord !== true
      )
        await checkUnfinished(journal.history, work, earlierInput!, options.pageHashes);
      if (options.fresh === true) {
        await journal.append({ type: "forget" });
        if (config.outputZip !== undefined) await removePictures(config);
      }
      for (const folder of [work, dirname(work)]) await removeLeftovers(folder);
      const sink = await openFolderSink(picturesFolder(config), {
        overwrite: config.outputZip !== undefined || config.overwrite,
      });
      const { record: earlier, place: earlierPlace, adjustments } = journal.history;
      const isKept = options.keepRecord === true && earlier !== undefined;
      const { outputDir, outputZip } = config;
      const record = isKept ? { ...earlier, config: { ...earlier.config, outputDir, outputZip } } : options.record;
      const place = isKept ? earlierPlace : await placeOf(work);
      await journal.append({
        type: "run",
        job: options.job,
        at: new Date().toISOString(),
        record,
        ...(place && { place }),
      });
      const leftOut = namedFilesLeftOut(adjustments, journal.history.adjustments);
      return new BatchOutput(config, { ...options, isReopened }, journal, sink, leftOut, earlierRuns);
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** What people should know about an earlier run's journal. */
  get warnings(): readonly Notice[] {
    const { damaged, path } = this.#journal;
    const lines = damaged === 1 ? "line" : "lines";
    const unread = `skipped ${damaged} corrupt ${lines} in ${path}; the affected pages are coloured again`;
    return [...(damaged === 0 ? [] : [{ message: unread }]), ...this.#leftOut];
  }

  /** What people should know about files that were in this run's way. Each is given once. */
  takeNotices(): Notice[] {
    return [...this.#notCopied.splice(0), ...this.#writer.takeNotices()];
  }

  get history(): RunHistory {
    return this.#journal.history;
  }

  /** Folder for what belongs to the run and not to its result. */
  get workFolder(): string {
    return workFolder(this.#config);
  }

  /**
   * The result of a page that an earlier run has finished, from the same input with the same settings; undefined when
   * it must be done.
   */
  async finished(job: BatchPage): Promise<PageSuccess | undefined> {
    const entry = this.history.done(job.entry.name, this.#options.fingerprint(job.settings));
    return entry?.inputSha256 === job.inputSha256 && entry.outputName === job.outputName
      ? this.#successOf(entry)
      : undefined;
  }

  /** The result that a page has, whatever it was made with; its origin is noted in the job. */
  async standing(job: BatchPage): Promise<PageSuccess | undefined> {
    const entry = this.history.last(job.entry.name);
    const success = entry?.outputName === job.outputName ? await this.#successOf(entry) : undefined;
    if (success !== undefined) Object.assign(job, { inputSha256: entry!.inputSha256, fingerprint: entry!.fingerprint });
    return success;
  }

  /** Where a page's picture lies now; an archive's are in its work folder until it is there. */
  pictureOf({ output }: PageSuccess): string {
    return this.#config.outputZip === undefined ? output : join(this.#files.folder, output);
  }

  async #successOf(entry: PageEntry): Promise<PageSuccess | undefined> {
    const number = await this.#files.find(entry.outputName, entry);
    if (number === undefined) return undefined;
    const path = this.#files.path(entry.outputName, number);
    return (await layersThere(path, entry.layers))
      ? this.#placed(entry.success, path, entry.outputName, entry.layers)
      : undefined;
  }

  /** What came of a page, with where its files are. */
  #placed(success: PageSuccess, path: string, name: string, layers: readonly LayerRecord[] = []): PageSuccess {
    const output = this.#config.outputZip === undefined ? path : name;
    const { layers: _before, ...facts } = success;
    return { ...facts, output, ...(layers.length === 0 ? {} : { layers: layerPaths(output, layers) }) };
  }

  /** Fingerprint of everything that decides a page's picture but the page itself. */
  fingerprint(settings: PageSettings): string {
    return this.#options.fingerprint(settings);
  }

  keyOf(job: BatchPage): PageKey {
    return { page: job.entry.name, fingerprint: this.fingerprint(job.settings), inputSha256: job.inputSha256 };
  }

  /** Notes that work on a page begins; of a page that is done alone also each of its stages. */
  begin(job: BatchPage): void {
    this.#journal.appendNow({ type: "begin", ...this.keyOf(job), stage: job.stage });
  }

  /** Notes that a page goes into its next stage. */
  enterStage(job: BatchPage): void {
    const key = this.keyOf(job);
    if (this.history.crashPolicy(key.page, key.fingerprint).kind === "normal") this.#journal.enterStage(key, job.stage);
    else this.begin(job);
  }

  /** How a page is done next, after what happened while it was in progress. */
  crashPolicy({ entry, settings, inputSha256 = "" }: PageIdentity): CrashPolicy {
    // Before a page is read, its hash is empty.
    return this.history.crashPolicy(
      entry.name,
      this.fingerprint(settings),
      inputSha256 === "" ? undefined : inputSha256,
    );
  }

  /** Writes a page's picture; from here on the page is finished. Rejects with `ERR_OUTPUT_WRITE`. */
  async write(job: BatchPage, encoded: EncodedPage): Promise<PageSuccess> {
    const { entry, outputName, settings } = job;
    const before = this.history.last(entry.name)?.inputSha256;
    if (this.#options.keepRecord === true && before !== undefined) this.#redone.add(before);
    const success: PageSuccess = {
      page: entry.name,
      output: outputName,
      ...encoded.facts,
      seed: settings.seed,
      elapsedMs: performance.now() - job.startedMs,
    };
    const { path, layers } = await this.#writer.write(
      { ...this.keyOf(job), outputName, success, ...(this.previewing ? { preview: true } : {}) },
      encoded,
    );
    this.#hasWritten = true;
    return this.#placed(success, path, outputName, layers);
  }

  /** Notes that a page has failed. */
  async fail(job: BatchPage, failure: PageFailure): Promise<void> {
    const before = this.history.failed(job.entry.name);
    const known = before?.failure.code === failure.code && before.fingerprint === this.keyOf(job).fingerprint;
    if (known && this.crashPolicy(job).kind === "quarantined") return;
    await this.#journal.append({ type: "failed", ...this.keyOf(job), failure });
  }

  /** Notes pictures of the input that could not be used at all. */
  async noteFaults(failures: readonly PageFailure[]): Promise<void> {
    for (const failure of failures) {
      if (this.history.failed(failure.page) === undefined)
        await this.#journal.append({ type: "failed", page: failure.page, fingerprint: "", inputSha256: "", failure });
    }
  }

  /** Notes where a preview is, and settings of all pages that are changed with it. */
  async notePreview(
    state: PreviewState,
    { result, settings = {} }: { readonly result?: PreviewResult; readonly settings?: PageConfig } = {},
  ): Promise<void> {
    await this.#journal.append({
      type: "preview",
      state,
      ...(result === undefined ? {} : { result }),
      ...(Object.keys(settings).length === 0 ? {} : { settings }),
    });
  }

  /**
   * Completes the output: other files copied, metadata, the archive. Pages that failed are tried again by the next run,
   * which then replaces the archive.
   * @param keepOthers what is no page stays in a replaced archive as it is there
   * @param comment of an archive that is the input
   */
  async finish(
    pages: readonly BatchPage[],
    carried: readonly SourceEntry[],
    metadata: FailureReport,
    keepOthers = false,
    comment?: Uint8Array,
  ): Promise<Finished> {
    await this.#journal.assertInPlace();
    await this.report(metadata);
    if (this.#config.outputZip === undefined) {
      const place = { journal: this.#journal, files: this.#files, sink: this.#sink };
      this.#notCopied.push(...(await carryFiles(carried, (entry) => carryFile(entry, place))));
      await this.#journal.assertInPlace();
      const written = await this.#sink.finish(metadata);
      await this.#journal.close();
      return { written };
    }
    const result = await writeArchive(this.#config, this.#journal, {
      folder: this.#files.folder,
      pages,
      carried,
      comment,
      metadata,
      keepOthers,
      keepsChanged: this.#options.decision?.keepsChanged === true && this.history.archives.length > 0,
      earlier: this.#earlier,
      notices: this.#notCopied,
    });
    if ("damaged" in result) return result;
    if ((metadata.failures.length === 0 || this.#isAsBefore) && (await this.#journal.isHeld()))
      await removeWorkFolder(this.workFolder, () => this.#journal.close());
    await this.#journal.close();
    return result;
  }

  /** Notes in `failures.json` what has failed, also before the batch is at its end. */
  async report(metadata: FailureReport): Promise<void> {
    await writeFailures(await failuresFile(this.#config), metadata);
  }

  /** Single pages of a finished archive were to be done again, and none was: all that is known is in the archive. */
  get #isAsBefore(): boolean {
    return this.#options.isReopened && this.#options.keepRecord === true && !this.#hasWritten;
  }

  /**
   * Ends an unfinished run: what is done stays for the next one; if nothing is done, nothing stays. Never rejects.
   */
  async stop(): Promise<void> {
    await this.#sink.abort();
    if ((!this.history.worthKeeping || this.#isAsBefore) && (await this.#journal.isHeld()))
      await removeWorkFolder(this.workFolder, () => this.#journal.close()).catch(() => {});
    await this.#journal.close();
  }
}

/** The folder or archive that a run reads; undefined where pages come from elsewhere. */
function inputOf({ inputDir, inputZip }: Partial<BatchConfig>): string | undefined {
  const path = inputZip ?? inputDir;
  return path === undefined ? undefined : resolve(path);
}

/** A warning about changed settings that named files and do so no more. */
function namedFilesLeftOut(before: Adjustments, now: Adjustments): Notice[] {
  const all = namesFiles(before.all) && !namesFiles(now.all) ? ["all pages"] : [];
  const pages = Object.entries(before.pages).filter(
    ([page, settings]) => namesFiles(settings) && now.pages[page] !== undefined && !namesFiles(now.pages[page]),
  );
  const names = [...all, ...pages.map(([page]) => page)];
  return names.length === 0
    ? []
    : [
        {
          message: `the output's records were copied or downloaded, so the references and pictures of hints that were set later for ${shownNames(names)} are left out`,
          remedy: "name them again with redo or a configuration file",
        },
      ];
}
