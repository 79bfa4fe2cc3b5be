/**
 * The journal of an output, held by one process: lock, file and what it means. Tells also when the process before was
 * gone without a word.
 */
import { join } from "node:path";
import { makeFolder } from "../../io/files/make-folder.js";
import { Journal } from "./journal.js";
import type { JournalEntry } from "./entries.js";
import { RunHistory } from "./history.js";
import { RunLock } from "./lock.js";

/** The journal's name in a work folder. */
export const JOURNAL_NAME = "journal.ndjson";

export class LockedJournal {
  readonly path: string;
  readonly #lock: RunLock;
  readonly #journal: Journal;
  readonly #history: RunHistory;

  private constructor(path: string, lock: RunLock, journal: Journal) {
    this.path = path;
    this.#lock = lock;
    this.#journal = journal;
    this.#history = new RunHistory(journal.entries);
  }

  /**
   * Takes the lock and reads the journal; both are made where they are missing.
   * @param work the work folder
   * @param output what the lock is for, for messages
   * @throws ResourceError `ERR_OUTPUT_LOCKED` (another run works on it), `ERR_OUTPUT_WRITE`
   */
  static async open(work: string, output: string): Promise<LockedJournal> {
    await makeFolder(work);
    const lock = await RunLock.acquire(join(work, "lock"), output);
    try {
      const path = join(work, JOURNAL_NAME);
      const locked = new LockedJournal(path, lock, await Journal.open(path));
      const { inHand } = locked.history;
      if (lock.tookOver && inHand.length > 0)
        await locked.append({
          type: "died",
          pages: inHand.map(({ page, fingerprint, inputSha256, stage }) => ({ page, fingerprint, inputSha256, stage })),
        });
      return locked;
    } catch (error) {
      await lock.release();
      throw error;
    }
  }

  get history(): RunHistory {
    return this.#history;
  }

  /** Lines that were skipped because they are damaged. */
  get damaged(): number {
    return this.#journal.damaged;
  }

  /** Adds an entry; once this resolves it outlives a power cut. Rejects with `ERR_OUTPUT_WRITE`. */
  async append(entry: JournalEntry): Promise<void> {
    await this.#journal.append(entry);
    this.#history.note(entry);
  }

  /** Adds an entry at once; it outlives the process. Throws `ERR_OUTPUT_WRITE`. */
  appendNow(entry: JournalEntry): void {
    this.#journal.appendNow(entry);
    this.#history.note(entry);
  }

  /** Rejects with `ERR_OUTPUT_WRITE` where the journal is no longer where it was: then the output is gone as well. */
  async assertInPlace(): Promise<void> {
    await this.#journal.assertInPlace();
  }

  /** Closes the file and gives the lock back. Never rejects. */
  async close(): Promise<void> {
    await this.#journal.close().catch(() => {}); // all its lines are synced
    await this.#lock.release();
  }
}
