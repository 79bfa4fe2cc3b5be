/** Actions on a job as a whole: start, pause, cancel, decide about its preview, retry and redo pages. */
import { settingsOfApproval } from "../../../core/preview/preview.js";
import { BatchProcessingError, ValidationError } from "../../../errors.js";
import type { JobSettings, RedoSettings } from "../api/schemas.js";
import { checkedRedo, checkedSettings, withChanges } from "./given.js";
import type { JobEntry } from "./job-entry.js";
import { assertState, decided, paused, redone, resumed, started, TAKES, triedAgain } from "./job-states.js";
import { cancelIn, previewOf, type JobQueue } from "./queue.js";
import { firstRank, lastRank } from "./queue-order.js";
import { withAsked, withChosen } from "./redo-settings.js";
import { changedPictures, type JobRegister } from "./register.js";
import { noPages, noReferences, Roles } from "./roles.js";
import type { StoredPictures } from "./stored.js";
import { removeTree } from "../../../io/files/remove-tree.js";

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
    await this.#change(entry, (job) => started(job, lastRank(this.#register.stored())));
  }

  async pause(entry: JobEntry): Promise<void> {
    await this.#change(entry, paused);
    entry.stop?.("finish");
  }

  async resume(entry: JobEntry): Promise<void> {
    await this.#change(entry, (job) => resumed(job, this.#front));
  }

  async cancel(entry: JobEntry, waitingOnly: boolean): Promise<void> {
    await cancelIn({ change: this.#register.change.bind(this.#register) }, entry);
    this.queued();
    entry.stop?.(waitingOnly ? "finish" : "abandon");
    this.#register.notifyPictures(entry);
  }

  async approve(entry: JobEntry, seed: number | undefined): Promise<void> {
    const folder = previewOf(entry);
    await this.#change(entry, (job) =>
      decided(job, "approve", this.#front, (preview) => {
        const pictures = (preview?.seeds ?? []).map(({ page, seed: one, file }) => ({ page, seed: one, output: file }));
        return settingsOfApproval(pictures.length === 0 ? {} : { seeds: { sheet: "", pictures } }, seed) as JobSettings;
      }),
    );
    if (folder !== undefined) await removeTree(folder);
  }

  /** @param settings over the job's; none: the next seed */
  async reject(entry: JobEntry, settings: JobSettings = {}): Promise<void> {
    const changed = checkedSettings(settings);
    await this.#change(entry, (job) =>
      decided(job, "reject", this.#front, (preview) => {
        if (Object.keys(changed).length > 0) return changed;
        const seeds = (preview?.seeds ?? []).map(({ seed }) => seed);
        return { seed: Math.max(job.settings.seed ?? 0, ...seeds) + 1 };
      }),
    );
  }

  /** @param ids of some failed pages; none: all */
  async retry(entry: JobEntry, ids?: readonly string[]): Promise<void> {
    if (ids !== undefined) return this.#retrySome(entry, ids);
    const { state, progress } = entry.stored;
    if (state !== "failed" && progress.failed > 0 && progress.unfinished === 0)
      return this.#retrySome(entry, await this.#failed(entry));
    if (state !== "failed" && progress.failed === 0)
      throw new BatchProcessingError("ERR_STATE", "no page of the job has failed; do a page again with other settings");
    await this.#change(entry, (job) => triedAgain(job, this.#front));
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
    await this.#change(entry, (job) => redone(job, ids, this.#front, true));
    this.#register.notifyPictures(entry);
  }

  /** @param settings over those that the pages have, null as the job's again; none: the next seed of each */
  async redo(entry: JobEntry, ids: readonly string[], settings: RedoSettings = {}): Promise<void> {
    const changes = checkedRedo(settings);
    assertState(entry.stored, TAKES.redo, "do pages again", "start it first"); // one that never ran has no outcomes
    const outcomes = await entry.outcomes();
    const given = Object.keys(changes).length > 0;
    await this.#change(
      entry,
      (job) => redone(job, ids, this.#front),
      (all, next, before) => {
        const roles = new Roles(all);
        const asked = new Set([...(next.redo?.pages ?? []), ...next.redoLater]);
        return changedPictures(all, ids, (picture) => {
          if (roles.of(picture) !== "page")
            throw new ValidationError("ERR_ARGUMENT", `${picture.name} is not a page; move it to the pages first`);
          const seed = outcomes.get(picture.name)?.success?.facts.seed ?? before.settings.seed ?? 0;
          const own = withChanges(picture.settings ?? {}, given ? changes : { seed: seed + 1 });
          return asked.has(picture.id) ? withAsked(picture, own, entry.madeWith(picture.id)) : withChosen(picture, own);
        });
      },
    );
    this.#register.notifyPictures(entry);
  }

  /** The queue may have changed. */
  queued(): void {
    this.#register.notifyOrder();
    this.#queue.wake();
  }

  async #change(entry: JobEntry, ...changes: Changes): Promise<void> {
    await this.#register.change(entry, ...changes);
    this.queued();
  }

  /** A rank before all others. */
  get #front(): number {
    return firstRank(this.#register.stored());
  }
}

type Changes = Parameters<JobRegister["change"]> extends [JobEntry, ...infer Rest] ? Rest : never;

/** @throws ValidationError `ERR_INPUT_EMPTY`; ConfigurationError `ERR_NO_REFERENCES`; what is wrong with the input */
function assertReady(all: StoredPictures): void {
  if (all.fault !== undefined) throw new BatchProcessingError(all.fault.code, all.fault.message);
  const { pages, references } = new Roles(all).counts(0);
  if (all.pictures.length === 0)
    throw new ValidationError("ERR_INPUT_EMPTY", "the job has no picture yet; upload an archive or pictures");
  if (pages === 0) throw noPages();
  if (references === 0) throw noReferences();
}
