/**
 * The index of all jobs, an SQLite database: what each `job.json` says, so that a start need not read them all. The
 * folders are what counts. A database that is lost or damaged is made anew, and a row is used only for the version of
 * the file that it was made from. No file is deleted: a damaged one is kept under another name, for it may be
 * somebody's.
 */
import { rename } from "node:fs/promises";
import { dirname } from "node:path";
import Database from "libsql";
import { ConfigurationError, messageOf, systemCode } from "../../../errors.js";
import { exists } from "../../../io/files/exists.js";
import { readHead } from "../../../io/files/read-file.js";
import { getLogger } from "../../../logging.js";
import { parseStoredJob, type StoredJob } from "./stored.js";

const SCHEMA = 1;
/** SQLite keeps it in the file's head: "cobr" in ASCII. Databases of earlier versions have 0. */
const APPLICATION = 0x63_6f_62_72;
/** What lies beside a database and belongs to it. */
const COMPANIONS = ["-wal", "-shm", "-journal"];
/** How each database begins that is not empty. */
const HEAD = Buffer.from("SQLite format 3\0");
/** SQLite's codes of a file that is no database, or a damaged one. */
const DAMAGED: ReadonlySet<string | undefined> = new Set(["SQLITE_CORRUPT", "SQLITE_NOTADB"]);
const log = getLogger("jobs");

export class JobIndex {
  readonly #path: string;
  #database: Database.Database | undefined;

  private constructor(path: string, database: Database.Database | undefined) {
    this.#path = path;
    this.#database = database;
  }

  /**
   * Opens it; a damaged one is kept aside and made anew. Without a database the jobs work as well, only a start is
   * slower.
   * @throws ConfigurationError `ERR_CONFIG` for a database of another program
   */
  static async open(path: string): Promise<JobIndex> {
    try {
      try {
        await assertHead(path);
        return new JobIndex(path, opened(path));
      } catch (error) {
        if (!DAMAGED.has(systemCode(error))) throw error;
        const aside = await putAside(path);
        log.warn({ err: error }, `${path} is damaged: it is kept as ${aside}, and made anew from the jobs' folders`);
        return new JobIndex(path, opened(path));
      }
    } catch (error) {
      if (error instanceof ConfigurationError) throw error;
      log.warn({ err: error }, `${path} cannot be used; the jobs are read from their folders at each start`);
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
    assertOwn(database, path);
    database.exec("PRAGMA journal_mode = WAL");
    database.exec("PRAGMA synchronous = NORMAL");
    const [check] = database.prepare("PRAGMA quick_check").all() as { quick_check: string }[];
    if (check?.quick_check !== "ok") throw damaged(`a check says: ${check?.quick_check}`);
    const [{ user_version: version }] = database.prepare("PRAGMA user_version").all() as [{ user_version: number }];
    if (version !== SCHEMA) database.exec("DROP TABLE IF EXISTS jobs");
    database.exec("CREATE TABLE IF NOT EXISTS jobs (id TEXT PRIMARY KEY, stamp TEXT NOT NULL, job TEXT NOT NULL)");
    database.exec(`PRAGMA user_version = ${SCHEMA}`);
    database.exec(`PRAGMA application_id = ${APPLICATION}`);
    return database;
  } catch (error) {
    database.close();
    throw error;
  }
}

/** SQLite itself takes a short file for an empty database and writes over it. */
async function assertHead(path: string): Promise<void> {
  const head = await readHead(path, HEAD.length).catch(() => Buffer.alloc(0)); // opening it tells more
  if (head.byteLength > 0 && !HEAD.equals(head)) throw damaged("the file is no database");
}

function damaged(why: string): Error {
  return Object.assign(new Error(why), { code: "SQLITE_CORRUPT" });
}

/** Before anything is written. @throws ConfigurationError `ERR_CONFIG` */
function assertOwn(database: Database.Database, path: string): void {
  const all = <T>(sql: string): T[] => database.prepare(sql).all() as T[];
  const [{ application_id: application }] = all<{ application_id: number }>("PRAGMA application_id") as [
    { application_id: number },
  ];
  if (application === APPLICATION) return;
  const things = all<{ name: string }>("SELECT name FROM sqlite_schema WHERE name NOT LIKE 'sqlite%'");
  const columns = all<{ name: string }>("PRAGMA table_info(jobs)").map(({ name }) => name);
  const isOurs = things.every(({ name }) => name === "jobs") && ["", "id,stamp,job"].includes(columns.join());
  if (application === 0 && isOurs) return;
  throw new ConfigurationError("ERR_CONFIG", `${path} is a database of another program`, {
    remedy: `move it, or name another folder than ${dirname(path)} for the data`,
  });
}

/** Gives a database and what belongs to it another name: `.damaged`, or with a number the first that is free. */
async function putAside(path: string): Promise<string> {
  for (let n = 0; ; n++) {
    const aside = `${path}.damaged${n === 0 ? "" : `_${n}`}`;
    const taken = await Promise.all(["", ...COMPANIONS].map((end) => exists(aside + end)));
    if (taken.includes(true)) continue;
    for (const end of COMPANIONS)
      await rename(path + end, aside + end).catch((error: unknown) => {
        if (systemCode(error) !== "ENOENT") throw error;
      });
    await rename(path, aside);
    return aside;
  }
}
