/** All jobs: opened, made, changed and removed. What a job is lies in its folder; see `stored.ts`. */
import { dirname, join, resolve } from "node:path";
import { Lease } from "../../../core/journal/lease.js";
import { QueueError, ValidationError } from "../../../errors.js";
import { makeFolder } from "../../../io/files/make-folder.js";
import {
  type Job,
  type JobSettings,
  type Picture,
  type Problem,
  type RedoSettings,
  type ServerEvent,
} from "../api/schemas.js";
import { JobActions } from "./actions.js";
import { checkedName, checkedSettings } from "./given.js";
import { PathHider } from "./hide-paths.js";
import type { JobColorizer } from "./job-colorizer.js";
import type { JobEntry } from "./job-entry.js";
import { JobIndex } from "./job-index.js";
import { JobUploads } from "./job-uploads.js";
import { loadJobs } from "./load-jobs.js";
import { copyJob, freshJob } from "./new-jobs.js";
import { JobPictures, type PictureChanges } from "./pictures.js";
import { problemOf } from "./problem.js";
import { JobQueue } from "./queue.js";
import { ranksAt } from "./queue-order.js";
import { assertState, AT_REST } from "./job-states.js";
import { JobRegister, notFound } from "./register.js";
import { findResults, openResults } from "./results.js";
import { Roots } from "./roots.js";
import { Scanner } from "./scanner.js";
import { SourceCache } from "./source-cache.js";
import type {
  JobChanges,
  JobLimits,
  Jobs,
  JobStoreOptions,
  NewJob,
  OpenedPicture,
  OpenedResult,
  PictureFile,
  RootEntry,
  Uploaded,
} from "./types.js";

const LIMITS: JobLimits = { jobs: 10_000, filesOfJob: 100_000 };

export class JobStore implements Jobs {
  readonly #limits: JobLimits;
  readonly #colorizer: JobColorizer;
  readonly #index: JobIndex;
  readonly #lease: Lease;
  readonly #roots: Roots;
  readonly #register: JobRegister;
  readonly #cache = new SourceCache();
  readonly #queue: JobQueue;
  readonly #scanner: Scanner;
  readonly #actions: JobActions;
  readonly #pictures: JobPictures;
  readonly #uploads: JobUploads;

  private constructor(options: JobStoreOptions, folder: string, index: JobIndex, lease: Lease) {
    const { colorizer, pool, limits, roots = new Map<string, string>() } = options;
    this.#limits = { ...LIMITS, ...limits };
    this.#colorizer = colorizer;
    this.#index = index;
    this.#lease = lease;
    this.#roots = new Roots(roots);
    const places = [...roots].map(([name, path]) => [resolve(path), name] as const);
    const register = new JobRegister(folder, index, new PathHider(places, dirname(folder)));
    const host = {
      colorizer,
      pool,
      roots: this.#roots,
      entries: () => register.entries(),
      change: register.change.bind(register),
      resultBytes: async (entry: JobEntry) => (await findResults(entry))?.sizeBytes,
      redact: (message: string) => register.hider.hide(message),
      isComing: (entry: JobEntry): boolean => this.#uploads.isComing(entry),
      notifyJob: (entry: JobEntry) => register.notifyJob(entry),
      notifyPage: (entry: JobEntry, page: string) => void register.notifyPage(entry, page),
      notifyPictures: (entry: JobEntry) => register.notifyPictures(entry),
    };
    this.#register = register;
    this.#queue = new JobQueue(host);
    this.#scanner = new Scanner(host);
    register.onLostPictures = (entry) => this.#scanner.start(entry);
    this.#actions = new JobActions(register, this.#queue);
    this.#pictures = new JobPictures(register, this.#roots, this.#cache);
    this.#uploads = new JobUploads(register, this.#scanner, this.#limits.filesOfJob);
  }

