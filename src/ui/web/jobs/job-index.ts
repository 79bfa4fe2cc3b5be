/**
 * The index of all jobs, an SQLite database: what each `job.json` says, so that a start need not read them all. The
 * folders are what counts. A database that is lost or damaged is made anew, and a row is used only for the version of
 * the file that it was made from.
 */
import { rm } from "node:fs/promises";
import Database from "libsql";
import { messageOf } from "../../../errors.js";
import { getLogger } from "../../../logging.js";
import { parseStoredJob, type StoredJob } from "./stored.js";

const SCHEMA = 1;
const log = getLogger("jobs");

export class JobIndex {
  readonly #path: string;
  #database: Database.Database | undefined;

  private constructor(path: string, database: Database.Database | undefined) {
    this.#path = path;
    this.#database = database;
  }

  /** Opens it; a damaged one is made anew. Without a database the jobs work as well, only a start is slower. */
  static async open(path: string): Promise<JobIndex> {
    try {
      return new JobIndex(path, opened(path));
    } catch (error) {
      log.warn({ err: error }, `${path} is damaged and is made anew from the folders of the jobs`);
    }
    try {
      await removeDatabase(path);
      return new JobIndex(path, opened(path));
    } catch (error) {
      log.warn({ err: error }, `${path} cannot be made; the jobs are read from their folders at each start`);
      return new JobIndex(path, undefined);
    }
  }

  /** Each job's row that is valid, with the version of the file it was made from. */
  rows(): Map<string, { stamp: string; job: StoredJob }> {
    const found = new Map<string, { stamp: string; job: StoredJob }>();
    const rows = this.#try(() => this.#database?.prepare("SELECT id, stamp, job FROM jobs").all()) ?? [];
    for (const row of rows as { id: unknown; stamp: unknown; job: unknown }[]) {
      const { id, stamp } = row;
      const job = typeof row.job === "string" ? parseStoredJob(row.job) : undefined;
      if (job !== undefined && job.id === id && typeof stamp === "string") found.set(job.id, { stamp, job });
    }
    return found;
  }

  put(job: StoredJob, stamp: string): void {
    this.#try(() =>
      this.#database
        ?.prepare("INSERT OR REPLACE INTO jobs (id, stamp, job) VALUES (?, ?, ?)")
        .run(job.id, stamp, JSON.stringify(job)),
    );
  }

  remove(id: string): void {
    this.#try(() => this.#database?.prepare("DELETE FROM jobs WHERE id = ?").run(id));
  }

  close(): void {
    this.#try(() => this.#database?.close());
    this.#database = undefined;
  }

  /** A fault of the index is no fault of a job: it is noted, and the index is no longer used. */
  #try<T>(work: () => T): T | undefined {
    try {
      return work();
    } catch (error) {
      log.warn({ err: error }, `the index ${this.#path} is no longer used: ${messageOf(error)}`);
      this.#database = undefined;
      return undefined;
    }
  }
}

function opened(path: string): Database.Database {
  const database = new Database(path);
  try {
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = NORMAL");
    const [check] = database.prepare("PRAGMA quick_check").all() as { quick_check: string }[];
    if (check?.quick_check !== "ok") throw new Error("the database is damaged");
    const [{ user_version: version }] = database.prepare("PRAGMA user_version").all() as [{ user_version: number }];
    if (version !== SCHEMA) database.exec("DROP TABLE IF EXISTS jobs");
    database.exec("CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, stamp TEXT NOT NULL, job TEXT NOT NULL)");
    database.exec(`PRAGMA user_version = ${SCHEMA}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

async function removeDatabase(path: string): Promise<void> {
  for (const end of ["", "-wal", "-shm", "-journal"]) await rm(path + end, { force: true });
}
