/**
 * The output of a batch with its journal, so that a run killed at any moment goes on where it was. A page's journal
 * line is written before the picture gets its name: a picture with the line's hash under its name is a finished page,
 * anything else is done again. An archive's pages wait in a work folder beside it until all are there.
 */
import { readFile, rm, stat } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { performance } from "node:perf_hooks";
import type { BatchConfig, PageConfig, PageSettings } from "../../config/batch-config.js";
import { ResourceError, systemCode } from "../../errors.js";
import { removeLeftovers, writeFileAtomic } from "../../io/files/atomic-file.js";
import { outputError } from "../../io/files/file-errors.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { firstFreeNumber, layersFolder, numberedName, portableName } from "../../io/names/output-names.js";
import { metadataBytes, type SinkMetadata } from "../../io/names/output-rules.js";
import type { PageSink } from "../../io/page-sink.js";
import { openFolderSink } from "../../io/open-sink.js";
import type { SourceEntry } from "../../io/page-source.js";
import { writeArchive } from "./archive-output.js";
import type { PageFailure, PageSuccess, PreviewResult } from "../events.js";
import { sha256 } from "../../platform/sha256.js";
import type { FileRecord, LayerRecord, PageEntry, PageKey, PreviewState, RunRecord } from "../journal/entries.js";
import { layerPaths, layerRecords, layersThere } from "./layer-records.js";
import { LockedJournal } from "../journal/locked-journal.js";
import type { BatchPage, EncodedPage } from "../pages/batch-page.js";
import type { RunHistory } from "../journal/history.js";
import { failuresFile, outputPath, picturesFolder, removeFolder, workFolder } from "./work-folder.js";

export interface BatchOutputOptions {
  /** Forget what an earlier run has done. Default false. */
  readonly fresh?: boolean;
  /** The batch's id. */
  readonly job: string;
  /** What was asked for, kept for later commands. */
  readonly record: RunRecord;
  /** What was asked for stays what it was before: only single pages are done anew. */
  readonly keepRecord?: boolean;
  /** Fingerprint of a page's settings together with all else, but the page itself, that decides its picture. */
  readonly fingerprint: (settings: PageSettings) => string;
}

export class BatchOutput {
  readonly #config: BatchConfig;
  readonly #options: BatchOutputOptions;
  readonly #journal: LockedJournal;
  readonly #sink: PageSink;
  /** Folder of the pictures, and whether what is there may be replaced. */
  readonly #folder: string;
  readonly #overwrite: boolean;
  readonly #tidied = new Set<string>();
  /** Pictures belong to a preview that may be rejected. */
  previewing = false;

  private constructor(config: BatchConfig, options: BatchOutputOptions, journal: LockedJournal, sink: PageSink) {
    this.#config = config;
    this.#options = options;
    this.#journal = journal;
    this.#sink = sink;
    this.#folder = picturesFolder(config);
    this.#overwrite = config.outputZip !== undefined || config.overwrite;
  }

  /**
   * Opens an output for one run and reads what earlier ones have done.
   * @throws ResourceError `ERR_OUTPUT_LOCKED` (another run works on it), `ERR_OUTPUT_WRITE`
   */
  static async open(config: BatchConfig, options: BatchOutputOptions): Promise<BatchOutput> {
    await checkArchiveTarget(config);
    const work = workFolder(config);
    const target = outputPath(config);
    for (const folder of [config.outputDir ?? work, work]) await makeFolder(folder);
    const journal = await LockedJournal.open(work, target);
    try {
      if (options.fresh === true) {
        await journal.clear();
        if (config.outputZip !== undefined) await rm(picturesFolder(config), { recursive: true, force: true });
      }
      await removeLeftovers(dirname(work));
      const sink = await openFolderSink(picturesFolder(config), {
        overwrite: config.outputZip !== undefined || config.overwrite,
      });
      const record = (options.keepRecord === true ? journal.history.record : undefined) ?? options.record;
      await journal.append({ type: "run", job: options.job, at: new Date().toISOString(), record });
      return new BatchOutput(config, options, journal, sink);
    } catch (error) {
      await journal.close();
      throw error;
    }
  }

  /** What people should know about an earlier run's journal. */
  get warnings(): readonly string[] {
    const { damaged, path } = this.#journal;
    return damaged === 0
      ? []
      : [
          `${damaged} damaged ${damaged === 1 ? "line" : "lines"} of ${path} cannot be read; the pages they spoke of are done again`,
        ];
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
    return this.#config.outputZip === undefined ? output : join(this.#folder, output);
  }

