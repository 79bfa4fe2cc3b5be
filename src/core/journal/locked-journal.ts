/**
 * The journal of an output, held by one process: the lease, the file, and what it means. Tells also when the process
 * before ended without giving the lease back.
 */
import { copyFile, rename } from "node:fs/promises";
import { join } from "node:path";
import { systemCode } from "../../errors.js";
import { outputError } from "../../io/files/file-errors.js";
import { makeFolder } from "../../io/files/make-folder.js";
import { checkWorkFolder } from "../output/output-guard.js";
import { Journal } from "./journal.js";
import type { JournalEntry } from "./entries.js";
import { RunHistory } from "./history.js";
import { Lease, type LeaseOptions } from "./lease.js";

/** The journal's name in a work folder. */
export const JOURNAL_NAME = "journal.ndjson";
const LEASE_NAME = "lease";

export class LockedJournal {
  readonly path: string;
  readonly #lease: Lease;
  readonly #journal: Journal;
  readonly #history: RunHistory;

  private constructor(path: string, lease: Lease, journal: Journal) {
    this.path = path;
    this.#lease = lease;
    this.#journal = journal;
    this.#history = new RunHistory(journal.entries);
  }

  /**
   * Takes the lease and reads the journal; both are made where they are missing.
   * @param work the work folder
   * @param output what the lease is for, for messages
   * @throws ResourceError `ERR_OUTPUT_LOCKED` (another run works on it), `ERR_OUTPUT_WRITE`; ValidationError
   * `ERR_OUTPUT_UNSAFE`
   */
  static async open(work: string, output: string, options: LeaseOptions = {}): Promise<LockedJournal> {
    await makeFolder(work);
    await checkWorkFolder(work);
    const lease = await Lease.acquire(join(work, LEASE_NAME), output, options);
    try {
      const path = join(work, JOURNAL_NAME);
      const { formerHolder } = lease;
      if (formerHolder?.gone === false) await renew(path, lease.token);
      const locked = new LockedJournal(path, lease, await Journal.open(path, lease));
      const { inHand } = locked.history;
      if (formerHolder !== undefined && inHand.length > 0)
        await locked.append({
          type: "died",
          pages: inHand.map(({ page, fingerprint, inputSha256, stage }) => ({ page, fingerprint, inputSha256, stage })),
        });
      return locked;
    } catch (error) {
      await lease.release();
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

  /** Closes the file and gives the lease back. Never rejects. */
  async close(): Promise<void> {
    await this.#journal.close().catch(() => {}); // all its lines are synced
    await this.#lease.release();
  }
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
