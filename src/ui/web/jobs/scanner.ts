/** Looks at the pictures of jobs once uploads have come: soon, one scan of a job at a time, again where more came. */
import { setTimeout as sleep } from "node:timers/promises";
import type { ImagePool } from "../../../core/batch-engine.js";
import { BatchProcessingError, messageOf } from "../../../errors.js";
import { getLogger } from "../../../logging.js";
import { nameFrom } from "./given.js";
import { inputOf, type JobInput } from "./input.js";
import type { JobEntry } from "./job-entry.js";
import { problemOf } from "./problem.js";
import { Roles } from "./roles.js";
import type { Roots } from "./roots.js";
import { scanPictures } from "./scan.js";
import type { StoredJob, StoredPictures } from "./stored.js";

/** What a scan needs of the store. */
export interface ScanHost {
  readonly pool: ImagePool;
  readonly roots: Roots;
  change(entry: JobEntry, change: (stored: StoredJob) => StoredJob): Promise<void>;
  /** Whether more files of the job are on their way. */
  isComing(entry: JobEntry): boolean;
  notifyJob(entry: JobEntry): void;
  notifyPictures(entry: JobEntry): void;
}

/** So long uploads may go on to come before they are looked at, in milliseconds. */
const PATIENCE_MS = 200;
const log = getLogger("jobs");

export class Scanner {
  readonly #host: ScanHost;
  readonly #end = new AbortController();

  constructor(host: ScanHost) {
    this.#host = host;
  }

  /** Looks at a job's pictures, or looks again when the scan under way has ended. */
  start(entry: JobEntry): void {
    entry.scanAgain = true;
    entry.scan ??= this.#scans(entry).finally(() => {
      entry.scan = undefined;
      if (entry.removed.signal.aborted) return;
      this.#host.notifyJob(entry);
      this.#host.notifyPictures(entry);
    });
    this.#host.notifyJob(entry);
  }

  /** Ends all scans; they begin anew at the next start. */
  async close(entries: Iterable<JobEntry>): Promise<void> {
    this.#end.abort();
    await Promise.all([...entries].map((entry) => entry.scan));
  }

  /** Never rejects: what is wrong is the job's problem. */
  async #scans(entry: JobEntry): Promise<void> {
    const signal = AbortSignal.any([this.#end.signal, entry.removed.signal]);
    try {
      while (entry.scanAgain) {
        await sleep(PATIENCE_MS, undefined, { signal });
        entry.scanAgain = false;
        await this.#scan(entry, signal);
      }
    } catch (error) {
      if (signal.aborted) return;
      entry.scanAgain = false;
      log.error({ err: error }, `the pictures of job ${entry.id} could not be read: ${messageOf(error)}`);
      await this.#host.change(entry, (job) => ({ ...job, problem: problemOf(error) })).catch(() => undefined);
    }
  }

  async #scan(entry: JobEntry, signal: AbortSignal): Promise<void> {
    const { pool, roots, isComing } = this.#host;
    const before = await entry.pictures();
    let fault: StoredPictures["fault"];
    const input = await inputOf(entry.stored.source, entry.paths, roots).catch(
      (error: unknown): JobInput | undefined => {
        if (!(error instanceof BatchProcessingError)) throw error;
        fault = { code: error.code, message: error.message };
        return undefined;
      },
    );
    const found = await scanPictures(input, entry.paths, {
      pool,
      signal,
      before,
      onProgress: () => this.#host.notifyJob(entry),
    });
    fault ??= found.fault;
    await entry.changePictures((now) => ({ ...found, fault, pictures: withWords(found, now) }));
    const name = input?.name === undefined ? undefined : nameFrom(input.name);
    const roles = new Roles(await entry.pictures());
    const counts = roles.counts(found.others);
    const { cover } = roles;
    await this.#host.change(entry, ({ problem: before, ...job }) => ({
      ...job,
      // A draft's problem is its input's; that of a run stays until the next one.
      ...(before === undefined || job.state === "draft" ? {} : { problem: before }),
      unscanned: isComing(entry),
      counts,
      cover,
      ...(job.named || name === undefined ? {} : { name }),
      ...(fault === undefined ? {} : { problem: problemOf(errorOf(fault)) }),
    }));
  }
}

/** What people said while the pictures were looked at is kept; so is that the job began. */
function withWords(found: StoredPictures, now: StoredPictures): StoredPictures["pictures"] {
  const words = new Map(
    now.pictures.map(({ id, role, roleAtStart, settings, settingsBefore }) => [
      id,
      { role, roleAtStart, settings, settingsBefore },
    ]),
  );
  return found.pictures.map((picture) => ({ ...picture, ...words.get(picture.id) }));
}

function errorOf({ code, message }: NonNullable<StoredPictures["fault"]>): BatchProcessingError {
  return new BatchProcessingError(code, message);
}
