/**
 * All jobs in memory, in their folders and in the index. A change is on disk before it counts, and everybody is told of
 * it.
 */
import { rename } from "node:fs/promises";
import { join } from "node:path";
import { ValidationError } from "../../../errors.js";
import { outputError } from "../../../io/files/file-errors.js";
import { makeFolder } from "../../../io/files/make-folder.js";
import type { Job, ServerEvent } from "../api/schemas.js";
import { Feed } from "./feed.js";
import type { PathHider } from "./hide-paths.js";
import { JobEntry } from "./job-entry.js";
import type { JobIndex } from "./job-index.js";
import { noFile } from "./open-picture.js";
import { queueOrder } from "./queue-order.js";
import { Roles } from "./roles.js";
import { stampOf, writeStored, type StoredJob, type StoredPicture, type StoredPictures } from "./stored.js";
import { jobView, pictureView } from "./views.js";
import { removeTree } from "../../../io/files/remove-tree.js";

/** Of this many jobs pictures are kept in memory. */
const DETAILED = 8;
/** Front of the name of a folder that is no job: one that is being made or deleted. It goes at the next start. */
export const NO_JOB = ".removed-";

export class JobRegister {
  readonly folder: string;
  readonly feed = new Feed();
  readonly hider: PathHider;
  /** The list of a job's pictures is lost. */
  onLostPictures: (entry: JobEntry) => void = () => undefined;
  readonly #index: JobIndex;
  readonly #entries = new Map<string, JobEntry>();
  #detailed: JobEntry[] = [];
  #positions = new Map<string, number>();

  /** @param folder of all jobs */
  constructor(folder: string, index: JobIndex, hider: PathHider) {
    this.folder = folder;
    this.hider = hider;
    this.#index = index;
  }

  get size(): number {
    return this.#entries.size;
  }

  entries(): JobEntry[] {
    return [...this.#entries.values()];
  }

  stored(): StoredJob[] {
    return this.entries().map(({ stored }) => stored);
  }

  /** @throws ValidationError `ERR_JOB_NOT_FOUND` */
  entry(id: string): JobEntry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw notFound(id);
    return entry;
  }

  /** A job that is on disk already. */
  keep(entry: JobEntry): void {
    this.#entries.set(entry.id, entry);
    entry.lost = () => this.onLostPictures(entry);
  }

  /** Makes a job. @param fill puts more into its folder, before the job is there */
  async add(stored: StoredJob, fill?: (folder: string) => Promise<void>): Promise<JobEntry> {
    const folder = join(this.folder, stored.id);
    const making = join(this.folder, `${NO_JOB}${stored.id}`);
    try {
      await makeFolder(making, this.folder);
      await fill?.(making);
      await writeStored(join(making, "job.json"), stored, making);
      await rename(making, folder).catch((cause: unknown) => Promise.reject(outputError(folder, cause)));
    } catch (error) {
      await removeTree(making).catch(() => undefined);
      throw error;
    }
    const entry = new JobEntry(stored, folder);
    this.keep(entry);
    this.#index.put(stored, (await stampOf(entry.paths.job)) ?? "");
    this.notifyJob(entry);
    return entry;
  }

  /** Forgets a job that does nothing any more, and deletes its folder. */
  async remove(entry: JobEntry): Promise<void> {
    const { id, paths } = entry;
    const aside = join(this.folder, `${NO_JOB}${id}`);
    await rename(paths.folder, aside).catch(() => undefined);
    this.#entries.delete(id);
    this.#index.remove(id);
    this.feed.forget((about) => about === id || about.startsWith(`${id} `));
    this.feed.tell({ type: "job-removed", id });
    await removeTree(aside).catch(() => undefined);
  }

  /**
   * @param pictures changes the pictures in the same step
   * @throws what `change` and `pictures` throw; ResourceError `ERR_OUTPUT_WRITE`. Then the job is as it was
   */
  async change(
    entry: JobEntry,
    change: (stored: StoredJob) => StoredJob,
    pictures?: (all: StoredPictures, next: StoredJob, before: StoredJob) => StoredPictures,
  ): Promise<void> {
    const before = entry.stored.state;
    const stamp = await entry.change(change, pictures);
    if (stamp === undefined) return;
    this.#index.put(entry.stored, stamp);
    this.notifyJob(entry);
    if (before === entry.stored.state) return;
    this.notifyPictures(entry); // pages that are not done are told by the state of their job
    this.notifyOrder();
  }

