/** Actions on a job as a whole: start, pause, cancel, decide about its preview, retry and redo pages. */
import { settingsOfApproval } from "../../../core/preview/preview.js";
import { BatchProcessingError, ValidationError } from "../../../errors.js";
import type { JobSettings, JobState, RedoSettings } from "../api/schemas.js";
import { checkedRedo, checkedSettings, withChanges } from "./given.js";
import type { JobEntry } from "./job-entry.js";
import { previewOf, type JobQueue } from "./queue.js";
import { firstRank, lastRank } from "./queue-order.js";
import { assertState, AT_REST, type JobRegister } from "./register.js";
import { noPages, noReferences, Roles } from "./roles.js";
import type { StoredJob, StoredPictures } from "./stored.js";
import { removeTree } from "../../../io/files/remove-tree.js";

/** Where a job's failed pages can be tried again. */
const TRIED_AGAIN: readonly JobState[] = ["completed", "failed", "cancelled", "paused"];

export class JobActions {
  readonly #register: JobRegister;
  readonly #queue: JobQueue;

  constructor(register: JobRegister, queue: JobQueue) {
    this.#register = register;
    this.#queue = queue;
  }

  async start(entry: JobEntry): Promise<void> {
    entry.assertWhole();
    const pictures = await entry.pictures();
    if (entry.scan === undefined) assertReady(pictures);
    await this.#act(entry, ["draft", "completed", "failed", "cancelled"], "start", (job) => ({
      ...withoutEnd(job),
      state: "queued",
      rank: lastRank(this.#register.stored()),
    }));
  }

  async pause(entry: JobEntry): Promise<void> {
    await this.#act(entry, ["running", "queued"], "pause", (job) => ({ ...job, state: "paused" }));
    entry.stop?.("finish");
  }

  async resume(entry: JobEntry): Promise<void> {
    await this.#act(entry, ["paused"], "resume", (job) => this.#inFront(job));
  }

  async cancel(entry: JobEntry, waitingOnly: boolean): Promise<void> {
    await this.#act(entry, ["running", "queued", "paused", "preview"], "be cancelled", (job) => {
      const { redo, preview: _preview, ...rest } = job;
      const endedAt = new Date().toISOString();
      return { ...rest, redoLater: [], state: redo?.afterwards ?? "cancelled", endedAt };
    });
    entry.again.clear();
    entry.stop?.(waitingOnly ? "finish" : "abandon");
    this.#register.notifyPictures(entry);
  }

  async approve(entry: JobEntry, seed: number | undefined): Promise<void> {
    const folder = previewOf(entry);
    await this.#act(entry, ["preview"], "be approved", ({ preview, ...job }) => {
      const pictures = (preview?.seeds ?? []).map(({ page, seed: one, file }) => ({ page, seed: one, output: file }));
      const chosen = settingsOfApproval(pictures.length === 0 ? {} : { seeds: { sheet: "", pictures } }, seed);
      const settings = { ...job.settings, ...chosen } as JobSettings;
      return { ...this.#inFront(job), approved: true, settings };
    });
    if (folder !== undefined) await removeTree(folder);
  }

  /** @param settings over the job's; none: the next seed */
  async reject(entry: JobEntry, settings: JobSettings = {}): Promise<void> {
    const changed = checkedSettings(settings);
    await this.#act(entry, ["preview"], "be rejected", ({ preview, ...job }) => {
      const seeds = (preview?.seeds ?? []).map(({ seed }) => seed);
      const next = { seed: Math.max(job.settings.seed ?? 0, ...seeds) + 1 };
      const given = Object.keys(changed).length > 0;
      return { ...this.#inFront(job), settings: { ...job.settings, ...(given ? changed : next) } };
    });
  }

  /** @param ids of some failed pages; none: all */
  async retry(entry: JobEntry, ids?: readonly string[]): Promise<void> {
    if (ids !== undefined) return this.#retrySome(entry, ids);
    const { state, progress } = entry.stored;
    if (state !== "failed" && progress.failed > 0 && progress.unfinished === 0)
      return this.#retrySome(entry, await this.#failed(entry));
    if (state !== "failed" && progress.failed === 0)
      throw new BatchProcessingError("ERR_STATE", "no page of the job has failed; do a page again with other settings");
    await this.#act(entry, TRIED_AGAIN, "be tried again", (job) => ({
      ...this.#inFront(withoutEnd(job)),
      retry: true,
    }));
  }

  /** Ids of the failed pages. Alone they are tried again: a reference that was added since would redo all others. */
  async #failed(entry: JobEntry): Promise<string[]> {
    const outcomes = await entry.outcomes();
    const pages = (await entry.roles()).all("page");
    return pages.filter(({ name }) => outcomes.get(name)?.failure !== undefined).map(({ id }) => id);
  }

  async #retrySome(entry: JobEntry, ids: readonly string[]): Promise<void> {
    const outcomes = await entry.outcomes();
    for (const id of ids) {
      const { name } = await this.#register.picture(entry, id);
      if (outcomes.get(name)?.failure === undefined)
        throw new ValidationError("ERR_ARGUMENT", `${name} has not failed; do it again with other settings`);
    }
    await this.#act(entry, TRIED_AGAIN, "be tried again", (job) => ({
      ...this.#inFront(withoutEnd(job)),
      retry: true,
      redo: { pages: [...new Set(ids)], afterwards: job.state },
    }));
    for (const id of ids) entry.again.add(id);
    this.#register.notifyPictures(entry);
  }

  /** @param settings over those that the pages have, null as the job's again; none: the next seed of each */
  async redo(entry: JobEntry, ids: readonly string[], settings: RedoSettings = {}): Promise<void> {
    const changes = checkedRedo(settings);
    const states = [...AT_REST.filter((state) => state !== "draft"), "running"] as const;
    assertState(entry.stored, states, "do pages again", "start it first");
    const outcomes = await entry.outcomes();
    const roles = await entry.roles();
    const given = Object.keys(changes).length > 0;
    await this.#register.changePictures(entry, ids, ({ settings: before = {}, ...picture }) => {
      if (roles.of(picture) !== "page")
        throw new ValidationError("ERR_ARGUMENT", `${picture.name} is not a page; move it to the pages first`);
      const seed = outcomes.get(picture.name)?.success?.facts.seed ?? entry.stored.settings.seed ?? 0;
      const own = withChanges(before, given ? changes : { seed: seed + 1 });
      return { ...picture, ...(Object.keys(own).length === 0 ? {} : { settings: own }) };
    });
    const joined = (more: readonly string[]): string[] => [...new Set([...more, ...ids])];
    await this.#register.change(entry, (job) => {
      if (entry.stop !== undefined) return { ...job, redoLater: joined(job.redoLater) };
      const { redo } = job;
      if (job.state !== "queued") return { ...this.#inFront(job), redo: { pages: joined([]), afterwards: job.state } };
      return redo === undefined ? job : { ...job, redo: { ...redo, pages: joined(redo.pages) } };
    });
    for (const one of ids) entry.again.add(one);
    this.#register.notifyPictures(entry);
    this.queued();
  }

  /** The queue may have changed. */
  queued(): void {
    this.#register.notifyOrder();
    this.#queue.wake();
  }

  async #act(
    entry: JobEntry,
    from: readonly JobState[],
    what: string,
    change: (job: StoredJob) => StoredJob,
  ): Promise<void> {
    await this.#register.change(entry, (job) => {
      assertState(job, from, what);
      return change(job);
    });
    this.queued();
  }

  /** Queued before all others. */
  #inFront(job: StoredJob): StoredJob {
    return { ...job, state: "queued", rank: firstRank(this.#register.stored()) };
  }
}

/** A job that goes on has not ended. */
function withoutEnd({ endedAt: _endedAt, problem: _problem, ...job }: StoredJob): StoredJob {
  return job;
}

/** @throws ValidationError `ERR_INPUT_EMPTY`; ConfigurationError `ERR_NO_REFERENCES`; what is wrong with the input */
function assertReady(all: StoredPictures): void {
  if (all.fault !== undefined) throw new BatchProcessingError(all.fault.code, all.fault.message);
  const { pages, references } = new Roles(all).counts(0);
  if (all.pictures.length === 0)
    throw new ValidationError("ERR_INPUT_EMPTY", "the job has no picture yet; upload an archive or pictures");
  if (pages === 0) throw noPages();
  if (references === 0) throw noReferences();
}