  async #successOf(entry: PageEntry): Promise<PageSuccess | undefined> {
    const path = await this.#find(entry.outputName, entry);
    return path === undefined || !(await layersThere(path, entry.layers))
      ? undefined
      : this.#placed(entry.success, path, entry.outputName, entry.layers);
  }

  /** What came of a page, with where its files are. */
  #placed(success: PageSuccess, path: string, name: string, layers: readonly LayerRecord[] = []): PageSuccess {
    const output = this.#outputOf(path, name);
    return { ...success, output, ...(layers.length === 0 ? {} : { layers: layerPaths(output, layers) }) };
  }

  /** Of a page's settings together with all else, but the page itself, that decides its picture. */
  fingerprint(settings: PageSettings): string {
    return this.#options.fingerprint(settings);
  }

  keyOf(job: BatchPage): PageKey {
    return { page: job.entry.name, fingerprint: this.fingerprint(job.settings), inputSha256: job.inputSha256 };
  }

  /** Notes that a page is taken in hand. One that is suspected of ending the process tells each of its stages. */
  begin(job: BatchPage): void {
    this.#journal.appendNow({ type: "begin", ...this.keyOf(job), stage: job.stage });
  }

  /** Writes a page's picture; from here on the page is finished. Rejects with `ERR_OUTPUT_WRITE`. */
  async write(job: BatchPage, { bytes, layers: files = [], facts }: EncodedPage): Promise<PageSuccess> {
    const { entry, outputName, settings } = job;
    const success: PageSuccess = {
      page: entry.name,
      output: outputName,
      ...facts,
      seed: settings.seed,
      elapsedMs: performance.now() - job.startedMs,
    };
    await this.#tidy(dirname(join(this.#folder, outputName)));
    const old =
      this.history.replaceable(entry.name) || this.#lacksLayers(job)
        ? await this.#replaced(outputName, entry.name)
        : undefined;
    const firstNumber =
      old?.firstNumber ?? (await this.#freeNumber(outputName, files.length === 0 ? undefined : entry.name));
    const layers = await layerRecords(files);
    const record = {
      firstNumber,
      sha256: await sha256(bytes),
      sizeBytes: bytes.byteLength,
      ...(layers.length === 0 ? {} : { layers }),
    };
    await this.#journal.append({
      type: "page",
      ...this.keyOf(job),
      outputName,
      success,
      ...record,
      ...(this.previewing ? { preview: true } : {}),
    });
    // Layers first: the picture's name is what says that all of the page is there.
    const free = layers.length === 0 ? outputName : numberedName(outputName, firstNumber);
    const beside = layersFolder(old === undefined ? free : relative(this.#folder, old.path));
    if (layers.length > 0) await this.#tidy(join(this.#folder, beside));
    for (const [index, { name }] of layers.entries()) await this.#sink.replace(`${beside}/${name}`, files[index]!);
    const path =
      old === undefined
        ? await this.#sink.write(free, bytes)
        : await writeFileAtomic(old.path, bytes, true, undefined, this.#folder);
    return this.#placed(success, path, outputName, layers);
  }

  /** Whether the page was finished, of the same making, and only some of its layers are not there any more. */
  #lacksLayers(job: BatchPage): boolean {
    const last = this.history.last(job.entry.name);
    return (
      last?.layers !== undefined &&
      last.fingerprint === this.fingerprint(job.settings) &&
      last.inputSha256 === job.inputSha256
    );
  }

  /**
   * The page's picture that the new one takes the place of: the last that got its name and still is as it was written.
   */
  async #replaced(name: string, page: string): Promise<{ path: string; firstNumber: number } | undefined> {
    for (const entry of this.history.pictures(page)) {
      const path = entry.outputName === name ? await this.#find(name, entry) : undefined;
      if (path !== undefined) return { path, firstNumber: entry.firstNumber };
    }
    return undefined;
  }

  /** Notes that a page has failed. */
  async fail(job: BatchPage, failure: PageFailure): Promise<void> {
    const before = this.history.failed(job.entry.name);
    if (
      failure.code === "ERR_PAGE_CRASHED" &&
      before?.failure.code === failure.code &&
      before.fingerprint === this.keyOf(job).fingerprint
    )
      return;
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
   * Completes the output: files taken over, metadata, the archive. Resolves to what was written. Pages that failed are
   * tried again by the next run, which then replaces the archive.
   * @param keepOthers what is no page stays in a replaced archive as it is there
   */
  async finish(
    pages: readonly BatchPage[],
    carried: readonly SourceEntry[],
    metadata: SinkMetadata & { readonly failures: readonly unknown[] },
    keepOthers = false,
  ): Promise<string> {
    await this.#journal.assertInPlace();
    await this.#writeFailures(metadata);
    if (this.#config.outputZip === undefined) {
      for (const entry of carried) await this.#carry(entry);
      const written = await this.#sink.finish(metadata);
      await this.#journal.close();
      return written;
    }
    const written = await writeArchive(this.#config, this.#journal, {
      folder: this.#folder,
      pages,
      carried,
      metadata,
      keepOthers,
    });
    if (metadata.failures.length === 0) await removeFolder(this.workFolder);
    await this.#journal.close();
    return written;
  }

  /** Notes in `failures.json` what has failed although the batch is not at its end. */
  async report(metadata: SinkMetadata & { readonly failures: readonly unknown[] }): Promise<void> {
    await this.#writeFailures(metadata);
  }

  /**
   * Ends an unfinished run: what is done stays for the next one; where nothing is done, no trace stays. Never rejects.
   */
  async stop(): Promise<void> {
    await this.#sink.abort();
    if (!this.history.worthKeeping) await removeFolder(this.workFolder).catch(() => {});
    await this.#journal.close();
  }

  /** Removes, once a folder, what a killed run has left half-written. */
  async #tidy(folder: string): Promise<void> {
    if (this.#tidied.has(folder)) return;
    this.#tidied.add(folder);
    await removeLeftovers(folder);
  }

  #outputOf(path: string, name: string): string {
    return this.#config.outputZip === undefined ? path : name;
  }

  async #recordFor(name: string, bytes: Uint8Array): Promise<FileRecord> {
    return { sha256: await sha256(bytes), sizeBytes: bytes.byteLength, firstNumber: await this.#freeNumber(name) };
  }

  /**
   * The number of the first name that is free; for a page with layers (`page`) one whose folder of layers is free too,
   * or that page's own.
   */
  async #freeNumber(name: string, page?: string): Promise<number> {
    if (this.#overwrite) return 0;
    const own = new Set(
      (page === undefined ? [] : this.history.pictures(page))
        .filter((entry) => entry.outputName === name && entry.layers !== undefined)
        .map(({ firstNumber }) => firstNumber),
    );
    for (let from = 0; ; from++) {
      from += await firstFreeNumber((n) => exists(join(this.#folder, numberedName(name, from + n))));
      if (
        page === undefined ||
        own.has(from) ||
        !(await exists(layersFolder(join(this.#folder, numberedName(name, from)))))
      )
        return from;
    }
  }

  /** The file that a record speaks of, if it got its name and still is as it was written. */
  async #find(name: string, { sha256: expected, sizeBytes, firstNumber }: FileRecord): Promise<string | undefined> {
    for (let number = firstNumber; ; number++) {
      const path = join(this.#folder, numberedName(name, number));
      const info = await stat(path).catch(() => undefined);
      if (info === undefined) return undefined;
      if (info.isFile() && info.size === sizeBytes && (await sha256(await readFile(path))) === expected) return path;
      if (this.#overwrite) return undefined;
    }
  }

  async #carry(entry: SourceEntry): Promise<void> {
    const bytes = await entry.read();
    const name = portableName(entry.name);
    const known = this.history.carried(name);
    if (known !== undefined && known.sha256 === (await sha256(bytes)) && (await this.#find(name, known)) !== undefined)
      return;
    await this.#journal.append({ type: "carried", name, ...(await this.#recordFor(name, bytes)) });
    await this.#sink.write(name, bytes);
  }

  /** An archive's work folder stays while there are failures. */
  async #writeFailures({
    failures,
    cobra_version,
  }: SinkMetadata & { readonly failures: readonly unknown[] }): Promise<void> {
    const path = failuresFile(this.#config);
    if (failures.length > 0) {
      await writeFileAtomic(path, metadataBytes({ cobra_version, failures }), true, undefined, dirname(path));
      return;
    }
    const old = await readFile(path, "utf8").catch(() => "");
    if (old.includes('"cobra_version"')) await rm(path, { force: true });
  }
}

/** Fails at the start, and not after hours, where the archive's name is a folder's. */
async function checkArchiveTarget({ outputZip, overwrite }: BatchConfig): Promise<void> {
  if (outputZip === undefined || !overwrite) return;
  const info = await stat(outputZip).catch(() => undefined);
  if (info?.isDirectory() === true)
    throw new ResourceError(
      "ERR_OUTPUT_WRITE",
      `cannot write ${outputZip}: a folder is in the way; choose another name or remove it`,
    );
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) =>
      systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR"
        ? false
        : Promise.reject(outputError(path, error)),
  );
}
