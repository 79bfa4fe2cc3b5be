/**
 * The output of a batch with its journal, so that a run killed at any moment goes on where it was. A page's journal line is written
 * before the picture gets its name: a picture with the line's hash under its name is a finished page, anything else is done again.
 * An archive's pages wait in a work folder beside it until all are there.
 */
import { mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { performance } from "node:perf_hooks";
import type { BatchConfig, PageSettings } from "../config/batch-config.js";
import { ResourceError } from "../errors.js";
import { removeLeftovers, writeFileAtomic } from "../io/atomic-file.js";
import { outputError, systemCode } from "../io/file-errors.js";
import { firstFreeNumber, numberedName, portableName } from "../io/output-names.js";
import { metadataBytes, type SinkMetadata } from "../io/output-rules.js";
import { openArchiveSink, openFolderSink, type PageSink } from "../io/page-sink.js";
import type { SourceEntry } from "../io/page-source.js";
import type { PageSuccess } from "./events.js";
import { sha256 } from "./fingerprint.js";
import { Journal, type FileRecord, type JournalEntry } from "./journal.js";
import type { EncodedPage, PageJob } from "./page-work.js";
import { RunLock } from "./run-lock.js";

type PageEntry = Extract<JournalEntry, { type: "page" }>;
type CarriedEntry = Extract<JournalEntry, { type: "carried" }>;

export interface BatchOutputOptions {
  /** Forget what an earlier run has done. Default false. */
  readonly fresh?: boolean;
  /** Fingerprint of a page's settings together with all else, but the page itself, that decides its picture. */
  readonly fingerprint: (settings: PageSettings) => string;
}

/** Where the journal and, for an archive, the finished pages are. */
export function workFolder(config: BatchConfig): string {
  return config.outputZip === undefined ? join(config.outputDir!, ".cobra-batch") : `${config.outputZip}.cobra-batch`;
}

/** Removes what a run that was killed while it tidied up after itself has left. */
export async function removeRemains(config: BatchConfig): Promise<void> {
  await rm(`${workFolder(config)}${REMAINS}`, { recursive: true, force: true });
}

const REMAINS = ".done";

export class BatchOutput {
  readonly #config: BatchConfig;
  readonly #options: BatchOutputOptions;
  readonly #work: string;
  readonly #lock: RunLock;
  readonly #journal: Journal;
  readonly #sink: PageSink;
  /** Folder of the pictures, and whether what is there may be replaced. */
  readonly #folder: string;
  readonly #overwrite: boolean;
  readonly #pages = new Map<string, PageEntry>();
  readonly #carried = new Map<string, CarriedEntry>();
  readonly #tidied = new Set<string>();
  #archiveName: string | undefined;

  private constructor(config: BatchConfig, options: BatchOutputOptions, lock: RunLock, journal: Journal, sink: PageSink) {
    this.#config = config;
    this.#options = options;
    this.#work = workFolder(config);
    this.#lock = lock;
    this.#journal = journal;
    this.#sink = sink;
    this.#folder = picturesFolder(config);
    this.#overwrite = config.outputZip !== undefined || config.overwrite;
    for (const entry of journal.entries) this.#note(entry);
  }

  /**
   * Opens an output for one run and reads what earlier ones have done.
   * @throws ResourceError `ERR_OUTPUT_LOCKED` (another run works on it), `ERR_OUTPUT_WRITE`
   */
  static async open(config: BatchConfig, options: BatchOutputOptions): Promise<BatchOutput> {
    await checkArchiveTarget(config);
    const work = workFolder(config);
    for (const folder of [config.outputDir ?? work, work]) await mkdir(folder, { recursive: true }).catch((cause: unknown) => Promise.reject(outputError(folder, cause)));
    const lock = await RunLock.acquire(join(work, "lock"), (config.outputDir ?? config.outputZip)!);
    try {
      const path = join(work, "journal.ndjson");
      if (options.fresh === true) {
        await rm(path, { force: true });
        if (config.outputZip !== undefined) await rm(picturesFolder(config), { recursive: true, force: true });
      }
      await removeLeftovers(dirname(work));
      const sink = await openFolderSink(picturesFolder(config), { overwrite: config.outputZip !== undefined || config.overwrite });
      return new BatchOutput(config, options, lock, await Journal.open(path), sink);
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  /** What people should know about an earlier run's journal. */
  get warnings(): readonly string[] {
    const { damaged } = this.#journal;
    return damaged === 0 ? [] : [`${damaged} damaged ${damaged === 1 ? "line" : "lines"} of ${join(this.#work, "journal.ndjson")} cannot be read; the pages they spoke of are done again`];
  }

  /** The result of a page that an earlier run has finished, from the same input with the same settings; undefined when it must be done. */
  async finished(job: PageJob): Promise<PageSuccess | undefined> {
    const entry = this.#pages.get(pageKey(job.entry.name, this.#options.fingerprint(job.settings)));
    if (entry === undefined || entry.inputSha256 !== job.inputSha256 || entry.outputName !== job.outputName) return undefined;
    const path = await this.#find(entry.outputName, entry);
    return path === undefined ? undefined : { ...entry.success, output: this.#outputOf(path, entry.outputName) };
  }

  /** Writes a page's picture; from here on the page is finished. Rejects with `ERR_OUTPUT_WRITE`. */
  async write(job: PageJob, { bytes, facts }: EncodedPage): Promise<PageSuccess> {
    const { entry, outputName, settings } = job;
    const success: PageSuccess = { page: entry.name, output: outputName, ...facts, seed: settings.seed, elapsedMs: performance.now() - job.startedMs };
    await this.#tidy(dirname(join(this.#folder, outputName)));
    const record = await this.#recordFor(outputName, bytes);
    await this.#append({ type: "page", page: entry.name, outputName, fingerprint: this.#options.fingerprint(settings), inputSha256: job.inputSha256, success, ...record });
    return { ...success, output: this.#outputOf(await this.#sink.write(outputName, bytes), outputName) };
  }

  /**
   * Completes the output: files taken over, metadata, the archive. Resolves to what was written. Pages that failed are tried again by
   * the next run, which then replaces the archive.
   */
  async finish(pages: readonly PageJob[], carried: readonly SourceEntry[], metadata: SinkMetadata & { readonly failures: readonly unknown[] }): Promise<string> {
    await this.#writeFailures(metadata);
    if (this.#config.outputZip === undefined) {
      for (const entry of carried) await this.#carry(entry);
      const written = await this.#sink.finish(metadata);
      await this.#release();
      return written;
    }
    const written = await this.#archive(pages, carried, metadata);
    if (metadata.failures.length === 0) await removeFolder(this.#work);
    await this.#release();
    return written;
  }

  /** Ends an unfinished run: what is done stays for the next one; where nothing is done, no trace stays. Never rejects. */
  async stop(): Promise<void> {
    await this.#sink.abort();
    if (this.#pages.size === 0) await removeFolder(this.#work).catch(() => {});
    await this.#release();
  }

  async #release(): Promise<void> {
    await this.#journal.close().catch(() => {}); // all its lines are synced
    await this.#lock.release();
  }

  /** Removes, once a folder, what a killed run has left half-written. */
  async #tidy(folder: string): Promise<void> {
    if (this.#tidied.has(folder)) return;
    this.#tidied.add(folder);
    await removeLeftovers(folder);
  }

  #note(entry: JournalEntry): void {
    if (entry.type === "page") this.#pages.set(pageKey(entry.page, entry.fingerprint), entry);
    else if (entry.type === "carried") this.#carried.set(entry.name, entry);
    else this.#archiveName = entry.name;
  }

  async #append(entry: JournalEntry): Promise<void> {
    await this.#journal.append(entry);
    this.#note(entry);
  }

  #outputOf(path: string, name: string): string {
    return this.#config.outputZip === undefined ? path : name;
  }

  async #recordFor(name: string, bytes: Uint8Array): Promise<FileRecord> {
    const firstNumber = this.#overwrite ? 0 : await firstFreeNumber(join(this.#folder, name), exists);
    return { sha256: await sha256(bytes), sizeBytes: bytes.byteLength, firstNumber };
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
    const known = this.#carried.get(name);
    if (known !== undefined && known.sha256 === (await sha256(bytes)) && (await this.#find(name, known)) !== undefined) return;
    await this.#append({ type: "carried", name, ...(await this.#recordFor(name, bytes)) });
    await this.#sink.write(name, bytes);
  }

  async #archive(pages: readonly PageJob[], carried: readonly SourceEntry[], metadata: SinkMetadata): Promise<string> {
    const { path, replace } = await this.#claimArchive(this.#config.outputZip!);
    const archive = await openArchiveSink(path, { overwrite: replace });
    try {
      for (const { outputName } of pages) await archive.write(outputName, await readFile(join(this.#folder, outputName)));
      for (const entry of carried) await archive.carry(entry);
      return await archive.finish(metadata);
    } catch (error) {
      await archive.abort();
      throw error;
    }
  }

  /** The archive's name: that of the archive an earlier run of this journal has written, else the first free one. Noted before it is taken. */
  async #claimArchive(wanted: string): Promise<{ path: string; replace: boolean }> {
    if (this.#config.overwrite) return { path: wanted, replace: true };
    const own = this.#archiveName === undefined ? undefined : join(dirname(wanted), this.#archiveName);
    if (own !== undefined && (await exists(own))) return { path: own, replace: true };
    const path = numberedName(wanted, await firstFreeNumber(wanted, exists));
    await this.#append({ type: "archive", name: basename(path) });
    return { path, replace: false };
  }

  /** `failures.json` beside the pictures, for an archive in its work folder, which stays while there are failures. */
  async #writeFailures({ failures, cobra_version }: SinkMetadata & { readonly failures: readonly unknown[] }): Promise<void> {
    const path = join(this.#config.outputDir ?? this.#work, "failures.json");
    if (failures.length > 0) {
      await writeFileAtomic(path, metadataBytes({ cobra_version, failures }), true);
      return;
    }
    const old = await readFile(path, "utf8").catch(() => "");
    if (old.includes('"cobra_version"')) await rm(path, { force: true });
  }
}

function picturesFolder(config: BatchConfig): string {
  return config.outputDir ?? join(workFolder(config), ".pages"); // a dot-folder: never taken for input
}

function pageKey(page: string, fingerprint: string): string {
  return `${fingerprint} ${page}`;
}

/** Fails at the start, and not after hours, where the archive's name is a folder's. */
async function checkArchiveTarget({ outputZip, overwrite }: BatchConfig): Promise<void> {
  if (outputZip === undefined || !overwrite) return;
  const info = await stat(outputZip).catch(() => undefined);
  if (info?.isDirectory() === true) throw new ResourceError("ERR_OUTPUT_WRITE", `cannot write ${outputZip}: a folder is in the way; choose another name or remove it`);
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(() => true, (error: unknown) => (systemCode(error) === "ENOENT" || systemCode(error) === "ENOTDIR" ? false : Promise.reject(outputError(path, error))));
}

/** Takes a folder out of the way in one step, so that a kill leaves all of it or nothing under its name. */
async function removeFolder(path: string): Promise<void> {
  const aside = `${path}${REMAINS}`;
  await rm(aside, { recursive: true, force: true });
  await rename(path, aside);
  await rm(aside, { recursive: true, force: true });
}