  /**
   * Opens the jobs of a folder and goes on with those that were running or queued.
   * @throws ResourceError `ERR_OUTPUT_LOCKED` where another server uses the folder, `ERR_OUTPUT_WRITE`;
   * ConfigurationError `ERR_CONFIG` where its `jobs.sqlite` is another program's
   */
  static async open(options: JobStoreOptions): Promise<JobStore> {
    const data = resolve(options.data);
    const folder = join(data, "jobs");
    await makeFolder(folder);
    const lease = await Lease.acquire(join(data, "lease"), `the jobs in ${data}`);
    try {
      const index = await JobIndex.open(join(data, "jobs.sqlite"));
      const store = new JobStore(options, folder, index, lease);
      await loadJobs(store.#register, index, store.#scanner);
      store.#actions.queued();
      return store;
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  list(): Job[] {
    return this.#register
      .entries()
      .sort((a, b) => (a.stored.createdAt < b.stored.createdAt ? 1 : -1))
      .map((entry) => this.#register.view(entry));
  }

  get(id: string): Job {
    return this.#register.view(this.#register.entry(id));
  }

  async create({ name, source = { kind: "upload" }, settings = {}, background = false }: NewJob = {}): Promise<Job> {
    this.#assertRoom();
    if (source.kind === "root") await this.#roots.place(source.root, source.path);
    const entry = await this.#register.add({
      ...freshJob(),
      name: name === undefined ? "New job" : checkedName(name),
      named: name !== undefined,
      background,
      source,
      settings: checkedSettings(settings),
      unscanned: source.kind === "root",
      counts: { pages: 0, references: 0, inColor: 0, unreadable: 0, other: 0 },
    });
    if (entry.stored.unscanned) this.#scanner.start(entry);
    return this.#register.view(entry);
  }

  async update(id: string, { name, settings, background, position, priority }: JobChanges): Promise<Job> {
    const entry = this.#register.entry(id);
    if (priority !== undefined && !this.#colorizer.hasPriorities)
      throw new ValidationError(
        "ERR_ARGUMENT",
        "this server colours one job after the other, so jobs have no priority; give the job another position",
      );
    const changes = {
      ...(name === undefined ? {} : { name: checkedName(name), named: true }),
      ...(settings === undefined ? {} : { settings: checkedSettings(settings) }),
      ...(background === undefined ? {} : { background }),
      ...(priority === undefined ? {} : { priority }),
    };
    if (Object.keys(changes).length > 0)
      await this.#register.change(entry, (job) => {
        if (settings !== undefined) assertState(job, AT_REST, "change its settings", "pause it first");
        return { ...job, ...changes };
      });
    if (priority !== undefined || background !== undefined) entry.prioritize?.();
    if (position !== undefined) {
      assertState(entry.stored, ["queued"], "get another place in the queue", "start it first");
      for (const [other, rank] of ranksAt(this.#register.stored(), id, position))
        await this.#register.change(this.#register.entry(other), (job) => ({ ...job, rank }));
    }
    this.#actions.queued();
    return this.#register.view(entry);
  }

  async remove(id: string): Promise<void> {
    const entry = this.#register.entry(id);
    entry.removed.abort(notFound(id));
    entry.stop?.("abandon");
    await this.#queue.ended(entry);
    await entry.scan;
    this.#uploads.forget(entry);
    this.#cache.release(entry.paths.folder);
    await this.#register.remove(entry);
    this.#actions.queued();
  }

  async again(id: string): Promise<Job> {
    this.#assertRoom();
    const entry = await copyJob(this.#register, this.#register.entry(id));
    this.#scanner.start(entry);
    return this.#register.view(entry);
  }

  uploadTarget(id: string, upload: Uploaded): Promise<string> {
    return this.#with(id, (entry) => this.#uploads.target(entry, upload));
  }

  uploadFailed(target: string): void {
    this.#uploads.failed(target);
  }

  uploaded(id: string): Promise<void> {
    return this.#with(id, (entry) => this.#uploads.moved(entry));
  }

  pictures(id: string): Promise<Picture[]> {
    return this.#with(id, (entry) => this.#pictures.all(entry));
  }

  updatePictures(id: string, ids: readonly string[], changes: PictureChanges): Promise<Picture[]> {
    return this.#with(id, (entry) => this.#pictures.change(entry, ids, changes));
  }

  removeReference(id: string, picture: string): Promise<void> {
    return this.#with(id, (entry) => this.#pictures.removeReference(entry, picture));
  }

  putHints(id: string, picture: string, png: Uint8Array): Promise<Picture> {
    return this.#with(id, (entry) => this.#pictures.putHints(entry, picture, png));
  }

  removeHints(id: string, picture: string): Promise<Picture> {
    return this.#with(id, (entry) => this.#pictures.removeHints(entry, picture));
  }

  openPicture(id: string, picture: string, which: PictureFile): Promise<OpenedPicture> {
    return this.#with(id, (entry) => this.#pictures.open(entry, picture, which));
  }

  result(id: string): Promise<OpenedResult> {
    return this.#with(id, (entry) => openResults(entry));
  }

  start(id: string): Promise<Job> {
    return this.#act(id, (entry) => this.#actions.start(entry));
  }

  pause(id: string): Promise<Job> {
    return this.#act(id, (entry) => this.#actions.pause(entry));
  }

  resume(id: string): Promise<Job> {
    return this.#act(id, (entry) => this.#actions.resume(entry));
  }

  cancel(id: string, { waitingOnly = false }: { readonly waitingOnly?: boolean | undefined } = {}): Promise<Job> {
    return this.#act(id, (entry) => this.#actions.cancel(entry, waitingOnly));
  }

  approve(id: string, { seed }: { readonly seed?: number | undefined } = {}): Promise<Job> {
    return this.#act(id, (entry) => this.#actions.approve(entry, seed));
  }

  reject(id: string, { settings }: { readonly settings?: JobSettings | undefined } = {}): Promise<Job> {
    return this.#act(id, (entry) => this.#actions.reject(entry, settings));
  }

  retry(id: string, ids?: readonly string[]): Promise<Job> {
    return this.#act(id, (entry) => this.#actions.retry(entry, ids));
  }

  redo(id: string, ids: readonly string[], settings?: RedoSettings): Promise<Job> {
    return this.#act(id, (entry) => this.#actions.redo(entry, ids, settings));
  }

  roots(): string[] {
    return this.#roots.names();
  }

  listRoot(root: string, path = ""): Promise<RootEntry[]> {
    return this.#roots.list(root, path);
  }

  problem(error: unknown): Problem {
    const problem = problemOf(error);
    return { ...problem, detail: this.#register.hider.hide(problem.detail) };
  }

  events(listener: (event: ServerEvent) => void): () => void {
    return this.#register.feed.listen(listener);
  }

  async close(): Promise<void> {
    await this.#queue.close();
    await this.#scanner.close(this.#register.entries());
    this.#register.feed.close();
    await this.#cache.closeAll();
    this.#index.close();
    await this.#lease.release();
  }

  async #with<T>(id: string, work: (entry: JobEntry) => Promise<T>): Promise<T> {
    return work(this.#register.entry(id));
  }

  async #act(id: string, work: (entry: JobEntry) => Promise<void>): Promise<Job> {
    const entry = this.#register.entry(id);
    await work(entry);
    return this.#register.view(entry);
  }

  #assertRoom(): void {
    const { size } = this.#register;
    if (size >= this.#limits.jobs) throw new QueueError("ERR_QUEUE_FULL", `there are ${size} jobs; remove some first`);
  }
}