  /**
   * Changes some pictures of a job.
   * @throws ValidationError `ERR_JOB_NOT_FOUND` for one that it does not have; then none is changed
   */
  async changePictures(
    entry: JobEntry,
    ids: readonly string[],
    change: (picture: StoredPicture) => StoredPicture,
  ): Promise<void> {
    await entry.changePictures((all) => changedPictures(all, ids, change));
  }

  /** Roles may have changed. */
  async recount(entry: JobEntry): Promise<void> {
    const all = await entry.pictures();
    const roles = new Roles(all);
    const counts = roles.counts(all.others);
    const { cover } = roles;
    const progress = entry.stored.state === "draft" ? undefined : await entry.countedPages();
    await this.change(entry, (job) => ({ ...job, counts, cover, progress: progress ?? job.progress }));
    this.notifyPictures(entry);
  }

  /** @throws ValidationError `ERR_JOB_NOT_FOUND` */
  async picture(entry: JobEntry, id: string): Promise<StoredPicture> {
    const found = (await entry.pictures()).pictures.find((picture) => picture.id === id);
    if (found === undefined) throw noFile(`picture ${JSON.stringify(id)} of the job`);
    return found;
  }

  view(entry: JobEntry): Job {
    return jobView(entry, this.#positions.get(entry.id), this.hider);
  }

  notifyJob(entry: JobEntry): void {
    this.#notify(entry, "", () => ({ type: "job", job: this.view(entry) }));
  }

  notifyPictures(entry: JobEntry): void {
    this.#notify(entry, " pictures", () => ({ type: "pictures", job: entry.id }));
  }

  async notifyPage(entry: JobEntry, page: string): Promise<void> {
    const before = await entry.pictures();
    const outcomes = await entry.outcomes();
    const id = before.pictures.find(({ name, added }) => name === page && !added)?.id;
    if (id === undefined) return;
    this.#notify(entry, ` ${id}`, () => {
      // As it is when it is told: what was read above may have been changed since.
      const now = entry.latestPictures ?? before;
      const picture = now.pictures.find((one) => one.id === id);
      if (picture === undefined) return undefined;
      const view = pictureView(picture, entry.rolesOf(now), entry, outcomes.get(page), this.hider);
      return { type: "picture", job: entry.id, picture: view };
    });
  }

  /** Something of a job has changed. A job that was removed meanwhile is not spoken of. */
  #notify(entry: JobEntry, part: string, now: () => ServerEvent | undefined): void {
    const isThere = (): boolean => this.#entries.get(entry.id) === entry;
    if (isThere()) this.feed.changed(`${entry.id}${part}`, () => (isThere() ? now() : undefined));
  }

  /** Places in the queue may have changed. */
  notifyOrder(): void {
    const before = this.#positions;
    this.#positions = new Map(queueOrder(this.stored()).map(({ id }, index) => [id, index]));
    for (const id of new Set([...before.keys(), ...this.#positions.keys()])) {
      const entry = this.#entries.get(id);
      if (entry !== undefined && before.get(id) !== this.#positions.get(id)) this.notifyJob(entry);
    }
  }

  /** Somebody looks at a job. The pictures of jobs that nobody has looked at lately are let go of. */
  keepDetails(entry: JobEntry): void {
    this.#detailed = [entry, ...this.#detailed.filter((one) => one !== entry)];
    for (const old of this.#detailed.splice(DETAILED)) old.forgetDetails();
  }
}

/** @throws ValidationError `ERR_JOB_NOT_FOUND` for a picture that is not there */
export function changedPictures(
  all: StoredPictures,
  ids: readonly string[],
  change: (picture: StoredPicture) => StoredPicture,
): StoredPictures {
  const wanted = new Set(ids);
  const known = new Set(all.pictures.map(({ id }) => id));
  const missing = ids.find((id) => !known.has(id));
  if (missing !== undefined) throw noFile(`picture ${JSON.stringify(missing)} of the job`);
  return { ...all, pictures: all.pictures.map((picture) => (wanted.has(picture.id) ? change(picture) : picture)) };
}

/** There is no such job. */
export function notFound(id: string): ValidationError {
  return new ValidationError("ERR_JOB_NOT_FOUND", `there is no job ${JSON.stringify(id.slice(0, 40))}`);
}
