/** One job in memory: what its folder says, and what happens to it right now. Changes are on disk before they count. */
import { performance } from "node:perf_hooks";
import type { BatchEvent, BatchProgress } from "../../../core/events.js";
import { BatchProcessingError } from "../../../errors.js";
import { Estimate } from "../../../core/estimate.js";
import type { PageOwnSettings, Picture } from "../api/schemas.js";
import { outputOf, outcomeOf, storedOutcomes, type Outcome } from "./outcomes.js";
import { Roles } from "./roles.js";
import type { FolderArchive } from "./result-archive.js";
import {
  jobPaths,
  noPictures,
  readStoredPictures,
  stampOf,
  writeStored,
  type JobPaths,
  type StoredJob,
  type StoredPictures,
} from "./stored.js";
import type { StopWish } from "./run.js";
import type { UploadFolder } from "./upload-names.js";

/** A page in progress. */
export interface Live {
  readonly startedMs: number;
  readonly stage?: Picture["stage"];
  readonly step?: number | undefined;
  readonly steps?: number | undefined;
}

/** A run under way. */
interface JobRunSoFar {
  readonly redo: StoredJob["redo"];
  /** Pages that have an outcome, by id. */
  readonly did: Set<string>;
  /** What pages were done with that have a picture, by id. */
  readonly made: Map<string, PageOwnSettings>;
}

export class JobEntry {
  readonly paths: JobPaths;
  #stored: StoredJob;
  #pictures: Promise<StoredPictures> | undefined;
  #latestPictures: StoredPictures | undefined;
  #outcomes: Promise<Map<string, Outcome>> | undefined;
  #roles: { readonly of: StoredPictures; readonly roles: Roles } | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  /** Pages in progress, by name. */
  readonly live = new Map<string, Live>();
  /** Of the run under way. */
  progress: BatchProgress | undefined;
  estimate: Estimate | undefined;
  /** Ends the run under way. */
  stop: ((wish: StopWish) => void) | undefined;
  /** Tells what colours its pages that its priority has changed. */
  prioritize: (() => void) | undefined;
  /** Its pages wait elsewhere for their turn: one that was started is in progress from its first stage on. */
  queuesPages = false;
  /** The pages in progress are given up. */
  abandoned = false;
  /** The scan under way or to come. */
  scan: Promise<void> | undefined;
  scanAgain = false;
  readonly uploads: { input?: Promise<UploadFolder>; reference?: Promise<UploadFolder> } = {};
  run: JobRunSoFar | undefined;
  #again: { readonly of: StoredJob; readonly ids: ReadonlySet<string> } | undefined;
  /** Kept so that a resumed download need not read all files again. */
  archive: FolderArchive | undefined;
  /** The list of its pictures is lost; they are to be looked at again. */
  lost: () => void = () => undefined;
  /** Ends what is done for the job when it is removed. */
  readonly removed = new AbortController();

  constructor(stored: StoredJob, folder: string) {
    this.#stored = stored;
    this.paths = jobPaths(folder);
  }

  get id(): string {
    return this.#stored.id;
  }

  get stored(): StoredJob {
    return this.#stored;
  }

