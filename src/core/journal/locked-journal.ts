/**
 * The journal of an output, held by one process: the lease, the file, and what it means. It also reports when the
 * previous process ended without giving the lease back.
 */
import { chmod, copyFile, lstat, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { BatchProcessingError, ResourceError, systemCode } from "../../errors.js";
import { outputError } from "../../io/files/file-errors.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { checkWorkFolder } from "../output/output-guard.js";
import { Journal, journalLine } from "./journal.js";
import type { FailureStage } from "../events.js";
import { CrashMarks, stageInMark, type CrashNotePad } from "./crash-marks.js";
import { exitCauseOf, parseCrashNotes, type CrashNote } from "./exit-cause.js";
import type { JournalEntry, PageKey } from "./entries.js";
import { RunHistory } from "./history.js";
import { checkNotHeld, Lease, type FormerHolder, type LeaseOptions } from "./lease.js";

/** Names in a work folder. */
export const JOURNAL_NAME = "journal.ndjson";
export const LEASE_NAME = "lease";

export interface LockedJournalOptions extends LeaseOptions {
  /** Opens the crash notes of this process. Default: none are written. */
  readonly openCrashNotes?: (path: string) => CrashNotePad;
  /** Permissions that the work folder has at most. Default: those of any new folder. */
  readonly mode?: number | undefined;
}

/** So often a work folder is made again that other runs remove as they end. */
const MOST_TRIES = 100;

/**
 * Checks that no living run uses an output, as far as that can be told without waiting and without a trace.
 * @throws ResourceError `ERR_OUTPUT_LOCKED`
 */
export function checkNotInUse(work: string, output: string): Promise<void> {
  return checkNotHeld(join(work, LEASE_NAME), output);
}

export class LockedJournal {
  readonly path: string;
  readonly #lease: Lease;
  #journal: Journal;
  #history: RunHistory;
  readonly #marks: CrashMarks;

  private constructor(path: string, lease: Lease, journal: Journal, pad: CrashNotePad | undefined) {
    this.path = path;
    this.#lease = lease;
    this.#journal = journal;
    this.#marks = new CrashMarks(pad);
    this.#history = new RunHistory(journal.entries);
  }

  /**
   * Takes the lease and reads the journal; both are made if they are missing.
   * @param work the work folder
   * @param output what the lease is for, for messages
   * @throws ResourceError `ERR_OUTPUT_LOCKED` (another run is using it), `ERR_OUTPUT_WRITE`; ValidationError
   * `ERR_OUTPUT_UNSAFE`
   */
  static async open(work: string, output: string, options: LockedJournalOptions = {}): Promise<LockedJournal> {
    const lease = await takeLease(work, output, options);
    try {
      const path = join(work, JOURNAL_NAME);
      const { formerHolder } = lease;
      if (formerHolder?.gone === false || (await hasOtherNames(path))) await renew(path, lease.token);
      const journal = await Journal.open(path, lease);
      const locked = new LockedJournal(path, lease, journal, openPad(crashNotesFile(work, lease.token), options));
      if (formerHolder !== undefined) await locked.#noteEnd(formerHolder, work);
      return locked;
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  /** Notes that the process before has ended, why, and which pages it was working on. */
  async #noteEnd({ record }: FormerHolder, work: string): Promise<void> {
    const file = record === undefined ? undefined : crashNotesFile(work, record.token);
    const notes = file === undefined ? [] : await readCrashNotes(file);
    const { cause, signal, marks } = exitCauseOf(record, notes);
    const { inHand } = this.#history;
    const pages = inHand.flatMap(({ page, fingerprint, inputSha256, stage }) => {
      const marked = marks.map((text) => stageInMark(text, { page, fingerprint })).find((found) => found !== undefined);
      if (cause === "crash" && marked === undefined) return [];
      return [{ page, fingerprint, inputSha256, stage: marked ?? stage }];
    });
    if (pages.length > 0)
      await this.append({
        type: "died",
        cause,
        ...(signal === undefined ? {} : { signal }),
        alone: inHand.length === 1,
        pages,
      });
    if (file !== undefined) await rm(file, { force: true }).catch(() => {});
  }

  get history(): RunHistory {
    return this.#history;
  }

  /** Lines that were skipped because they are damaged. */
  get damaged(): number {
    return this.#journal.damaged;
  }

  /** See `journalState`: as the journal was when the lease was taken. */
  get state(): string {
    return this.#journal.state;
  }

  /** Whether it says nothing: no run was here, or a kill has left it before its first line. */
  get isEmpty(): boolean {
    return this.#journal.entries.length === 0 && this.damaged === 0 && this.#history.record === undefined;
  }

  /**
   * Begins an empty journal with these entries: all of them, or none after a kill. Rejects as `append`.
   * @param place puts the files in place that they tell of. A kill may leave some of them
   */
  async begin(entries: readonly JournalEntry[], place: () => Promise<void>): Promise<void> {
    const next = `${this.path}.${this.#lease.token}`;
    try {
      await writeFile(next, entries.map(journalLine).join(""), { flush: true }); // from here on it names these files
      await place();
      await this.assertInPlace();
      await this.#journal.close();
      await rename(next, this.path);
    } catch (cause) {
      throw cause instanceof BatchProcessingError ? cause : outputError(this.path, cause);
    }
    this.#journal = await Journal.open(this.path, this.#lease);
    this.#history = new RunHistory(this.#journal.entries);
  }

  /** Adds an entry; once this resolves it outlives a power cut. Rejects with `ERR_OUTPUT_WRITE`. */
  async append(entry: JournalEntry): Promise<void> {
    await this.#journal.append(entry);
    this.#note(entry);
  }

  /** Adds an entry at once; it outlives the process. Throws `ERR_OUTPUT_WRITE`. */
  appendNow(entry: JournalEntry): void {
    this.#journal.appendNow(entry);
    this.#note(entry);
  }

  /** A page in progress goes into a stage; told to the crash notes alone. */
  enterStage(page: PageKey, stage: FailureStage): void {
    this.#marks.enter(page, stage);
  }

  #note(entry: JournalEntry): void {
    this.#history.note(entry);
    if (entry.type === "begin") this.#marks.enter(entry, entry.stage);
    if (entry.type === "page" || entry.type === "failed") this.#marks.leave(entry);
  }

  /**
   * The output is still there and still this run's.
   * @throws ResourceError `ERR_OUTPUT_LOCKED` (another run has taken it over), `ERR_OUTPUT_WRITE` (it is gone)
   */
  async assertInPlace(): Promise<void> {
    await this.#journal.assertInPlace();
  }

  /** Whether no other run has taken the output over. */
  async isHeld(): Promise<boolean> {
    return this.#lease.isHeld();
  }

  /** Closes the files and gives the lease back. Never rejects; may be called again. */
  async close(): Promise<void> {
    this.#marks.close();
    await this.#journal.close().catch(() => {}); // all its lines are synced
    await this.#lease.release();
  }
}

/** Takes the lease in a work folder, which is made if it is missing, and again if a run that ends removes it. */
async function takeLease(work: string, output: string, options: LockedJournalOptions): Promise<Lease> {
  for (let tries = 1; ; tries++) {
    await makeFolder(work, undefined, options.mode);
    try {
      await checkWorkFolder(work);
      if (options.mode !== undefined) await restrict(work, options.mode);
      return await Lease.acquire(join(work, LEASE_NAME), output, options);
    } catch (error) {
      if (tries >= MOST_TRIES || !isMissing(error)) throw error;
    }
  }
}

/** Takes permissions away that a folder is not to have. */
async function restrict(folder: string, mode: number): Promise<void> {
  const now = (await lstat(folder)).mode & 0o777;
  if ((now & ~mode) !== 0) await chmod(folder, now & mode).catch(() => {}); // another user's
}

function isMissing(error: unknown): boolean {
  return systemCode(error instanceof ResourceError ? error.cause : error) === "ENOENT";
}

/** A copy of the output that was made with hard links has the same journal, and is not to change with this one. */
async function hasOtherNames(path: string): Promise<boolean> {
  const info = await lstat(path).catch(() => undefined);
  return info?.isFile() === true && info.nlink > 1;
}

/** Puts a copy in the journal's place, so that a holder that wakes up late writes to a file that nobody reads. */
async function renew(path: string, token: string): Promise<void> {
  const copy = `${path}.${token}`;
  try {
    await copyFile(path, copy);
    await rename(copy, path);
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw outputError(path, cause);
  }
}

/** Where a holder of the lease leaves its crash notes. */
function crashNotesFile(work: string, token: string): string {
  return join(work, `crash-${token}.ndjson`);
}

/** Notes are worth having and not needed: a process that works on two outputs has them in one. */
function openPad(path: string, { openCrashNotes }: LockedJournalOptions): CrashNotePad | undefined {
  try {
    return openCrashNotes?.(path);
  } catch {
    return undefined;
  }
}

/** The notes in a file; none if there is no file. */
async function readCrashNotes(path: string): Promise<CrashNote[]> {
  return parseCrashNotes(await readFile(path, "utf8").catch(() => ""));
}
