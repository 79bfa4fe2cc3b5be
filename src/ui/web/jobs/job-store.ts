/** All jobs: made, changed, started and removed. What a job is lies in its folder; see `stored.ts`. */
import { randomBytes } from "node:crypto";
import { createReadStream } from "node:fs";
import { copyFile, link, readdir, rename, rm, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { settingsOfApproval } from "../../../core/preview/preview.js";
import { Lease } from "../../../core/journal/lease.js";
import { picturesFolder } from "../../../core/output/work-folder.js";
import {
  BatchProcessingError,
  ConfigurationError,
  ImageProcessingError,
  QueueError,
  ValidationError,
} from "../../../errors.js";
import { exists } from "../../../io/files/exists.js";
import { makeFolder } from "../../../io/files/make-folder.js";
import { removeLeftovers, writeFileAtomic } from "../../../io/files/atomic-file.js";
import { hintPictureHeadFault } from "../../../io/image/hint-picture.js";
import { getLogger } from "../../../logging.js";
import { jobSettings, pageOwnSettings } from "../api/schemas.js";
import type {
  Job,
  JobSettings,
  JobState,
  PageOwnSettings,
  Picture,
  PictureRole,
  Problem,
  ServerEvent,
} from "../api/schemas.js";
import { Feed } from "./feed.js";
import { PathHider } from "./hide-paths.js";
import { inputOf } from "./input.js";
import { JobEntry } from "./job-entry.js";
import { JobIndex } from "./job-index.js";
import { noFile, openHints, openLayer, openOriginal, openPreview, openResult } from "./open-picture.js";
import { outputOf } from "./outcomes.js";
import { problemOf } from "./problem.js";
import { JobQueue, previewOf } from "./queue.js";
import { firstRank, lastRank, queueOrder, ranksAt } from "./queue-order.js";
import { FolderArchive } from "./result-archive.js";
import { Roles } from "./roles.js";
import { Roots } from "./roots.js";
import { Scanner } from "./scanner.js";
import { SourceCache } from "./source-cache.js";
import { readStoredJob, stampOf, writeStored, type StoredJob, type StoredPicture } from "./stored.js";
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
  UploadRole,
} from "./types.js";
import { UploadFolder } from "./uploads.js";
import { jobView, pictureView, resultName } from "./views.js";

const LIMITS: JobLimits = { jobs: 10_000, filesOfJob: 100_000 };
/** Of this many jobs pictures are kept in memory. */
const DETAILED = 8;
const REMOVED = ".removed-";
const log = getLogger("jobs");

export class JobStore implements Jobs {
  readonly #limits: JobLimits;
  readonly #folder: string;
  readonly #index: JobIndex;
  readonly #lease: Lease;
  readonly #roots: Roots;
  readonly #feed = new Feed();
  readonly #entries = new Map<string, JobEntry>();
  readonly #cache = new SourceCache();
  readonly #queue: JobQueue;
  readonly #scanner: Scanner;
  readonly #hider: PathHider;
  /** Uploads on their way: whose they are. */
  readonly #uploading = new Map<string, { readonly entry: JobEntry; readonly folder: UploadFolder }>();
  #detailed: JobEntry[] = [];
  #positions = new Map<string, number>();