  /**
   * Changes what is stored. Changes of one job come one after the other.
   * @param change gives the new value; what it throws ends the change
   * @param pictures changes the pictures with it, so that nobody sees one without the other
   * @returns the version of the file; undefined where nothing of the job has changed
   */
  change(
    change: (stored: StoredJob) => StoredJob,
    pictures?: (all: StoredPictures, next: StoredJob, before: StoredJob) => StoredPictures,
  ): Promise<string | undefined> {
    return this.#inTurn(async () => {
      this.assertWhole();
      const all = pictures === undefined ? undefined : await this.pictures();
      const before = this.#stored;
      const next = change(before);
      const changed = all === undefined ? undefined : pictures!(all, next, before);
      const arePictures = changed !== undefined && changed !== all;
      if (arePictures) await writeStored(this.paths.pictures, changed, this.paths.folder);
      if (next !== before)
        await writeStored(this.paths.job, next, this.paths.folder).catch(async (error: unknown) => {
          if (arePictures) await writeStored(this.paths.pictures, all!, this.paths.folder).catch(() => undefined);
          throw error;
        });
      if (arePictures) this.#keepPictures(changed);
      this.#stored = next;
      return next === before ? undefined : ((await stampOf(this.paths.job)) ?? "");
    });
  }

  /** Whether a page is to be done again: the run under way has not done it yet, or it comes after that. */
  isAgain(id: string): boolean {
    const { redo, redoLater } = this.#stored;
    if (this.run?.redo !== undefined && this.run.redo === redo && this.run.did.has(id)) return redoLater.includes(id);
    if (this.#again?.of !== this.#stored)
      this.#again = { of: this.#stored, ids: new Set([...(redo?.pages ?? []), ...redoLater]) };
    return this.#again.ids.has(id);
  }

  /** What the redo under way has done a page with; undefined for one that it has not done. */
  madeWith(id: string): PageOwnSettings | undefined {
    return this.run?.redo?.pages.includes(id) === true ? this.run.made.get(id) : undefined;
  }

  /** A damaged record is left as it is. @throws BatchProcessingError `ERR_STATE` */
  assertWhole(): void {
    if (this.#stored.state === "damaged")
      throw new BatchProcessingError("ERR_STATE", "the chapter's record is damaged; it can only be deleted");
  }

  /** For a disk that takes nothing: the value counts until the server ends. */
  changeInMemory(change: (stored: StoredJob) => StoredJob): void {
    this.#stored = change(this.#stored);
  }

  /** Its pictures; none before the first scan. */
  pictures(): Promise<StoredPictures> {
    if (this.#stored.state === "damaged") return Promise.resolve(noPictures());
    this.#pictures ??= readStoredPictures(this.paths.pictures)
      .then((stored) => {
        if (stored === undefined && Object.values(this.#stored.counts).some((count) => count > 0)) this.lost();
        return (this.#latestPictures = stored ?? noPictures());
      })
      .catch((error: unknown) => {
        this.#pictures = undefined;
        throw error;
      });
    return this.#pictures;
  }

  /** Changes its pictures. @param change gives the new value, or the same where nothing is to change */
  changePictures(change: (pictures: StoredPictures) => StoredPictures): Promise<StoredPictures> {
    return this.#inTurn(async () => {
      this.assertWhole();
      const now = await this.pictures();
      const next = change(now);
      if (next === now) return now;
      await writeStored(this.paths.pictures, next, this.paths.folder);
      return this.#keepPictures(next);
    });
  }

  #keepPictures(pictures: StoredPictures): StoredPictures {
    this.#pictures = Promise.resolve(pictures);
    return (this.#latestPictures = pictures);
  }

  /** Its pictures where they are in memory. */
  get latestPictures(): StoredPictures | undefined {
    return this.#latestPictures;
  }

  async roles(): Promise<Roles> {
    return this.rolesOf(await this.pictures());
  }

  rolesOf(pictures: StoredPictures): Roles {
    if (this.#roles?.of !== pictures) this.#roles = { of: pictures, roles: new Roles(pictures) };
    return this.#roles.roles;
  }

  /** What has become of its pages, by name. */
  outcomes(): Promise<Map<string, Outcome>> {
    const { output } = this.#stored;
    if (output === undefined) return Promise.resolve(new Map());
    this.#outcomes ??= storedOutcomes(outputOf(this.paths.folder, output)).catch((error: unknown) => {
      this.#outcomes = undefined;
      throw error;
    });
    return this.#outcomes;
  }

  /** How many pages are where, by what is on disk. */
  async countedPages(): Promise<StoredJob["progress"]> {
    const pages = (await this.roles()).all("page");
    const outcomes = await this.outcomes();
    const completed = pages.filter(({ name }) => outcomes.get(name)?.success !== undefined).length;
    const failed = pages.filter(({ name }) => outcomes.get(name)?.failure !== undefined).length;
    return { total: pages.length, completed, failed, unfinished: pages.length - completed - failed };
  }

  /** Lets go of what can be read again. */
  forgetDetails(): void {
    if (this.scan !== undefined || this.stop !== undefined) return;
    this.#pictures = undefined;
    this.#latestPictures = undefined;
    this.#outcomes = undefined;
    this.archive = undefined;
  }

  /**
   * Takes an event of its run.
   * @returns the page that it is about
   */
  onEvent(event: BatchEvent, outcomes: Map<string, Outcome>): string | undefined {
    this.estimate?.onEvent(event, performance.now());
    if (this.abandoned && (event.type === "page-started" || event.type === "page-stage")) return undefined;
    switch (event.type) {
      case "page-started":
        if (this.queuesPages) return undefined;
        this.live.set(event.page, { startedMs: performance.now() });
        return event.page;
      case "page-stage": {
        const startedMs = this.live.get(event.page)?.startedMs ?? performance.now();
        const { stage, step, steps } = event;
        this.live.set(event.page, { startedMs, stage, step, steps });
        return event.page;
      }
      case "page-completed":
      case "page-failed": {
        this.live.delete(event.page);
        this.progress = event.progress;
        const known = outcomes.get(event.page)?.success;
        if (event.type === "page-completed" && event.kept === true && known !== undefined) return event.page;
        const output = this.#stored.output;
        if (output !== undefined) outcomes.set(event.page, outcomeOf(event, outputOf(this.paths.folder, output)));
        return event.page;
      }
      default:
        return undefined;
    }
  }

  #inTurn<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#turn.then(async () => {
      this.removed.signal.throwIfAborted();
      return work();
    });
    this.#turn = turn.catch(() => undefined);
    return turn;
  }
}