  private constructor(options: JobStoreOptions, folder: string, index: JobIndex, lease: Lease) {
    this.#limits = { ...LIMITS, ...options.limits };
    this.#folder = folder;
    this.#index = index;
    this.#lease = lease;
    this.#roots = new Roots(options.roots);
    const roots = [...(options.roots ?? [])].map(([name, path]) => [resolve(path), name] as const);
    this.#hider = new PathHider([...roots, [resolve(options.data), ""]]);
    const host = {
      engine: options.engine,
      pool: options.pool,
      roots: this.#roots,
      entries: () => this.#entries.values(),
      change: (entry: JobEntry, change: (stored: StoredJob) => StoredJob) => this.#change(entry, change),
      resultBytes: async (entry: JobEntry) => (await this.#archiveOf(entry))?.sizeBytes,
      toldJob: (entry: JobEntry) => this.#toldJob(entry),
      toldPage: (entry: JobEntry, page: string) => void this.#toldPage(entry, page),
      toldPictures: (entry: JobEntry) => this.#toldPictures(entry),
    };
    this.#queue = new JobQueue(host);
    this.#scanner = new Scanner(host);
  }

  /**
   * Opens the jobs of a folder and goes on with those that were running or queued.
   * @throws ResourceError `ERR_OUTPUT_LOCKED` where another server uses the folder, `ERR_OUTPUT_WRITE`
   */
  static async open(options: JobStoreOptions): Promise<JobStore> {
    const data = resolve(options.data);
    const folder = join(data, "jobs");
    await makeFolder(folder);
    const lease = await Lease.acquire(join(data, "lease"), `the jobs in ${data}`);
    try {
      const index = await JobIndex.open(join(data, "jobs.sqlite"));
      const store = new JobStore({ ...options, data }, folder, index, lease);
      await store.#load();
      return store;
    } catch (error) {
      await lease.release();
      throw error;
    }
  }

  async #load(): Promise<void> {
    const rows = this.#index.rows();
    for (const name of await readdir(this.#folder)) {
      const folder = join(this.#folder, name);
      if (name.startsWith(REMOVED)) {
        await rm(folder, { recursive: true, force: true }).catch(() => undefined);
        continue;
      }
      const path = join(folder, "job.json");
      const stamp = await stampOf(path);
      const row = rows.get(name);
      const stored = row !== undefined && row.stamp === stamp ? row.job : await readStoredJob(path);
      rows.delete(name);
      if (stored === undefined || stored.id !== name) {
        log.warn({}, `${folder} holds no job that can be read; it is left as it is`);
        continue;
      }
      await removeLeftovers(folder);
      const entry = new JobEntry(stored, folder);
      this.#entries.set(stored.id, entry);
      if (stored.state === "running") await this.#change(entry, (job) => ({ ...job, state: "queued" }));
      else if (row?.stamp !== stamp) this.#index.put(stored, stamp!);
      if (stored.unscanned) this.#scanner.start(entry);
    }
    for (const id of rows.keys()) this.#index.remove(id);
    this.#toldOrder();
    this.#queue.wake();
  }

  list(): Job[] {
    return [...this.#entries.values()]
      .sort((a, b) => (a.stored.createdAt < b.stored.createdAt ? 1 : -1))
      .map((entry) => this.#view(entry));
  }

  get(id: string): Job {
    return this.#view(this.#entry(id));
  }

  problem(error: unknown): Problem {
    const problem = problemOf(error);
    return { ...problem, detail: this.#hider.hide(problem.detail) };
  }

  async create({ name, source = { kind: "upload" }, settings = {}, background = false }: NewJob = {}): Promise<Job> {
    if (this.#entries.size >= this.#limits.jobs)
      throw new QueueError("ERR_QUEUE_FULL", `there are ${this.#entries.size} jobs; remove some first`);
    if (source.kind === "root") await this.#roots.place(source.root, source.path);
    const stored: StoredJob = {
      version: 1,
      id: newId(),
      name: name === undefined ? "New job" : checkedName(name),
      named: name !== undefined,
      state: "draft",
      createdAt: new Date().toISOString(),
      background,
      source,
      settings: checkedSettings(settings),
      rank: 0,
      approved: false,
      retry: false,
      redoLater: [],
      unscanned: source.kind === "root",
      counts: { pages: 0, references: 0, inColour: 0, unreadable: 0, other: 0 },
      progress: { total: 0, completed: 0, failed: 0, unfinished: 0 },
      warnings: [],
    };
    const entry = await this.#add(stored);
    if (stored.unscanned) this.#scanner.start(entry);
    return this.#view(entry);
  }

  async update(id: string, { name, settings, background, position }: JobChanges): Promise<Job> {
    const entry = this.#entry(id);
    const checked = settings === undefined ? undefined : checkedSettings(settings);
    const named = name === undefined ? undefined : checkedName(name);
    await this.#change(entry, (job) => {
      if (checked !== undefined)
        this.#assertState(
          job,
          ["draft", "queued", "paused", "preview", "completed", "failed", "cancelled"],
          "change its settings",
          "pause it first",
        );
      return {
        ...job,
        ...(named === undefined ? {} : { name: named, named: true }),
        ...(checked === undefined ? {} : { settings: checked }),
        ...(background === undefined ? {} : { background }),
      };
    });
    if (position !== undefined) await this.#move(entry, position);
    this.#queued();
    return this.#view(entry);
  }

  async #move(entry: JobEntry, position: number): Promise<void> {
    this.#assertState(entry.stored, ["queued"], "get another place in the queue", "start it first");
    const ranks = ranksAt(this.#stored(), entry.id, position);
    for (const [id, rank] of ranks) await this.#change(this.#entry(id), (job) => ({ ...job, rank }));
  }

  async remove(id: string): Promise<void> {
    const entry = this.#entry(id);
    entry.removed.abort(notFound(id));
    entry.stop?.("abandon");
    await this.#queue.ended(entry);
    await entry.scan;
    this.#cache.release(entry.paths.folder);
    const aside = join(this.#folder, `${REMOVED}${id}`);
    await rename(entry.paths.folder, aside).catch(() => undefined);
    this.#entries.delete(id);
    this.#index.remove(id);
    this.#feed.forget(id);
    this.#feed.tell({ type: "job-removed", id });
    this.#queued();
    await rm(aside, { recursive: true, force: true }).catch(() => undefined);
  }

  async uploadTarget(id: string, role: UploadRole, path: string): Promise<string> {
    const entry = this.#entry(id);
    if (role === "input") {
      this.#assertState(entry.stored, ["draft"], "take uploads for its input", "make another job");
      if (entry.stored.source.kind !== "upload")
        throw new BatchProcessingError("ERR_STATE", "the job's pages lie on the server; make another job for uploads");
    }
    const place = role === "input" ? entry.paths.input : entry.paths.references;
    const opening = (entry.uploads[role] ??= UploadFolder.open(place, role));
    const folder = await opening;
    const target = folder.take(path, this.#limits.filesOfJob);
    await makeFolder(dirname(target), entry.paths.folder);
    this.#uploading.set(target, { entry, folder });
    return target;
  }

  uploadFailed(target: string): void {
    this.#uploading.get(target)?.folder.free(target);
    this.#uploading.delete(target);
  }

  async uploaded(id: string): Promise<void> {
    const entry = this.#entry(id);
    for (const [target, upload] of this.#uploading)
      if (upload.entry === entry && (await exists(target))) this.#uploading.delete(target);
    if (!entry.stored.unscanned) await this.#change(entry, (job) => ({ ...job, unscanned: true }));
    this.#scanner.start(entry);
  }

  async pictures(id: string): Promise<Picture[]> {
    const entry = this.#entry(id);
    this.#keepDetails(entry);
    const { pictures } = await entry.pictures();
    const outcomes = await entry.outcomes();
    const roles = await entry.roles();
    return pictures.map((picture) => pictureView(picture, roles, entry, outcomes.get(picture.name), this.#hider));
  }

  async updatePictures(
    id: string,
    ids: readonly string[],
    { role, settings }: { readonly role?: PictureRole | undefined; readonly settings?: PageOwnSettings | undefined },
  ): Promise<Picture[]> {
    const entry = this.#entry(id);
    this.#assertState(
      entry.stored,
      ["draft", "queued", "paused", "preview", "completed", "failed", "cancelled"],
      "change its pictures",
      "pause it first, or do single pages again",
    );
    const checked = settings === undefined ? undefined : checkedOwn(settings);
    await this.#changePictures(entry, ids, (picture) => {
      if (role === "page" && picture.added)
        throw new ValidationError(
          "ERR_ARGUMENT",
          `${picture.name} was added as a reference and is no page of the chapter`,
        );
      const { settings: before, ...rest } = picture;
      const own = checked ?? before;
      return {
        ...rest,
        ...(own === undefined || Object.keys(own).length === 0 ? {} : { settings: own }),
        ...(role === undefined ? {} : { role }),
      };
    });
    await this.#recount(entry);
    this.#toldPictures(entry);
    const wanted = new Set(ids);
    return (await this.pictures(id)).filter((picture) => wanted.has(picture.id));
  }

  async removeReference(id: string, picture: string): Promise<void> {
    const entry = this.#entry(id);
    const { file, name } = await this.#picture(entry, picture);
    if (file === undefined)
      throw new BatchProcessingError("ERR_STATE", `${name} is a part of the chapter; give it another role instead`);
    if (file !== name)
      throw new BatchProcessingError(
        "ERR_STATE",
        `${name} is in the added archive ${file}; give it another role instead`,
      );
    const path = join(entry.paths.references, file);
    await rm(path, { force: true });
    (await entry.uploads.reference)?.free(path);
    await entry.changePictures((all) => ({ ...all, pictures: all.pictures.filter((one) => one.id !== picture) }));
    await this.#recount(entry);
    this.#toldPictures(entry);
  }

  async putHints(id: string, picture: string, png: Uint8Array): Promise<Picture> {
    const entry = this.#entry(id);
    const { name } = await this.#picture(entry, picture);
    const fault = await hintPictureHeadFault(png);
    if (fault !== undefined)
      throw new ImageProcessingError("ERR_HINTS", `the hints of ${name}: the picture ${fault}`, { imagePath: name });
    await makeFolder(entry.paths.hints, entry.paths.folder);
    await writeFileAtomic(join(entry.paths.hints, `${picture}.png`), png, true, undefined, entry.paths.folder);
    await this.#changePictures(entry, [picture], (one) => ({
      ...one,
      hints: (one.hints ?? 0) + 1,
      settings: { ...one.settings, hints: "strokes" },
    }));
    return this.#toldPicture(entry, picture);
  }

  async removeHints(id: string, picture: string): Promise<Picture> {
    const entry = this.#entry(id);
    await this.#picture(entry, picture);
    await this.#changePictures(
      entry,
      [picture],
      ({ hints: _count, settings: { hints: _hints, ...own } = {}, ...one }) => ({
        ...one,
        ...(Object.keys(own).length === 0 ? {} : { settings: own }),
      }),
    );
    await rm(join(entry.paths.hints, `${picture}.png`), { force: true });
    return this.#toldPicture(entry, picture);
  }

  async start(id: string): Promise<Job> {
    const entry = this.#entry(id);
    if (entry.scan === undefined && !entry.stored.unscanned) await this.#assertReady(entry);
    return this.#act(entry, ["draft", "completed", "failed", "cancelled"], "start", (job) => ({
      ...withoutEnd(job),
      state: "queued",
      rank: lastRank(this.#stored()),
    }));
  }

  async pause(id: string): Promise<Job> {
    const entry = this.#entry(id);
    const job = await this.#act(entry, ["running", "queued"], "pause", (stored) => ({ ...stored, state: "paused" }));
    entry.stop?.("finish");
    return job;
  }

  async resume(id: string): Promise<Job> {
    return this.#act(this.#entry(id), ["paused"], "go on", (job) => this.#inFront(job));
  }

  async cancel(id: string, { waitingOnly = false }: { readonly waitingOnly?: boolean | undefined } = {}): Promise<Job> {
    const entry = this.#entry(id);
    const job = await this.#act(entry, ["running", "queued", "paused", "preview"], "be cancelled", (stored) => {
      const { redo, preview: _preview, ...rest } = stored;
      const endedAt = new Date().toISOString();
      return { ...rest, redoLater: [], state: redo?.afterwards ?? "cancelled", endedAt };
    });
    entry.again.clear();
    entry.stop?.(waitingOnly ? "finish" : "abandon");
    this.#toldPictures(entry);
    return job;
  }

  async approve(id: string, { seed }: { readonly seed?: number | undefined } = {}): Promise<Job> {
    const entry = this.#entry(id);
    const folder = previewOf(entry);
    const job = await this.#act(entry, ["preview"], "be approved", ({ preview, ...stored }) => {
      const pictures = (preview?.seeds ?? []).map(({ page, seed: one, file }) => ({ page, seed: one, output: file }));
      const chosen = settingsOfApproval(pictures.length === 0 ? {} : { seeds: { sheet: "", pictures } }, seed);
      const settings = { ...stored.settings, ...chosen } as JobSettings;
      return { ...this.#inFront(stored), approved: true, settings };
    });
    if (folder !== undefined) await rm(folder, { recursive: true, force: true });
    return job;
  }

  async reject(id: string, { settings }: { readonly settings?: JobSettings | undefined } = {}): Promise<Job> {
    const changed = settings === undefined ? {} : checkedSettings(settings);
    return this.#act(this.#entry(id), ["preview"], "be rejected", ({ preview, ...stored }) => {
      const seeds = (preview?.seeds ?? []).map(({ seed }) => seed);
      const next = { seed: Math.max(stored.settings.seed ?? 0, ...seeds) + 1 };
      const given = Object.keys(changed).length > 0;
      return { ...this.#inFront(stored), settings: { ...stored.settings, ...(given ? changed : next) } };
    });
  }

  async retry(id: string): Promise<Job> {
    const entry = this.#entry(id);
    if (entry.stored.state !== "failed" && entry.stored.progress.failed === 0)
      throw new BatchProcessingError("ERR_STATE", "no page of the job has failed; do a page again with other settings");
    return this.#act(entry, ["completed", "failed", "cancelled", "paused"], "be tried again", (job) => ({
      ...this.#inFront(withoutEnd(job)),
      retry: true,
    }));
  }

  async again(id: string): Promise<Job> {
    const { stored, paths } = this.#entry(id);
    const before = await this.#entry(id).pictures();
    const { preview: _preview, redo: _redo, output: _output, resultBytes: _bytes, problem: _problem, ...job } = stored;
    const entry = await this.#add(
      {
        ...withoutEnd(job),
        startedAt: undefined,
        id: newId(),
        state: "draft",
        createdAt: new Date().toISOString(),
        approved: false,
        retry: false,
        redoLater: [],
        unscanned: true,
        warnings: [],
        progress: { total: 0, completed: 0, failed: 0, unfinished: 0 },
      },
      async (folder) => {
        if (stored.source.kind === "upload") await copyTree(paths.input, join(folder, "input"));
        await copyTree(paths.references, join(folder, "references"));
        await copyTree(paths.hints, join(folder, "hints"));
        await writeStored(join(folder, "pictures.json"), before, folder);
      },
    );
    this.#scanner.start(entry);
    return this.#view(entry);
  }

  async redo(id: string, ids: readonly string[], settings: PageOwnSettings = {}): Promise<Job> {
    const entry = this.#entry(id);
    const own = checkedOwn(settings);
    this.#assertState(
      entry.stored,
      ["queued", "running", "paused", "preview", "completed", "failed", "cancelled"],
      "do pages again",
      "start it first",
    );
    const outcomes = await entry.outcomes();
    const roles = await entry.roles();
    const given = Object.keys(own).length > 0;
    await this.#changePictures(entry, ids, (picture) => {
      if (roles.of(picture) !== "page")
        throw new ValidationError("ERR_ARGUMENT", `${picture.name} is no page; move it to the pages first`);
      const seed = outcomes.get(picture.name)?.success?.facts.seed ?? entry.stored.settings.seed ?? 0;
      return { ...picture, settings: { ...picture.settings, ...(given ? own : { seed: seed + 1 }) } };
    });
    const pages = (more: readonly string[] = []): string[] => [...new Set([...more, ...ids])];
    await this.#change(entry, (job) => {
      if (entry.stop !== undefined) return { ...job, redoLater: pages(job.redoLater) };
      if (job.state === "queued")
        return job.redo === undefined ? job : { ...job, redo: { ...job.redo, pages: pages(job.redo.pages) } };
      return { ...this.#inFront(job), redo: { pages: pages(), afterwards: job.state } };
    });
    for (const one of ids) entry.again.add(one);
    this.#toldPictures(entry);
    this.#queued();
    return this.#view(entry);
  }

  async openPicture(id: string, picture: string, which: PictureFile): Promise<OpenedPicture> {
    const entry = this.#entry(id);
    this.#keepDetails(entry);
    const { stored, paths } = entry;
    const one = await this.#picture(entry, picture);
    if (which === "original")
      return openOriginal(
        one,
        one.added ? undefined : await inputOf(stored.source, paths, this.#roots),
        paths,
        this.#cache,
      );
    if (which === "hints") return openHints(one, paths);
    if (stored.output === undefined) throw noFile(`result of ${one.name}`);
    const output = outputOf(paths.folder, stored.output);
    if (which.startsWith("preview:"))
      return openPreview(one, Number(which.slice("preview:".length)), stored.preview, output);
    const result = (await entry.outcomes()).get(one.name)?.success;
    if (result === undefined) throw noFile(`result of ${one.name}`);
    return which.startsWith("layer:")
      ? openLayer(result, which.slice("layer:".length), output, this.#cache)
      : openResult(result, output, this.#cache);
  }

  async result(id: string): Promise<OpenedResult> {
    const entry = this.#entry(id);
    const archive = await this.#archiveOf(entry);
    if (archive === undefined)
      throw new BatchProcessingError("ERR_STATE", "the job has no result yet; its first page must be done");
    const name = resultName(entry.stored);
    const type = name.endsWith(".cbz") ? "application/vnd.comicbook+zip" : "application/zip";
    return { name, type, ...archive };
  }

  roots(): string[] {
    return this.#roots.names();
  }

  listRoot(root: string, path = ""): Promise<RootEntry[]> {
    return this.#roots.list(root, path);
  }

  events(listener: (event: ServerEvent) => void): () => void {
    return this.#feed.listen(listener);
  }

  async close(): Promise<void> {
    await this.#queue.close();
    await this.#scanner.close(this.#entries.values());
    this.#feed.close();
    await this.#cache.closeAll();
    this.#index.close();
    await this.#lease.release();
  }

  /** What a job has made so far as an archive: the archive itself, or its folder as one. */
  async #archiveOf(entry: JobEntry): Promise<Omit<OpenedResult, "name" | "type"> | undefined> {
    const { output } = entry.stored;
    if (output === undefined) return undefined;
    const paths = outputOf(entry.paths.folder, output);
    const path = paths.outputZip;
    const info = path === undefined ? undefined : await stat(path).catch(() => undefined);
    if (path !== undefined && info !== undefined)
      return {
        path,
        sizeBytes: info.size,
        version: `${Math.round(info.mtimeMs)}-${info.size}`,
        chunks: ({ start = 0, end = info.size } = {}) =>
          end <= start ? nothing() : createReadStream(path, { start, end: end - 1 }),
      };
    const fresh = await FolderArchive.of(picturesFolder(paths));
    if (fresh === undefined) return undefined;
    if (entry.archive?.version !== fresh.version) entry.archive = fresh;
    const archive = entry.archive;
    return {
      sizeBytes: archive.sizeBytes,
      version: archive.version,
      chunks: ({ start, end } = {}) => archive.chunks(start, end),
    };
  }

  #entry(id: string): JobEntry {
    const entry = this.#entries.get(id);
    if (entry === undefined) throw notFound(id);
    return entry;
  }

  async #picture(entry: JobEntry, id: string): Promise<StoredPicture> {
    const found = (await entry.pictures()).pictures.find((picture) => picture.id === id);
    if (found === undefined) throw noFile(`picture ${JSON.stringify(id)} of the job`);
    return found;
  }

  #stored(): StoredJob[] {
    return [...this.#entries.values()].map(({ stored }) => stored);
  }

  /** Queued before all others. */
  #inFront(job: StoredJob): StoredJob {
    return { ...job, state: "queued", rank: firstRank(this.#stored()) };
  }

  async #add(stored: StoredJob, fill?: (folder: string) => Promise<void>): Promise<JobEntry> {
    const folder = join(this.#folder, stored.id);
    try {
      await makeFolder(folder, this.#folder);
      await fill?.(folder);
      await writeStored(join(folder, "job.json"), stored, folder);
    } catch (error) {
      await rm(folder, { recursive: true, force: true }).catch(() => undefined);
      throw error;
    }
    const entry = new JobEntry(stored, folder);
    this.#entries.set(stored.id, entry);
    this.#index.put(stored, (await stampOf(entry.paths.job)) ?? "");
    this.#toldJob(entry);
    return entry;
  }

  async #change(entry: JobEntry, change: (stored: StoredJob) => StoredJob): Promise<void> {
    const before = entry.stored.state;
    const stamp = await entry.change(change);
    if (stamp === undefined) return;
    this.#index.put(entry.stored, stamp);
    this.#toldJob(entry);
    if (before !== entry.stored.state) this.#toldOrder();
  }

  async #act(
    entry: JobEntry,
    from: readonly JobState[],
    what: string,
    change: (stored: StoredJob) => StoredJob,
  ): Promise<Job> {
    await this.#change(entry, (job) => {
      this.#assertState(job, from, what);
      return change(job);
    });
    this.#queued();
    return this.#view(entry);
  }

  #assertState({ state }: Pick<StoredJob, "state">, allowed: readonly JobState[], what: string, remedy?: string): void {
    if (allowed.includes(state)) return;
    throw new BatchProcessingError(
      "ERR_STATE",
      `the job is ${state} and cannot ${what}; ${remedy ?? `it can where it is ${allowed.join(" or ")}`}`,
    );
  }

  async #assertReady(entry: JobEntry): Promise<void> {
    const all = await entry.pictures();
    if (all.fault !== undefined) throw new BatchProcessingError(all.fault.code, all.fault.message);
    const { pages, references } = new Roles(all).counts(0);
    if (pages === 0)
      throw new ValidationError(
        "ERR_INPUT_EMPTY",
        all.pictures.length === 0
          ? "the job has no picture yet; upload an archive or pictures"
          : "the job has no page; move line art to the pages",
      );
    if (references === 0)
      throw new ConfigurationError(
        "ERR_NO_REFERENCES",
        "the job has no reference; add a coloured picture, or move one of the chapter to the references",
      );
  }

  async #changePictures(
    entry: JobEntry,
    ids: readonly string[],
    change: (picture: StoredPicture) => StoredPicture,
  ): Promise<void> {
    const wanted = new Set(ids);
    await entry.changePictures((all) => {
      const known = new Set(all.pictures.map(({ id }) => id));
      const missing = ids.find((id) => !known.has(id));
      if (missing !== undefined) throw noFile(`picture ${JSON.stringify(missing)} of the job`);
      return { ...all, pictures: all.pictures.map((picture) => (wanted.has(picture.id) ? change(picture) : picture)) };
    });
  }

  async #recount(entry: JobEntry): Promise<void> {
    const all = await entry.pictures();
    const counts = new Roles(all).counts(all.others);
    await this.#change(entry, (job) => ({ ...job, counts }));
  }

  #queued(): void {
    this.#toldOrder();
    this.#queue.wake();
  }

  #view(entry: JobEntry): Job {
    return jobView(entry, this.#positions.get(entry.id), this.#hider);
  }

  #toldJob(entry: JobEntry): void {
    this.#feed.changed(entry.id, () => {
      return this.#entries.get(entry.id) === entry ? { type: "job", job: this.#view(entry) } : undefined;
    });
  }

  #toldPictures(entry: JobEntry): void {
    this.#feed.changed(`${entry.id} pictures`, () => ({ type: "pictures", job: entry.id }));
  }

  async #toldPage(entry: JobEntry, page: string): Promise<void> {
    const all = await entry.pictures();
    const roles = await entry.roles();
    const outcomes = await entry.outcomes();
    const picture = all.pictures.find(({ name, added }) => name === page && !added);
    if (picture === undefined) return;
    this.#feed.changed(`${entry.id} ${picture.id}`, () => ({
      type: "picture",
      job: entry.id,
      picture: pictureView(picture, roles, entry, outcomes.get(page), this.#hider),
    }));
  }

  async #toldPicture(entry: JobEntry, id: string): Promise<Picture> {
    const picture = (await this.pictures(entry.id)).find((one) => one.id === id)!;
    this.#feed.tell({ type: "picture", job: entry.id, picture });
    return picture;
  }

  /** Places in the queue may have changed. */
  #toldOrder(): void {
    const before = this.#positions;
    this.#positions = new Map(queueOrder(this.#stored()).map(({ id }, index) => [id, index]));
    for (const id of new Set([...before.keys(), ...this.#positions.keys()])) {
      const entry = this.#entries.get(id);
      if (entry !== undefined && before.get(id) !== this.#positions.get(id)) this.#toldJob(entry);
    }
  }

  /** The pictures of jobs that nobody has looked at lately are let go of. */
  #keepDetails(entry: JobEntry): void {
    this.#detailed = [entry, ...this.#detailed.filter((one) => one !== entry)];
    for (const old of this.#detailed.splice(DETAILED)) old.forgetDetails();
  }
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

function withoutEnd({ endedAt: _endedAt, problem: _problem, ...job }: StoredJob): StoredJob {
  return job;
}

/** Fit for a URL and a file name, and not to be guessed. */
function newId(): string {
  return BigInt(`0x${randomBytes(12).toString("hex")}`)
    .toString(36)
    .padStart(19, "0");
}

const MAX_NAME = 200;

function checkedName(given: string): string {
  // oxlint-disable-next-line no-control-regex -- control characters and marks that reorder text are what is replaced
  const name = given
    .normalize("NFC")
    .replace(/[\u0000-\u001f\u007f-\u009f\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, " ")
    .trim();
  if (name === "" || name.length > MAX_NAME)
    throw new ValidationError(
      "ERR_ARGUMENT",
      `the name of a job must have 1 to ${MAX_NAME} characters, not ${name.length}`,
    );
  return name;
}

function checkedSettings(given: JobSettings): JobSettings {
  return checked(jobSettings, given);
}

function checkedOwn(given: PageOwnSettings): PageOwnSettings {
  return checked(pageOwnSettings, given);
}

function checked<T>(
  schema: {
    safeParse(value: unknown): {
      success: boolean;
      data?: T;
      error?: { issues: readonly { path: readonly PropertyKey[]; message: string }[] };
    };
  },
  given: T,
): T {
  const result = schema.safeParse(given);
  if (result.success) return result.data!;
  const faults = result.error!.issues.map(
    ({ path, message }) => `${path.map(String).join(".") || "settings"}: ${message}`,
  );
  throw new ConfigurationError("ERR_CONFIG", faults.join("; "));
}

function notFound(id: string): ValidationError {
  return new ValidationError("ERR_JOB_NOT_FOUND", `there is no job ${JSON.stringify(id.slice(0, 40))}`);
}

/** Copies a folder of files that are never changed in place, by links where the file system has them. */
async function copyTree(from: string, to: string): Promise<void> {
  const found = await readdir(from, { recursive: true, withFileTypes: true }).catch(() => []);
  for (const entry of found) {
    if (!entry.isFile()) continue;
    const source = join(entry.parentPath, entry.name);
    const target = join(to, source.slice(from.length + 1));
    await makeFolder(dirname(target));
    await link(source, target).catch(() => copyFile(source, target));
  }
}
